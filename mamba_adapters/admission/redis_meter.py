"""Counts in Redis (limits 5.8, redis-py 8), for all processes that use the same prefix there.

Counting must hold nobody back: where Redis does not answer in time, each process counts for itself, and asks again a little
later. The log gets the class of the error and no text of it, which may hold an address or a password.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from limits.aio.storage import RedisStorage
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from mamba_adapters.admission.meter import Meter
from mamba_adapters.admission.process import ProcessStorage
from mamba_domain.errors import Misconfigured
from mamba_domain.ports.admission import Quota

__all__ = ["RedisMeter"]

log = structlog.stdlib.get_logger("mamba.admission")

_T = TypeVar("_T")
_PATIENCE = 0.5
"""Seconds that a turn waits for Redis at the most."""
_PAUSE = 5.0
"""Seconds in which Redis is not asked again."""


class RedisMeter:
    """A `Meter` in Redis. Leaving it closes the connections. `password` takes the place of one in the URL."""

    def __init__(
        self, url: str, *, password: str | None, prefix: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = _pool(url, password)
        options: dict[str, Any] = {"connection_pool": self._pool}
        storage = RedisStorage("async+redis://", implementation="redispy", key_prefix=f"{prefix}limits", **options)
        self._shared = Meter(storage)
        own = ProcessStorage()
        self._own = Meter(own, clock=own.clock)
        self._clock = clock
        self._down_until = float("-inf")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.aclose()

    async def take_turn(self, subject: str, limit: int) -> bool:
        """See `Meter`."""
        return await self._count(lambda meter: meter.take_turn(subject, limit))

    async def turns(self, subject: str, limit: int) -> Quota:
        """See `Meter`."""
        return await self._count(lambda meter: meter.turns(subject, limit))

    async def tokens(self, subject: str, limit: int) -> Quota:
        """See `Meter`."""
        return await self._count(lambda meter: meter.tokens(subject, limit))

    async def take_tokens(self, subject: str, amount: int) -> None:
        """See `Meter`."""
        await self._count(lambda meter: meter.take_tokens(subject, amount))

    async def _count(self, count: Callable[[Meter], Awaitable[_T]]) -> _T:
        if self._clock() < self._down_until:
            return await count(self._own)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await count(self._shared)
        except (RedisError, OSError, TimeoutError) as error:
            self._down_until = self._clock() + _PAUSE
            log.warning("limits.storage_failed", cause=type(error).__name__)
            return await count(self._own)


def _pool(url: str, password: str | None) -> ConnectionPool:
    # An option that is given takes the place of what the URL says. A second attempt would cost the turn's patience.
    given: dict[str, Any] = {} if password is None else {"password": password}
    try:
        pool: ConnectionPool = ConnectionPool.from_url(
            url,
            client_name="mamba-server",
            socket_connect_timeout=_PATIENCE,
            socket_timeout=_PATIENCE,
            retry=Retry(NoBackoff(), 0),
            **given,
        )
        pool.make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError):
        raise Misconfigured("redis.url", "is no URL of a Redis server") from None
    return pool
