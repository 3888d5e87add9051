"""One stream in memory: the turn's events, with adjacent deltas of a part merged up to 4 KiB.

A long answer therefore costs little more than its text. A reader's place is an event and, inside a delta, a character; it
sees each letter once, however the log has been merged meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from mamba_adapters.streams.beats import Beats
from mamba_domain.events import (
    ReasoningDelta,
    TextDelta,
    ToolInputDelta,
    TurnCancelled,
    TurnEvent,
    TurnFailed,
    TurnFinished,
)
from mamba_domain.ports.streams import DeltaTaker

__all__ = ["Log", "Reader"]

_MERGED_CHARS = 4096
_EVENT_COST = 256
"""What an event other than a delta counts towards the high-water mark, in characters."""

_TERMINAL = (TurnFinished, TurnFailed, TurnCancelled)
_DELTAS = (TextDelta, ReasoningDelta, ToolInputDelta)
_Delta: TypeAlias = TextDelta | ReasoningDelta | ToolInputDelta


class Log:
    """One stream: its events, its readers, and its writer's brake. `on_end` is called after a terminal event."""

    __slots__ = (
        "_high_water",
        "_on_end",
        "_room",
        "_written",
        "beats",
        "events",
        "over",
        "readers",
    )

    def __init__(self, *, high_water: int, on_end: Callable[[], None], beats: Beats) -> None:
        self.beats = beats
        self._high_water = high_water
        self._on_end = on_end
        self._written = 0
        self._room: asyncio.Future[None] | None = None
        self.events: list[TurnEvent] = []
        self.readers: list[Reader] = []
        self.over = False

    @property
    def written(self) -> int:
        """The cost of everything written so far, in characters."""
        return self._written

    async def send(self, events: Sequence[TurnEvent]) -> None:
        """See `StreamSink`."""
        if self.over:
            raise RuntimeError("an event came after the stream's end")
        only_deltas = True
        for event in events:
            if isinstance(event, _DELTAS):
                self._append_delta(event)
            else:
                only_deltas = False
                self.events.append(event)
                self._written += _EVENT_COST
                if isinstance(event, _TERMINAL):
                    self.over = True
        for reader in self.readers:
            reader.notify(only_deltas=only_deltas)
        if self.over:
            self._on_end()
            return
        while self._lag() > self._high_water:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def _append_delta(self, event: _Delta) -> None:
        self._written += len(event.text)
        joined = _joined(self.events[-1], event) if self.events else None
        if joined is None:
            self.events.append(event)
        else:
            self.events[-1] = joined

    def _lag(self) -> int:
        """How far the fastest reader is behind; without readers, how much was written (nobody drains it)."""
        if not self.readers:
            return 0
        return self._written - max(reader.read for reader in self.readers)

    def reader_moved(self) -> None:
        """A reader caught up or left."""
        room = self._room
        if room is not None and not room.done() and self._lag() <= self._high_water:
            room.set_result(None)


class Reader:
    """One place in a log. `read` is the cost of what was taken; inside a delta, `_offset` characters of it are taken."""

    __slots__ = (
        "_alarm",
        "_beat",
        "_enough",
        "_error",
        "_index",
        "_left",
        "_log",
        "_not_before",
        "_offset",
        "_take_deltas",
        "_until",
        "_waiter",
        "read",
    )

    def __init__(self, log: Log) -> None:
        self._log = log
        self._index = 0
        self._offset = 0
        self._waiter: asyncio.Future[None] | None = None
        self._not_before = 0.0
        self._beat = 0
        self._until: float | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._left = False
        self._take_deltas: DeltaTaker | None = None
        self._enough = False
        self._error: Exception | None = None
        self.read = 0

    async def next(
        self, *, not_before: float = 0.0, until: float | None = None, take_deltas: DeltaTaker | None = None
    ) -> Sequence[TurnEvent] | None:
        """See `Follower`."""
        loop = asyncio.get_running_loop()
        self._take_deltas = take_deltas
        self._enough = False
        while not self._left:
            if self._ready(loop.time(), not_before):
                return self._take()
            if self._log.over and not self._pending():
                return ()
            if self._enough or (until is not None and loop.time() >= until):
                return None
            await self._wait(loop, not_before, until)
            not_before = self._not_before
        return ()

    def take(self) -> Sequence[TurnEvent]:
        """What has arrived since the last call, without waiting."""
        return self._take() if self._pending() else ()

    @property
    def at_end(self) -> bool:
        """Whether the terminal event was taken."""
        return self._log.over and not self._pending()

    def leave(self) -> None:
        """See `Follower`."""
        self._left = True
        self._wake()

    def notify(self, *, only_deltas: bool) -> None:
        """Something was appended. During the hold, deltas alone arm one timer at most and wake nobody."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if only_deltas:
            loop = waiter.get_loop()
            if loop.time() < self._not_before:
                if not self._beat:
                    self._beat = self._log.beats.wake(self, self._not_before, loop)
                return
            if self._take_deltas is not None:
                self._give(self._take_deltas)
                return
        self._wake()

    def close(self) -> None:
        """The reader is forgotten."""
        self._beat = 0
        self._take_deltas = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _wait(self, loop: asyncio.AbstractEventLoop, not_before: float, until: float | None) -> None:
        self._not_before = not_before
        self._until = until
        self._waiter = loop.create_future()
        if self._pending():
            self._beat = self._log.beats.wake(self, not_before, loop)
        if until is not None and (self._alarm is None or until < self._alarm.when()):
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = loop.call_at(until, self._ring)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._beat = 0
        if self._error is not None:
            raise self._error

    def _ring(self) -> None:
        """The alarm of some wait: it outlives the waits that end early, so that a busy stream arms none anew."""
        self._alarm = None
        waiter = self._waiter
        if waiter is None or waiter.done() or self._until is None:
            return
        loop = waiter.get_loop()
        if loop.time() >= self._until:
            waiter.set_result(None)
        else:
            self._alarm = loop.call_at(self._until, self._ring)

    def _pending(self) -> bool:
        events = self._log.events
        if self._index >= len(events):
            return False
        last = events[-1]
        if self._offset and self._index == len(events) - 1 and isinstance(last, _DELTAS):
            return len(last.text) > self._offset
        return True

    def _ready(self, now: float, not_before: float) -> bool:
        if not self._pending():
            return False
        if now >= not_before:
            return True
        return any(not isinstance(event, _DELTAS) for event in self._log.events[self._index :])

    def _take(self) -> Sequence[TurnEvent]:
        log = self._log
        taken: list[TurnEvent] = log.events[self._index :]
        if self._offset and isinstance(first := taken[0], _DELTAS):
            if len(first.text) > self._offset:
                taken[0] = _with_text(first, first.text[self._offset :])
            else:
                del taken[0]
        last = log.events[-1]
        if isinstance(last, _DELTAS):
            self._index, self._offset = len(log.events) - 1, len(last.text)
        else:
            self._index, self._offset = len(log.events), 0
        self.read = log.written
        log.reader_moved()
        return taken

    def strike(self, beat: int) -> None:
        """The beat for which this reader asked last; an earlier one's wait is over already."""
        if beat != self._beat:
            return
        waiter = self._waiter
        if self._take_deltas is None or waiter is None or waiter.done():
            self._wake()
        else:
            self._beat = 0
            self._give(self._take_deltas)

    def _give(self, take_deltas: DeltaTaker) -> None:
        """Have what is there taken: deltas alone, for anything else has ended the wait. What goes wrong is the reader's."""
        try:
            not_before = take_deltas(self._take())
        except Exception as error:
            self._error = error
            self._wake()
            return
        if not_before is None:
            self._enough = True
            self._wake()
        else:
            self._not_before = not_before

    def _wake(self) -> None:
        self._beat = 0
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _joined(last: TurnEvent, event: _Delta) -> _Delta | None:
    """One delta made of two, where they belong to the same part and stay small."""
    if isinstance(last, TextDelta):
        if isinstance(event, TextDelta) and len(last.text) + len(event.text) <= _MERGED_CHARS:
            return TextDelta(text=last.text + event.text)
    elif isinstance(last, ReasoningDelta):
        if isinstance(event, ReasoningDelta) and len(last.text) + len(event.text) <= _MERGED_CHARS:
            return ReasoningDelta(text=last.text + event.text)
    elif (
        isinstance(last, ToolInputDelta)
        and isinstance(event, ToolInputDelta)
        and last.call_id == event.call_id
        and len(last.text) + len(event.text) <= _MERGED_CHARS
    ):
        return ToolInputDelta(call_id=event.call_id, text=last.text + event.text)
    return None


def _with_text(event: _Delta, text: str) -> _Delta:
    if isinstance(event, ToolInputDelta):
        return ToolInputDelta(call_id=event.call_id, text=text)
    return type(event)(text=text)
