"""The AI SDK 4 data stream, version 1: lines of `CODE:JSON`.

The protocol knows no error of a single call, no approval and no metadata of a message: a failed call is a call whose result
says so, and the metadata and the seals of results travel as annotations. Its parser looks at whole network reads, drops all
lines of one that has a line it cannot parse, and takes an empty line for nothing: that is the keep-alive.
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
)
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["AiSdkV4Encoder"]

_HEADERS = MappingProxyType(
    {
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
        "x-vercel-ai-data-stream": "v1",
    }
)
_CUT_OFF = "The call was cut off and not executed."
_DENIED = "The call was declined."


class AiSdkV4Encoder:
    """One reader's stream. `replay` is for readers that start from nothing: they are also told what was `Restored`."""

    media_type = "text/plain"
    headers: Mapping[str, str] = _HEADERS
    keep_alive = b"\n"
    is_document = False
    is_cut = False

    def __init__(self, *, replay: bool = False, profile: Profile = COMPAT) -> None:
        self._replay = replay
        self._message_id = ""
        self._model = ""
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
                out.append(b"0:" + dumps(text) + b"\n")
            case ReasoningDelta(text=text):
                out.append(b"g:" + dumps(text) + b"\n")
            case TurnStarted(message_id=message_id, model=model):
                self._message_id, self._model = message_id, model
            case StepStarted():
                out.append(_line(b"f", {"messageId": self._message_id}))
            case StepFinished(finish_reason=reason):
                if self._seals:
                    out.append(_line(b"8", [{"seals": self._seals}]))
                    self._seals = {}
                out.append(_line(b"e", {"finishReason": reason.value, "usage": _UNCOUNTED, "isContinued": False}))
            case Restored(events=restored):
                if self._replay:
                    for earlier in restored:
                        self._encode(earlier, out)
            case ReasoningClosed() | ToolProgressed():
                """The protocol has no word for it."""
            case SourceFound(source_id=source_id, url=url, title=title):
                source: JsonObject = {"sourceType": "url", "id": source_id, "url": url}
                out.append(_line(b"h", source if title is None else {**source, "title": title}))
            case FileProduced(media_type=media_type, url=url):
                if url.startswith("data:"):
                    out.append(_line(b"k", {"mimeType": media_type, "data": url.partition(",")[2]}))
            case ToolInputStarted() | ToolInputDelta() | ToolCalled() | ToolInputInvalid():
                self._tool_input(event, out)
            case ToolReturned() | ToolErrored() | ToolDenied() | ApprovalRequested():
                self._tool_outcome(event, out)
            case TurnFinished(finish_reason=reason, usage=usage, timings=timings):
                out.append(_line(b"8", [turn_metadata(self._model, usage, timings)]))
                out.append(_end(reason.value, usage.input_tokens, usage.output_tokens))
            case TurnFailed(message=message, usage=usage, timings=timings):
                self._settle(out)
                out.append(_line(b"8", [turn_metadata(self._model, usage, timings)]))
                out.append(_line(b"3", message))
            case TurnCancelled(usage=usage, timings=timings):
                self._settle(out)
                out.append(_line(b"8", [turn_metadata(self._model, usage, timings)]))
                out.append(_end(FinishReason.OTHER.value, usage.input_tokens, usage.output_tokens))
            case _:
                assert_never(event)

    def _tool_input(
        self, event: ToolInputStarted | ToolInputDelta | ToolCalled | ToolInputInvalid, out: list[bytes]
    ) -> None:
        match event:
            case ToolInputStarted(call_id=call_id, tool=tool):
                self._open_calls[call_id] = event
                out.append(_line(b"b", {"toolCallId": call_id, "toolName": tool}))
            case ToolInputDelta(call_id=call_id, text=text):
                if call_id in self._open_calls:
                    out.append(_line(b"c", {"toolCallId": call_id, "argsTextDelta": text}))
            case ToolCalled(call_id=call_id, tool=tool, input=arguments):
                self._open_calls[call_id] = event
                out.append(_call(call_id, tool, arguments))
            case ToolInputInvalid(call_id=call_id, tool=tool, input=arguments, error_text=text):
                self._open_calls.pop(call_id, None)
                out.append(_call(call_id, tool, arguments))
                out.append(_result(call_id, {"error": text}))
            case _:
                assert_never(event)

    def _tool_outcome(
        self, event: ToolReturned | ToolErrored | ToolDenied | ApprovalRequested, out: list[bytes]
    ) -> None:
        self._open_calls.pop(event.call_id, None)
        match event:
            case ToolReturned(call_id=call_id, output=output, seal=seal):
                self._result(call_id, output, seal, out)
            case ToolErrored(call_id=call_id, error_text=text, seal=seal):
                self._result(call_id, {"error": text}, seal, out)
            case ToolDenied(call_id=call_id, reason=reason):
                out.append(_result(call_id, {"error": reason or _DENIED}))
            case ApprovalRequested():
                """The call stays open, and the page answers it as one of its own."""
            case _:
                assert_never(event)

    def _result(self, call_id: str, result: JsonValue, seal: str | None, out: list[bytes]) -> None:
        out.append(_result(call_id, result))
        if seal is not None:
            self._seals[call_id] = seal

    def _settle(self, out: list[bytes]) -> None:
        for call in self._open_calls.values():
            if isinstance(call, ToolInputStarted):
                out.append(_call(call.call_id, call.tool, {}))
            out.append(_result(call.call_id, {"error": _CUT_OFF}))
        self._open_calls.clear()


_UNCOUNTED: JsonObject = {"promptTokens": 0, "completionTokens": 0}


def _line(code: bytes, value: JsonValue) -> bytes:
    return code + b":" + dumps(value) + b"\n"


def _call(call_id: str, tool: str, arguments: JsonValue) -> bytes:
    args: JsonValue = arguments if isinstance(arguments, dict) else {}
    return _line(b"9", {"toolCallId": call_id, "toolName": tool, "args": args})


def _result(call_id: str, result: JsonValue) -> bytes:
    return _line(b"a", {"toolCallId": call_id, "result": result})


def _end(reason: str, input_tokens: int, output_tokens: int) -> bytes:
    usage: JsonObject = {"promptTokens": input_tokens, "completionTokens": output_tokens}
    return _line(b"d", {"finishReason": reason, "usage": usage})
