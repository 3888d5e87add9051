"""What a conversation is made of, as a model reads it.

The union is closed on purpose: wires translate *into* it and model adapters translate *out of* it, so neither knows the
other. A step of an assistant is one `AssistantMessage`, followed by a `ToolMessage` when it called tools.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "AssistantMessage",
    "AssistantPart",
    "FilePart",
    "JsonObject",
    "JsonValue",
    "Message",
    "ReasoningPart",
    "SystemMessage",
    "TextPart",
    "ToolCallPart",
    "ToolMessage",
    "ToolResultPart",
    "UserMessage",
    "UserPart",
]

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
JsonObject: TypeAlias = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """Plain text, by whoever says it."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """An image or a document. `url` is a `data:` or `https:` URL that is handed to the model and never fetched here."""

    media_type: str
    url: str
    filename: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningPart:
    """What a model thought. `provider_data` is opaque: the adapter that made it gets it back as it was."""

    text: str
    provider_data: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallPart:
    """A call that the assistant made. `input` is the parsed argument object, or its raw text where it was no valid JSON."""

    call_id: str
    tool: str
    input: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResultPart:
    """What came of a call. `failed` marks an error text; `seal` proves that this server produced the output."""

    call_id: str
    tool: str
    output: JsonValue
    failed: bool = False
    seal: str | None = None


UserPart: TypeAlias = TextPart | FilePart
AssistantPart: TypeAlias = TextPart | ReasoningPart | FilePart | ToolCallPart


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemMessage:
    """Instructions."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessage:
    """What the person said and attached."""

    parts: tuple[UserPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantMessage:
    """One step of the assistant."""

    parts: tuple[AssistantPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolMessage:
    """The results of the calls of the step before it."""

    results: tuple[ToolResultPart, ...]


Message: TypeAlias = SystemMessage | UserMessage | AssistantMessage | ToolMessage
