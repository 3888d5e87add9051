"""Renders a turn as Responses API events, or as one `response` object."""

from collections import Counter

from .asked import Asked
from .replies import Reply
from .responses_objects import ItemKind, OutputItem, PartKind, content_part, ending, usage_object
from .steps import (
    Altered,
    Citation,
    ContentStep,
    Failure,
    Finish,
    Frame,
    JsonObject,
    JsonValue,
    Reasoning,
    Refusal,
    ResponsesEvent,
    Seal,
    Text,
    ToolArguments,
    ToolCall,
    WindUp,
)
from .wire import CREATED, chunk_padding, dump, error_object, sse

__all__ = ["ResponsesWire"]

_ID = "resp_c0ffee00mamba"
_PASSED = ("sequence_number", "obfuscation", "logprobs", "content_index", "summary_index")
_PART = {"output_text": "text", "refusal": "refusal"}


class ResponsesWire:
    """The `Wire` of `POST /v1/responses`."""

    def __init__(self, asked: Asked, reply: Reply) -> None:
        self._asked = asked
        self._usage = reply.usage
        self._dialect = reply.dialect
        self._obfuscate = asked.stream_option("include_obfuscation", True)
        self._items: list[OutputItem] = []
        self._sequence = 0
        ends_well = reply.ending in ("stop", "tool_calls")
        fragments = (step.call for step in reply.steps if isinstance(step, ToolArguments))
        self._fragments_left = Counter(fragments if ends_well else ())

    def opening(self) -> list[bytes]:
        return [self._snapshot("response.created"), self._snapshot("response.in_progress")]

    def frames(self, step: ContentStep) -> list[bytes]:
        match step:
            case Text(text=text, choice=0):
                return self._say("output_text", text)
            case Refusal(text=text):
                return self._say("refusal", text)
            case Reasoning(text=text):
                return self._think(text)
            case Seal(encrypted_content=content):
                return self._seal(content)
            case ToolCall():
                return [*self._close("message", "reasoning"), self._open("function_call", "fc", call=step)[0]]
            case ToolArguments(call=call, text=text):
                return self._arguments(call, text)
            case Citation():
                return self._cite(step)
            case WindUp():
                return self._close("message", "reasoning", "function_call")
            case Finish(reason=reason):
                return self._finish(reason)
            case Failure(code=code, failed=failed):
                return [self._failed(code) if failed else self._error(code)]
            case ResponsesEvent(type=type, fields=fields):
                return [self._event(type, fields)]
            case Frame(data=data):
                return [data]
            case Altered(step=inner, alter=alter):
                return [alter(frame) for frame in self.frames(inner)]
            case _:
                return []

    def document(self, reply: Reply) -> JsonObject:
        for step in reply.steps:
            if isinstance(step, Text | Reasoning | Seal | Refusal | ToolCall | ToolArguments | Citation):
                self.frames(step)
        status, incomplete = ending(reply.ending or "stop")
        self._close("message", "reasoning", "function_call", status=status)
        return self._response(status, incomplete)

    # Items

    def _open(self, kind: ItemKind, prefix: str, call: ToolCall | None = None) -> tuple[bytes, OutputItem]:
        index = len(self._items)
        item = OutputItem(kind, index, f"{prefix}_c0ffee{index:02d}", call)
        self._items.append(item)
        added: JsonObject = {"output_index": index, "item": item.json("in_progress")}
        return self._event("response.output_item.added", added), item

    def _current(self, kind: str) -> OutputItem | None:
        return next((item for item in reversed(self._items) if item.kind == kind and not item.done), None)

    def _close(self, *kinds: str, status: str = "completed") -> list[bytes]:
        frames: list[bytes] = []
        for item in self._items:
            if item.kind in kinds and not item.done:
                frames += self._close_item(item, status)
        return frames

    def _close_item(self, item: OutputItem, status: str) -> list[bytes]:
        frames = [] if item.kind == "function_call" else self._close_part(item)
        if item.kind == "function_call":
            arguments: JsonObject = {**self._at(item), "arguments": "".join(item.pieces)}
            frames.append(self._event("response.function_call_arguments.done", arguments))
        item.done = True
        done: JsonObject = {"output_index": item.index, "item": item.json(status)}
        return [*frames, self._event("response.output_item.done", done)]

    # Messages

    def _say(self, kind: PartKind, text: str) -> list[bytes]:
        frames: list[bytes] = []
        item = self._current("message")
        if item is None:
            frames += self._close("reasoning", "function_call")
            opened, item = self._open("message", "msg")
            frames.append(opened)
        if item.part != kind:
            frames += self._close_part(item)
            item.part = kind
            frames.append(self._event("response.content_part.added", self._part_at(item)))
        item.pieces.append(text)
        logprobs: JsonObject = {"logprobs": []} if kind == "output_text" else {}
        delta: JsonObject = {**self._content_at(item), "delta": text, **logprobs, **self._padding(text)}
        return [*frames, self._event(f"response.{kind}.delta", delta)]

    def _cite(self, step: Citation) -> list[bytes]:
        frames = [] if self._current("message") else self._say("output_text", "")
        item = self._current("message")
        assert item is not None
        annotation: JsonObject = {
            "type": "url_citation",
            "url": step.url,
            "title": step.title,
            "start_index": step.start,
            "end_index": step.end,
        }
        where: JsonObject = {**self._content_at(item), "annotation_index": len(item.annotations)}
        item.annotations.append(annotation)
        added: JsonObject = {**where, "annotation": annotation}
        return [*frames, self._event("response.output_text.annotation.added", added)]

    def _close_part(self, item: OutputItem) -> list[bytes]:
        whole = "".join(item.pieces)
        if item.kind == "reasoning":
            return self._close_summary(item, whole) if item.pieces else []
        if item.part is None:
            return []
        logprobs: JsonObject = {"logprobs": []} if item.part == "output_text" else {}
        done: JsonObject = {**self._content_at(item), _PART[item.part]: whole, **logprobs}
        frames = [
            self._event(f"response.{item.part}.done", done),
            self._event("response.content_part.done", self._part_at(item, whole)),
        ]
        item.parts.append(content_part(item, whole))
        item.part, item.pieces, item.annotations = None, [], []
        return frames

    # Reasoning and tools

    def _think(self, text: str) -> list[bytes]:
        frames: list[bytes] = []
        item = self._current("reasoning")
        if item is None:
            frames += self._close("message", "function_call")
            opened, item = self._open("reasoning", "rs")
            part: JsonObject = {
                **self._at(item),
                "summary_index": 0,
                "part": {"type": "summary_text", "text": ""},
            }
            frames += [opened, self._event("response.reasoning_summary_part.added", part)]
        item.pieces.append(text)
        delta: JsonObject = {**self._at(item), "summary_index": 0, "delta": text, **self._padding(text)}
        return [*frames, self._event("response.reasoning_summary_text.delta", delta)]

    def _seal(self, encrypted_content: str) -> list[bytes]:
        frames: list[bytes] = []
        item = self._current("reasoning")
        if item is None:
            opened, item = self._open("reasoning", "rs")
            frames.append(opened)
        item.encrypted_content = encrypted_content
        return [*frames, *self._close("reasoning")]

    def _close_summary(self, item: OutputItem, whole: str) -> list[bytes]:
        part: JsonObject = {"type": "summary_text", "text": whole}
        item.parts.append(part)
        where: JsonObject = {**self._at(item), "summary_index": 0}
        return [
            self._event("response.reasoning_summary_text.done", {**where, "text": whole}),
            self._event("response.reasoning_summary_part.done", {**where, "part": part}),
        ]

    def _arguments(self, call: int, text: str) -> list[bytes]:
        item = next((i for i in reversed(self._items) if i.call is not None and i.call.call == call), None)
        if item is None:
            return []
        item.pieces.append(text)
        delta: JsonObject = {**self._at(item), "delta": text, **self._padding(text)}
        frames = [self._event("response.function_call_arguments.delta", delta)]
        self._fragments_left[call] -= 1
        return frames if self._fragments_left[call] else [*frames, *self._close_item(item, "completed")]

    # Endings

    def _finish(self, reason: str) -> list[bytes]:
        status, incomplete = ending(reason)
        frames = self._close("message", "reasoning", "function_call", status=status)
        return [*frames, self._snapshot(f"response.{status}", status, incomplete)]

    def _failed(self, code: str) -> bytes:
        error: JsonObject = {"code": code, "message": error_object(code)["message"]}
        return self._event("response.failed", {"response": {**self._response("failed", None), "error": error}})

    def _error(self, code: str) -> bytes:
        error: JsonObject = {"code": code, "message": error_object(code)["message"], "param": None}
        return self._event("error", error)

    # Frames

    def _event(self, type: str, fields: JsonObject) -> bytes:
        event: dict[str, JsonValue] = {"type": type, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        if self._dialect == "minimal":
            event = {key: value for key, value in event.items() if key not in _PASSED}
        unknown = b""
        if self._dialect == "extra":
            event["x_unknown"] = {"deep": [1, {"delta": "not this"}]}
            unknown = sse(dump({"type": "response.x_news", "delta": "not this"}), "response.x_news")
        return unknown + sse(dump(event), type)

    def _snapshot(self, type: str, status: str = "in_progress", incomplete: str | None = None) -> bytes:
        return self._event(type, {"response": self._response(status, incomplete)})

    def _response(self, status: str, incomplete: str | None) -> JsonObject:
        ended = status in ("completed", "incomplete")
        body = self._asked.body
        output = [item.json("completed" if item.done else "in_progress") for item in self._items]
        if self._dialect == "minimal":
            return {"id": _ID, "status": status, "output": output if ended else []}
        return {
            "id": _ID,
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": {"reason": incomplete} if incomplete else None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "model": self._asked.model,
            "output": output if ended else [],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "default" if ended else "auto",
            "store": body.get("store", True),
            "temperature": 1.0,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools", []),
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": usage_object(self._usage) if ended and self._usage else None,
            "user": None,
            "metadata": {},
        }

    def _at(self, item: OutputItem) -> JsonObject:
        return {"item_id": item.id, "output_index": item.index}

    def _content_at(self, item: OutputItem) -> JsonObject:
        return {**self._at(item), "content_index": len(item.parts)}

    def _part_at(self, item: OutputItem, whole: str = "") -> JsonObject:
        return {**self._content_at(item), "part": content_part(item, whole)}

    def _padding(self, text: str) -> JsonObject:
        return {"obfuscation": chunk_padding(text)} if self._obfuscate else {}
