"""The ports to single tools, and to places where tools come from."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol, runtime_checkable

from mamba_domain.messages import JsonValue
from mamba_domain.tools import ToolCall, ToolContext, ToolOutcome, ToolProgress, ToolSpec

__all__ = ["ServerTool", "Tool", "ToolSource"]


class Tool(Protocol):
    """Something that a model may call."""

    @property
    def spec(self) -> ToolSpec:
        """What the model and the turn know about it."""
        ...

    def validate(self, arguments: JsonValue) -> JsonValue:
        """The input as the tool will see it. Raises `ToolFailed` whose public message says what is wrong."""
        ...


@runtime_checkable
class ServerTool(Tool, Protocol):
    """A tool that this server carries out. It may raise anything; its registry keeps time and size."""

    def needs_approval(self, arguments: JsonValue) -> bool:
        """Whether a person must agree before a call with this input runs."""
        ...

    def steps(self, call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolProgress | ToolOutcome, None]:
        """Carry out a call: any preliminary outputs, then one outcome. Closing it stops the call."""
        ...


class ToolSource(Protocol):
    """A place whose tools come and go while the server runs."""

    def tools(self) -> Mapping[str, ServerTool]:
        """The tools that are there now, by name. Called often: it returns at once and never raises."""
        ...
