"""A storage for limits 5.8 in the memory of the process.

That of the library starts a pass over all keys, in threads, at every count. Here what has expired goes when others come: each
count looks at a few of the oldest keys. Times are those of a monotonic clock, so a clock that is set right locks nobody out.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from limits.aio.storage import MovingWindowSupport, Storage

__all__ = ["ProcessStorage"]

_SWEPT = 2


class ProcessStorage(Storage, MovingWindowSupport):
    """Moving windows and counters of this process. `clock` gives seconds."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.clock = clock
        self._windows: OrderedDict[str, deque[float]] = OrderedDict()
        self._expiries: dict[str, float] = {}
        self._counters: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._windows) + len(self._counters)

    @property
    def base_exceptions(self) -> type[Exception]:
        """Nothing can fail here."""
        return RuntimeError

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count, unless the window is full."""
        now = self.clock()
        self._sweep(now)
        window = self._windows.setdefault(key, deque())
        while window and window[0] <= now - expiry:
            window.popleft()
        if len(window) + amount > limit:
            return False
        window.extend([now] * amount)
        self._windows.move_to_end(key)
        self._expiries[key] = now + expiry
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """The time of the oldest count in the window, and how many there are."""
        now = self.clock()
        current = [moment for moment in self._windows.get(key, ()) if moment > now - expiry]
        return (current[0] if current else now), len(current)

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a counter, which goes `expiry` seconds after its first count."""
        now = self.clock()
        self._sweep(now)
        value, until = self._counters.get(key, (0, now + expiry))
        if until <= now:
            value, until = 0, now + expiry
        self._counters[key] = (value + amount, until)
        return value + amount

    async def get(self, key: str) -> int:
        """A counter's value."""
        value, until = self._counters.get(key, (0, 0.0))
        return value if until > self.clock() else 0

    async def get_expiry(self, key: str) -> float:
        """When a counter goes."""
        return self._counters.get(key, (0, self.clock()))[1]

    async def check(self) -> bool:
        """It is there."""
        return True

    async def reset(self) -> int:
        """Forget all."""
        count = len(self)
        self._windows.clear()
        self._expiries.clear()
        self._counters.clear()
        return count

    async def clear(self, key: str) -> None:
        """Forget one key."""
        self._windows.pop(key, None)
        self._expiries.pop(key, None)
        self._counters.pop(key, None)

    def _sweep(self, now: float) -> None:
        for _ in range(_SWEPT):
            oldest = next(iter(self._windows), None)
            if oldest is not None and self._expiries.get(oldest, now) <= now:
                del self._windows[oldest]
                self._expiries.pop(oldest, None)
            oldest = next(iter(self._counters), None)
            if oldest is not None and self._counters[oldest][1] <= now:
                del self._counters[oldest]
