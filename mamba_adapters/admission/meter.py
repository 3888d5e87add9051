"""Counts a caller's turns in a moving minute and its tokens of a day, with limits 5.8."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from limits import RateLimitItemPerMinute
from limits.aio.storage import MovingWindowSupport, Storage
from limits.aio.strategies import MovingWindowRateLimiter

from mamba_domain.ports.admission import Quota

__all__ = ["Meter"]

_DAY = 86_400


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


def _turns(limit: int) -> RateLimitItemPerMinute:
    return RateLimitItemPerMinute(limit, namespace="turns")
