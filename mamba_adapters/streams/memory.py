"""Streams in this process's memory: an implementation of `mamba_domain.ports.streams`.

A log is forgotten when its turn is over and its last reader has left. One that nobody came for yet, whose readers left
before its end, or whose request has a name and may be asked again, is kept a little longer, within a bound on everything that
is kept so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mamba_adapters.streams.beats import Beats
from mamba_adapters.streams.log import Log, Reader
from mamba_domain.events import Restored, StepStarted, TurnCancelled, TurnEvent, TurnFailed, TurnStarted
from mamba_domain.ports.replicas import Alone, TurnOwner
from mamba_domain.ports.streams import Claim, RequestKey, StreamId, StreamKey, StreamSink

__all__ = ["MemoryStreams", "Tap"]

_SILENT = (TurnStarted, Restored, StepStarted, TurnFailed)


@dataclass(slots=True)
class _Held:
    """A log, and how it is found. `timer` runs while it is kept without being written or read."""

    log: Log
    key: StreamKey | None
    request: RequestKey | None
    was_read: bool = False
    timer: asyncio.TimerHandle | None = None


class Tap:
    """Reads a log without being one of its readers: it never brakes the writer and never keeps a turn alive."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._reader = Reader(log)

    @property
    def over(self) -> bool:
        """Whether the stream has its terminal event; it may not have been taken yet."""
        return self._log.over

    def take(self) -> Sequence[TurnEvent]:
        """What has arrived since the last call."""
        return self._reader.take()

    def rewind(self) -> None:
        """Start again at the first event."""
        self._reader = Reader(self._log)


class MemoryStreams(Alone):
    """The store.

    `high_water` is how many characters the fastest reader may lag before the writer has to wait. `keep_unread` is how many
    seconds a stream that ended without readers is kept for one, `keep_named` how many one is kept whose request
    has a name. What is kept so has `keep_chars` characters at most; the oldest is forgotten first.
    """

    def __init__(
        self,
        *,
        high_water: int = 65_536,
        keep_unread: float = 30.0,
        keep_named: float = 300.0,
        keep_chars: int = 33_554_432,
    ) -> None:
        self._beats = Beats()
        self._high_water = high_water
        self._keep_unread = keep_unread
        self._keep_named = keep_named
        self._keep_chars = keep_chars
        self._held: dict[StreamId, _Held] = {}
        self._kept: dict[StreamId, int] = {}
        self._kept_chars = 0
        self._running: dict[StreamKey, StreamId] = {}
        self._unread: dict[StreamKey, StreamId] = {}
        self._claims: dict[tuple[str, str], Claim] = {}
        self._owner: TurnOwner | None = None

    def attend(self, owner: TurnOwner) -> None:
        """See the port."""
        self._owner = owner

    def open(self, stream_id: StreamId, key: StreamKey | None, request: RequestKey | None = None) -> StreamSink:
        """See the port."""
        log = Log(high_water=self._high_water, on_end=lambda: self._ended(stream_id), beats=self._beats)
        self._held[stream_id] = _Held(log, key, request)
        if key is not None:
            self._unread.pop(key, None)
            former = self._running.get(key)
            self._running[key] = stream_id
            if former is not None and self._owner is not None:
                self._owner.stop_asked(former)
        return log

    async def claim(self, request: RequestKey, stream_id: StreamId) -> Claim | None:
        """See the port."""
        mine = Claim(stream_id=stream_id, fingerprint=request.fingerprint)
        claim = self._claims.setdefault((request.subject, request.name), mine)
        return None if claim is mine else claim

    def release(self, request: RequestKey) -> None:
        """See the port."""
        self._claims.pop((request.subject, request.name), None)

    async def running(self, key: StreamKey) -> StreamId | None:
        """See the port."""
        return self._running.get(key)

    async def resumable(self, key: StreamKey) -> StreamId | None:
        """See the port: a writer cannot be lost without its readers."""
        return self._running.get(key) or self._unread.get(key)

    def is_unread(self, stream_id: StreamId) -> bool:
        """Whether a stream ended while its readers were away, and none has come back for it yet."""
        held = self._held.get(stream_id)
        return held is not None and held.key is not None and self._unread.get(held.key) == stream_id

    @asynccontextmanager
    async def follow(self, stream_id: StreamId) -> AsyncIterator[Reader | None]:
        """See the port."""
        held = self._held.get(stream_id)
        if held is None:
            yield None
            return
        held.was_read = True
        log = held.log
        reader = Reader(log)
        log.readers.append(reader)
        try:
            yield reader
        finally:
            reader.close()
            log.readers.remove(reader)
            log.reader_moved()
            if log.over and not log.readers:
                self._left(stream_id, held, at_end=reader.at_end)

    def followers(self, stream_id: StreamId) -> int:
        """See the port."""
        held = self._held.get(stream_id)
        return len(held.log.readers) if held is not None else 0

    def __len__(self) -> int:
        """How many logs are held."""
        return len(self._held)

    def __contains__(self, stream_id: object) -> bool:
        """Whether a stream is held."""
        return stream_id in self._held

    def tap(self, stream_id: StreamId) -> Tap:
        """Another way to read a stream that is held; it works for as long as the tap is there."""
        return Tap(self._held[stream_id].log)

    def forget(self, stream_id: StreamId) -> None:
        """Drop a log with all that leads to it."""
        held = self._held.pop(stream_id, None)
        if held is None:
            return
        if held.timer is not None:
            held.timer.cancel()
        self._kept_chars -= self._kept.pop(stream_id, 0)
        self._was_read(stream_id, held)
        if held.request is not None:
            self._free(held.request, stream_id)

    def _left(self, stream_id: StreamId, held: _Held, *, at_end: bool) -> None:
        """Nobody reads a stream that is over."""
        if at_end:
            self._was_read(stream_id, held)
        elif self._miss_end(stream_id, held) and held.timer is None:
            self._keep(stream_id, held, self._keep_unread)
        if held.timer is None or (at_end and held.request is None):
            self.forget(stream_id)

    def _miss_end(self, stream_id: StreamId, held: _Held) -> bool:
        """Whoever left before the end may come back for it, unless somebody has stopped the turn."""
        if held.key is None or isinstance(held.log.events[-1], TurnCancelled):
            return False
        if self._running.get(held.key) not in (None, stream_id):
            return False
        self._unread[held.key] = stream_id
        return True

    def _was_read(self, stream_id: StreamId, held: _Held) -> None:
        if held.key is not None and self._unread.get(held.key) == stream_id:
            del self._unread[held.key]

    def _ended(self, stream_id: StreamId) -> None:
        """A terminal event was written: the chat no longer finds the stream, its readers finish it."""
        held = self._held.get(stream_id)
        if held is None:
            return
        if held.key is not None and self._running.get(held.key) == stream_id:
            del self._running[held.key]
        if held.request is not None and _said_nothing(held.log.events):
            self._free(held.request, stream_id)
            held.request = None
        is_missed = held.was_read and not held.log.readers and self._miss_end(stream_id, held)
        if held.request is not None:
            self._keep(stream_id, held, self._keep_named)
        elif not held.was_read or is_missed:
            self._keep(stream_id, held, self._keep_unread)
        elif not held.log.readers:
            self.forget(stream_id)

    def _keep(self, stream_id: StreamId, held: _Held, seconds: float) -> None:
        held.timer = asyncio.get_running_loop().call_later(seconds, self._expire, stream_id, held)
        self._kept[stream_id] = held.log.written
        self._kept_chars += held.log.written
        while self._kept_chars > self._keep_chars and len(self._kept) > 1:
            oldest = next(iter(self._kept))
            self._expire(oldest, self._held[oldest])

    def _expire(self, stream_id: StreamId, held: _Held) -> None:
        """The time is over, or the room is needed; readers who are still at it may finish."""
        if held.timer is not None:
            held.timer.cancel()
            held.timer = None
        self._kept_chars -= self._kept.pop(stream_id, 0)
        if not held.log.readers:
            self.forget(stream_id)

    def _free(self, request: RequestKey, stream_id: StreamId) -> None:
        name = (request.subject, request.name)
        claim = self._claims.get(name)
        if claim is not None and claim.stream_id == stream_id:
            del self._claims[name]


def _said_nothing(events: Sequence[TurnEvent]) -> bool:
    """Whether a turn failed before its first output: asking again then means another try."""
    return isinstance(events[-1], TurnFailed) and all(isinstance(event, _SILENT) for event in events)
