"""The port for whoever measures turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mamba_domain.catalog import ModelCard
from mamba_domain.events import ModelFinished, Terminal
from mamba_domain.messages import AssistantPart
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import ToolCall

__all__ = ["NullObserver", "TurnObserver"]


class TurnObserver(Protocol):
    """Is told facts about a turn as they happen. Methods return quickly and never raise; none is called per delta.

    - In order: `turn_started`; for each step `model_called`, `model_answered`, its calls, `step_ended`; `turn_ended`.
    - `turn_ended` always comes. What failed or was cancelled is not ended on its own: `turn_ended` ends all that is open.
    - A method is called in the task that does the work, so what it puts into the context is seen by that work.
    - Times are in seconds.
    """

    def turn_started(self, *, model: ModelCard, chat_id: str | None) -> None:
        """A turn begins."""
        ...

    def history_repaired(self, *, rule: str, count: int) -> None:
        """A conversation needed mending before a model could read it."""
        ...

    def model_called(self, *, model: ModelCard, request: ModelRequest) -> None:
        """A step begins with a question to a model."""
        ...

    def model_answered(
        self, *, said: Sequence[AssistantPart], finished: ModelFinished, first_output: float, interval: float | None
    ) -> None:
        """The model has said all. `interval` is the mean time between two reads of its answer, None for a single one."""
        ...

    def tool_started(self, *, call: ToolCall) -> None:
        """A server tool begins its work."""
        ...

    def tool_ended(self, *, tool: str, outcome: str, seconds: float) -> None:
        """A call was settled: `outcome` is returned, failed, invalid, denied or timeout."""
        ...

    def step_ended(self) -> None:
        """A step's calls are settled or handed on."""
        ...

    def turn_ended(self, *, model: str, end: Terminal, steps: int, cause: BaseException | None) -> None:
        """A turn is over. `cause` is for the log only."""
        ...

    def reader_joined(self) -> None:
        """Somebody follows a stream."""
        ...

    def reader_left(self) -> None:
        """A follower has left, or has read all."""
        ...


class NullObserver:
    """Measures nothing; whoever wants to know a few things only, inherits the rest."""

    def turn_started(self, *, model: ModelCard, chat_id: str | None) -> None:
        """Ignore."""

    def history_repaired(self, *, rule: str, count: int) -> None:
        """Ignore."""

    def model_called(self, *, model: ModelCard, request: ModelRequest) -> None:
        """Ignore."""

    def model_answered(
        self, *, said: Sequence[AssistantPart], finished: ModelFinished, first_output: float, interval: float | None
    ) -> None:
        """Ignore."""

    def tool_started(self, *, call: ToolCall) -> None:
        """Ignore."""

    def tool_ended(self, *, tool: str, outcome: str, seconds: float) -> None:
        """Ignore."""

    def step_ended(self) -> None:
        """Ignore."""

    def turn_ended(self, *, model: str, end: Terminal, steps: int, cause: BaseException | None) -> None:
        """Ignore."""

    def reader_joined(self) -> None:
        """Ignore."""

    def reader_left(self) -> None:
        """Ignore."""
