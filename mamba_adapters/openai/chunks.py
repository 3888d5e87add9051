"""Decodes the chunks of a streamed chat completion into model events.

Chunks are read as plain JSON: building the `openai` package's typed objects costs a hundred times what reading them does.
Compatible servers leave fields out, so that each is looked at with care; what is not understood is skipped, and what says
that the answer is broken raises.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from mamba_adapters.openai.errors import error_in_stream
from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    ToolCallCompleted,
    ToolInputDelta,
    ToolInputStarted,
    Usage,
)

__all__ = ["ChatChunks", "Surrogates", "parse_payload", "token_count"]

_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
}


def parse_payload(payload: bytes) -> Any:
    """One event's JSON. What orjson refuses (lone surrogates, NaN, bad UTF-8) gets a second, tolerant reading."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:
            return json.loads(payload.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise ModelFailed(
                Code.MODEL_ERROR, detail=f"an event is not JSON: {type(error).__name__}"
            ) from None


def token_count(value: object) -> int:
    """A count as a provider sent it; anything odd counts as nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


class Surrogates:
    """Mends text whose UTF-16 surrogates came apart: halves of two deltas are joined, a lone one becomes U+FFFD."""

    __slots__ = ("_high",)

    def __init__(self) -> None:
        self._high = ""

    def mend(self, text: str) -> str:
        """The text that can be passed on; a high half at its end waits for the next call."""
        if not self._high and text.isascii():
            return text
        text = self._high + text
        self._high = ""
        if "\ud800" <= text[-1:] <= "\udbff":
            self._high = text[-1]
            text = text[:-1]
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text

    def flush(self) -> str:
        """What still waits, at the end."""
        high, self._high = self._high, ""
        return "\ufffd" if high else ""


@dataclass(slots=True)
class _Call:
    """A call as its pieces arrive."""

    call_id: str
    name: str
    arguments: list[str] = field(default_factory=list)
    started: bool = False


class ChatChunks:
    """Decodes one stream. `finish_reason` is set once the model has said why it stopped, `done` at the end mark."""

    def __init__(self) -> None:
        self.finish_reason: FinishReason | None = None
        self.done = False
        self._usage: Usage | None = None
        self._surrogates = Surrogates()
        self._calls: dict[int, _Call] = {}
        self._last_index = -1
        self._sources = 0

    def decode(self, payloads: Sequence[bytes]) -> list[ModelEvent]:
        """The events of one read, adjacent deltas merged. Raises `ModelFailed` or `Rejected`."""
        out: list[ModelEvent] = []
        text: list[str] = []
        reasoning: list[str] = []
        for payload in payloads:
            if payload.startswith(b"[DONE]"):
                self.done = True
                break
            chunk = parse_payload(payload)
            if type(chunk) is not dict:
                continue
            if "error" in chunk and chunk["error"]:
                raise error_in_stream(chunk["error"])
            if chunk.get("usage"):
                self._usage = _usage(chunk["usage"]) or self._usage
            choice = _first_choice(chunk)
            if choice is None:
                continue
            if choice.get("usage"):
                self._usage = _usage(choice["usage"]) or self._usage
            delta = choice.get("delta")
            if type(delta) is dict and self.finish_reason is None:
                content = delta.get("content")
                if content and type(content) is str:
                    if reasoning:
                        self._flush_reasoning(reasoning, out)
                    text.append(content)
                if len(delta) > 1 or not content:
                    self._rare(delta, out, text, reasoning)
            if self.finish_reason is None and (finish := choice.get("finish_reason")):
                self.finish_reason = (
                    _FINISH_REASONS.get(finish, FinishReason.OTHER) if type(finish) is str else None
                )
        self._flush_text(text, out)
        self._flush_reasoning(reasoning, out)
        return out

    def finish(self) -> list[ModelEvent]:
        """What the end of the stream adds. Raises `ModelFailed` where the model never said why it stopped."""
        if self.finish_reason is None:
            raise ModelFailed(
                Code.MODEL_ERROR, detail="the stream ended without a finish reason", retryable=True
            )
        out: list[ModelEvent] = []
        if rest := self._surrogates.flush():
            out.append(TextDelta(text=rest))
        for call in self._calls.values():
            self._start(call, out)
            out.append(
                ToolCallCompleted(call_id=call.call_id, tool=call.name, arguments="".join(call.arguments))
            )
        out.append(ModelFinished(finish_reason=self.finish_reason, usage=self._usage))
        return out

    def _rare(
        self, delta: dict[str, Any], out: list[ModelEvent], text: list[str], reasoning: list[str]
    ) -> None:
        """Everything that a delta can hold beside plain text."""
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought and type(thought) is str:
            self._flush_text(text, out)
            reasoning.append(thought)
        refusal = delta.get("refusal")
        if refusal and type(refusal) is str:
            self._flush_reasoning(reasoning, out)
            text.append(refusal)
        content = delta.get("content")
        if type(content) is list:
            self._flush_reasoning(reasoning, out)
            text += [part["text"] for part in content if type(part) is dict and type(part.get("text")) is str]
        calls = delta.get("tool_calls")
        if not calls and type(delta.get("function_call")) is dict:
            calls = [{"index": 0, "id": "call_0", "function": delta["function_call"]}]
        if type(calls) is list and calls:
            self._flush_text(text, out)
            self._flush_reasoning(reasoning, out)
            for piece in calls:
                if type(piece) is dict:
                    self._call_piece(piece, out)
        annotations = delta.get("annotations")
        if type(annotations) is list and annotations:
            self._flush_text(text, out)
            for annotation in annotations:
                self._annotation(annotation, out)

    def _call_piece(self, piece: dict[str, Any], out: list[ModelEvent]) -> None:
        call_id = piece.get("id") if type(piece.get("id")) is str else ""
        index = piece.get("index")
        if type(index) is not int:
            begins = bool(call_id) or not self._calls
            index = self._last_index + 1 if begins and call_id not in self._ids() else self._last_index
        known = self._calls.get(index)
        if known is not None and call_id and call_id != known.call_id:
            index = max(self._calls) + 1
            known = None
        self._last_index = index
        call = known
        if call is None:
            call = self._calls[index] = _Call(call_id or f"call_{len(self._calls)}", "")
        function = piece.get("function")
        if type(function) is not dict:
            return
        if type(name := function.get("name")) is str and name and not call.started:
            call.name += name
        arguments = function.get("arguments")
        if type(arguments) is dict:
            arguments = json.dumps(arguments)
        if type(arguments) is str and arguments:
            self._start(call, out)
            call.arguments.append(arguments)
            last = out[-1] if out else None
            if isinstance(last, ToolInputDelta) and last.call_id == call.call_id:
                out[-1] = ToolInputDelta(call_id=call.call_id, text=last.text + arguments)
            else:
                out.append(ToolInputDelta(call_id=call.call_id, text=arguments))

    def _ids(self) -> set[str]:
        return {call.call_id for call in self._calls.values()}

    def _start(self, call: _Call, out: list[ModelEvent]) -> None:
        if not call.started:
            call.started = True
            out.append(ToolInputStarted(call_id=call.call_id, tool=call.name))

    def _annotation(self, annotation: object, out: list[ModelEvent]) -> None:
        citation = annotation.get("url_citation") if isinstance(annotation, dict) else None
        if isinstance(citation, dict) and isinstance(url := citation.get("url"), str):
            self._sources += 1
            title = citation.get("title")
            title = title if isinstance(title, str) else None
            out.append(SourceFound(source_id=f"source-{self._sources}", url=url, title=title))

    def _flush_text(self, text: list[str], out: list[ModelEvent]) -> None:
        if text:
            if merged := self._surrogates.mend("".join(text)):
                out.append(TextDelta(text=merged))
            text.clear()

    def _flush_reasoning(self, reasoning: list[str], out: list[ModelEvent]) -> None:
        if reasoning:
            if merged := self._surrogates.mend("".join(reasoning)):
                out.append(ReasoningDelta(text=merged))
            reasoning.clear()


def _first_choice(chunk: dict[str, Any]) -> dict[str, Any] | None:
    """The choice with index 0, or without an index; other choices were not asked for."""
    choices = chunk.get("choices")
    if type(choices) is list:
        for choice in choices:
            if type(choice) is dict and not choice.get("index"):
                return choice
    return None


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    reasoning = value.get("completion_tokens_details")
    cached = value.get("prompt_tokens_details")
    return Usage(
        input_tokens=token_count(value.get("prompt_tokens")),
        output_tokens=token_count(value.get("completion_tokens")),
        reasoning_tokens=token_count(reasoning.get("reasoning_tokens")) if isinstance(reasoning, dict) else 0,
        cached_input_tokens=token_count(cached.get("cached_tokens")) if isinstance(cached, dict) else 0,
    )
