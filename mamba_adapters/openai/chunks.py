"""Decodes the chunks of a streamed chat completion into model events.

Compatible servers leave fields out, so that each is looked at with care; what is not understood is skipped, and what says
that the answer is broken ends it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mamba_adapters.openai.decoding import Surrogates, add_reasoning, add_text, parse_payload, token_count
from mamba_adapters.openai.errors import error_in_stream
from mamba_domain.errors import Code, MambaError, ModelFailed
from mamba_domain.events import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    SourceFound,
    TextDelta,
    ToolCallCompleted,
    ToolInputDelta,
    ToolInputStarted,
    Usage,
)

__all__ = ["ChatChunks"]

_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
}


@dataclass(slots=True)
class _Call:
    """A call as its pieces arrive."""

    call_id: str
    name: str
    arguments: list[str] = field(default_factory=list)
    started: bool = False


class ChatChunks:
    """A `Decoder` for one stream."""

    def __init__(self) -> None:
        self.stopped = False
        self.complete = False
        self.failure: MambaError | None = None
        self._finish_reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._surrogates = Surrogates()
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}
        self._sources = 0

    def decode(self, payloads: Sequence[bytes]) -> list[ModelEvent]:
        """See `Decoder`."""
        out: list[ModelEvent] = []
        text: list[str] = []
        reasoning: list[str] = []
        try:
            for payload in payloads:
                if payload.startswith(b"[DONE]"):
                    self.stopped = self.complete = True
                    break
                chunk = parse_payload(payload)
                if type(chunk) is not dict:
                    continue
                if chunk.get("error"):
                    raise error_in_stream(chunk["error"])
                if chunk.get("usage"):
                    self._usage = _usage(chunk["usage"]) or self._usage
                choice = _first_choice(chunk)
                if choice is None:
                    continue
                if choice.get("usage"):
                    self._usage = _usage(choice["usage"]) or self._usage
                delta = choice.get("delta")
                if delta is None and "delta" not in choice:
                    delta = choice.get("message")
                if type(delta) is dict and not self.stopped:
                    content = delta.get("content")
                    if len(delta) > 1 or not content or type(content) is not str:
                        self._rare(delta, out, text, reasoning)
                    else:
                        if reasoning:
                            self._flush_reasoning(reasoning, out)
                        text.append(content)
                if not self.stopped and type(finish := choice.get("finish_reason")) is str and finish:
                    self._finish_reason = _FINISH_REASONS.get(finish, FinishReason.OTHER)
                    self.stopped = True
        except MambaError as error:
            self.failure = error
        self._flush_text(text, out)
        self._flush_reasoning(reasoning, out)
        return out

    def finish(self) -> list[ModelEvent]:
        """See `Decoder`."""
        if self._finish_reason is None:
            raise ModelFailed(Code.MODEL_ERROR, detail="the stream ended without a finish reason", retryable=True)
        out: list[ModelEvent] = []
        if rest := self._surrogates.flush():
            out.append(TextDelta(text=rest))
        for call in self._calls:
            self._start(call, out)
            out.append(ToolCallCompleted(call_id=call.call_id, tool=call.name, arguments="".join(call.arguments)))
        out.append(ModelFinished(finish_reason=self._finish_reason, usage=self._usage))
        return out

    def _rare(self, delta: dict[str, Any], out: list[ModelEvent], text: list[str], reasoning: list[str]) -> None:
        """A delta that is not plain text alone. What was thought comes before what was said after it."""
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought and type(thought) is str:
            self._flush_text(text, out)
            reasoning.append(thought)
        refusal = delta.get("refusal")
        if refusal and type(refusal) is str:
            self._flush_reasoning(reasoning, out)
            text.append(refusal)
        content = delta.get("content")
        if content and type(content) is str:
            self._flush_reasoning(reasoning, out)
            text.append(content)
        elif type(content) is list:
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
        call = self._call_of(piece)
        function = piece.get("function")
        if type(function) is not dict:
            return
        if type(name := function.get("name")) is str and name not in ("", call.name) and not call.started:
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

    def _call_of(self, piece: dict[str, Any]) -> _Call:
        """The call that a piece belongs to: by index, by id, or the last one, whichever the server tells."""
        call_id = given if type(given := piece.get("id")) is str else ""
        index = piece.get("index")
        known: _Call | None
        if type(index) is int:
            known = self._at.get(index)
        elif call_id:
            known = next((call for call in self._calls if call.call_id == call_id), None)
        else:
            known = self._calls[-1] if self._calls else None
            function = piece.get("function")
            if known is not None and known.started and type(function) is dict and function.get("name"):
                known = None
        if known is None or (call_id and call_id != known.call_id):
            known = _Call(call_id or f"call_{len(self._calls)}", "")
            self._calls.append(known)
        if type(index) is int:
            self._at[index] = known
        return known

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
            add_text(self._surrogates.mend("".join(text)), out)
            text.clear()

    def _flush_reasoning(self, reasoning: list[str], out: list[ModelEvent]) -> None:
        if reasoning:
            add_reasoning(self._surrogates.mend("".join(reasoning)), out)
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
