"""Requests to the demo model."""

from __future__ import annotations

from collections.abc import Sequence

from mamba_domain.messages import FilePart, JsonObject, Message, SystemMessage, TextPart, UserMessage
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import Placement, ToolSpec

__all__ = ["DISPLAY_TOOLS", "asked", "tool"]


def tool(name: str, placement: Placement = Placement.SERVER, schema: JsonObject | None = None) -> ToolSpec:
    return ToolSpec(name=name, description="", input_schema=schema or {"type": "object"}, placement=placement)


DISPLAY_TOOLS = tuple(
    tool(name, Placement.DISPLAY) for name in ("generateForm", "generateChart", "generateCode", "generateCard")
)


def asked(
    text: str,
    *,
    tools: Sequence[ToolSpec] = (),
    system: str = "",
    files: Sequence[FilePart] = (),
    after: Sequence[Message] = (),
    may_call: bool = True,
    max_output_tokens: int | None = None,
) -> ModelRequest:
    """A request whose last prompt is `text`, followed by the messages in `after`."""
    instructions = (SystemMessage(text=system),) if system else ()
    prompt = UserMessage(parts=(TextPart(text=text), *files))
    return ModelRequest(
        model="demo",
        messages=(*instructions, prompt, *after),
        tools=tuple(tools),
        may_call=may_call,
        max_output_tokens=max_output_tokens,
    )
