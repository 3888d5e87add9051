"""The one reader of chat requests: OpenAI's simple shape, and what AI SDK 4 to 7 send, told apart by form.

Histories are authored by clients of any age, so the reader is tolerant: fields and parts that it does not know are ignored
and counted, and shapes may be mixed within a conversation. What would change the meaning (a wrong type, a file from a
forbidden place, too much of anything) is refused with a JSON pointer. Reading is by hand: a validated model per part would
cost a request ten times as much and could not ignore what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from mamba_adapters.http.bodies import Invalid
from mamba_adapters.http.wire.read_assistant import Step, messages_of, read_steps, restored_events
from mamba_adapters.http.wire.read_files import read_file
from mamba_adapters.http.wire.read_notes import Notes
from mamba_domain.chat import ChatRequest
from mamba_domain.identity import Principal
from mamba_domain.messages import (
    JsonObject,
    JsonValue,
    Message,
    SystemMessage,
    TextPart,
    ToolMessage,
    ToolResultPart,
    UserMessage,
    UserPart,
)

__all__ = ["Generation", "ReadChat", "ReadLimits", "read_chat"]

Generation = Literal["simple", "v4", "v5+"]

_LONGEST_ID = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """Bounds of one request. `max_file_bytes` counts one file, decoded."""

    max_messages: int = 1000
    max_parts: int = 2000
    max_text_chars: int = 1_000_000
    max_file_bytes: int = 4 << 20
    temperature_max: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChat:
    """A request as it was understood. `ignored` counts what was not, by kind."""

    request: ChatRequest
    continues: bool
    client_generation: Literal["simple", "v4", "v5+"]
    ignored: dict[str, int] = field(default_factory=dict)


def read_chat(body: JsonObject, *, principal: Principal, limits: ReadLimits, new_id: Callable[[], str]) -> ReadChat:
    """Read one request. Raises `Invalid` with every problem found, eight at most."""
    reader = _Reader(body, limits)
    read = reader.read(principal, new_id)
    if reader.notes.problems:
        raise Invalid(tuple(reader.notes.problems))
    return read


class _Reader:
    """Walks one body once, noting problems instead of stopping at the first."""

    def __init__(self, body: JsonObject, limits: ReadLimits) -> None:
        self._body = body
        self._limits = limits
        self._generation: Generation = "v5+" if "trigger" in body else "simple"
        self.notes = Notes(max_parts=limits.max_parts, max_text_chars=limits.max_text_chars)

    def read(self, principal: Principal, new_id: Callable[[], str]) -> ReadChat:
        raw = self._raw_messages()
        continued = self._continued(raw)
        answer: list[Step] = []
        messages: list[Message] = []
        for index, message in enumerate(raw):
            if self.notes.full:
                break
            pointer = f"/messages/{index}"
            if message.get("role") == "assistant":
                steps = self._steps(message, pointer)
                messages += messages_of(steps)
                if index == continued:
                    answer = steps
            else:
                messages += self._message(message, pointer)
        message_id = self._answer_id(raw[continued]) if continued is not None else None
        calls = [call for step in answer for call in step.calls]
        request = ChatRequest(
            principal=principal,
            messages=tuple(messages),
            message_id=message_id or new_id(),
            chat_id=self._id("id") or self._id("chatId"),
            model_id=self._name("model") or self._name("modelId"),
            tools=self._tools(),
            temperature=self._temperature(),
            max_output_tokens=self._max_tokens(),
            restored=restored_events(answer),
            verdicts=tuple(call.verdict for call in calls if call.verdict is not None),
            used_call_ids=frozenset(call.part.call_id for call in calls),
        )
        return ReadChat(
            request=request,
            continues=continued is not None,
            client_generation=self._generation,
            ignored=self.notes.ignored,
        )

    # --- the envelope

    def _raw_messages(self) -> list[JsonObject]:
        value = self._body.get("messages")
        pointer = "/messages"
        if value is None and "message" in self._body:
            value, pointer = [self._body["message"]], "/message"
        if not isinstance(value, list) or not value:
            self.notes.problem("/messages", "must be a list of at least one message")
            return []
        if len(value) > self._limits.max_messages:
            self.notes.problem(
                "/messages", f"has {len(value)} messages; at most {self._limits.max_messages} are allowed"
            )
            return []
        found: list[JsonObject] = []
        for index, message in enumerate(value):
            if isinstance(message, dict):
                found.append(message)
            else:
                self.notes.problem(f"{pointer}/{index}", "must be an object")
        return found if len(found) == len(value) else []

    def _continued(self, raw: list[JsonObject]) -> int | None:
        """Which message the answer goes on with: the assistant message that was named, else an assistant's last one."""
        if not raw:
            return None
        named = self._body.get("messageId")
        if isinstance(named, str) and self._body.get("trigger") != "regenerate-message":
            for index in range(len(raw) - 1, -1, -1):
                if raw[index].get("id") == named and raw[index].get("role") == "assistant":
                    return index
        return len(raw) - 1 if raw[-1].get("role") == "assistant" else None

    def _answer_id(self, message: JsonObject) -> str | None:
        value = message.get("id")
        return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable() else None

    def _id(self, name: str) -> str | None:
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID or not value.isprintable():
            self.notes.problem(f"/{name}", f"must be a text of 1 to {_LONGEST_ID} printable characters")
            return None
        return value

    def _name(self, name: str) -> str | None:
        value = self._body.get(name)
        if value is None or (isinstance(value, str) and value):
            return value
        self.notes.problem(f"/{name}", "must be a text that names a model")
        return None

    def _tools(self) -> tuple[str, ...] | None:
        value = self._body.get("tools")
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            self.notes.problem("/tools", "must be a list of tool names")
            return None
        return tuple(name for name in value if isinstance(name, str))

    def _temperature(self) -> float | None:
        value = self._body.get("temperature")
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value <= self._limits.temperature_max
        ):
            self.notes.problem("/temperature", f"must be a number from 0 to {self._limits.temperature_max:g}")
            return None
        return float(value)

    def _max_tokens(self) -> int | None:
        for name in ("max_tokens", "maxTokens", "maxOutputTokens", "max_completion_tokens"):
            value = self._body.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                self.notes.problem(f"/{name}", "must be a whole number from 1")
                return None
            return value
        return None

    # --- messages

    def _message(self, message: JsonObject, pointer: str) -> Iterable[Message]:
        role = message.get("role")
        match role:
            case "system" | "developer":
                parts = self._user_parts(message, pointer)
                text = "".join(part.text for part in parts if isinstance(part, TextPart))
                return (SystemMessage(text=text),) if text else ()
            case "user":
                return (UserMessage(parts=tuple(self._user_parts(message, pointer))),)
            case "tool":
                return self._tool_message(message, pointer)
            case "data":
                self._generation = "v4"
                self.notes.ignore("role:data")
                return ()
            case str():
                self.notes.ignore("role:unknown")
                return ()
            case _:
                self.notes.problem(f"{pointer}/role", "must be user, assistant, system or tool")
                return ()

    def _user_parts(self, message: JsonObject, pointer: str) -> list[UserPart]:
        parts = self.notes.items(message, "parts", pointer)
        found: list[UserPart] = []
        if parts is None:
            content = message.get("content")
            if isinstance(content, list):
                found = self._content_parts(content, f"{pointer}/content")
            elif isinstance(content, str):
                found = [TextPart(text=self.notes.text(content, f"{pointer}/content"))]
            else:
                self.notes.problem(f"{pointer}/content", "must be a text or a list of parts")
        else:
            self._generation = "v5+" if "content" not in message else "v4"
            found = self._content_parts(parts, f"{pointer}/parts")
            if not found and isinstance(content := message.get("content"), str) and content:
                found = [TextPart(text=self.notes.text(content, f"{pointer}/content"))]
        attachments = self.notes.items(message, "experimental_attachments", pointer)
        if attachments:
            self._generation = "v4"
            for index, attachment in enumerate(attachments):
                if isinstance(attachment, dict):
                    place = f"{pointer}/experimental_attachments/{index}"
                    self._file(
                        attachment.get("url"), attachment.get("contentType"), attachment.get("name"), place, found
                    )
        return found

    def _content_parts(self, parts: list[JsonValue], pointer: str) -> list[UserPart]:
        """A user's parts, in the AI SDK's words or in OpenAI's."""
        found: list[UserPart] = []
        for index, part in enumerate(parts):
            place = f"{pointer}/{index}"
            if not self.notes.part(place):
                break
            if not isinstance(part, dict):
                self.notes.problem(place, "must be an object")
                continue
            match part.get("type"):
                case "text" | "input_text":
                    found.append(TextPart(text=self.notes.text(part.get("text"), f"{place}/text")))
                case "file" if isinstance(inner := part.get("file"), dict):
                    self._file(inner.get("file_data"), None, inner.get("filename"), f"{place}/file/file_data", found)
                case "file":
                    if isinstance(part.get("data"), str) and isinstance(part.get("mimeType"), str):
                        url: JsonValue = f"data:{part['mimeType']};base64,{part['data']}"
                    else:
                        url = part.get("url")
                    self._file(
                        url, part.get("mediaType") or part.get("mimeType"), part.get("filename"), f"{place}/url", found
                    )
                case "image_url":
                    image = part.get("image_url")
                    link = image.get("url") if isinstance(image, dict) else image
                    self._file(link, "image/*", None, f"{place}/image_url/url", found)
                case other:
                    self.notes.ignore_part(other)
        return found

    def _steps(self, message: JsonObject, pointer: str) -> list[Step]:
        if "parts" in message:
            self._generation = "v4" if "content" in message and "trigger" not in self._body else "v5+"
        elif "toolInvocations" in message:
            self._generation = "v4"
        return read_steps(message, pointer, self.notes, max_file_bytes=self._limits.max_file_bytes)

    def _tool_message(self, message: JsonObject, pointer: str) -> Iterable[Message]:
        """OpenAI's `tool` role."""
        call_id, content = message.get("tool_call_id"), message.get("content")
        if not isinstance(call_id, str) or not call_id:
            self.notes.problem(f"{pointer}/tool_call_id", "must be a text")
            return ()
        if isinstance(content, list):
            texts = [part.get("text") for part in content if isinstance(part, dict)]
            content = "".join(text for text in texts if isinstance(text, str))
        output = self.notes.text(content, f"{pointer}/content")
        name = message.get("name")
        tool = name if isinstance(name, str) else ""
        return (ToolMessage(results=(ToolResultPart(call_id=call_id, tool=tool, output=output),)),)

    def _file(
        self, url: JsonValue, media_type: JsonValue, filename: JsonValue, pointer: str, found: list[UserPart]
    ) -> None:
        file = read_file(self.notes, url, media_type, filename, pointer, max_bytes=self._limits.max_file_bytes)
        if file is not None:
            found.append(file)
