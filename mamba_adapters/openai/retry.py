"""The one place that tries again, and only before anything was relayed.

`backoff` carries the loop; how long to wait is ours, because its own jitter would come earlier than a provider asked for.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

import backoff

from mamba_domain.errors import ModelFailed

__all__ = ["RetryPolicy", "with_retries"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long. Times are in seconds; a provider that asks for more than `longest_wait` is not waited for."""

    max_attempts: int = 3
    base: float = 0.5
    longest_wait: float = 20.0


async def with_retries(attempt: Callable[[], Awaitable[T]], policy: RetryPolicy) -> T:
    """Call until it succeeds, fails for good, or the attempts are used up. Raises what the last attempt raised."""

    def waits() -> Generator[float, ModelFailed, None]:
        error = yield 0.0
        n = 0
        while True:
            jitter = random.uniform(0, policy.base * 2**n)  # noqa: S311 - spreads load, guards nothing
            error = yield (error.retry_after or 0.0) + min(jitter, policy.longest_wait)
            n += 1

    def hopeless(error: Exception) -> bool:
        return isinstance(error, ModelFailed) and (
            not error.retryable or (error.retry_after or 0.0) > policy.longest_wait
        )

    retrying = backoff.on_exception(
        waits,  # type: ignore[arg-type]  # backoff sends the exception in, which its stubs do not say
        ModelFailed, max_tries=policy.max_attempts, giveup=hopeless, jitter=None, logger=None
    )
    result: T = await retrying(attempt)()
    return result
