"""The port for whoever measures turns."""

from __future__ import annotations

from typing import Protocol

from mamba_domain.events import Terminal

__all__ = ["NullObserver", "TurnObserver"]


class TurnObserver(Protocol):
    """Is told facts about a turn as they happen. Methods return quickly and never raise; none is called per delta."""

    def turn_ended(self, *, model: str, end: Terminal, steps: int, cause: BaseException | None) -> None:
        """A turn is over. `cause` is for the log only."""
        ...

    def history_repaired(self, *, rule: str, count: int) -> None:
        """A conversation needed mending before a model could read it."""
        ...

    def tool_ended(self, *, tool: str, outcome: str, seconds: float) -> None:
        """A call was settled: `outcome` is returned, failed, invalid, denied or timeout."""
        ...


class NullObserver:
    """Measures nothing."""

    def turn_ended(self, *, model: str, end: Terminal, steps: int, cause: BaseException | None) -> None:
        """Ignore."""

    def history_repaired(self, *, rule: str, count: int) -> None:
        """Ignore."""

    def tool_ended(self, *, tool: str, outcome: str, seconds: float) -> None:
        """Ignore."""
