"""Reads an assistant's message of any generation into steps: what was said and called between two model calls.

AI SDK 5 to 7 mark steps by `step-start` parts, AI SDK 4 by a number in each tool invocation, OpenAI's shape has one step a
message. A step is then what the domain wants: one assistant message, followed by the results of its calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from mamba_adapters.http.wire.read_files import read_file
from mamba_adapters.http.wire.read_notes import Notes
from mamba_domain.approvals import Verdict, denial
from mamba_domain.arguments import parse_arguments
from mamba_domain.errors import ToolFailed
from mamba_domain.events import (
    FileProduced,
    FinishReason,
    ReasoningClosed,
    ReasoningDelta,
    SourceFound,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCalled,
    ToolDenied,
    ToolErrored,
    ToolReturned,
    TurnEvent,
)
from mamba_domain.messages import (
    AssistantMessage,
    AssistantPart,
    FilePart,
    JsonObject,
    JsonValue,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
)

__all__ = ["Call", "Source", "Step", "messages_of", "read_steps", "restored_events"]

_LONGEST_ID = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call, with what became of it so far."""

    part: ToolCallPart
    dynamic: bool = False
    result: ToolResultPart | None = None
    denied: bool = False
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A cited page. Models are not told again."""

    source_id: str
    url: str
    title: str | None


Item: TypeAlias = TextPart | ReasoningPart | FilePart | Source | Call


@dataclass(slots=True)
class Step:
    """What one model call brought, in order."""

    items: list[Item] = field(default_factory=list)

    @property
    def calls(self) -> Iterator[Call]:
        """The calls among it."""
        return (item for item in self.items if isinstance(item, Call))


def read_steps(message: JsonObject, pointer: str, notes: Notes, *, max_file_bytes: int) -> list[Step]:
    """The steps of one assistant message."""
    return _Steps(message, notes, max_file_bytes).read(pointer)


def messages_of(steps: Sequence[Step]) -> Iterator[Message]:
    """The steps as a model reads them."""
    for step in steps:
        parts = [part for item in step.items if (part := _model_part(item)) is not None]
        if parts:
            yield AssistantMessage(parts=tuple(parts))
        results = tuple(call.result for call in step.calls if call.result is not None)
        if results:
            yield ToolMessage(results=results)


def restored_events(steps: Sequence[Step]) -> tuple[TurnEvent, ...]:
    """The steps as events, for readers that start from nothing."""
    events: list[TurnEvent] = []
    for step in steps:
        events.append(StepStarted())
        for item in step.items:
            events += _events(item)
        reason = FinishReason.TOOL_CALLS if any(step.calls) else FinishReason.STOP
        events.append(StepFinished(finish_reason=reason))
    return tuple(events)


class _Steps:
    def __init__(self, message: JsonObject, notes: Notes, max_file_bytes: int) -> None:
        self._message = message
        self._notes = notes
        self._max_file_bytes = max_file_bytes
        self._steps = [Step()]
        metadata = message.get("metadata")
        seals = metadata.get("seals") if isinstance(metadata, dict) else None
        self._seals: JsonObject = seals if isinstance(seals, dict) else {}

    def read(self, pointer: str) -> list[Step]:
        message, notes = self._message, self._notes
        parts = notes.items(message, "parts", pointer)
        if parts is not None:
            for index, part in enumerate(parts):
                if notes.part(f"{pointer}/parts/{index}"):
                    self._part(part, f"{pointer}/parts/{index}")
        else:
            self._content(message.get("content"), pointer)
        invocations = notes.items(message, "toolInvocations", pointer) if parts is None else None
        for index, invocation in enumerate(invocations or ()):
            self._invocation(invocation, f"{pointer}/toolInvocations/{index}")
        for index, call in enumerate(notes.items(message, "tool_calls", pointer) or ()):
            self._openai_call(call, f"{pointer}/tool_calls/{index}")
        return [step for step in self._steps if step.items]

    def _add(self, item: Item) -> None:
        self._steps[-1].items.append(item)

    def _new_step(self) -> None:
        if self._steps[-1].items:
            self._steps.append(Step())

    def _content(self, content: JsonValue, pointer: str) -> None:
        """OpenAI's and AI SDK 4's plain content."""
        if isinstance(content, str):
            if content:
                self._add(TextPart(text=self._notes.text(content, f"{pointer}/content")))
        elif isinstance(content, list):
            for index, part in enumerate(content):
                if self._notes.part(f"{pointer}/content/{index}"):
                    self._part(part, f"{pointer}/content/{index}")
        elif content is not None or not (self._message.get("tool_calls") or self._message.get("toolInvocations")):
            self._notes.problem(f"{pointer}/content", "must be a text or a list of parts")

    def _part(self, part: JsonValue, pointer: str) -> None:
        if not isinstance(part, dict):
            self._notes.problem(pointer, "must be an object")
            return
        kind = part.get("type")
        match kind:
            case "step-start":
                self._new_step()
            case "text" | "output_text":
                if text := self._notes.text(part.get("text"), f"{pointer}/text"):
                    if self._starts_v4_step(part):
                        self._new_step()
                    self._add(TextPart(text=text))
            case "reasoning":
                self._reasoning(part, pointer)
            case "file":
                self._file(part, pointer)
            case "source-url" | "source":
                self._source(part)
            case "tool-invocation":
                self._invocation(part.get("toolInvocation"), f"{pointer}/toolInvocation")
            case "dynamic-tool":
                self._tool(part, part.get("toolName"), pointer, dynamic=part.get("dynamic") is not False)
            case str() if kind.startswith("tool-"):
                self._tool(part, kind.removeprefix("tool-"), pointer, dynamic=False)
            case _:
                self._notes.ignore_part(kind)

    def _starts_v4_step(self, part: JsonObject) -> bool:
        """AI SDK 4 has text after a finished call in the same list; that text is the next step's."""
        is_v4 = "content" in self._message
        return is_v4 and any(call.result is not None for call in self._steps[-1].calls)

    def _reasoning(self, part: JsonObject, pointer: str) -> None:
        text = part.get("text") if "text" in part else part.get("reasoning")
        said = self._notes.text(text, f"{pointer}/text")
        metadata = part.get("providerMetadata")
        ours = metadata.get("mamba") if isinstance(metadata, dict) else None
        self._add(ReasoningPart(text=said, provider_data=ours if isinstance(ours, dict) else None))

    def _file(self, part: JsonObject, pointer: str) -> None:
        url = part.get("url")
        if url is None and isinstance(part.get("data"), str) and isinstance(part.get("mimeType"), str):
            url = f"data:{part['mimeType']};base64,{part['data']}"
        kind = part.get("mediaType") or part.get("mimeType")
        file = read_file(self._notes, url, kind, part.get("filename"), f"{pointer}/url", max_bytes=self._max_file_bytes)
        if file is not None:
            self._add(file)

    def _source(self, part: JsonObject) -> None:
        inner = part.get("source")
        source = inner if isinstance(inner, dict) else part
        url, title = source.get("url"), source.get("title")
        source_id = source.get("sourceId") or source.get("id")
        if isinstance(url, str) and isinstance(source_id, str):
            self._add(Source(source_id=source_id, url=url, title=title if isinstance(title, str) else None))
        else:
            self._notes.ignore_part("source")

    def _tool(self, part: JsonObject, name: JsonValue, pointer: str, *, dynamic: bool) -> None:
        """A tool part of AI SDK 5 to 7."""
        call_id = self._call_id(part.get("toolCallId"), f"{pointer}/toolCallId")
        if call_id is None or not isinstance(name, str) or not name:
            return
        state = part.get("state")
        given = part.get("input")
        if given is None and state == "output-error":
            given = part.get("rawInput")
        made = ToolCallPart(call_id=call_id, tool=name, input=given if given is not None else {})
        approval = part.get("approval")
        match state:
            case "output-available" if part.get("preliminary") is not True:
                self._add(Call(part=made, dynamic=dynamic, result=self._result(made, part.get("output"))))
            case "output-error":
                text = part.get("errorText")
                failed = self._result(made, text if isinstance(text, str) else "The call failed.", failed=True)
                self._add(Call(part=made, dynamic=dynamic, result=failed))
            case "output-denied":
                reason = approval.get("reason") if isinstance(approval, dict) else None
                text = denial(reason if isinstance(reason, str) else None)
                self._add(Call(part=made, dynamic=dynamic, result=self._result(made, text, failed=True), denied=True))
            case "approval-responded" if isinstance(approval, dict):
                self._add(Call(part=made, dynamic=dynamic, verdict=self._verdict(made, approval, pointer)))
            case "input-streaming":
                self._notes.ignore("tool:input-streaming")
            case "input-available" | "approval-requested" | "approval-responded" | "output-available":
                self._add(Call(part=made, dynamic=dynamic))
            case _:
                self._notes.ignore("tool:unknown-state")

    def _verdict(self, made: ToolCallPart, approval: JsonObject, pointer: str) -> Verdict | None:
        approval_id, approved = approval.get("id"), approval.get("approved")
        if not isinstance(approval_id, str) or not isinstance(approved, bool):
            self._notes.problem(f"{pointer}/approval", "must have an id and a decision")
            return None
        reason, signature = approval.get("reason"), approval.get("signature")
        return Verdict(
            approval_id=approval_id,
            call_id=made.call_id,
            tool=made.tool,
            input=made.input,
            approved=approved,
            reason=self._notes.text(reason, f"{pointer}/approval/reason") if reason is not None else None,
            signature=signature if isinstance(signature, str) else None,
        )

    def _invocation(self, value: JsonValue, pointer: str) -> None:
        """A tool invocation of AI SDK 4."""
        if not isinstance(value, dict):
            self._notes.problem(pointer, "must be an object")
            return
        call_id = self._call_id(value.get("toolCallId"), f"{pointer}/toolCallId")
        name = value.get("toolName")
        if call_id is None or not isinstance(name, str) or not name or value.get("state") == "partial-call":
            return
        made = ToolCallPart(
            call_id=call_id, tool=name, input=value.get("args") if value.get("args") is not None else {}
        )
        done = value.get("state") == "result"
        self._add(Call(part=made, result=self._result(made, value.get("result")) if done else None))

    def _openai_call(self, value: JsonValue, pointer: str) -> None:
        function = value.get("function") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(function, dict):
            self._notes.problem(pointer, "must be an object with a function")
            return
        call_id = self._call_id(value.get("id"), f"{pointer}/id")
        name = function.get("name")
        if call_id is not None and isinstance(name, str) and name:
            arguments = function.get("arguments")
            self._add(Call(part=ToolCallPart(call_id=call_id, tool=name, input=_parsed(arguments))))

    def _call_id(self, value: JsonValue, pointer: str) -> str | None:
        if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable():
            return value
        self._notes.problem(pointer, f"must be a text of 1 to {_LONGEST_ID} printable characters")
        return None

    def _result(self, made: ToolCallPart, output: JsonValue, *, failed: bool = False) -> ToolResultPart:
        seal = self._seals.get(made.call_id)
        return ToolResultPart(
            call_id=made.call_id,
            tool=made.tool,
            output=output,
            failed=failed,
            seal=seal if isinstance(seal, str) else None,
        )


def _parsed(arguments: JsonValue) -> JsonValue:
    """OpenAI writes arguments as JSON text."""
    if not isinstance(arguments, str):
        return arguments if isinstance(arguments, dict) else {}
    try:
        return parse_arguments(arguments)
    except ToolFailed:
        return arguments


def _model_part(item: Item) -> AssistantPart | None:
    if isinstance(item, Call):
        return item.part
    return None if isinstance(item, Source) else item


def _events(item: Item) -> Iterator[TurnEvent]:
    match item:
        case TextPart(text=text):
            yield TextDelta(text=text)
        case ReasoningPart(text=text, provider_data=data):
            if text:
                yield ReasoningDelta(text=text)
            yield ReasoningClosed(provider_data=data)
        case FilePart(media_type=media_type, url=url):
            yield FileProduced(media_type=media_type, url=url)
        case Source(source_id=source_id, url=url, title=title):
            yield SourceFound(source_id=source_id, url=url, title=title)
        case Call(part=part, dynamic=dynamic, result=result, denied=denied):
            yield ToolCalled(call_id=part.call_id, tool=part.tool, input=part.input, dynamic=dynamic)
            if denied:
                yield ToolDenied(call_id=part.call_id, dynamic=dynamic)
            elif result is not None and result.failed:
                yield ToolErrored(
                    call_id=part.call_id, error_text=str(result.output), dynamic=dynamic, seal=result.seal
                )
            elif result is not None:
                yield ToolReturned(call_id=part.call_id, output=result.output, dynamic=dynamic, seal=result.seal)
