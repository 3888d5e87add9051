"""The one reader of chat requests: OpenAI's simple shape, and what AI SDK 4 to 7 send, told apart by form.

Histories are authored by clients of any age, so the reader is tolerant: fields, parts and roles that it does not know are
ignored and counted, and shapes may be mixed within a conversation. What would change the meaning (a wrong type, a file from
a forbidden place) is refused with a JSON pointer, and what is too much with 413. Reading is by hand: a validated model a
part would cost a request ten times as much, and could not pass over what it does not know.

Nothing that is read here is trusted: what tools are said to have returned is judged by the domain, by the seal that comes
along in the message's metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from mamba_adapters.http.wire.read_assistant import read_answer
from mamba_adapters.http.wire.read_fields import MESSAGE_FIELDS
from mamba_adapters.http.wire.read_notes import Notes, ReadLimits, too_large
from mamba_adapters.http.wire.read_options import (
    OPTION_FIELDS,
    read_chat_id,
    read_max_tokens,
    read_model,
    read_temperature,
    read_tools,
)
from mamba_adapters.http.wire.read_steps import Answer, messages_of, restored_events
from mamba_adapters.http.wire.read_user import read_text, read_user_message
from mamba_domain.chat import ChatRequest
from mamba_domain.identity import Principal
from mamba_domain.messages import (
    JsonObject,
    Message,
    SystemMessage,
    ToolMessage,
    ToolResultPart,
    UserMessage,
)

__all__ = ["Generation", "ReadChat", "ReadLimits", "read_chat"]

Generation = Literal["simple", "v4", "v5+"]

_ONLY_IN_V4 = ("experimental_attachments", "toolInvocations")
_BODY_FIELDS = OPTION_FIELDS | {"messages", "message", "trigger", "messageId"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChat:
    """A request as it was understood.

    `continues`: the answer goes on with an assistant's message of the request. `ignored` counts what was passed over, by kind.
    """

    request: ChatRequest
    continues: bool
    client_generation: Generation
    ignored: dict[str, int] = field(default_factory=dict)


def read_chat(body: JsonObject, *, principal: Principal, limits: ReadLimits, new_id: Callable[[], str]) -> ReadChat:
    """Read one request.

    Raises `Invalid` with every problem found, eight at most, and `Rejected` for too much of anything (PAYLOAD_TOO_LARGE) and
    for a model that cannot be (MODEL_NOT_FOUND).
    """
    notes = Notes(limits)
    notes.unknown_fields(body, _BODY_FIELDS, "field:body")
    raw = _raw_messages(body, notes)
    continued = _continued([message for _, message in raw], notes.id(body.get("messageId"), "/messageId"))
    conversation = _Conversation(notes)
    for index, (pointer, message) in enumerate(raw):
        conversation.add(message, pointer, is_continued=index == continued)
    answer = conversation.answer
    request = ChatRequest(
        principal=principal,
        messages=tuple(conversation.messages),
        message_id=conversation.answer_id or new_id(),
        chat_id=read_chat_id(body, notes),
        model_id=read_model(body, notes),
        tools=read_tools(body, notes),
        temperature=read_temperature(body, notes),
        max_output_tokens=read_max_tokens(body, notes),
        restored=restored_events(answer.steps),
        verdicts=answer.verdicts,
        used_call_ids=answer.call_ids,
    )
    notes.judge()
    return ReadChat(
        request=request,
        continues=continued is not None,
        client_generation="v5+" if "trigger" in body else _generation(message for _, message in reversed(raw)),
        ignored=notes.ignored,
    )


def _raw_messages(body: JsonObject, notes: Notes) -> list[tuple[str, JsonObject]]:
    """The messages and where they stand."""
    value = body.get("messages")
    if value is None and (single := body.get("message")) is not None:
        if isinstance(single, dict):
            return [("/message", single)]
        notes.problem("/message", "must be an object")
        return []
    if not isinstance(value, list) or not value:
        notes.problem("/messages", "must be a list of at least one message")
        return []
    if len(value) > notes.limits.max_messages:
        raise too_large(f"more than {notes.limits.max_messages} messages")
    found: list[tuple[str, JsonObject]] = []
    for index, message in enumerate(value):
        if isinstance(message, dict):
            found.append((f"/messages/{index}", message))
        else:
            notes.problem(f"/messages/{index}", "must be an object")
    return found


def _continued(messages: list[JsonObject], named: str | None) -> int | None:
    """Which message the answer goes on with: the assistant's that is named, else the last one if it is an assistant's."""
    if named is not None:
        for index in range(len(messages) - 1, -1, -1):
            if messages[index].get("id") == named and messages[index].get("role") == "assistant":
                return index
    return len(messages) - 1 if messages and messages[-1].get("role") == "assistant" else None


def _generation(messages: Iterator[JsonObject]) -> Generation:
    """Who wrote the newest message that tells."""
    for message in messages:
        if message.get("role") == "data" or any(message.get(name) is not None for name in _ONLY_IN_V4):
            return "v4"
        if message.get("parts") is not None:
            return "v4" if isinstance(message.get("content"), str) else "v5+"
    return "simple"


class _Conversation:
    """What was read of the messages so far. `answer` is the message that is continued, empty where there is none."""

    def __init__(self, notes: Notes) -> None:
        self.messages: list[Message] = []
        self.answer = Answer()
        self.answer_id: str | None = None
        self._notes = notes
        self._tools: dict[str, str] = {}

    def add(self, message: JsonObject, pointer: str, *, is_continued: bool) -> None:
        notes = self._notes
        notes.unknown_fields(message, MESSAGE_FIELDS, "field:message")
        message_id = notes.id(message.get("id"), f"{pointer}/id")
        match message.get("role"):
            case "user":
                if parts := read_user_message(message, pointer, notes):
                    self.messages.append(UserMessage(parts=tuple(parts)))
            case "assistant":
                answer = read_answer(message, pointer, notes, is_continued=is_continued)
                self.messages += messages_of(answer.steps)
                self._tools.update((call.part.call_id, call.part.tool) for step in answer.steps for call in step.calls)
                if is_continued:
                    self.answer, self.answer_id = answer, message_id
            case "system" | "developer":
                if text := read_text(message, pointer, notes):
                    self.messages.append(SystemMessage(text=text))
            case "tool":
                self._add_result(message, pointer)
            case "data":
                notes.ignore("role:data")
            case str():
                notes.ignore("role:unknown")
            case _:
                notes.problem(f"{pointer}/role", "must be user, assistant, system or tool")

    def _add_result(self, message: JsonObject, pointer: str) -> None:
        """OpenAI's `tool` message: one result, of a step that is followed by one such message for each of its calls."""
        output = read_text(message, pointer, self._notes)
        call_id = self._notes.needed_id(message.get("tool_call_id"), f"{pointer}/tool_call_id")
        if call_id is None:
            return
        earlier: tuple[ToolResultPart, ...] = ()
        if self.messages and isinstance(last := self.messages[-1], ToolMessage):
            earlier = last.results
            self.messages.pop()
        result = ToolResultPart(call_id=call_id, tool=self._tools.get(call_id, ""), output=output)
        self.messages.append(ToolMessage(results=(*earlier, result)))
