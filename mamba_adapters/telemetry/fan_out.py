"""Several observers that are told the same, in order."""

from __future__ import annotations

from collections.abc import Sequence

from mamba_domain.catalog import ModelCard
from mamba_domain.events import ModelFinished, Terminal
from mamba_domain.messages import AssistantPart
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.ports.observer import TurnObserver
from mamba_domain.tools import ToolCall

__all__ = ["FanOut"]


class FanOut:
    """A `TurnObserver` made of others."""

    def __init__(self, *observers: TurnObserver) -> None:
        self._observers = observers

    def turn_started(self, *, model: ModelCard, chat_id: str | None) -> None:
        """See the port."""
        for observer in self._observers:
            observer.turn_started(model=model, chat_id=chat_id)

    def history_repaired(self, *, rule: str, count: int) -> None:
        """See the port."""
        for observer in self._observers:
            observer.history_repaired(rule=rule, count=count)

    def model_called(self, *, model: ModelCard, request: ModelRequest) -> None:
        """See the port."""
        for observer in self._observers:
            observer.model_called(model=model, request=request)

    def model_answered(
        self, *, said: Sequence[AssistantPart], finished: ModelFinished, first_output: float, interval: float | None
    ) -> None:
        """See the port."""
        for observer in self._observers:
            observer.model_answered(said=said, finished=finished, first_output=first_output, interval=interval)

    def tool_started(self, *, call: ToolCall) -> None:
        """See the port."""
        for observer in self._observers:
            observer.tool_started(call=call)

    def tool_ended(self, *, tool: str, outcome: str, seconds: float) -> None:
        """See the port."""
        for observer in self._observers:
            observer.tool_ended(tool=tool, outcome=outcome, seconds=seconds)

    def step_ended(self) -> None:
        """See the port."""
        for observer in self._observers:
            observer.step_ended()

    def turn_ended(self, *, model: str, end: Terminal, steps: int, cause: BaseException | None) -> None:
        """See the port."""
        for observer in self._observers:
            observer.turn_ended(model=model, end=end, steps=steps, cause=cause)

    def reader_joined(self) -> None:
        """See the port."""
        for observer in self._observers:
            observer.reader_joined()

    def reader_left(self) -> None:
        """See the port."""
        for observer in self._observers:
            observer.reader_left()
