"""A circuit breaker: an endpoint that fails every call is left alone until a single call has shown that it is back."""

from __future__ import annotations

import time
from collections.abc import Callable

from mamba_adapters.openai.recent import Recent

__all__ = ["CircuitBreaker"]


class CircuitBreaker:
    """Opens when `failures` calls within `window` seconds failed, and they are at least half of all.

    While it is open, one call in `pause` seconds is let through as a probe; the first success closes it. A probe that hangs
    does not keep the next one waiting.
    """

    def __init__(
        self,
        *,
        failures: int = 20,
        window: float = 2.0,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._pause = pause
        self._clock = clock
        self._calls = Recent(seconds=window, clock=clock)
        self._failed = Recent(seconds=window, clock=clock)
        self._next_probe = 0.0
        self.is_open = False

    def refusal(self) -> float | None:
        """Seconds until the next probe where a call must not be made now; None where it may."""
        if not self.is_open:
            return None
        now = self._clock()
        if now < self._next_probe:
            return self._next_probe - now
        self._next_probe = now + self._pause
        return None

    def succeeded(self) -> bool:
        """The endpoint answered a call; whether that closed the breaker."""
        if not self.is_open:
            self._calls.note()
            return False
        self.is_open = False
        self._calls.clear()
        self._failed.clear()
        return True

    def failed(self) -> bool:
        """The endpoint failed a call; whether that opened the breaker."""
        if self.is_open:
            return False
        self._calls.note()
        self._failed.note()
        if len(self._failed) < self._failures or 2 * len(self._failed) < len(self._calls):
            return False
        self.is_open = True
        self._next_probe = self._clock() + self._pause
        return True
