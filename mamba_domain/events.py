"""What a turn says while it runs. Read this first: every other module produces or consumes these facts.

The grammar, in prose (`grammar.py` holds the same rules as a table):

- A turn begins with `TurnStarted` and ends with exactly one of `TurnFinished`, `TurnFailed`, `TurnCancelled`.
- A continued answer says `Restored` next: what the answer already held. Then come the outcomes of approved or denied calls.
- Between them run steps, one model call each: `StepStarted`, content, `StepFinished`. A failure may leave a step open.
- Text and reasoning arrive as deltas. Where a part begins and ends is punctuation: the wire adds it.
- A call is `ToolInputStarted`, `ToolInputDelta`*, then `ToolCalled` or `ToolInputInvalid`; the first two may be missing.
  A `ToolCalled` gets at most one of `ToolReturned`, `ToolErrored`, `ApprovalRequested`, `ToolDenied`, after any number of
  `ToolProgressed`. A client's call stays open when the turn ends.

Events are facts, immutable, and the same for every wire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from mamba_domain.errors import Code
from mamba_domain.messages import JsonObject, JsonValue

__all__ = [
    "ApprovalRequested",
    "FileProduced",
    "FinishReason",
    "ModelEvent",
    "ModelFinished",
    "ReasoningClosed",
    "ReasoningDelta",
    "Restored",
    "SourceFound",
    "StepFinished",
    "StepStarted",
    "Terminal",
    "TextDelta",
    "Timings",
    "ToolCallCompleted",
    "ToolCalled",
    "ToolDenied",
    "ToolErrored",
    "ToolInputDelta",
    "ToolInputInvalid",
    "ToolInputStarted",
    "ToolProgressed",
    "ToolReturned",
    "TurnCancelled",
    "TurnEvent",
    "TurnFailed",
    "TurnFinished",
    "TurnStarted",
    "Usage",
]


class FinishReason(StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    LENGTH = "length"
    CONTENT_FILTER = "content-filter"
    TOOL_CALLS = "tool-calls"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, as the provider counted them."""

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_input_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output together; reasoning is part of output, cached input part of input."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds since the turn began; `first_output` is None when nothing was said."""

    first_output: float | None
    duration: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted:
    """The turn runs. `message_id` names the answer; `model` is the id that clients know."""

    message_id: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A model call begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """More text of the open text part."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """More of the model's reasoning, as far as the provider shows it."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningClosed:
    """The open reasoning part is whole. `provider_data` must come back with the history for the provider to accept it."""

    provider_data: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFound:
    """The model cites a page."""

    source_id: str
    url: str
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProduced:
    """The model made a file."""

    media_type: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolInputStarted:
    """The model begins to write the arguments of a call."""

    call_id: str
    tool: str
    dynamic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolInputDelta:
    """More raw JSON text of a call's arguments."""

    call_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallCompleted:
    """A model's call is complete as the model wrote it; nobody has judged it yet. Only models say this."""

    call_id: str
    tool: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled:
    """A call with valid input, about to be executed, approved, or carried out by the client."""

    call_id: str
    tool: str
    input: JsonValue
    dynamic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolInputInvalid:
    """A call that will not be executed: unknown tool, broken JSON, or input against the schema."""

    call_id: str
    tool: str
    input: JsonValue
    error_text: str
    dynamic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolProgressed:
    """A preliminary output; a later one replaces it."""

    call_id: str
    output: JsonValue
    dynamic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReturned:
    """A call's output. `seal` proves on a later request that this server produced it; None for display tools."""

    call_id: str
    output: JsonValue
    dynamic: bool = False
    seal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolErrored:
    """A call failed. `error_text` is what the model read."""

    call_id: str
    error_text: str
    dynamic: bool = False
    seal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested:
    """A person must decide before the call runs."""

    approval_id: str
    call_id: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDenied:
    """A person said no."""

    call_id: str
    reason: str | None = None
    dynamic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """The step's model call ended well and its calls are settled or handed on."""

    finish_reason: FinishReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFinished:
    """The model's own end mark; a stream of model events without one is a failure. Only models say this."""

    finish_reason: FinishReason
    usage: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a continued answer already held, for readers that start from nothing. The first reader knows it already."""

    events: tuple[TurnEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFinished:
    """The end, as wished."""

    finish_reason: FinishReason
    usage: Usage
    timings: Timings


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFailed:
    """The end, by a failure. `message` is safe to show; `retry_after` is in seconds."""

    code: Code
    message: str
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=lambda: Timings(first_output=None, duration=0.0))
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCancelled:
    """The end, because its reader asked for it or left."""

    usage: Usage
    timings: Timings


ModelEvent: TypeAlias = (
    TextDelta
    | ReasoningDelta
    | ReasoningClosed
    | SourceFound
    | FileProduced
    | ToolInputStarted
    | ToolInputDelta
    | ToolCallCompleted
    | ModelFinished
)
Terminal: TypeAlias = TurnFinished | TurnFailed | TurnCancelled
TurnEvent: TypeAlias = (
    TurnStarted
    | Restored
    | StepStarted
    | TextDelta
    | ReasoningDelta
    | ReasoningClosed
    | SourceFound
    | FileProduced
    | ToolInputStarted
    | ToolInputDelta
    | ToolCalled
    | ToolInputInvalid
    | ToolProgressed
    | ToolReturned
    | ToolErrored
    | ApprovalRequested
    | ToolDenied
    | StepFinished
    | Terminal
)
