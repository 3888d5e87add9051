"""The ports through which a turn is written and read: every reader, the first one too, follows a stored stream."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NewType, Protocol

from mamba_domain.events import TurnEvent

__all__ = ["Follower", "StreamId", "StreamKey", "StreamSink", "StreamStore"]

StreamId = NewType("StreamId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamKey:
    """Where a stream is found again: the chat of one principal."""

    subject: str
    chat_id: str


class StreamSink(Protocol):
    """Where one turn writes.

    - `send` appends in order. It returns without suspending while its readers keep up, and suspends while even the fastest
      one lags by more than the store's high-water mark. Nothing may be sent after a terminal event.
    """

    async def send(self, events: Sequence[TurnEvent]) -> None:
        """Append events."""
        ...


class Follower(Protocol):
    """One reader of one stream; it sees every event once, in order, adjacent deltas of a part possibly merged or split."""

    async def next(self, *, not_before: float = 0.0, until: float | None = None) -> Sequence[TurnEvent] | None:
        """Everything that has arrived since the last call; waits until there is something.

        Empty means the end, None that nothing arrived until `until`. Both times are of the running loop's clock. Until
        `not_before`, deltas alone do not end the wait; anything else does at once.
        """
        ...

    def leave(self) -> None:
        """End a wait under way from outside: from now on, `next` is at the end."""
        ...


class StreamStore(Protocol):
    """Keeps streams while they run, and for a while after.

    - `open` makes a stream; where `key` is given, `running` finds it there until its terminal event.
    - `follow` starts at the stream's first event. Leaving its context forgets the reader.
    - Looking up what is unknown, over, or somebody else's gives None: the three cannot be told apart.
    """

    def open(self, stream_id: StreamId, key: StreamKey | None) -> StreamSink:
        """Make a stream."""
        ...

    async def running(self, key: StreamKey) -> StreamId | None:
        """The stream that is running in a chat."""
        ...

    def follow(self, stream_id: StreamId) -> AbstractAsyncContextManager[Follower | None]:
        """Read a stream from its first event."""
        ...

    def followers(self, stream_id: StreamId) -> int:
        """How many readers a stream of this process has."""
        ...
