"""Wakes the readers who wait for their time together: one timer, and one turn of the event loop, for all of a beat.

With hundreds of readers, each of whom is held some 25 ms between two frames, timers of their own would be a tenth of the
cost of a relayed delta.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

__all__ = ["Beats"]

_BEAT = 0.005


class _Waiting(Protocol):
    def strike(self, beat: int) -> None:
        """It is time; `beat` is what `Beats.wake` gave."""
        ...


class Beats:
    """Beats are whole multiples of 5 ms: who asks to be woken at a time is woken at the next beat after it."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[_Waiting]] = {}

    def wake(self, reader: _Waiting, when: float, loop: asyncio.AbstractEventLoop) -> int:
        """Wake at a time of the loop's clock; the beat. There is no taking it back: who is awake by then ignores it."""
        beat = int(when / _BEAT) + 1
        waiting = self._waiting.get(beat)
        if waiting is None:
            self._waiting[beat] = [reader]
            loop.call_at(beat * _BEAT, self._strike, beat)
        else:
            waiting.append(reader)
        return beat

    def _strike(self, beat: int) -> None:
        for reader in self._waiting.pop(beat):
            reader.strike(beat)
