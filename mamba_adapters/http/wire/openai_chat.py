"""OpenAI's Chat Completions, streamed and whole, for every client that speaks it.

What the server's own tools do stays inside: only calls that the client has to answer are shown, and a call that waits for a
person's approval is one of them. A call is sent when it is complete and judged, since until then it may turn out invalid or
the server's. Reasoning goes into `reasoning_content`, which this API's own models never show but many clients read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

from mamba_adapters.http.wire.json_text import dumps
from mamba_domain.events import (
    ApprovalRequested,
    FileProduced,
    FinishReason,
    ReasoningClosed,
    ReasoningDelta,
    Restored,
    SourceFound,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCalled,
    ToolDenied,
    ToolErrored,
    ToolInputDelta,
    ToolInputInvalid,
    ToolInputStarted,
    ToolProgressed,
    ToolReturned,
    TurnCancelled,
    TurnEvent,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Usage,
)
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["OpenAiChunks", "OpenAiDocument", "openai_error"]

_HEADERS = MappingProxyType({"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"})
_DONE = b"data: [DONE]\n\n"
_BETWEEN_STEPS = "\n\n"
_FINISH_REASONS: Mapping[FinishReason, str] = {
    FinishReason.STOP: "stop",
    FinishReason.LENGTH: "length",
    FinishReason.CONTENT_FILTER: "content_filter",
    FinishReason.TOOL_CALLS: "tool_calls",
    FinishReason.OTHER: "stop",
}


class _Relevant:
    """Turns events into deltas of a message; `created` is in seconds of Unix time, `declared` the client's own tools."""

    def __init__(self, *, created: int, declared: frozenset[str]) -> None:
        self.id = ""
        self.model = ""
        self.created = created
        self.calls = 0
        self._declared = declared
        self._hidden: dict[str, ToolCalled] = {}
        self._spoken = False
        self._parted = False

    def delta(self, event: TurnEvent) -> JsonObject | None:
        """What the event adds to the message; None where it is nobody's business here."""
        match event:
            case TextDelta(text=text):
                if self._parted:
                    text = _BETWEEN_STEPS + text
                    self._parted = False
                self._spoken = True
                return {"content": text}
            case ReasoningDelta(text=text):
                return {"reasoning_content": text}
            case TurnStarted(message_id=message_id, model=model):
                self.id, self.model = message_id, model
                return {"role": "assistant", "content": ""}
            case StepStarted():
                self._parted = self._spoken
            case ToolCalled(call_id=call_id, tool=tool):
                if tool in self._declared:
                    return self._call(event)
                self._hidden[call_id] = event
            case ApprovalRequested(call_id=call_id):
                if (called := self._hidden.get(call_id)) is not None:
                    return self._call(called)
            case (
                Restored()
                | StepFinished()
                | ReasoningClosed()
                | SourceFound()
                | FileProduced()
                | ToolInputStarted()
                | ToolInputDelta()
                | ToolInputInvalid()
                | ToolProgressed()
                | ToolReturned()
                | ToolErrored()
                | ToolDenied()
                | TurnFinished()
                | TurnFailed()
                | TurnCancelled()
            ):
                """Inside, or told otherwise."""
            case _:
                assert_never(event)
        return None

    def finish_reason(self, end: TurnFinished | TurnCancelled) -> str:
        """In OpenAI's words; calls are waited for only where some were shown."""
        if self.calls:
            return "tool_calls"
        if isinstance(end, TurnCancelled) or end.finish_reason is FinishReason.TOOL_CALLS:
            return "stop"
        return _FINISH_REASONS[end.finish_reason]

    def head(self, kind: str) -> JsonObject:
        """The fields that every object of the answer has."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _call(self, called: ToolCalled) -> JsonObject:
        function: JsonObject = {"name": called.tool, "arguments": dumps(called.input).decode()}
        call: JsonObject = {"index": self.calls, "id": called.call_id, "type": "function", "function": function}
        self.calls += 1
        return {"tool_calls": [call]}


class OpenAiChunks:
    """The answer as `chat.completion.chunk` objects."""

    media_type = "text/event-stream"
    headers: Mapping[str, str] = _HEADERS
    keep_alive = b": keep-alive\n\n"
    is_document = False
    is_cut = False

    def __init__(self, *, created: int, declared: frozenset[str], include_usage: bool) -> None:
        self._message = _Relevant(created=created, declared=declared)
        self._include_usage = include_usage

    def encode(self, events: Sequence[TurnEvent]) -> bytes:
        """See `WireEncoder`."""
        out: list[bytes] = []
        for event in events:
            if (delta := self._message.delta(event)) is not None:
                out.append(self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]))
            elif isinstance(event, TurnFinished | TurnCancelled):
                reason = self._message.finish_reason(event)
                out.append(self._chunk([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}]))
                if self._include_usage:
                    out.append(self._chunk([], usage=_usage(event.usage)))
                out.append(_DONE)
            elif isinstance(event, TurnFailed):
                out.append(_frame(openai_error(event.message, kind="server_error", code=event.code.value)))
                out.append(_DONE)
        return b"".join(out)

    def _chunk(self, choices: list[JsonValue], usage: JsonObject | None = None) -> bytes:
        chunk = {**self._message.head("chat.completion.chunk"), "choices": choices}
        if self._include_usage:
            chunk["usage"] = usage
        return _frame(chunk)


class OpenAiDocument:
    """The answer as one `chat.completion` object."""

    media_type = "application/json"
    headers: Mapping[str, str] = MappingProxyType({"cache-control": "no-store"})
    keep_alive = b""
    is_document = True
    is_cut = False

    def __init__(self, *, created: int, declared: frozenset[str]) -> None:
        self._message = _Relevant(created=created, declared=declared)
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[JsonValue] = []

    def encode(self, events: Sequence[TurnEvent]) -> bytes:
        """See `WireEncoder`; nothing before the end."""
        for event in events:
            match self._message.delta(event):
                case {"content": str(text)}:
                    self._texts.append(text)
                case {"reasoning_content": str(text)}:
                    self._reasoning.append(text)
                case {"tool_calls": [dict(call)]}:
                    self._calls.append({name: value for name, value in call.items() if name != "index"})
            if isinstance(event, TurnFinished | TurnCancelled):
                return dumps(self._document(event))
        return b""

    def _document(self, end: TurnFinished | TurnCancelled) -> JsonObject:
        message: JsonObject = {"role": "assistant", "content": "".join(self._texts) or None, "refusal": None}
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        if self._calls:
            message["tool_calls"] = self._calls
        elif message["content"] is None:
            message["content"] = ""
        reason = self._message.finish_reason(end)
        choice: JsonObject = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        return {**self._message.head("chat.completion"), "choices": [choice], "usage": _usage(end.usage)}


def openai_error(message: str, *, kind: str, code: str, param: str | None = None) -> JsonObject:
    """OpenAI's shape of a failure."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _frame(value: JsonObject) -> bytes:
    return b"data: " + dumps(value) + b"\n\n"
