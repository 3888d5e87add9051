"""Streams shared through Redis: an implementation of `mamba_domain.ports.streams` and `replicas`.

A turn is written to a local store and read from it, as if there were no Redis; what happens to Redis does not touch it. A
copy goes to Redis for the readers of other processes, who read it from a local mirror. Streams that nobody could find from
elsewhere, without a chat and without a request's name, are not copied.

What a stream says is stored in Redis until it expires: seconds after its end, minutes where its request has a name.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final, Protocol

from mamba_adapters.redis.keys import Keys
from mamba_adapters.redis.lease import Lease, RedisProbe
from mamba_adapters.redis.link import Command, Link, Unavailable, age_of, fields_of
from mamba_adapters.redis.mirrors import Mirrors
from mamba_adapters.redis.news import News, post
from mamba_adapters.redis.writer import LINGER, READ, UNREAD, Copy, Source, Writer
from mamba_domain.events import TurnEvent, TurnFailed
from mamba_domain.ports.replicas import Replicas, TurnOwner
from mamba_domain.ports.streams import Claim, Follower, RequestKey, StreamId, StreamKey, StreamSink, StreamStore
from mamba_domain.ports.upkeep import NoUpkeep, StoreObserver

__all__ = ["LocalFollower", "LocalStreams", "RedisStreams"]

_CLAIM_TIMEOUT: Final = 0.5
_FOUND_AFTER_LOSS: Final = 60.0
"""Seconds since its last entry in which a stream is found whose writer is lost."""
_A_MOMENT: Final = 0.02
_MOMENTS: Final = 50
"""How often a stream is looked for that another process has claimed and not yet begun."""
_ON_ITS_WAY: Final = 0.05
"""Seconds that a new stream may take to be found from elsewhere."""
_GOODBYE: Final = 0.25
"""Seconds for the last words to the server."""


class LocalFollower(Follower, Protocol):
    """A reader in this process."""

    @property
    def at_end(self) -> bool:
        """Whether the terminal event was taken."""
        ...


class LocalStreams(StreamStore, Replicas, Protocol):
    """The store of this process, as far as the copying has to look into it."""

    def follow(self, stream_id: StreamId) -> AbstractAsyncContextManager[LocalFollower | None]:
        """See the port."""
        ...

    def is_unread(self, stream_id: StreamId) -> bool:
        """Whether a stream ended while its readers were away, and none has come back for it yet."""
        ...

    def __contains__(self, stream_id: object) -> bool:
        """Whether a stream is held."""
        ...

    def tap(self, stream_id: StreamId) -> Source:
        """A way to read a stream without being its reader."""
        ...

    def forget(self, stream_id: StreamId) -> None:
        """Drop a stream."""
        ...


class _Sink:
    """Writes to the local store and says that there is something to copy."""

    __slots__ = ("_copy", "_sink", "_writer")

    def __init__(self, sink: StreamSink, writer: Writer, copy: Copy) -> None:
        self._sink = sink
        self._writer = writer
        self._copy = copy

    async def send(self, events: Sequence[TurnEvent]) -> None:
        """See `StreamSink`."""
        self._writer.mark(self._copy)
        await self._sink.send(events)


class RedisStreams:
    """The store; it works while its context is entered.

    In seconds: `longest_turn`, after which an abandoned copy expires, and how long the answer to a named request and one that
    ended unread are kept, the latter a minute at least.
    """

    def __init__(
        self,
        local: LocalStreams,
        *,
        url: str,
        password: str | None = None,
        prefix: str = "mamba:",
        longest_turn: float = 660.0,
        keep_named: float = 300.0,
        keep_unread: float = 30.0,
        observer: StoreObserver | None = None,
    ) -> None:
        self._local = local
        self._observer: StoreObserver = observer or NoUpkeep()
        self._longest_turn = int(longest_turn)
        self._keep_named = keep_named
        self._keep_unread = max(LINGER, int(keep_unread))
        self._keys = Keys(prefix)
        self._link = Link(url, password=password)
        self._owner: TurnOwner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._calls: set[asyncio.Task[None]] = set()
        self.probe = RedisProbe(self._link)

    async def __aenter__(self) -> RedisStreams:
        """Begin to copy and to listen. A server that does not answer is no reason not to start."""
        # Not earlier: this object may have been made before a worker was forked, and each needs a name of its own.
        process_id = secrets.token_hex(8)
        news = News(self._link, self._keys.inbox(process_id), opened=self._open_letter)
        self._mirrors = Mirrors(
            self._link, self._keys, news, new_log=lambda stream_id: self._local.open(stream_id, None)
        )
        self._writer = Writer(
            self._link,
            self._keys,
            process_id=process_id,
            longest_turn=self._longest_turn,
            keep_named=self._keep_named,
            keep_unread=self._keep_unread,
            found_former=self._call_stop,
            is_unread=self._local.is_unread,
            observer=self._observer,
        )
        self._lease = Lease(
            self._link,
            self._keys.process(process_id),
            lost=self._writer.write_anew,
            also=lambda: [*self._mirrors.signs()],
            observer=self._observer,
        )
        await self._lease.renew()
        for work, name in (
            (self._lease.keep(), "redis lease"),
            (self._writer.run(), "redis writer"),
            (news.run(), "redis news"),
        ):
            self._tasks.append(asyncio.create_task(work, name=name))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is left, and say goodbye."""
        await _ended(*self._tasks, *self._calls)
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_GOODBYE):
                await self._writer.write()
                await self._lease.give_up()
        await self._link.close()

    def attend(self, owner: TurnOwner) -> None:
        """See the port."""
        self._owner = owner
        self._local.attend(owner)

    def open(self, stream_id: StreamId, key: StreamKey | None, request: RequestKey | None = None) -> StreamSink:
        """See the port."""
        sink = self._local.open(stream_id, key, request)
        if key is None and request is None:
            return sink
        copy = Copy(stream_id, key, request, self._local.tap(stream_id))
        self._writer.add(copy)
        return _Sink(sink, self._writer, copy)

    async def claim(self, request: RequestKey, stream_id: StreamId) -> Claim | None:
        """See the port."""
        while (claim := await self._local.claim(request, stream_id)) is not None:
            if claim.stream_id in self._local or claim.fingerprint != request.fingerprint:
                return claim
            # The same request, a moment ago: it is still asking the server.
            await asyncio.sleep(_A_MOMENT)
        try:
            claim = await self._claim_everywhere(request, stream_id)
        except Unavailable:
            self._observer.store_failed(operation="claim")
            return None
        if claim is not None:
            self._local.release(request)
        return claim

    def release(self, request: RequestKey) -> None:
        """See the port."""
        self._local.release(request)
        self._call(self._forget_claim(request), "release")

    async def running(self, key: StreamKey) -> StreamId | None:
        """See the port."""
        return await self._local.running(key) or await self._find(key, lost_too=False)

    async def resumable(self, key: StreamKey) -> StreamId | None:
        """See the port."""
        found = await self._local.resumable(key) or await self._find(key, lost_too=True)
        if found is None and self._link.is_well:
            # It may have begun elsewhere this very moment.
            await asyncio.sleep(_ON_ITS_WAY)
            found = await self._find(key, lost_too=True)
        return found

    @asynccontextmanager
    async def follow(self, stream_id: StreamId) -> AsyncIterator[Follower | None]:
        """See the port."""
        if stream_id not in self._local:
            await self._mirrors.attach(stream_id)
        was_unread = stream_id in self._mirrors or self._local.is_unread(stream_id)
        try:
            async with self._local.follow(stream_id) as follower:
                yield follower
        finally:
            if was_unread and follower is not None and follower.at_end:
                self._call(self._note(stream_id, READ), "note")
            elif not was_unread and self._local.is_unread(stream_id):
                self._call(self._note(stream_id, UNREAD), "note")
            if stream_id in self._mirrors and not self._local.followers(stream_id):
                self._mirrors.detach(stream_id)
                self._local.forget(stream_id)

    def followers(self, stream_id: StreamId) -> int:
        """See the port."""
        return self._local.followers(stream_id)

    async def stop(self, stream_id: StreamId) -> None:
        """See the port."""
        with suppress(Unavailable):
            (last,) = await self._link.ask(self._last_entry(stream_id))
            if last and b"end" not in (fields := fields_of(last[0])):
                await self._link.ask(*post(self._keys.inbox(fields[b"by"].decode()), b"stop", stream_id.encode()))

    def hang_up(self, end: TurnFailed) -> None:
        """See the port."""
        self._mirrors.hang_up(end)

    async def _find(self, key: StreamKey, *, lost_too: bool) -> StreamId | None:
        """The stream of a chat that another process writes or wrote."""
        try:
            (found,) = await self._link.ask(("GET", self._keys.chat(key)))
            if found is None:
                return None
            stream_id = StreamId(found.decode())
            last, now, reading = await self._link.ask(
                self._last_entry(stream_id), ("TIME",), ("GET", self._keys.reading(stream_id))
            )
            if not last:
                return None
            fields = fields_of(last[0])
            if b"end" in fields:
                is_waiting = (reading or fields[b"end"]) == UNREAD and stream_id not in self._local
                return stream_id if lost_too and is_waiting else None
            if stream_id in self._local:
                return stream_id if stream_id in self._mirrors else None
            if await self._is_alive(fields):
                return stream_id
        except Unavailable:
            self._observer.store_failed(operation="find")
            return None
        return stream_id if lost_too and age_of(last[0], now) < _FOUND_AFTER_LOSS else None

    async def _claim_everywhere(self, request: RequestKey, stream_id: StreamId) -> Claim | None:
        name = self._keys.request(request)
        mine = f"{request.fingerprint} {stream_id}"
        taken, theirs = await self._link.ask(
            ("SET", name, mine, "NX", "EX", self._longest_turn), ("GET", name), within=_CLAIM_TIMEOUT
        )
        if taken is not None or theirs is None:
            return None
        fingerprint, _, other = theirs.decode().partition(" ")
        claim = Claim(stream_id=StreamId(other), fingerprint=fingerprint)
        if fingerprint != request.fingerprint or await self._is_whole(claim.stream_id):
            return claim
        await self._link.ask(("SET", name, mine, "EX", self._longest_turn), within=_CLAIM_TIMEOUT)
        return None

    async def _is_whole(self, stream_id: StreamId) -> bool:
        """Whether a claimed stream has ended or is being written; it may be a moment until its first entry is there."""
        for _ in range(_MOMENTS):
            (last,) = await self._link.ask(self._last_entry(stream_id))
            if last:
                fields = fields_of(last[0])
                return b"end" in fields or await self._is_alive(fields)
            await asyncio.sleep(_A_MOMENT)
        return False

    async def _is_alive(self, fields: dict[bytes, bytes]) -> bool:
        (alive,) = await self._link.ask(("EXISTS", self._keys.process(fields[b"by"].decode())))
        return bool(alive)

    async def _note(self, stream_id: StreamId, reading: bytes) -> None:
        """Whether the end of a stream was read has changed since it was written."""
        commands: list[Command] = [("SET", self._keys.reading(stream_id), reading, "EX", self._keep_unread)]
        if reading == UNREAD:
            kept = max(self._keep_unread, int(self._keep_named))
            commands.append(("EXPIRE", self._keys.stream(stream_id), kept))
        with suppress(Unavailable):
            await self._link.ask(*commands)

    async def _forget_claim(self, request: RequestKey) -> None:
        with suppress(Unavailable):
            await self._link.ask(("DEL", self._keys.request(request)))

    def _last_entry(self, stream_id: StreamId) -> tuple[str | int, ...]:
        return ("XREVRANGE", self._keys.stream(stream_id), "+", "-", "COUNT", 1)

    def _open_letter(self, fields: dict[bytes, bytes]) -> None:
        if self._owner is None:
            return
        for kind, content in fields.items():
            if kind == b"stop":
                self._owner.stop_asked(StreamId(content.decode()))
            elif kind == b"read":
                self._owner.read_elsewhere(StreamId(content.decode()))

    def _call_stop(self, former: StreamId) -> None:
        """Another process's turn in a chat that has a new one here. Our own former turn has been told already."""
        if former not in self._local or former in self._mirrors:
            self._call(self.stop(former), "stop")

    def _call(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Something that nobody waits for."""
        task = asyncio.get_running_loop().create_task(work, name=f"redis {name}")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)


async def _ended(*tasks: asyncio.Task[None]) -> None:
    """Cancel until it has worked: redis-py 8.1 can swallow a cancellation that comes while it connects."""
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_A_MOMENT)
