"""Streams in lists: a `Streams` that merges nothing and forgets nothing, and keeps what it was told for other processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from mamba_domain.events import (
    ReasoningDelta,
    TextDelta,
    ToolInputDelta,
    TurnCancelled,
    TurnEvent,
    TurnFailed,
    TurnFinished,
)
from mamba_domain.ports.replicas import TurnOwner
from mamba_domain.ports.streams import Claim, DeltaTaker, RequestKey, StreamId, StreamKey

__all__ = ["FakeFollower", "FakeStream", "FakeStreams"]

_DELTAS = (TextDelta, ReasoningDelta, ToolInputDelta)
_TERMINAL = (TurnFinished, TurnFailed, TurnCancelled)


class FakeStream:
    """One stream, and its sink."""

    def __init__(self) -> None:
        self.events: list[TurnEvent] = []
        self.followers: list[FakeFollower] = []

    @property
    def over(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], _TERMINAL)

    async def send(self, events: Sequence[TurnEvent]) -> None:
        """Keep them."""
        if self.over:
            raise RuntimeError("an event came after the stream's end")
        self.events += events
        for follower in self.followers:
            follower.changed.set()


class FakeFollower:
    """A place in a stream."""

    def __init__(self, stream: FakeStream) -> None:
        self._stream = stream
        self._taken = 0
        self._left = False
        self.changed = asyncio.Event()

    async def next(
        self, *, not_before: float = 0.0, until: float | None = None, take_deltas: DeltaTaker | None = None
    ) -> Sequence[TurnEvent] | None:
        """See `Follower`."""
        clock = asyncio.get_running_loop().time
        while not self._left:
            new = self._stream.events[self._taken :]
            if new and (clock() >= not_before or not all(isinstance(event, _DELTAS) for event in new)):
                self._taken += len(new)
                return new
            if not new and self._stream.over:
                return ()
            if until is not None and clock() >= until:
                return None
            self.changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(not_before if new else until):
                    await self.changed.wait()
        return ()

    def leave(self) -> None:
        """See `Follower`."""
        self._left = True
        self.changed.set()


class FakeStreams:
    """The store. `elsewhere` are chats that another process answers; `stopped` and `hung_up` is what others were told."""

    def __init__(self) -> None:
        self.streams: dict[StreamId, FakeStream] = {}
        self.elsewhere: dict[StreamKey, StreamId] = {}
        self.stopped: list[StreamId] = []
        self.hung_up: list[TurnFailed] = []
        self._keys: dict[StreamKey, StreamId] = {}
        self._claims: dict[tuple[str, str], Claim] = {}
        self._owner: TurnOwner | None = None

    def attend(self, owner: TurnOwner) -> None:
        """See `Replicas`."""
        self._owner = owner

    async def stop(self, stream_id: StreamId) -> None:
        """See `Replicas`."""
        self.stopped.append(stream_id)

    def hang_up(self, end: TurnFailed) -> None:
        """See `Replicas`."""
        self.hung_up.append(end)

    def open(self, stream_id: StreamId, key: StreamKey | None, request: RequestKey | None = None) -> FakeStream:
        """See `StreamStore`."""
        stream = self.streams[stream_id] = FakeStream()
        if key is not None:
            former, self._keys[key] = self._keys.get(key), stream_id
            if former is not None and self._owner is not None:
                self._owner.stop_asked(former)
        return stream

    async def claim(self, request: RequestKey, stream_id: StreamId) -> Claim | None:
        """See `StreamStore`."""
        mine = Claim(stream_id=stream_id, fingerprint=request.fingerprint)
        claim = self._claims.setdefault((request.subject, request.name), mine)
        return None if claim is mine else claim

    def release(self, request: RequestKey) -> None:
        """See `StreamStore`."""
        del self._claims[request.subject, request.name]

    async def running(self, key: StreamKey) -> StreamId | None:
        """See `StreamStore`."""
        stream_id = self._keys.get(key)
        if stream_id is None or self.streams[stream_id].over:
            return self.elsewhere.get(key)
        return stream_id

    async def resumable(self, key: StreamKey) -> StreamId | None:
        """See `StreamStore`."""
        return await self.running(key)

    @asynccontextmanager
    async def follow(self, stream_id: StreamId) -> AsyncIterator[FakeFollower | None]:
        """See `StreamStore`."""
        stream = self.streams.get(stream_id)
        if stream is None:
            yield None
            return
        follower = FakeFollower(stream)
        stream.followers.append(follower)
        try:
            yield follower
        finally:
            stream.followers.remove(follower)

    def followers(self, stream_id: StreamId) -> int:
        """See `StreamStore`."""
        stream = self.streams.get(stream_id)
        return 0 if stream is None else len(stream.followers)
