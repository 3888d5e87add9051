"""What clients send, as models: the readable form of what the hand-written readers accept.

The models are as tolerant as the readers: fields that are not named are ignored. The tests hold the two together, with every
request that real clients were recorded sending.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AgUiRun",
    "ChatBody",
    "Completion",
    "ObjectBody",
    "OpenAiChat",
    "SimpleChat",
    "TitleRequest",
    "UiChat",
    "UiLastMessageChat",
]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class ContentPart(_Open):
    """A part of OpenAI's content: text, an image or a file as a data: or https: URL."""

    type: str = Field(examples=["text", "image_url", "file"])
    text: str | None = None
    image_url: dict[str, Any] | str | None = None
    file: dict[str, Any] | None = None


class SimpleMessage(_Open):
    """A message in OpenAI's words."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class UiPart(_Open):
    """A part of a message; parts whose type the model cannot use are ignored."""

    type: str = Field(
        examples=["text", "file", "reasoning", "step-start", "tool-weather", "dynamic-tool", "tool-invocation"]
    )
    text: str | None = None
    url: str | None = None
    media_type: str | None = Field(None, alias="mediaType")
    tool_call_id: str | None = Field(None, alias="toolCallId")
    state: str | None = None
    input: Any = None
    output: Any = None


class UiMessage(_Open):
    """A message of the AI SDK: releases 5 to 7 send `parts`, release 4 `content`, `toolInvocations` and attachments too."""

    id: str | None = None
    role: Literal["system", "user", "assistant", "data"]
    parts: list[UiPart] | None = None
    content: str | list[ContentPart] | None = None
    metadata: Any = None


class _Options(_Open):
    model: str | None = Field(
        None, description="A model of GET /models, with or without its prefix; the first without."
    )
    tools: list[str] | None = Field(None, description="Names of the server's tools to offer; all without.")
    temperature: Annotated[float, Field(ge=0)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(None, description="Tokens of the answer, at most.")


class SimpleChat(_Options):
    """A conversation in OpenAI's words."""

    messages: list[SimpleMessage] = Field(min_length=1)


class UiChat(_Options):
    """What `useChat` sends."""

    id: str | None = Field(None, description="The chat, by which a running answer is found again.")
    messages: list[UiMessage] = Field(min_length=1)
    trigger: str | None = Field(None, examples=["submit-message", "regenerate-message"])
    message_id: str | None = Field(None, alias="messageId")


class UiLastMessageChat(_Options):
    """What `useChat` sends where the page keeps the history to itself: the last message alone."""

    id: str | None = None
    message: UiMessage
    trigger: str | None = None
    message_id: str | None = Field(None, alias="messageId")


ChatBody = SimpleChat | UiChat | UiLastMessageChat


class Completion(_Options):
    """What `useCompletion` sends."""

    prompt: str


class ObjectBody(_Options):
    """What `useObject` submits: any JSON value is a prompt; an object may name the schema and the words."""

    prompt: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema", description="JSON Schema of the value to make.")
    schema_name: str | None = Field(None, alias="schemaName", description="A schema of the settings.")


class TitleRequest(_Open):
    """The beginning of a conversation that needs a name."""

    user_message: str = Field(alias="userMessage")
    conversation_id: str | None = Field(None, alias="conversationId")


class OpenAiChat(_Open):
    """A request of OpenAI's Chat Completions API."""

    model: str | None = None
    messages: list[SimpleMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    response_format: dict[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: Literal[1] | None = None


class AgUiRun(_Open):
    """AG-UI's `RunAgentInput`. A thread is a chat."""

    thread_id: str = Field(alias="threadId", min_length=1)
    run_id: str = Field(alias="runId", min_length=1)
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    context: list[dict[str, Any]] | None = None
    state: Any = None
    forwarded_props: Any = Field(None, alias="forwardedProps")
