"""An assistant's message as steps, and the two things that become of it: messages for models, events for readers.

A step is what was said and called between two model calls: one assistant message, followed by the results of its calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from mamba_domain.approvals import Verdict
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
    FilePart,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
    UserMessage,
    UserPart,
)

__all__ = ["Answer", "Call", "Denial", "Item", "Step", "messages_of", "restored_events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A person said no."""

    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call, with what became of it so far."""

    part: ToolCallPart
    dynamic: bool = False
    result: ToolResultPart | None = None
    denial: Denial | None = None
    verdict: Verdict | None = None


Item: TypeAlias = TextPart | ReasoningPart | FilePart | SourceFound | Call


@dataclass(slots=True)
class Step:
    """What one model call brought, in order; `interjected` is what the person said while it ran."""

    items: list[Item] = field(default_factory=list)
    interjected: list[UserPart] = field(default_factory=list)

    @property
    def calls(self) -> list[Call]:
        """The calls among it."""
        return [item for item in self.items if isinstance(item, Call)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An assistant's message. `call_ids` are all that the client has seen in it, of calls that were left out as well."""

    steps: tuple[Step, ...] = ()
    call_ids: frozenset[str] = frozenset()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The decisions that it brings."""
        return tuple(call.verdict for step in self.steps for call in step.calls if call.verdict is not None)


def messages_of(steps: Sequence[Step]) -> Iterator[Message]:
    """The steps as a model reads them; sources are for people."""
    for step in steps:
        parts = tuple(
            item.part if isinstance(item, Call) else item for item in step.items if not isinstance(item, SourceFound)
        )
        if parts:
            yield AssistantMessage(parts=parts)
        results = tuple(call.result for call in step.calls if call.result is not None)
        if results:
            yield ToolMessage(results=results)
        if step.interjected:
            yield UserMessage(parts=tuple(step.interjected))


def restored_events(steps: Sequence[Step]) -> tuple[TurnEvent, ...]:
    """The steps as events, for readers that start from nothing. Of calls with the same id they get the first."""
    events: list[TurnEvent] = []
    told: set[str] = set()
    for step in steps:
        if not step.items:
            continue
        events.append(StepStarted())
        for item in step.items:
            if isinstance(item, Call):
                if item.part.call_id in told:
                    continue
                told.add(item.part.call_id)
            events += _events(item)
        reason = FinishReason.TOOL_CALLS if step.calls else FinishReason.STOP
        events.append(StepFinished(finish_reason=reason))
    return tuple(events)


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
        case SourceFound():
            yield item
        case Call():
            yield from _events_of_call(item)
        case _ as unreachable:
            assert_never(unreachable)


def _events_of_call(call: Call) -> Iterator[TurnEvent]:
    part, result, dynamic = call.part, call.result, call.dynamic
    yield ToolCalled(call_id=part.call_id, tool=part.tool, input=part.input, dynamic=dynamic)
    if call.denial is not None:
        yield ToolDenied(call_id=part.call_id, reason=call.denial.reason, dynamic=dynamic)
    elif result is None:
        return
    elif result.failed:
        text = str(result.output)
        yield ToolErrored(call_id=part.call_id, error_text=text, dynamic=dynamic, seal=result.seal)
    else:
        yield ToolReturned(call_id=part.call_id, output=result.output, dynamic=dynamic, seal=result.seal)
