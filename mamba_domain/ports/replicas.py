"""The port to the other processes of the service, which may write the streams that are read here, and the reverse."""

from __future__ import annotations

from typing import Protocol

from mamba_domain.events import TurnFailed
from mamba_domain.ports.streams import StreamId

__all__ = ["Alone", "Replicas", "TurnOwner"]


class TurnOwner(Protocol):
    """Who runs this process's turns. Methods return at once; a stream that is not of this process is ignored."""

    def stop_asked(self, stream_id: StreamId) -> None:
        """Somebody who may do so wants the turn to stop."""
        ...

    def read_elsewhere(self, stream_id: StreamId) -> None:
        """The turn has a reader in another process; said again every few seconds while that is so."""
        ...


class Replicas(Protocol):
    """Passes the word between processes. What cannot be passed on is lost without an error."""

    def attend(self, owner: TurnOwner) -> None:
        """From now on, tell this owner what other processes say."""
        ...

    async def stop(self, stream_id: StreamId) -> None:
        """Have the process that writes a stream stop its turn."""
        ...

    def hang_up(self, end: TurnFailed) -> None:
        """This process ends: give its readers of other processes' streams this end."""
        ...


class Alone:
    """There are no others."""

    def attend(self, owner: TurnOwner) -> None:
        """Nobody will call."""

    async def stop(self, stream_id: StreamId) -> None:
        """Nobody to ask."""

    def hang_up(self, end: TurnFailed) -> None:
        """Nobody's streams are read."""
