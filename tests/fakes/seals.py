"""`Seals` that anybody can read, and forge."""

from __future__ import annotations

from mamba_domain.messages import JsonValue
from mamba_domain.tools import ToolCall, ToolContext

__all__ = ["PlainSeals"]


class PlainSeals:
    """The seal is what it stands for."""

    def seal(self, call: ToolCall, *, output: JsonValue, failed: bool, context: ToolContext) -> str:
        """Everything that the seal binds."""
        return f"{call} {output!r} {failed} {context.principal.subject}"

    def verify(self, seal: str, call: ToolCall, *, output: JsonValue, failed: bool, context: ToolContext) -> bool:
        """Whether the seal says the same."""
        return seal == self.seal(call, output=output, failed=failed, context=context)
