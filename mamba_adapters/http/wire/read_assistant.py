"""Reads an assistant's message of any generation into steps.

AI SDK 5 to 7 mark steps by `step-start` parts, AI SDK 4 by a number in each tool invocation and by text that follows one,
OpenAI's shape has one step a message.
"""

from __future__ import annotations

from mamba_adapters.http.wire.read_calls import CallReader
from mamba_adapters.http.wire.read_files import read_file_part
from mamba_adapters.http.wire.read_notes import Notes
from mamba_adapters.http.wire.read_steps import Answer, Item, Step
from mamba_adapters.http.wire.read_user import read_user_parts
from mamba_domain.events import SourceFound
from mamba_domain.messages import JsonObject, JsonValue, ReasoningPart, TextPart

__all__ = ["read_answer"]


def read_answer(message: JsonObject, pointer: str, notes: Notes, *, is_continued: bool) -> Answer:
    """One assistant's message; `is_continued`: the answer goes on with it."""
    reader = _Reader(message, notes, is_continued=is_continued)
    reader.read(pointer)
    steps = tuple(step for step in reader.steps if step.items or step.interjected)
    return Answer(steps=steps, call_ids=frozenset(reader.calls.ids))


class _Reader:
    def __init__(self, message: JsonObject, notes: Notes, *, is_continued: bool) -> None:
        self.steps = [Step()]
        self.calls = CallReader(notes, seals=_seals(message), decides=is_continued)
        self._message = message
        self._notes = notes
        self._is_continued = is_continued
        self._is_v4 = isinstance(message.get("content"), str) and "parts" in message
        self._number: JsonValue = None

    def read(self, pointer: str) -> None:
        message, notes = self._message, self._notes
        content = message.get("content")
        if (parts := notes.items(message, "parts", pointer)) is not None:
            self._parts(parts, f"{pointer}/parts")
        elif isinstance(content, list):
            self._parts(content, f"{pointer}/content")
        elif invocations := notes.items(message, "toolInvocations", pointer):
            self._invocations(invocations, content, pointer)
        elif content is not None:
            self._text(content, f"{pointer}/content")
        for index, call in enumerate(notes.items(message, "tool_calls", pointer) or ()):
            notes.count_part()
            self._add(self.calls.openai_call(call, f"{pointer}/tool_calls/{index}"))

    def _invocations(self, invocations: list[JsonValue], content: JsonValue, pointer: str) -> None:
        """AI SDK 4 before it had parts: the text is what was said last, unless the answer goes on behind the calls."""
        if self._is_continued and content is not None:
            self._text(content, f"{pointer}/content")
        for index, invocation in enumerate(invocations):
            self._notes.count_part()
            self._invocation(invocation, f"{pointer}/toolInvocations/{index}")
        if not self._is_continued and content is not None:
            self._new_step()
            self._text(content, f"{pointer}/content")

    def _parts(self, parts: list[JsonValue], pointer: str) -> None:
        for index, value in enumerate(parts):
            place = f"{pointer}/{index}"
            part = self._notes.part(value, place)
            if part is not None:
                self._part(part, place)

    def _part(self, part: JsonObject, pointer: str) -> None:
        kind = part.get("type")
        match kind:
            case "text" | "output_text":
                if self._is_v4 and self.steps[-1].calls:
                    self._new_step()
                self._text(part.get("text"), f"{pointer}/text")
            case "step-start":
                self._new_step()
            case "reasoning":
                self._reasoning(part, pointer)
            case "file":
                self._add(read_file_part(part, pointer, self._notes))
            case "source-url" | "source":
                self._source(part)
            case "tool-invocation":
                self._invocation(part.get("toolInvocation"), f"{pointer}/toolInvocation")
            case "dynamic-tool":
                is_dynamic = part.get("dynamic") is not False
                self._add(self.calls.tool_part(part, part.get("toolName"), pointer, dynamic=is_dynamic))
            case "steering-message":
                self._steering(part, pointer)
            case "refusal":
                self._text(part.get("refusal"), f"{pointer}/refusal")
            case str() if kind.startswith("tool-") and len(kind) > len("tool-"):
                self._add(self.calls.tool_part(part, kind.removeprefix("tool-"), pointer, dynamic=False))
            case _:
                self._notes.ignore_part(kind)

    def _text(self, value: JsonValue, pointer: str) -> None:
        if text := self._notes.text(value, pointer):
            self._add(TextPart(text=text))

    def _reasoning(self, part: JsonObject, pointer: str) -> None:
        """What the provider said about it counts only where this server wrote it down."""
        name = "text" if "text" in part else "reasoning"
        text = self._notes.text(part.get(name), f"{pointer}/{name}")
        metadata = part.get("providerMetadata")
        ours = metadata.get("mamba") if isinstance(metadata, dict) else None
        data = ours if isinstance(ours, dict) else None
        if text or data is not None:
            self._add(ReasoningPart(text=text, provider_data=data))

    def _source(self, part: JsonObject) -> None:
        """A cited page: shown again to readers, never told to models."""
        self._notes.ignore_part(part.get("type"))
        inner = part.get("source")
        source = inner if isinstance(inner, dict) else part
        url, title = source.get("url"), source.get("title")
        source_id = source.get("sourceId") or source.get("id")
        if isinstance(url, str) and isinstance(source_id, str):
            self._add(SourceFound(source_id=source_id, url=url, title=title if isinstance(title, str) else None))

    def _invocation(self, value: JsonValue, pointer: str) -> None:
        call = self.calls.invocation(value, pointer)
        number = value.get("step") if isinstance(value, dict) else None
        if self.steps[-1].calls and number != self._number:
            self._new_step()
        self._number = number
        self._add(call)

    def _steering(self, part: JsonObject, pointer: str) -> None:
        """The person spoke while the answer was being given."""
        parts = self._notes.items(part, "parts", pointer) or []
        self.steps[-1].interjected += read_user_parts(parts, f"{pointer}/parts", self._notes)
        self._new_step()

    def _add(self, item: Item | None) -> None:
        if item is not None:
            self.steps[-1].items.append(item)

    def _new_step(self) -> None:
        if self.steps[-1].items or self.steps[-1].interjected:
            self.steps.append(Step())


def _seals(message: JsonObject) -> JsonObject:
    """The proofs of this server's results: in the metadata, or for AI SDK 4 in annotations."""
    annotations = message.get("annotations")
    places = [message.get("metadata"), *(annotations if isinstance(annotations, list) else ())]
    found = [place["seals"] for place in places if isinstance(place, dict) and "seals" in place]
    return {call_id: seal for seals in found if isinstance(seals, dict) for call_id, seal in seals.items()}
