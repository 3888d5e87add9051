"""The one place that tries again, and only before anything was relayed.

`backoff` carries the loop; how long to wait is ours, because its own jitter would come earlier than a provider asked for.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

import backoff

from mamba_adapters.openai.recent import Recent
from mamba_domain.errors import ModelFailed

__all__ = ["RetryBudget", "RetryPolicy", "with_retries"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long. Times are in seconds; a provider that asks for more than `longest_wait` is not waited for.

    A wait is random, at most `base` before the second attempt and twice that before each further one, and it comes on top
    of what the provider asked for.
    """

    max_attempts: int = 3
    base: float = 0.5
    longest_wait: float = 20.0


class RetryBudget:
    """Keeps retries from becoming a load of their own: within `window` seconds, a `share` of the calls.

    `least` are allowed in any case, so that a server with few calls can retry at all.
    """

    def __init__(
        self,
        *,
        share: float = 0.2,
        window: float = 10.0,
        least: int = 40,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._least = least
        self._calls = Recent(seconds=window, clock=clock)
        self._retries = Recent(seconds=window, clock=clock)

    def count_call(self) -> None:
        """A call begins."""
        self._calls.note()

    def take(self) -> bool:
        """Whether there may be another retry now; it is spent."""
        if len(self._retries) >= max(self._least, self._share * len(self._calls)):
            return False
        self._retries.note()
        return True


async def with_retries(
    attempt: Callable[[], Awaitable[T]], policy: RetryPolicy, *, may_retry: Callable[[ModelFailed], bool]
) -> T:
    """Call until it succeeds, fails for good, or the attempts are used up. Raises what the last attempt raised.

    `may_retry` has the last word; it is asked only when there would be another attempt.
    """
    try:
        return await attempt()
    except ModelFailed as error:
        failed: ModelFailed | None = error
    attempts = 0

    def waits() -> Generator[float, ModelFailed, None]:
        error = yield 0.0
        n = 0
        while True:
            jitter = random.uniform(0, policy.base * 2**n)  # noqa: S311 - spreads load, guards nothing
            error = yield (error.retry_after or 0.0) + min(jitter, policy.longest_wait)
            n += 1

    def hopeless(error: Exception) -> bool:
        nonlocal attempts
        attempts += 1
        return not (
            isinstance(error, ModelFailed)
            and error.retryable
            and attempts < policy.max_attempts
            and (error.retry_after or 0.0) <= policy.longest_wait
            and may_retry(error)
        )

    async def again() -> T:
        """Begins with the failure that is there. What goes well at once needs no loop, which takes a while to make."""
        nonlocal failed
        if failed is not None:
            error, failed = failed, None
            raise error
        return await attempt()

    retrying = backoff.on_exception(
        waits,  # type: ignore[arg-type]  # backoff sends the exception in, which its stubs do not say
        ModelFailed,
        giveup=hopeless,
        jitter=None,
        logger=None,
    )
    return await retrying(again)()
