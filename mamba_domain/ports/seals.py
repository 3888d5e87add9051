"""The port to whoever proves that an output in a client's history was produced by this server."""

from __future__ import annotations

from typing import Protocol

from mamba_domain.messages import JsonValue
from mamba_domain.tools import ToolCall, ToolContext

__all__ = ["NoSeals", "Seals"]


class Seals(Protocol):
    """Seals what came of a server tool's call, and recognises it when it returns.

    - A seal holds for one caller, call, tool, input and outcome. It does not expire: histories are kept long.
    - It is not bound to a chat, since people copy chats; what it vouches for was true for that caller.
    - JSON that went through a JavaScript client and back counts as unchanged.
    """

    def seal(self, call: ToolCall, *, output: JsonValue, failed: bool, context: ToolContext) -> str | None:
        """The proof; None where none can be given."""
        ...

    def verify(self, seal: str, call: ToolCall, *, output: JsonValue, failed: bool, context: ToolContext) -> bool:
        """Whether `seal` was given for exactly this outcome. Never raises."""
        ...


class NoSeals:
    """Seals nothing and believes nothing."""

    def seal(self, call: ToolCall, *, output: JsonValue, failed: bool, context: ToolContext) -> str | None:
        """No proof."""
        return None

    def verify(self, seal: str, call: ToolCall, *, output: JsonValue, failed: bool, context: ToolContext) -> bool:
        """No trust."""
        return False
