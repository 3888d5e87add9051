"""Decodes the events of a streamed response (the Responses API) into model events.

Only `response.completed` and `response.incomplete` end an answer; `response.failed` and `error` break it, and neither would
be noticed by the `openai` package. A reasoning item is closed when the next item begins, because only then is it known which
item it belongs to: the API wants both back together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mamba_adapters.openai.decoding import Surrogates, add_reasoning, add_text, parse_payload, token_count
from mamba_adapters.openai.errors import error_in_stream
from mamba_adapters.openai.response_calls import ResponseCalls
from mamba_domain.errors import Code, MambaError, ModelFailed
from mamba_domain.events import FinishReason, ModelEvent, ModelFinished, ReasoningClosed, SourceFound, Usage
from mamba_domain.messages import JsonObject

__all__ = ["ResponseEvents"]

_INCOMPLETE = {"max_output_tokens": FinishReason.LENGTH, "content_filter": FinishReason.CONTENT_FILTER}
_TEXT_DELTA = "response.output_text.delta"
_BETWEEN_PARTS = "\n\n"


class ResponseEvents:
    """A `Decoder` for one stream. `source` marks sealed reasoning with where it comes from: nobody else can read it."""

    def __init__(self, source: str = "") -> None:
        self.stopped = False
        self.complete = False
        self.failure: MambaError | None = None
        self._source = source
        self._finish_reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._surrogates = Surrogates()
        self._calls = ResponseCalls()
        self._is_thinking = False
        self._sealed: JsonObject | None = None
        self._has_spoken = False
        self._item_has_spoken = False
        self._unsaid: list[object] = []
        self._sources = 0

    def decode(self, payloads: Sequence[bytes]) -> list[ModelEvent]:
        """See `Decoder`."""
        out: list[ModelEvent] = []
        text: list[str] = []
        try:
            for payload in payloads:
                if self.stopped:
                    break
                if payload.startswith(b"[DONE]"):
                    self.stopped = self.complete = True
                    break
                event = parse_payload(payload)
                if type(event) is not dict:
                    continue
                kind = event.get("type")
                if kind == _TEXT_DELTA:
                    if type(delta := event.get("delta")) is str:
                        text.append(delta)
                elif type(kind) is str:
                    if text:
                        self._flush(text, out)
                    self._rare(kind, event, out)
        except MambaError as error:
            self.failure = error
        self._flush(text, out)
        return out

    def finish(self) -> list[ModelEvent]:
        """See `Decoder`."""
        if self._finish_reason is None:
            raise ModelFailed(Code.MODEL_ERROR, detail="the stream ended without response.completed", retryable=True)
        out: list[ModelEvent] = []
        add_text(self._surrogates.flush(), out)
        self._close_reasoning(out)
        self._calls.complete_all(out)
        out.append(ModelFinished(finish_reason=self._finish_reason, usage=self._usage))
        return out

    def _rare(self, kind: str, event: dict[str, Any], out: list[ModelEvent]) -> None:
        """Everything beside plain text; what is not known is skipped."""
        match kind:
            case "response.refusal.delta":
                self._speak(event.get("delta"), out)
            case "response.output_text.done" | "response.refusal.done":
                if not self._has_spoken:
                    self._unsaid.append(event.get("text") or event.get("refusal"))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                self._think(event.get("delta"), out)
            case "response.reasoning_summary_part.added":
                if event.get("summary_index"):
                    self._think(_BETWEEN_PARTS, out)
            case "response.function_call_arguments.delta":
                self._calls.argue(event, out)
            case "response.function_call_arguments.done":
                self._calls.argued(event, out)
            case "response.output_item.added":
                self._begin(event, event.get("item"), out)
            case "response.output_item.done":
                self._end(event, event.get("item"), out)
            case "response.output_text.annotation.added":
                self._cite(event.get("annotation"), out)
            case "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled":
                self._stop(kind, event.get("response"), out)
            case "error":
                raise error_in_stream(event.get("error") or {**event, "type": None})

    def _begin(self, event: dict[str, Any], item: object, out: list[ModelEvent]) -> None:
        """The next item: whatever reasoning came before belongs to it."""
        if not isinstance(item, dict):
            return
        if item.get("type") == "function_call":
            self._close_reasoning(out, before=self._calls.id_of(item))
            self._calls.begin(event, item, out)
        else:
            self._close_reasoning(out)
            self._item_has_spoken = False

    def _end(self, event: dict[str, Any], item: object, out: list[ModelEvent]) -> None:
        if not isinstance(item, dict):
            return
        match item.get("type"):
            case "reasoning":
                self._seal(item)
            case "message" if not self._item_has_spoken:
                self._tell(item, out)
            case "function_call":
                if not self._calls.knows(event, item):
                    self._begin(event, item, out)
                self._calls.complete(event, item, out)

    def _tell(self, item: dict[str, Any], out: list[ModelEvent]) -> None:
        """A message that did not come in pieces."""
        parts = item.get("content")
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                self._speak(part.get("text") or part.get("refusal"), out)
                annotations = part.get("annotations")
                for annotation in annotations if isinstance(annotations, list) else ():
                    self._cite(annotation, out)

    def _speak(self, text: object, out: list[ModelEvent]) -> None:
        if isinstance(text, str) and text:
            self._has_spoken = self._item_has_spoken = True
            add_text(self._surrogates.mend(text), out)

    def _think(self, text: object, out: list[ModelEvent]) -> None:
        if isinstance(text, str) and text:
            self._is_thinking = True
            add_reasoning(self._surrogates.mend(text), out)

    def _seal(self, item: dict[str, Any]) -> None:
        """What the API wants to see again. Without its encrypted content, an item that was not stored is of no use."""
        encrypted = item.get("encrypted_content")
        if isinstance(item.get("id"), str) and isinstance(encrypted, str) and encrypted:
            self._sealed = {"id": item["id"], "encrypted_content": encrypted, "source": self._source}

    def _close_reasoning(self, out: list[ModelEvent], *, before: str | None = None) -> None:
        sealed, self._sealed = self._sealed, None
        if sealed is not None and before is not None:
            sealed["before"] = before
        if sealed is not None or self._is_thinking:
            out.append(ReasoningClosed(provider_data=sealed))
        self._is_thinking = False

    def _cite(self, annotation: object, out: list[ModelEvent]) -> None:
        if isinstance(annotation, dict) and annotation.get("type") == "url_citation":
            url, title = annotation.get("url"), annotation.get("title")
            if isinstance(url, str) and url:
                self._sources += 1
                title = title if isinstance(title, str) else None
                out.append(SourceFound(source_id=f"source-{self._sources}", url=url, title=title))

    def _stop(self, kind: str, response: object, out: list[ModelEvent]) -> None:
        fields: dict[str, Any] = response if isinstance(response, dict) else {}
        if kind in ("response.failed", "response.cancelled"):
            raise error_in_stream(fields.get("error"))
        self._usage = _usage(fields.get("usage"))
        if kind == "response.incomplete":
            details = fields.get("incomplete_details")
            reason = details.get("reason") if isinstance(details, dict) else None
            self._finish_reason = _INCOMPLETE.get(str(reason), FinishReason.OTHER)
        else:
            output = fields.get("output")
            if not (self._has_spoken or len(self._calls)) and isinstance(output, list):
                for place, item in enumerate(output):
                    self._end({"output_index": place}, item, out)
            if not (self._has_spoken or len(self._calls)):
                for text in self._unsaid:
                    self._speak(text, out)
            self._finish_reason = FinishReason.TOOL_CALLS if len(self._calls) else FinishReason.STOP
        self.stopped = self.complete = True

    def _flush(self, text: list[str], out: list[ModelEvent]) -> None:
        if text:
            self._speak("".join(text), out)
            text.clear()


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    cached, reasoning = value.get("input_tokens_details"), value.get("output_tokens_details")
    return Usage(
        input_tokens=token_count(value.get("input_tokens")),
        output_tokens=token_count(value.get("output_tokens")),
        reasoning_tokens=token_count(reasoning.get("reasoning_tokens")) if isinstance(reasoning, dict) else 0,
        cached_input_tokens=token_count(cached.get("cached_tokens")) if isinstance(cached, dict) else 0,
    )
