"""Renders a turn as Chat Completions chunks, or as one `chat.completion` object."""

from collections.abc import Mapping, Sequence

from .asked import Asked
from .replies import Reply, Usage
from .steps import (
    Altered,
    ChatDelta,
    Citation,
    ContentStep,
    Done,
    Failure,
    Finish,
    Frame,
    JsonObject,
    JsonValue,
    Reasoning,
    Refusal,
    Step,
    Text,
    ToolArguments,
    ToolCall,
)
from .wire import CREATED, DONE, chunk_padding, dump, error_object, sse

__all__ = ["ChatWire"]

_ID = "chatcmpl-C0ffee00mamba"


class ChatWire:
    """The `Wire` of `POST /v1/chat/completions`."""

    def __init__(self, asked: Asked, reply: Reply) -> None:
        self._dialect = reply.dialect
        self._usage = reply.usage
        self._include_usage = asked.stream_option("include_usage", False)
        self._obfuscate = asked.stream_option("include_obfuscation", True)
        self._model = asked.model

    def opening(self) -> list[bytes]:
        return [self._chunk({"role": "assistant", "content": "", "refusal": None})]

    def frames(self, step: ContentStep) -> list[bytes]:
        match step:
            case Text(text=text, choice=choice):
                return [self._chunk({"content": text}, choice=choice, pad=text)]
            case Reasoning(text=text):
                return [self._chunk({"reasoning_content": text}, pad=text)]
            case Refusal(text=text):
                return [self._chunk({"refusal": text}, pad=text)]
            case ToolCall() | ToolArguments():
                return [self._chunk({"tool_calls": [_tool_delta(step)]})]
            case Citation():
                return [self._chunk({"annotations": [_annotation(step)]})]
            case ChatDelta(delta=delta):
                return [self._chunk(delta)]
            case Finish(reason=reason):
                return [self._chunk({}, finish=reason)]
            case Done():
                usage = [self._usage_chunk(self._usage)] if self._include_usage and self._usage else []
                return [*usage, DONE]
            case Failure(code=code):
                return [sse(dump({"error": error_object(code)}))]
            case Frame(data=data):
                return [data]
            case Altered(step=inner, alter=alter):
                return [alter(frame) for frame in self.frames(inner)]
            case _:
                return []

    def document(self, reply: Reply) -> JsonObject:
        return {
            "id": _ID,
            "object": "chat.completion",
            "created": CREATED,
            "model": self._model,
            "choices": [{"index": 0, "message": _message(reply), "logprobs": None, "finish_reason": reply.ending}],
            "usage": _usage(reply.usage) if reply.usage else None,
            "service_tier": "default",
            "system_fingerprint": "fp_mamba0000",
        }

    def _chunk(self, delta: JsonObject, *, choice: int = 0, finish: str | None = None, pad: str = "") -> bytes:
        if self._dialect == "minimal":
            return sse(dump({"choices": [{"delta": delta} | ({"finish_reason": finish} if finish else {})]}))
        if self._dialect == "extra":
            delta = {**delta, "x_unknown": {"deep": [1, {"er": None}]}, "audio": None}
        picked: JsonObject = {"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse(dump({**self._frame([picked]), **self._padding(pad)}))

    def _usage_chunk(self, usage: Usage) -> bytes:
        if self._dialect == "minimal":
            return sse(dump({"choices": [], "usage": _usage(usage)}))
        return sse(dump({**self._frame([]), "usage": _usage(usage), **self._padding("")}))

    def _frame(self, choices: Sequence[JsonValue]) -> dict[str, JsonValue]:
        extra: Mapping[str, JsonValue] = {}
        if self._dialect == "extra":
            extra = {"x_provider": "elsewhere", "x_nested": {"choices": [{"delta": {"content": "not this"}}]}}
        return {
            "id": _ID,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self._model,
            "service_tier": "default",
            "system_fingerprint": "fp_mamba0000",
            **extra,
            "choices": choices,
            **({"usage": None} if self._include_usage else {}),
        }

    def _padding(self, text: str) -> dict[str, JsonValue]:
        return {"obfuscation": chunk_padding(text)} if self._obfuscate else {}


def _tool_delta(step: ToolCall | ToolArguments) -> JsonObject:
    if isinstance(step, ToolArguments):
        return {"index": step.call, "function": {"arguments": step.text}}
    name: JsonObject = {} if step.name is None else {"name": step.name}
    id: JsonObject = {} if step.id is None else {"id": step.id}
    return {"index": step.call, **id, "type": "function", "function": {**name, "arguments": ""}}


def _annotation(step: Citation) -> JsonObject:
    where: JsonObject = {
        "url": step.url,
        "title": step.title,
        "start_index": step.start,
        "end_index": step.end,
    }
    return {"type": "url_citation", "url_citation": where}


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _message(reply: Reply) -> JsonObject:
    steps = reply.steps
    calls = [step for step in steps if isinstance(step, ToolCall)]
    thoughts = "".join(step.text for step in steps if isinstance(step, Reasoning))
    message: dict[str, JsonValue] = {
        "role": "assistant",
        "content": reply.text or None,
        "refusal": "".join(step.text for step in steps if isinstance(step, Refusal)) or None,
        "annotations": [_annotation(step) for step in steps if isinstance(step, Citation)],
    }
    if thoughts:
        message["reasoning_content"] = thoughts
    if calls:
        message["tool_calls"] = [_whole_call(call, steps) for call in calls]
    return message


def _whole_call(call: ToolCall, steps: Sequence[Step]) -> JsonObject:
    arguments = "".join(s.text for s in steps if isinstance(s, ToolArguments) and s.call == call.call)
    name: JsonObject = {} if call.name is None else {"name": call.name}
    id: JsonObject = {} if call.id is None else {"id": call.id}
    return {**id, "type": "function", "function": {**name, "arguments": arguments}}
