"""AG-UI 1.0 events as Server-Sent Events, for CopilotKit and other clients of that protocol.

Each text part is a message of its own, and a step's calls belong to its last one. AG-UI has no place for the proof that a
result came from this server, and echoes message ids: the id of a result carries it. A call that waits for approval stays
without a result, and is answered as a client's own tool is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

from mamba_adapters.http.wire.json_text import dumps
from mamba_domain.events import (
    ApprovalRequested,
    FileProduced,
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

__all__ = ["AgUiEncoder", "sealed_result"]

_HEADERS = MappingProxyType({"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"})
_DENIED = "The call was declined."
_TEXT, _JSON, _ERROR = "text", "json", "error"


class AgUiEncoder:
    """One reader's run; both ids are the request's."""

    media_type = "text/event-stream"
    headers: Mapping[str, str] = _HEADERS
    keep_alive = b": keep-alive\n\n"
    is_document = False
    is_cut = False

    def __init__(self, *, thread_id: str, run_id: str) -> None:
        self._run: JsonObject = {"threadId": thread_id, "runId": run_id}
        self._message_id = ""
        self._model = ""
        self._messages = 0
        self._steps = 0
        self._step = ""
        self._parent = ""
        self._open_kind = ""
        self._open_id = ""
        self._open_calls: set[str] = set()

    def encode(self, events: Sequence[TurnEvent]) -> bytes:
        """See `WireEncoder`."""
        out: list[bytes] = []
        for event in events:
            self._encode(event, out)
        return b"".join(out)

    def _encode(self, event: TurnEvent, out: list[bytes]) -> None:
        match event:
            case TextDelta(text=text):
                self._delta("TEXT", text, out)
            case ReasoningDelta(text=text):
                self._delta("REASONING", text, out)
            case TurnStarted(message_id=message_id, model=model):
                self._message_id, self._model = message_id, model
                out.append(_event("RUN_STARTED", self._run))
            case StepStarted():
                self._steps += 1
                self._step, self._parent = f"step-{self._steps}", ""
                out.append(_event("STEP_STARTED", {"stepName": self._step}))
            case StepFinished():
                self._end_step(out)
            case ReasoningClosed():
                if self._open_kind == "REASONING":
                    self._close(out)
            case SourceFound(source_id=source_id, url=url, title=title):
                source: JsonObject = {"id": source_id, "url": url}
                out.append(_custom("source", source if title is None else {**source, "title": title}))
            case FileProduced(media_type=media_type, url=url):
                out.append(_custom("file", {"mimeType": media_type, "url": url}))
            case ToolInputStarted() | ToolInputDelta() | ToolCalled() | ToolInputInvalid():
                self._tool_input(event, out)
            case ToolReturned(call_id=call_id, output=output, seal=seal):
                kind = _TEXT if isinstance(output, str) else _JSON
                out.append(_result(call_id, output if isinstance(output, str) else dumps(output).decode(), kind, seal))
            case ToolErrored(call_id=call_id, error_text=text, seal=seal):
                out.append(_result(call_id, text, _ERROR, seal))
            case ToolDenied(call_id=call_id, reason=reason):
                out.append(_result(call_id, reason or _DENIED, _ERROR, None))
            case Restored() | ToolProgressed() | ApprovalRequested():
                """The client has it already, or the protocol has no word for it."""
            case TurnFinished(usage=usage) | TurnCancelled(usage=usage):
                self._end_step(out)
                outcome: JsonObject = {"type": "success" if isinstance(event, TurnFinished) else "cancelled"}
                finished: JsonObject = {**self._run, "outcome": outcome, "usage": self._usage(usage)}
                out.append(_event("RUN_FINISHED", finished))
            case TurnFailed(message=message, code=code, usage=usage):
                self._end_step(out)
                error: JsonObject = {"message": message, "code": code.value, "usage": self._usage(usage)}
                out.append(_event("RUN_ERROR", error))
            case _:
                assert_never(event)

    def _delta(self, kind: str, text: str, out: list[bytes]) -> None:
        if not text:
            return
        if self._open_kind != kind:
            self._open(kind, out)
        prefix = "TEXT_MESSAGE" if kind == "TEXT" else "REASONING_MESSAGE"
        out.append(_event(f"{prefix}_CONTENT", {"messageId": self._open_id, "delta": text}))

    def _open(self, kind: str, out: list[bytes]) -> None:
        self._close(out)
        self._open_kind, self._open_id = kind, self._next_id()
        if kind == "TEXT":
            self._parent = self._open_id
            out.append(_event("TEXT_MESSAGE_START", {"messageId": self._open_id, "role": "assistant"}))
        else:
            out.append(_event("REASONING_START", {"messageId": self._open_id}))
            out.append(_event("REASONING_MESSAGE_START", {"messageId": self._open_id, "role": "reasoning"}))

    def _close(self, out: list[bytes]) -> None:
        if self._open_kind == "TEXT":
            out.append(_event("TEXT_MESSAGE_END", {"messageId": self._open_id}))
        elif self._open_kind:
            out.append(_event("REASONING_MESSAGE_END", {"messageId": self._open_id}))
            out.append(_event("REASONING_END", {"messageId": self._open_id}))
        self._open_kind = ""

    def _next_id(self) -> str:
        self._messages += 1
        return self._message_id if self._messages == 1 else f"{self._message_id}-{self._messages}"

    def _end_step(self, out: list[bytes]) -> None:
        self._close(out)
        out += [_event("TOOL_CALL_END", {"toolCallId": call_id}) for call_id in sorted(self._open_calls)]
        self._open_calls.clear()
        if self._step:
            out.append(_event("STEP_FINISHED", {"stepName": self._step}))
            self._step = ""

    def _tool_input(
        self, event: ToolInputStarted | ToolInputDelta | ToolCalled | ToolInputInvalid, out: list[bytes]
    ) -> None:
        call_id = event.call_id
        if isinstance(event, ToolInputDelta):
            if call_id in self._open_calls:
                out.append(_event("TOOL_CALL_ARGS", {"toolCallId": call_id, "delta": event.text}))
            return
        if call_id not in self._open_calls:
            self._close(out)
            self._parent = self._parent or self._next_id()
            start: JsonObject = {"toolCallId": call_id, "toolCallName": event.tool, "parentMessageId": self._parent}
            out.append(_event("TOOL_CALL_START", start))
            self._open_calls.add(call_id)
            if not isinstance(event, ToolInputStarted):
                arguments = event.input if isinstance(event.input, str) else dumps(event.input).decode()
                out.append(_event("TOOL_CALL_ARGS", {"toolCallId": call_id, "delta": arguments}))
        if not isinstance(event, ToolInputStarted):
            self._open_calls.discard(call_id)
            out.append(_event("TOOL_CALL_END", {"toolCallId": call_id}))
            if isinstance(event, ToolInputInvalid):
                out.append(_result(call_id, event.error_text, _ERROR, None))

    def _usage(self, usage: Usage) -> list[JsonValue]:
        tokens: JsonObject = {
            "model": self._model,
            "inputTokens": usage.input_tokens,
            "outputTokens": usage.output_tokens,
            "totalTokens": usage.total_tokens,
            "reasoningTokens": usage.reasoning_tokens,
            "cachedInputTokens": usage.cached_input_tokens,
        }
        return [tokens]


def sealed_result(message_id: str) -> tuple[str, str] | None:
    """What the id of a result message says: its form (text, json or error) and its seal; None for another's id."""
    form, dot, rest = message_id.partition(".")
    _, _, seal = rest.partition(".")
    return (form, seal) if dot and form in (_TEXT, _JSON, _ERROR) and seal else None


def _result(call_id: str, content: str, form: str, seal: str | None) -> bytes:
    message_id = f"result-{call_id}" if seal is None else f"{form}.{call_id.replace('.', '_')}.{seal}"
    fields: JsonObject = {"messageId": message_id, "toolCallId": call_id, "content": content, "role": "tool"}
    return _event("TOOL_CALL_RESULT", fields)


def _custom(name: str, value: JsonObject) -> bytes:
    return _event("CUSTOM", {"name": name, "value": value})


def _event(kind: str, fields: JsonObject) -> bytes:
    return b"data: " + dumps({"type": kind, **fields}) + b"\n\n"
