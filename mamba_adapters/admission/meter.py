"""Counts a caller's turns in a moving minute and its tokens of a day, with limits 5.8, in the process or in Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MovingWindowSupport, RedisStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter

from mamba_adapters.admission.process import ProcessStorage
from mamba_domain.ports.admission import Quota

__all__ = ["Meter", "SharedMeter", "redis_meter"]

log = structlog.stdlib.get_logger("mamba.admission")

_T = TypeVar("_T")
_DAY = 86_400
_PATIENCE = 0.5
_PAUSE = 5.0


class Meter:
    """Counts in one storage. `clock` is the storage's own, `today` the day of the budget and the time of day."""

    def __init__(
        self,
        storage: Storage,
        *,
        clock: Callable[[], float] = time.time,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        assert isinstance(storage, MovingWindowSupport)  # noqa: S101 - limits has no type for both
        self._storage = storage
        self._limiter = MovingWindowRateLimiter(storage)
        self._clock = clock
        self._today = today

    async def take_turn(self, subject: str, limit: int) -> bool:
        """Count one turn, unless there were `limit` in the last minute."""
        return await self._limiter.hit(_turns(limit), subject)

    async def turns(self, subject: str, limit: int) -> Quota:
        """What is left of the turns."""
        stats = await self._limiter.get_window_stats(_turns(limit), subject)
        return Quota(
            limit=limit, remaining=max(0, stats.remaining), resets_in=max(0.0, stats.reset_time - self._clock())
        )

    async def tokens(self, subject: str, limit: int) -> Quota:
        """What is left of the day's tokens."""
        used = await self._storage.get(self._day_key(subject))
        return Quota(limit=limit, remaining=max(0, limit - used), resets_in=self._until_midnight())

    async def take_tokens(self, subject: str, amount: int) -> None:
        """Count tokens."""
        await self._storage.incr(self._day_key(subject), _DAY, amount)

    def _day_key(self, subject: str) -> str:
        return f"tokens/{self._today():%Y-%m-%d}/{subject}"

    def _until_midnight(self) -> float:
        now = self._today()
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return (midnight - now).total_seconds()


class SharedMeter:
    """A `Meter` in a storage that may fail; then each process counts for itself, and tries again a little later."""

    def __init__(self, shared: Meter, *, failures: type[Exception] | tuple[type[Exception], ...]) -> None:
        self._shared = shared
        known = failures if isinstance(failures, tuple) else (failures,)
        self._failures: tuple[type[Exception], ...] = (*known, OSError)
        own = ProcessStorage()
        self._own = Meter(own, clock=own.clock)
        self._down_until = 0.0

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
        if time.monotonic() < self._down_until:
            return await count(self._own)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await count(self._shared)
        except self._failures as error:
            self._down_until = time.monotonic() + _PAUSE
            log.warning("limits.storage_failed", cause=type(error).__name__)
            return await count(self._own)


def redis_meter(url: str, *, password: str | None, prefix: str) -> SharedMeter:
    """A meter in Redis, for all processes that use the same prefix there."""
    options: dict[str, Any] = {"socket_timeout": _PATIENCE, "socket_connect_timeout": _PATIENCE}
    if password is not None:
        options["password"] = password
    storage = RedisStorage(
        f"async+{url.replace('unix://', 'redis+unix://')}",
        implementation="redispy",
        key_prefix=f"{prefix}limits",
        **options,
    )
    return SharedMeter(Meter(storage), failures=storage.base_exceptions)


def _turns(limit: int) -> RateLimitItemPerMinute:
    return RateLimitItemPerMinute(limit, namespace="turns")
