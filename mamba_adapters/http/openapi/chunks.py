"""The chunks of the AI SDK's UI message stream, version 1, as models: what `data:` holds in an event of an answer.

The models are closed: a field that is not named here is never sent. The tests judge every chunk of the recorded
transcripts by them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = ["UiMessageChunk"]


class _Chunk(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)


class TokenUsage(_Chunk):
    """Tokens, as the provider counted them."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    reasoning_tokens: int | None = None
    cached_input_tokens: int | None = None


class TurnMetadata(_Chunk):
    """What becomes the message's metadata: the model at the start, tokens and times at the end, seals after each step."""

    model: str | None = None
    usage: TokenUsage | None = None
    ttft_ms: int | None = None
    duration_ms: int | None = None
    seals: dict[str, str] | None = None


class Start(_Chunk):
    """The answer begins."""

    type: Literal["start"]
    message_id: str
    message_metadata: TurnMetadata


class Step(_Chunk):
    """A model call begins or is over."""

    type: Literal["start-step", "finish-step"]


class PartStart(_Chunk):
    """A part of text or of reasoning begins."""

    type: Literal["text-start", "reasoning-start"]
    id: str


class PartDelta(_Chunk):
    """More of it."""

    type: Literal["text-delta", "reasoning-delta"]
    id: str
    delta: str


class PartEnd(_Chunk):
    """It is whole."""

    type: Literal["text-end", "reasoning-end"]
    id: str
    provider_metadata: dict[str, Any] | None = None


class SourceUrl(_Chunk):
    """The model cites a page."""

    type: Literal["source-url"]
    source_id: str
    url: str
    title: str | None = None


class File(_Chunk):
    """The model made a file."""

    type: Literal["file"]
    url: str
    media_type: str


class ToolInputStart(_Chunk):
    """The model begins to write the arguments of a call."""

    type: Literal["tool-input-start"]
    tool_call_id: str
    tool_name: str
    dynamic: bool | None = None


class ToolInputDelta(_Chunk):
    """More of the arguments' JSON text."""

    type: Literal["tool-input-delta"]
    tool_call_id: str
    input_text_delta: str


class ToolInputAvailable(_Chunk):
    """The arguments are whole."""

    type: Literal["tool-input-available"]
    tool_call_id: str
    tool_name: str
    input: Any
    dynamic: bool | None = None


class ToolInputError(_Chunk):
    """The arguments are not valid; the call is not carried out."""

    type: Literal["tool-input-error"]
    tool_call_id: str
    tool_name: str
    input: Any
    error_text: str
    dynamic: bool | None = None


class ToolOutputAvailable(_Chunk):
    """A call's output. A preliminary one is replaced by the next."""

    type: Literal["tool-output-available"]
    tool_call_id: str
    output: Any
    dynamic: bool | None = None
    preliminary: bool | None = None


class ToolOutputError(_Chunk):
    """A call failed."""

    type: Literal["tool-output-error"]
    tool_call_id: str
    error_text: str
    dynamic: bool | None = None


class ToolApprovalRequest(_Chunk):
    """A person must decide before the call is carried out."""

    type: Literal["tool-approval-request"]
    approval_id: str
    tool_call_id: str
    signature: str | None = None


class ToolOutputDenied(_Chunk):
    """A person said no."""

    type: Literal["tool-output-denied"]
    tool_call_id: str


class MessageMetadata(_Chunk):
    """More metadata of the message."""

    type: Literal["message-metadata"]
    message_metadata: TurnMetadata


class Finish(_Chunk):
    """The end, as wished."""

    type: Literal["finish"]
    message_metadata: TurnMetadata
    finish_reason: Literal["stop", "length", "content-filter", "tool-calls", "error", "other"] | None = None


class Abort(_Chunk):
    """The end, because somebody asked for it."""

    type: Literal["abort"]
    reason: str | None = None


class Error(_Chunk):
    """The end, by a failure; the text is safe to show."""

    type: Literal["error"]
    error_text: str


UiMessageChunk = Annotated[
    Start
    | Step
    | PartStart
    | PartDelta
    | PartEnd
    | SourceUrl
    | File
    | ToolInputStart
    | ToolInputDelta
    | ToolInputAvailable
    | ToolInputError
    | ToolOutputAvailable
    | ToolOutputError
    | ToolApprovalRequest
    | ToolOutputDenied
    | MessageMetadata
    | Finish
    | Abort
    | Error,
    Field(discriminator="type"),
]
"""One chunk, told apart by its type."""
