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


_Url = Annotated[
    str,
    Field(
        description="A data: URL in base64, or an https: URL, which the provider fetches.",
        pattern=r"^https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[1-9]\d{0,3})?(/[!-~]*)?$"
        r"|^data:[a-z]+/[a-z0-9.+-]+;base64,([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    ),
]


class TextContent(_Open):
    """Text."""

    type: Literal["text", "input_text"]
    text: str


class ImageUrl(_Open):
    """Where an image is."""

    url: _Url


class ImageContent(_Open):
    """An image."""

    type: Literal["image_url"]
    image_url: ImageUrl | _Url


class FileData(_Open):
    """What is in a file."""

    file_data: _Url
    filename: str | None = None


class FileContent(_Open):
    """A file."""

    type: Literal["file"]
    file: FileData


class OtherContent(_Open):
    """A part that the model is not told of."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "properties": {"type": {"not": {"enum": ["text", "input_text", "image_url", "file"]}}},
        },
    )


class UnreadContent(_Open):
    """A part where only text is read."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"properties": {"type": {"not": {"enum": ["text", "input_text"]}}}}
    )


ContentPart = TextContent | ImageContent | FileContent | OtherContent
PlainContent = str | list[TextContent | UnreadContent]


class Instructions(_Open):
    """What the model is to do; whether clients may say that is the operator's choice."""

    role: Literal["system", "developer"]
    content: PlainContent


class UserMessage(_Open):
    """What a person said."""

    role: Literal["user"]
    content: str | Annotated[list[ContentPart], Field(min_length=1)]


class CalledFunction(_Open):
    """What was called. `arguments` is JSON text."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    arguments: Any = None


class FunctionCall(_Open):
    """A call that a model made."""

    id: Annotated[str, Field(min_length=1, max_length=256)]
    type: Literal["function"] = "function"
    function: CalledFunction


class AssistantMessage(_Open):
    """What a model said, and the calls that it made."""

    role: Literal["assistant"]
    content: str | list[ContentPart] | None = None
    tool_calls: list[FunctionCall] | None = None


class ToolMessage(_Open):
    """What came of a call."""

    role: Literal["tool"]
    tool_call_id: Annotated[str, Field(min_length=1, max_length=256)]
    content: PlainContent


SimpleMessage = Annotated[
    Instructions | UserMessage | AssistantMessage | ToolMessage,
    Field(discriminator="role", description="A message in OpenAI's words."),
]


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
    temperature: Annotated[float, Field(ge=0)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(None, description="Tokens of the answer, at most.")


class _ChatOptions(_Options):
    tools: list[str] | None = Field(None, description="Names of the server's tools to offer; all without.")


class SimpleChat(_ChatOptions):
    """A conversation in OpenAI's words."""

    messages: list[SimpleMessage] = Field(min_length=1)


class UiChat(_ChatOptions):
    """What `useChat` sends."""

    id: str | None = Field(None, description="The chat, by which a running answer is found again.")
    messages: list[UiMessage] = Field(min_length=1)
    trigger: str | None = Field(None, examples=["submit-message", "regenerate-message"])
    message_id: str | None = Field(None, alias="messageId")


class UiLastMessageChat(_ChatOptions):
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
    conversation_id: Any = Field(None, alias="conversationId", description="Not needed, and not read.")


class PlainFormat(_Open):
    """Text, or any JSON object."""

    type: Literal["text", "json_object"]


class NamedSchema(_Open):
    """A JSON Schema."""

    schema_: dict[str, Any] = Field(alias="schema")
    name: Any = None


class SchemaFormat(_Open):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


class FunctionDeclaration(_Open):
    """A tool of the client. `parameters` is the JSON Schema of its arguments."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: Any = ""
    parameters: dict[str, Any] | None = None


class FunctionTool(_Open):
    """A tool, in OpenAI's words."""

    type: Literal["function"] = "function"
    function: FunctionDeclaration


class OpenAiChat(_Open):
    """A request of OpenAI's Chat Completions API."""

    model: str | None = None
    messages: list[SimpleMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    tools: Annotated[list[FunctionTool], Field(max_length=128)] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    response_format: PlainFormat | SchemaFormat | None = None
    temperature: Annotated[float, Field(ge=0)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    n: Literal[1] | None = None


class AgUiRun(_Open):
    """AG-UI's `RunAgentInput`. A thread is a chat."""

    thread_id: str = Field(alias="threadId", min_length=1)
    run_id: str = Field(alias="runId", min_length=1)
    messages: list[dict[str, Any]] = Field(min_length=1)
    tools: (
        Annotated[list[FunctionDeclaration], Field(max_length=128, json_schema_extra={"uniqueItems": True})] | None
    ) = None
    context: Any = Field(None, description="A list of objects with `description` and `value`; what is none is ignored.")
    state: Any = None
    forwarded_props: Any = Field(None, alias="forwardedProps")
