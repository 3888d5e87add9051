"""The port to the tools that a model may call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mamba_domain.identity import Principal
from mamba_domain.messages import JsonValue
from mamba_domain.tools import ToolCall, ToolContext, ToolOutcome, ToolProgress, ToolSpec

__all__ = ["ToolRegistry"]


class ToolRegistry(Protocol):
    """Knows the tools, judges their input, runs those of the server.

    - Names are unique. `find` compares letter for letter and never reads attributes by name.
    - `validate` returns the input as the tool will see it, or raises `ToolFailed` whose public message says
      what is wrong.
    - `run` yields any number of `ToolProgress`, then exactly one outcome. It never raises except for
      cancellation, enforces the tool's own time-out, and passes on no output that is too large or no JSON.
      Leaving its context stops the tool.
    - What cannot be decided about an approval is decided as "needed".
    """

    def offered(self, names: Sequence[str] | None, principal: Principal) -> tuple[ToolSpec, ...]:
        """The tools of a turn: all that the caller may use, or the named ones of them. Others are ignored."""
        ...

    def find(self, name: str) -> ToolSpec | None:
        """The tool of that name."""
        ...

    def validate(self, name: str, arguments: JsonValue) -> JsonValue:
        """Judge a call's input."""
        ...

    def needs_approval(self, call: ToolCall) -> bool:
        """Whether a person must agree before this call runs."""
        ...

    def run(
        self, call: ToolCall, context: ToolContext
    ) -> AbstractAsyncContextManager[AsyncIterator[ToolProgress | ToolOutcome]]:
        """Carry out a server tool's call."""
        ...
