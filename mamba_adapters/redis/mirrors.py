"""Streams of other processes, copied into this one's memory while somebody reads them here.

However many read a stream, it is fetched once; holding back, merging and slow readers are the local store's affair. A
stream always ends: where its writer is gone, with a failure that says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mamba_adapters.redis.event_json import Unreadable, load_events
from mamba_adapters.redis.keys import Keys
from mamba_adapters.redis.lease import LIFE
from mamba_adapters.redis.link import Command, Link, Unavailable, age_of, fields_of
from mamba_adapters.redis.news import News, post
from mamba_adapters.redis.places import after, length
from mamba_domain.errors import Code
from mamba_domain.events import TurnCancelled, TurnFailed, TurnFinished
from mamba_domain.ports.streams import StreamId, StreamSink

__all__ = ["Mirrors"]

_START: Final = b"0-0"
_PATIENCE: Final = 0.5
"""Seconds of silence after which the writer is looked for, where the server is near."""
_ROUND_TRIPS: Final = 3
"""How many there are at the most between a wish for news and the news."""
_DOUBT: Final = 3.5
"""Seconds for which nothing may be known of the writer."""
_AGAIN: Final = 0.1
"""Seconds before the next look where the last one told nothing."""
_TELL: Final = 2.0
"""Seconds between two signs to the writer that its stream is read here."""
_LOST = TurnFailed(code=Code.SHUTTING_DOWN, message="The server that was answering is gone. Please try again.")


@dataclass(slots=True)
class _Mirror:
    """A stream that is copied. `place` is how much of it is here, `cursor` the last entry, `by` the process that writes it."""

    stream_id: StreamId
    sink: StreamSink
    by: str
    place: int = 0
    cursor: bytes = _START
    task: asyncio.Task[None] | None = None
    is_over: bool = False


class Mirrors:
    """Copies on demand. `new_log` makes a log in the local store."""

    def __init__(self, link: Link, keys: Keys, news: News, *, new_log: Callable[[StreamId], StreamSink]) -> None:
        self._link = link
        self._keys = keys
        self._news = news
        self._new_log = new_log
        self._mirrors: dict[StreamId, _Mirror] = {}
        self._end: TurnFailed | None = None
        self._told = 0.0

    def __contains__(self, stream_id: object) -> bool:
        """Whether a stream is copied."""
        return stream_id in self._mirrors

    async def attach(self, stream_id: StreamId) -> None:
        """Begin to copy a stream, where there is one that is there from its first event."""
        if self._end is not None:
            return
        try:
            (entries,) = await self._link.ask(("XRANGE", self._keys.stream(stream_id), "-", "+", "COUNT", 1))
        except Unavailable:
            return
        if not entries or stream_id in self._mirrors:
            return
        first = fields_of(entries[0])
        if first.get(b"at") != b"0":
            return
        mirror = _Mirror(stream_id, self._new_log(stream_id), first[b"by"].decode())
        self._mirrors[stream_id] = mirror
        mirror.task = asyncio.create_task(self._run(mirror), name=f"mirror {stream_id}")

    def detach(self, stream_id: StreamId) -> None:
        """Nobody reads it here any more."""
        mirror = self._mirrors.pop(stream_id, None)
        if mirror is not None and mirror.task is not None:
            mirror.task.cancel()

    def hang_up(self, end: TurnFailed) -> None:
        """End all with this, and begin no other."""
        self._end = end
        for mirror in self._mirrors.values():
            if mirror.task is not None:
                mirror.task.cancel()

    def signs(self) -> Iterator[Command]:
        """Now and then: commands that tell writers of their readers."""
        if time.monotonic() - self._told >= _TELL:
            self._told = time.monotonic()
            for mirror in self._mirrors.values():
                if not mirror.is_over:
                    yield from post(self._keys.inbox(mirror.by), b"read", mirror.stream_id.encode())

    async def _run(self, mirror: _Mirror) -> None:
        try:
            await self._copy(mirror)
        except asyncio.CancelledError:
            if self._end is None or mirror.stream_id not in self._mirrors:
                raise
        if not mirror.is_over:
            mirror.is_over = True
            await mirror.sink.send((self._end or _LOST,))

    async def _copy(self, mirror: _Mirror) -> None:
        """Copy until the end, or until the writer has to be given up."""
        key = self._keys.stream(mirror.stream_id)
        known = time.monotonic()
        while time.monotonic() - known < _DOUBT:
            patience = _PATIENCE + _ROUND_TRIPS * (self._link.latency or 0.0)
            entries = await self._news.of(key, mirror.cursor, patience=patience)
            if entries and await self._append(mirror, entries):
                if mirror.is_over:
                    return
                known = time.monotonic()
                continue
            is_well = await self._look(mirror, key)
            if is_well is None:
                await asyncio.sleep(_AGAIN)
            elif is_well:
                known = time.monotonic()
            else:
                return

    async def _append(self, mirror: _Mirror, entries: Sequence[Any]) -> bool:
        """Take entries over; whether they follow on what is here. What is here already is passed over."""
        for entry in entries:
            fields = fields_of(entry)
            try:
                at = int(fields[b"at"])
                events = load_events(fields[b"events"])
            except (Unreadable, KeyError, ValueError):
                return False
            if at > mirror.place:
                return False
            mirror.cursor = entry[0]
            new = after(events, mirror.place - at)
            mirror.place = max(mirror.place, at + length(events))
            if new:
                mirror.is_over = isinstance(new[-1], TurnFinished | TurnFailed | TurnCancelled)
                await mirror.sink.send(new)
        return True

    async def _look(self, mirror: _Mirror, key: str) -> bool | None:
        """Whether the writer lives and the copy is whole. None: nothing can be said at the moment.

        Where there are other entries than the last one read, the stream was written anew or goes on; reading starts again
        at its beginning then. Something that was written just now is a sign of life, too.
        """
        try:
            last, alive, now = await self._link.ask(
                ("XREVRANGE", key, "+", "-", "COUNT", 1), ("EXISTS", self._keys.process(mirror.by)), ("TIME",)
            )
        except Unavailable:
            return None
        if not last:
            # A stream outlives its writer: the server has lost what it held, the writer's sign of life as well.
            return None
        if last[0][0] != mirror.cursor:
            mirror.cursor = _START
            return None
        return bool(alive) or 0 <= age_of(last[0], now) < LIFE
