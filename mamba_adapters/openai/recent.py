"""Counts what happened of late, in a memory that does not depend on how much it was."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Recent"]

_SLOTS = 20


class Recent:
    """How often something was noted within the last `seconds`, to a twentieth of them.

    No object is kept for each time: thousands of small ones, spread over all that was in use meanwhile, would keep the
    allocator from giving any of it back.
    """

    def __init__(self, *, seconds: float, clock: Callable[[], float]) -> None:
        self._slot_seconds = seconds / _SLOTS
        self._clock = clock
        self._slots = [0] * _SLOTS
        self._newest = 0
        self._total = 0

    def __len__(self) -> int:
        self._forget()
        return self._total

    def note(self) -> None:
        """It happened once more."""
        self._forget()
        self._slots[self._newest % _SLOTS] += 1
        self._total += 1

    def clear(self) -> None:
        """Forget all."""
        self._slots = [0] * _SLOTS
        self._total = 0

    def _forget(self) -> None:
        now = int(self._clock() / self._slot_seconds)
        for slot in range(max(self._newest + 1, now - _SLOTS + 1), now + 1):
            self._total -= self._slots[slot % _SLOTS]
            self._slots[slot % _SLOTS] = 0
        self._newest = max(self._newest, now)
