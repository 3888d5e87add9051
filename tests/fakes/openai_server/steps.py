"""The steps of which the fake's answers are made, and short ways to write usual sequences of them.

A step is content (`Text`, `ToolCall`, ...), timing (`Wait`, `Until`), an ending (`Finish`, `Hang`, `Close`,
`Reset`) or raw bytes (`Frame`, `Unframed`), so that a misbehaviour at a precise place is one more step there.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = [
    "Altered",
    "ChatDelta",
    "Citation",
    "Close",
    "ContentStep",
    "Done",
    "Failure",
    "Finish",
    "Frame",
    "Hang",
    "JsonObject",
    "JsonValue",
    "Reasoning",
    "Refusal",
    "Repeat",
    "Reset",
    "ResponsesEvent",
    "Seal",
    "Step",
    "Text",
    "ToolArguments",
    "ToolCall",
    "Unframed",
    "Until",
    "Wait",
    "WindUp",
    "interleave",
    "say",
    "think",
    "tool_call",
]

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer; `choice` other than 0 exists in Chat Completions only."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the reasoning: `reasoning_content`, or a reasoning summary event."""

    text: str


@dataclass(frozen=True, slots=True)
class Seal:
    """Ends the reasoning item with its encrypted content (Responses only)."""

    encrypted_content: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A piece of a refusal."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Opens the tool call number `call` (from 0); None leaves the field out."""

    call: int
    id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class ToolArguments:
    """A fragment of the arguments of tool call number `call`."""

    call: int
    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A URL citation of the characters from `start` to `end` of the text."""

    url: str
    title: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """A literal `delta` object (Chat Completions only)."""

    delta: JsonObject


@dataclass(frozen=True, slots=True)
class ResponsesEvent:
    """A literal event of type `type` (Responses only)."""

    type: str
    fields: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in the stream: an error frame, or `failed` for `response.failed` (Responses only)."""

    code: str = "server_error"
    failed: bool = False


@dataclass(frozen=True, slots=True)
class WindUp:
    """Closes the open output items without saying how the response ended (Responses only)."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Says how the model ended: a finish reason, or the terminal event with what led to it."""

    reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Done:
    """The trailing usage chunk, when asked for, and `data: [DONE]` (Chat Completions only)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Raw bytes in the body, where a frame would stand."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Altered:
    """The frames of `step`, each passed through `alter`."""

    step: "ContentStep"
    alter: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Unframed:
    """Raw bytes on the connection, outside the HTTP framing of the body."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Silence for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Until:
    """Silence until the test sets the event (same process and event loop only)."""

    gate: asyncio.Event


@dataclass(frozen=True, slots=True)
class Repeat:
    """The steps over again, `times` times or for ever (None), `every` seconds apart."""

    steps: "tuple[Step, ...]"
    times: int | None = None
    every: float = 0.0


@dataclass(frozen=True, slots=True)
class Hang:
    """Silence until the client leaves."""


@dataclass(frozen=True, slots=True)
class Close:
    """Closes the connection with a FIN, whatever was promised."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Closes the connection with an RST."""


ContentStep: TypeAlias = (
    Text
    | Reasoning
    | Seal
    | Refusal
    | ToolCall
    | ToolArguments
    | Citation
    | ChatDelta
    | ResponsesEvent
    | Failure
    | WindUp
    | Finish
    | Done
    | Frame
    | Altered
)
Step: TypeAlias = ContentStep | Unframed | Wait | Until | Repeat | Hang | Close | Reset


def say(*deltas: str) -> tuple[Text, ...]:
    """One text step a delta."""
    return tuple(Text(delta) for delta in deltas)


def think(*deltas: str, encrypted_content: str = "") -> tuple[Reasoning | Seal, ...]:
    """One reasoning step a delta, and the seal when there is encrypted content."""
    thoughts = tuple(Reasoning(delta) for delta in deltas)
    return (*thoughts, Seal(encrypted_content)) if encrypted_content else thoughts


def tool_call(call: int, id: str | None, name: str | None, *fragments: str) -> tuple[ToolCall | ToolArguments, ...]:
    """Opens tool call number `call` and gives its arguments fragment by fragment."""
    return (ToolCall(call, id, name), *(ToolArguments(call, fragment) for fragment in fragments))


def interleave(*sequences: Sequence[Step]) -> tuple[Step, ...]:
    """The sequences' first steps, then their second steps, and so on."""
    longest = max((len(sequence) for sequence in sequences), default=0)
    return tuple(sequence[n] for n in range(longest) for sequence in sequences if n < len(sequence))
