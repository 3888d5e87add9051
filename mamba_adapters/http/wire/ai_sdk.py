"""The AI SDK's UI message stream, version 1 (`ai` 5, 6 and 7), as Server-Sent Events.

What is sent depends on the reader's profile (`profiles`); by default it is what the first release of each major accepts.
What a profile lacks is emulated: an invalid tool input is an input that ended in an error, a denial is an error of the call,
and a call that waits for approval looks like a call that the page has to answer.

Optional fields are left out, never null; keys that a schema requires are sent even when their value is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

from mamba_adapters.http.wire.json_text import dumps
from mamba_adapters.http.wire.metadata import turn_metadata
from mamba_adapters.http.wire.profiles import COMPAT, Profile
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
)
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["AiSdkEncoder"]

_HEADERS = MappingProxyType(
    {
        "cache-control": "no-cache, no-transform",
        "connection": "keep-alive",
        "x-accel-buffering": "no",
        "x-vercel-ai-ui-message-stream": "v1",
    }
)
_DONE = b"data: [DONE]\n\n"
_CUT_OFF = "The call was cut off and not executed."
_DENIED = "The call was declined."


class AiSdkEncoder:
    """One reader's stream. `replay` is for readers that start from nothing: they are also told what was `Restored`."""

    media_type = "text/event-stream"
    headers: Mapping[str, str] = _HEADERS
    keep_alive = b": keep-alive\n\n"
    is_document = False
    is_cut = False

    def __init__(self, *, replay: bool = False, profile: Profile = COMPAT) -> None:
        self._replay = replay
        self._profile = profile
        self._model = ""
        self._parts = 0
        self._open_kind = ""
        self._open_id = b""
        self._delta_head = b""
        self._open_calls: dict[str, ToolInputStarted | ToolCalled] = {}
        self._seals: dict[str, JsonValue] = {}

    def encode(self, events: Sequence[TurnEvent]) -> bytes:
        """See `WireEncoder`."""
        out: list[bytes] = []
        for event in events:
            self._encode(event, out)
        return b"".join(out)

    def _encode(self, event: TurnEvent, out: list[bytes]) -> None:
        match event:
            case TextDelta(text=text):
                self._delta("text", text, out)
            case ReasoningDelta(text=text):
                self._delta("reasoning", text, out)
            case ToolInputDelta(call_id=call_id, text=text):
                out.append(_frame({"type": "tool-input-delta", "toolCallId": call_id, "inputTextDelta": text}))
            case TurnStarted(message_id=message_id, model=model):
                self._model = model
                metadata: JsonObject = {"model": model}
                out.append(_frame({"type": "start", "messageId": message_id, "messageMetadata": metadata}))
            case Restored(events=restored):
                if self._replay:
                    for earlier in restored:
                        self._encode(earlier, out)
            case StepStarted():
                out.append(_START_STEP)
            case StepFinished():
                self._close(out)
                if self._seals:
                    out.append(_frame({"type": "message-metadata", "messageMetadata": {"seals": self._seals}}))
                    self._seals = {}
                out.append(_FINISH_STEP)
            case ReasoningClosed(provider_data=data):
                self._close_reasoning(data, out)
            case SourceFound(source_id=source_id, url=url, title=title):
                source: JsonObject = {"type": "source-url", "sourceId": source_id, "url": url}
                out.append(_frame(source if title is None else {**source, "title": title}))
            case FileProduced(media_type=media_type, url=url):
                out.append(_frame({"type": "file", "url": url, "mediaType": media_type}))
            case ToolInputStarted() | ToolCalled() | ToolInputInvalid():
                self._tool_input(event, out)
            case ToolProgressed() | ToolReturned() | ToolErrored() | ApprovalRequested() | ToolDenied():
                self._tool_outcome(event, out)
            case TurnFinished(finish_reason=reason, usage=usage, timings=timings):
                self._close(out)
                finish: JsonObject = {"type": "finish", "messageMetadata": turn_metadata(self._model, usage, timings)}
                if "finish.finishReason" in self._profile:
                    finish["finishReason"] = reason.value
                out.append(_frame(finish))
                out.append(_DONE)
            case TurnFailed(message=message, usage=usage, timings=timings):
                self._settle(out)
                metadata = turn_metadata(self._model, usage, timings)
                out.append(_frame({"type": "message-metadata", "messageMetadata": metadata}))
                out.append(_frame({"type": "error", "errorText": message}))
                out.append(_DONE)
            case TurnCancelled(usage=usage, timings=timings):
                self._settle(out)
                metadata = turn_metadata(self._model, usage, timings)
                out.append(_frame({"type": "message-metadata", "messageMetadata": metadata}))
                abort: JsonObject = {"type": "abort"}
                if "abort.reason" in self._profile:
                    abort["reason"] = "stopped"
                out.append(_frame(abort))
                out.append(_DONE)
            case _:
                assert_never(event)

    def _delta(self, kind: str, text: str, out: list[bytes]) -> None:
        """The hot path: one concatenation a delta."""
        if self._open_kind != kind:
            self._open(kind, out)
        out.append(self._delta_head + dumps(text) + b"}\n\n")

    def _open(self, kind: str, out: list[bytes]) -> None:
        self._close(out)
        self._parts += 1
        self._open_kind = kind
        self._open_id = b'"%b-%d"' % (kind.encode(), self._parts)
        self._delta_head = b'data: {"type":"%b-delta","id":%b,"delta":' % (kind.encode(), self._open_id)
        out.append(b'data: {"type":"%b-start","id":%b}\n\n' % (kind.encode(), self._open_id))

    def _close(self, out: list[bytes]) -> None:
        if self._open_kind:
            out.append(b'data: {"type":"%b-end","id":%b}\n\n' % (self._open_kind.encode(), self._open_id))
            self._open_kind = ""

    def _close_reasoning(self, data: JsonObject | None, out: list[bytes]) -> None:
        """The end of a reasoning part carries what the provider wants to see again."""
        if self._open_kind != "reasoning":
            if data is None:
                return
            self._open("reasoning", out)
        if data is None:
            self._close(out)
            return
        chunk: JsonObject = {
            "type": "reasoning-end",
            "id": f"reasoning-{self._parts}",
            "providerMetadata": {"mamba": data},
        }
        out.append(_frame(chunk))
        self._open_kind = ""

    def _tool_input(self, event: ToolInputStarted | ToolCalled | ToolInputInvalid, out: list[bytes]) -> None:
        self._close(out)
        chunk: JsonObject = {"toolCallId": event.call_id, "toolName": event.tool}
        if event.dynamic:
            chunk["dynamic"] = True
        if isinstance(event, ToolInputStarted):
            self._open_calls[event.call_id] = event
            out.append(_frame({"type": "tool-input-start", **chunk}))
            return
        if isinstance(event, ToolCalled):
            self._open_calls[event.call_id] = event
            out.append(_frame({"type": "tool-input-available", **chunk, "input": event.input}))
            return
        self._open_calls.pop(event.call_id, None)
        if "tool-input-error" in self._profile:
            chunk |= {"input": event.input, "errorText": event.error_text}
            out.append(_frame({"type": "tool-input-error", **chunk}))
            return
        out.append(_frame({"type": "tool-input-available", **chunk, "input": event.input}))
        out.append(_tool_error(event.call_id, event.error_text, dynamic=event.dynamic))

    def _tool_outcome(
        self,
        event: ToolProgressed | ToolReturned | ToolErrored | ApprovalRequested | ToolDenied,
        out: list[bytes],
    ) -> None:
        match event:
            case ToolProgressed(call_id=call_id, output=output, dynamic=dynamic):
                if "tool-output-available.preliminary" in self._profile:
                    chunk: JsonObject = {"type": "tool-output-available", "toolCallId": call_id, "output": output}
                    chunk["preliminary"] = True
                    out.append(_frame({**chunk, "dynamic": True} if dynamic else chunk))
            case ToolReturned(call_id=call_id, output=output, dynamic=dynamic, seal=seal):
                self._open_calls.pop(call_id, None)
                chunk = {"type": "tool-output-available", "toolCallId": call_id, "output": output}
                out.append(_frame({**chunk, "dynamic": True} if dynamic else chunk))
                if seal is not None:
                    self._seals[call_id] = seal
            case ToolErrored(call_id=call_id, error_text=text, dynamic=dynamic, seal=seal):
                self._open_calls.pop(call_id, None)
                out.append(_tool_error(call_id, text, dynamic=dynamic))
                if seal is not None:
                    self._seals[call_id] = seal
            case ToolDenied(call_id=call_id, reason=reason, dynamic=dynamic):
                self._open_calls.pop(call_id, None)
                if "tool-output-denied" in self._profile:
                    out.append(_frame({"type": "tool-output-denied", "toolCallId": call_id}))
                else:
                    out.append(_tool_error(call_id, reason or _DENIED, dynamic=dynamic))
            case ApprovalRequested(approval_id=approval_id, call_id=call_id, signature=signature):
                self._open_calls.pop(call_id, None)
                if "tool-approval-request" in self._profile:
                    chunk = {"type": "tool-approval-request", "approvalId": approval_id, "toolCallId": call_id}
                    if "tool-approval-request.signature" in self._profile:
                        chunk["signature"] = signature
                    out.append(_frame(chunk))
            case _:
                assert_never(event)

    def _settle(self, out: list[bytes]) -> None:
        """The turn was cut: close the open part, and give each call that waits for an outcome an error."""
        self._close(out)
        for call in self._open_calls.values():
            if isinstance(call, ToolInputStarted):
                chunk: JsonObject = {"toolCallId": call.call_id, "toolName": call.tool, "input": {}}
                if call.dynamic:
                    chunk["dynamic"] = True
                out.append(_frame({"type": "tool-input-available", **chunk}))
            out.append(_tool_error(call.call_id, _CUT_OFF, dynamic=call.dynamic))
        self._open_calls.clear()


def _frame(chunk: JsonObject) -> bytes:
    return b"data: " + dumps(chunk) + b"\n\n"


def _tool_error(call_id: str, text: str, *, dynamic: bool) -> bytes:
    chunk: JsonObject = {"type": "tool-output-error", "toolCallId": call_id, "errorText": text}
    return _frame({**chunk, "dynamic": True} if dynamic else chunk)


_START_STEP = _frame({"type": "start-step"})
_FINISH_STEP = _frame({"type": "finish-step"})
