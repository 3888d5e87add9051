"""The objects inside Responses API events: output items, content parts, usage."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .replies import Usage
from .steps import JsonObject, ToolCall

__all__ = ["ItemKind", "OutputItem", "PartKind", "content_part", "ending", "usage_object"]

ItemKind: TypeAlias = Literal["message", "reasoning", "function_call"]
PartKind: TypeAlias = Literal["output_text", "refusal"]


@dataclass(slots=True)
class OutputItem:
    """One output item while it grows."""

    kind: ItemKind
    index: int
    id: str
    call: ToolCall | None = None
    part: PartKind | None = None
    pieces: list[str] = field(default_factory=list)
    parts: list[JsonObject] = field(default_factory=list)
    annotations: list[JsonObject] = field(default_factory=list)
    encrypted_content: str | None = None
    done: bool = False

    def json(self, status: str) -> JsonObject:
        """The item as it stands in an event or in the response's output."""
        if self.kind == "message":
            return {
                "id": self.id,
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": self.parts,
            }
        if self.kind == "reasoning":
            sealed: JsonObject = {"encrypted_content": self.encrypted_content} if self.encrypted_content else {}
            return {"id": self.id, "type": "reasoning", "summary": self.parts, **sealed}
        assert self.call is not None
        call_id: JsonObject = {} if self.call.id is None else {"call_id": self.call.id}
        name: JsonObject = {} if self.call.name is None else {"name": self.call.name}
        arguments = "".join(self.pieces)
        return {
            "id": self.id,
            "type": "function_call",
            "status": status,
            "arguments": arguments,
            **call_id,
            **name,
        }


def content_part(item: OutputItem, whole: str) -> JsonObject:
    """The content part that is open in `item`, holding `whole`."""
    if item.part == "refusal":
        return {"type": "refusal", "refusal": whole}
    return {"type": "output_text", "annotations": list(item.annotations), "logprobs": [], "text": whole}


def ending(reason: str) -> tuple[str, str | None]:
    """The status of the response, and what made it incomplete."""
    if reason in ("stop", "tool_calls"):
        return "completed", None
    return "incomplete", "max_output_tokens" if reason == "length" else reason


def usage_object(usage: Usage) -> JsonObject:
    """The usage of a response that has ended."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
