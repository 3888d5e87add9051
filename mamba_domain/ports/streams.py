"""The ports through which a turn is written and read: every reader, the first one too, follows a stored stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NewType, Protocol, TypeAlias

from mamba_domain.events import TurnEvent

__all__ = ["Claim", "DeltaTaker", "Follower", "RequestKey", "StreamId", "StreamKey", "StreamSink", "StreamStore"]

StreamId = NewType("StreamId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamKey:
    """Where a stream is found again: the chat of one principal."""

    subject: str
    chat_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """A name that a principal gave to one request, so that asking again is answered by the same stream.

    `fingerprint` tells the same request from another one under that name.
    """

    subject: str
    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Whose a request's name is: the stream that answers it, and what was asked."""

    stream_id: StreamId
    fingerprint: str


class StreamSink(Protocol):
    """Where one turn writes.

    - `send` appends in order. It returns without suspending while its readers keep up, and suspends while even the fastest
      one lags by more than the store's high-water mark. Nothing may be sent after a terminal event.
    """

    async def send(self, events: Sequence[TurnEvent]) -> None:
        """Append events."""
        ...


DeltaTaker: TypeAlias = Callable[[Sequence[TurnEvent]], float | None]
"""Takes deltas at once, without a task that has to wake up for them. It gives the time before which no further ones are
wanted, by the running loop's clock; None ends the wait with None. What it raises, `next` raises.
"""


class Follower(Protocol):
    """One reader of one stream; it sees every event once, in order, adjacent deltas of a part possibly merged or split."""

    async def next(
        self, *, not_before: float = 0.0, until: float | None = None, take_deltas: DeltaTaker | None = None
    ) -> Sequence[TurnEvent] | None:
        """Everything that has arrived since the last call; waits until there is something.

        Empty means the end, None that nothing arrived until `until`. Both times are of the running loop's clock. Until
        `not_before`, deltas alone do not end the wait; anything else does at once. Deltas that come while it waits may be
        given to `take_deltas` instead, where there is one: these do not end the wait either, and it may then end at `until`
        all the same.
        """
        ...

    def leave(self) -> None:
        """End a wait under way from outside: from now on, `next` is at the end."""
        ...


class StreamStore(Protocol):
    """Keeps streams while they run, and for a while after.

    - `open` makes a stream. Where `key` is given, the chat finds it until its terminal event; the owner of a stream that
      still runs there is asked to stop it. Where `request` is given, the stream is kept for a while after its end, for the
      same request asked again.
    - `claim` takes a request's name for a stream that is about to be opened; None says that it was free. A name is free
      again when its stream was forgotten, ended before it had said anything, or was left by a process that died.
    - `follow` starts at the stream's first event. Leaving its context forgets the reader. A stream whose writer is lost
      ends with a `TurnFailed` after what was kept of it.
    - Looking up what is unknown, over, or somebody else's gives None: the three cannot be told apart.
    - A store that is out of order finds nothing, quickly; it never raises and never holds a turn back.
    """

    def open(self, stream_id: StreamId, key: StreamKey | None, request: RequestKey | None = None) -> StreamSink:
        """Make a stream."""
        ...

    async def claim(self, request: RequestKey, stream_id: StreamId) -> Claim | None:
        """Take a request's name, or learn whose it is."""
        ...

    def release(self, request: RequestKey) -> None:
        """Give a claimed name back: its stream will not be opened."""
        ...

    async def running(self, key: StreamKey) -> StreamId | None:
        """The stream that is running in a chat."""
        ...

    async def resumable(self, key: StreamKey) -> StreamId | None:
        """The stream for a reader who comes back.

        That is the running one, one that ended a short while ago while its readers were away, until somebody has read its
        end, or one whose writer was lost a short while ago. A turn that was stopped leaves nothing to come back for.
        """
        ...

    def follow(self, stream_id: StreamId) -> AbstractAsyncContextManager[Follower | None]:
        """Read a stream from its first event."""
        ...

    def followers(self, stream_id: StreamId) -> int:
        """How many readers a stream has in this process."""
        ...
