"""Copies this process's streams to Redis, beside the turns and never in their way.

A turn marks its stream as changed and goes on. One task takes what has come in the meantime, of all streams together, and
writes it at one go; it rests the longer the more there was, so that copying stays a small part of the process's work. Only a
new stream is written at once: whoever loses its connection to the first words may look for it elsewhere right away.
What could not be written is not kept here: the log in memory holds the stream from its start, and the copy is made anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from redis.exceptions import RedisError

from mamba_adapters.redis.event_json import dump_events
from mamba_adapters.redis.keys import Keys
from mamba_adapters.redis.link import Command, Link, Unavailable
from mamba_adapters.redis.places import length, pieces
from mamba_domain.events import Restored, StepStarted, TurnCancelled, TurnEvent, TurnFailed, TurnFinished, TurnStarted
from mamba_domain.ports.streams import RequestKey, StreamId, StreamKey
from mamba_domain.ports.upkeep import StoreObserver

__all__ = ["LINGER", "READ", "UNREAD", "Copy", "Source", "Writer"]

_REST: Final = 0.015
"""Seconds between two rounds, at least."""
_REST_PER_COPY: Final = 0.0002
_LONGEST_REST: Final = 0.1
_AFTER_A_FAILURE: Final = 1.0
_COPIES_AT_ONCE: Final = 64
_PIECE_CHARS: Final = 65_536
_MOST_ENTRIES: Final = 50_000
LINGER: Final = 60
"""Seconds that an ended stream stays for the readers who are still at it."""
READ: Final = b"1"
UNREAD: Final = b"unread"
"""Marks the end of a stream that nobody was reading."""
_MOST_ENDED: Final = 1000
"""How many streams that ended while nothing could be written are kept for better times."""
_SILENT = (TurnStarted, Restored, StepStarted, TurnFailed)


class Source(Protocol):
    """Reads a stream of this process from its start, without waiting."""

    def take(self) -> Sequence[TurnEvent]:
        """What has arrived since the last call."""
        ...

    def rewind(self) -> None:
        """Start again at the first event."""
        ...


@dataclass(slots=True, eq=False)
class Copy:
    """A stream on its way to Redis. `place` is how much of it is there; `unsafe_since`, when the oldest of the rest was said."""

    stream_id: StreamId
    key: StreamKey | None
    request: RequestKey | None
    source: Source
    place: int = 0
    is_marked: bool = False
    marked_at: float = 0.0
    unsafe_since: float | None = None
    is_begun: bool = False
    is_spoilt: bool = False
    has_entered: bool = False
    has_said_something: bool = False
    is_over: bool = False


class Writer:
    """The copying task's state.

    `longest_turn`, `keep_named` and `keep_unread` are seconds: after the first an abandoned copy expires, for the others
    stays a named request's answer, and one that ended unread. `found_former` is told which stream a new one has followed in
    its chat. `is_unread` says whether a stream ended while its readers were away.
    """

    def __init__(
        self,
        link: Link,
        keys: Keys,
        *,
        process_id: str,
        longest_turn: float,
        keep_named: float,
        keep_unread: int,
        found_former: Callable[[StreamId], None],
        is_unread: Callable[[StreamId], bool],
        observer: StoreObserver,
    ) -> None:
        self._link = link
        self._keys = keys
        self._process_id = process_id
        self._longest_turn = int(longest_turn)
        self._keep_named = max(1, int(keep_named))
        self._keep_unread = keep_unread
        self._found_former = found_former
        self._is_unread = is_unread
        self._observer = observer
        self._copies: dict[StreamId, Copy] = {}
        self._changed: list[Copy] = []
        self._wake = asyncio.Event()
        self._begun = asyncio.Event()

    def __len__(self) -> int:
        """How many streams are not yet written to their end."""
        return len(self._copies)

    def add(self, copy: Copy) -> None:
        """A stream has begun."""
        self._copies[copy.stream_id] = copy

    def mark(self, copy: Copy) -> None:
        """Something was, or is about to be, appended to a stream."""
        if not copy.is_marked:
            copy.is_marked = True
            copy.marked_at = time.monotonic()
            self._changed.append(copy)
            self._wake.set()
            if not copy.is_begun and self._link.is_well:
                self._begun.set()

    def write_anew(self) -> None:
        """The server has lost what it held."""
        for copy in self._copies.values():
            copy.is_spoilt = True
            self.mark(copy)

    async def run(self) -> None:
        """Write for ever."""
        rest = _REST
        while True:
            await self._wake.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._begun.wait()
            self._begun.clear()
            usual = max(_REST, min(_LONGEST_REST, len(self._changed) * _REST_PER_COPY))
            rest = usual if await self.write() else _AFTER_A_FAILURE

    async def write(self) -> bool:
        """One round: whether all went well. While the server is out of order nothing is tried; the beats will tell."""
        if not self._link.is_well:
            return False
        self._wake.clear()
        changed, self._changed = self._changed, []
        went_well = True
        for start in range(0, len(changed), _COPIES_AT_ONCE):
            went_well = await self._write_some(changed[start : start + _COPIES_AT_ONCE]) and went_well
        return went_well

    async def _write_some(self, copies: Sequence[Copy]) -> bool:
        batches: list[list[Command]] = []
        for copy in copies:
            copy.is_marked = False
            if copy.unsafe_since is None:
                copy.unsafe_since = copy.marked_at
            batches.append(self._commands(copy))
        if not any(batches):
            return True
        try:
            replies = await self._link.send([command for batch in batches for command in batch])
        except Unavailable:
            replies = [RedisError()] * sum(map(len, batches))
        went_well = True
        left = iter(replies)
        for copy, batch in zip(copies, batches, strict=True):
            went_well = self._settle(copy, batch, [next(left) for _ in batch]) and went_well
        if not went_well:
            self._observer.store_failed(operation="write")
            self._forget_some()
        return went_well

    def _settle(self, copy: Copy, commands: Sequence[Command], replies: Sequence[Any]) -> bool:
        """What became of a copy's commands."""
        if any(isinstance(reply, RedisError) for reply in replies):
            copy.is_spoilt = True
            self.mark(copy)
            return False
        if copy.unsafe_since is not None:
            self._observer.store_written(lag=time.monotonic() - copy.unsafe_since)
            copy.unsafe_since = None
        copy.has_entered = copy.has_entered or copy.is_begun
        for command, reply in zip(commands, replies, strict=True):
            if command[-1] == "GET" and reply is not None and reply.decode() != copy.stream_id:
                self._found_former(StreamId(reply.decode()))
        if copy.is_over:
            self._copies.pop(copy.stream_id, None)
        return True

    def _commands(self, copy: Copy) -> list[Command]:
        """What brings a copy up to date."""
        key = self._keys.stream(copy.stream_id)
        commands: list[Command] = []
        if copy.is_spoilt:
            copy.source.rewind()
            copy.place, copy.is_begun, copy.is_spoilt = 0, False, False
            commands.append(("DEL", key))
        for events in pieces(copy.source.take(), _PIECE_CHARS):
            copy.is_over = isinstance(events[-1], TurnFinished | TurnFailed | TurnCancelled)
            copy.has_said_something = copy.has_said_something or not all(isinstance(event, _SILENT) for event in events)
            end: tuple[str | bytes, ...] = ("end", self._end_of(copy)) if copy.is_over else ()
            fields = ("at", copy.place, "by", self._process_id, "events", dump_events(events), *end)
            commands.append(("XADD", key, "MAXLEN", "~", _MOST_ENTRIES, "*", *fields))
            copy.place += length(events)
        if not copy.is_begun and copy.place:
            copy.is_begun = True
            commands += self._beginning(copy, key)
        if copy.is_over:
            commands += self._ending(copy, key)
        return commands

    def _end_of(self, copy: Copy) -> bytes:
        return UNREAD if self._is_unread(copy.stream_id) else READ

    def _beginning(self, copy: Copy, key: str) -> list[Command]:
        """A new stream takes its chat over; a copy that is made anew does so only where nobody else has."""
        commands: list[Command] = [("EXPIRE", key, self._longest_turn)]
        if copy.key is not None:
            kept = self._longest_turn + self._keep_unread
            place: Command = ("SET", self._keys.chat(copy.key), copy.stream_id, "EX", kept)
            commands.append((*place, "NX" if copy.has_entered else "GET"))
        return commands

    def _ending(self, copy: Copy, key: str) -> list[Command]:
        """The chat's key may stay: whoever finds an ended stream there finds nothing."""
        kept = self._keep_unread if self._is_unread(copy.stream_id) else LINGER
        if copy.request is None:
            return [("EXPIRE", key, kept)]
        name = self._keys.request(copy.request)
        if not copy.has_said_something:
            return [("EXPIRE", key, kept), ("DEL", name)]
        return [("EXPIRE", key, max(kept, self._keep_named)), ("EXPIRE", name, self._keep_named)]

    def _forget_some(self) -> None:
        """Of the streams that ended while nothing could be written, the latest are enough."""
        ended = [copy for copy in self._copies.values() if copy.is_over]
        for copy in ended[: max(0, len(ended) - _MOST_ENDED)]:
            del self._copies[copy.stream_id]
            self._changed.remove(copy)
