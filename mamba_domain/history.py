"""Makes any conversation acceptable to a model.

Histories come from clients: answers were stopped in the middle of a call, messages deleted, edited or sent
twice. The chat APIs refuse such a conversation as a whole, and would refuse it again each time. What the
person and the operator said is never lost.

`REPAIR_RULES` is the closed list of what can be mended:

- `empty_dropped`: an empty text, or a message in which nothing is left.
- `reasoning_dropped`: reasoning that no text and no call follows in its step; a provider refuses it alone.
- `input_replaced`: a call's input that is no object becomes `{}`.
- `tool_renamed`: a tool name that providers refuse, or a result that names another tool than its call.
- `call_id_renamed`: a call id that was used before or that providers refuse; call and result change together.
- `result_added`: a call that nobody answered gets a failed result.
- `result_moved`: a result goes where its call wants it: right behind the step, in the order of the calls.
- `result_dropped`: a result without a call, or a second one for the same call. One that stands behind its
  call is preferred to one that comes too early; otherwise the first is kept.
- `results_merged`: a second message of results in a row joins the first.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, assert_never

from mamba_domain.messages import (
    AssistantMessage,
    AssistantPart,
    Message,
    ReasoningPart,
    SystemMessage,
    TextPart,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
    UserMessage,
)

__all__ = ["REPAIR_RULES", "repair"]

REPAIR_RULES = (
    "empty_dropped",
    "reasoning_dropped",
    "input_replaced",
    "tool_renamed",
    "call_id_renamed",
    "result_added",
    "result_moved",
    "result_dropped",
    "results_merged",
)

_Part = TypeVar("_Part", bound=AssistantPart)
_UNANSWERED = "The call was not completed."
_LONGEST_CALL_ID = 40  # for Chat Completions; the Responses API takes 64
_LONGEST_TOOL_NAME = 64
_UNFIT_IN_ID = re.compile(r"[^!-~]")
_UNFIT_IN_NAME = re.compile(r"[^A-Za-z0-9_-]")


def repair(messages: Sequence[Message]) -> tuple[tuple[Message, ...], dict[str, int]]:
    """The conversation as a model can read it, and how often each rule was applied.

    What is in order comes back as the same objects; the time is linear in the length of the conversation.
    """
    counts: Counter[str] = Counter()
    kept = [mended for message in messages if (mended := _without_debris(message, counts)) is not None]
    return tuple(_with_results_in_place(kept, counts)), dict(counts)


def _without_debris(message: Message, counts: Counter[str]) -> Message | None:
    """The message without what says nothing; None when nothing is left."""
    match message:
        case SystemMessage():
            return message
        case UserMessage(parts=asked):
            if spoken := _without_empty_text(asked, counts):
                return message if spoken is asked else UserMessage(parts=spoken)
        case AssistantMessage(parts=answered):
            if said := _without_loose_reasoning(_without_empty_text(answered, counts), counts):
                return message if said is answered else AssistantMessage(parts=said)
        case ToolMessage(results=results):
            if results:
                return message
        case _ as unreachable:
            assert_never(unreachable)
    counts["empty_dropped"] += 1
    return None


def _without_empty_text(parts: tuple[_Part, ...], counts: Counter[str]) -> tuple[_Part, ...]:
    empty = sum(_is_empty_text(part) for part in parts)
    if not empty:
        return parts
    counts["empty_dropped"] += empty
    return tuple(part for part in parts if not _is_empty_text(part))


def _is_empty_text(part: AssistantPart) -> bool:
    return isinstance(part, TextPart) and not part.text


def _without_loose_reasoning(parts: tuple[AssistantPart, ...], counts: Counter[str]) -> tuple[AssistantPart, ...]:
    """The parts without the reasoning behind the step's last text or call."""
    end = max((i for i, part in enumerate(parts, 1) if isinstance(part, TextPart | ToolCallPart)), default=0)
    loose = sum(isinstance(part, ReasoningPart) for part in parts[end:])
    if not loose:
        return parts
    counts["reasoning_dropped"] += loose
    return parts[:end] + tuple(part for part in parts[end:] if not isinstance(part, ReasoningPart))


@dataclass(slots=True)
class _Call:
    """A call as it was and as it can be sent, and the result that was found for it.

    `step` is the position of the call's message; `row` that of the message behind which the result stood;
    `place` counts the results of the conversation.
    """

    asked: ToolCallPart
    part: ToolCallPart
    step: int
    result: ToolResultPart | None = None
    row: int = -1
    place: int = -1


def _with_results_in_place(messages: Sequence[Message], counts: Counter[str]) -> Iterator[Message]:
    """The messages with each step's results, complete, directly behind it."""
    steps = _matched(messages, counts)
    for position, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            continue
        if not isinstance(message, AssistantMessage) or position not in steps:
            yield message
            continue
        calls = steps[position]
        fit = iter(calls)
        parts = tuple(next(fit).part if isinstance(part, ToolCallPart) else part for part in message.parts)
        yield message if _same(parts, message.parts) else AssistantMessage(parts=parts)
        results = _results(calls, counts)
        behind = messages[position + 1] if position + 1 < len(messages) else None
        if isinstance(behind, ToolMessage) and _same(results, behind.results):
            yield behind
        else:
            yield ToolMessage(results=results)


def _same(new: Sequence[object], old: Sequence[object]) -> bool:
    return len(new) == len(old) and all(a is b for a, b in zip(new, old, strict=True))


def _results(calls: Sequence[_Call], counts: Counter[str]) -> tuple[ToolResultPart, ...]:
    """One result for each call of a step, in the order of the calls."""
    results = []
    last = -1
    for call in calls:
        call_id, tool = call.part.call_id, call.part.tool
        result = call.result
        if result is None:
            counts["result_added"] += 1
            result = ToolResultPart(call_id=call_id, tool=tool, output=_UNANSWERED, failed=True)
        else:
            if call.row != call.step or call.place < last:
                counts["result_moved"] += 1
            last = max(last, call.place)
            if (result.call_id, result.tool) != (call_id, tool):
                result = replace(result, call_id=call_id, tool=tool)
        results.append(result)
    return tuple(results)


def _matched(messages: Sequence[Message], counts: Counter[str]) -> dict[int, list[_Call]]:
    """The calls of each step that has some, with the results that were found for them."""
    steps: dict[int, list[_Call]] = {}
    new_ids = _NewIds(messages)
    waiting = _Waiting()
    early: list[tuple[ToolResultPart, int, int]] = []
    row, place = -1, 0
    for position, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            if row < position - 1:
                counts["results_merged"] += 1
            for result in message.results:
                place += 1
                if result.call_id in waiting:
                    _give(waiting.latest(result.call_id), result, row, place, counts)
                else:
                    early.append((result, row, place))
            continue
        row = position
        if isinstance(message, AssistantMessage):
            for part in message.parts:
                if isinstance(part, ToolCallPart):
                    call = _Call(part=_fit(part, new_ids, counts), asked=part, step=position)
                    steps.setdefault(position, []).append(call)
                    waiting.add(part.call_id, call)
    for result, row_of_result, place_of_result in early:
        _give(waiting.earliest(result.call_id), result, row_of_result, place_of_result, counts)
    return steps


def _give(call: _Call | None, result: ToolResultPart, row: int, place: int, counts: Counter[str]) -> None:
    if call is None:
        counts["result_dropped"] += 1
        return
    if result.tool != call.asked.tool:
        counts["tool_renamed"] += 1
    call.result, call.row, call.place = result, row, place


def _fit(part: ToolCallPart, new_ids: _NewIds, counts: Counter[str]) -> ToolCallPart:
    """The call in a form that can be sent; the same object where it was."""
    call_id = new_ids.unique(part.call_id)
    tool = _UNFIT_IN_NAME.sub("_", part.tool)[:_LONGEST_TOOL_NAME] or "unnamed"
    is_object = isinstance(part.input, dict)
    if is_object and (call_id, tool) == (part.call_id, part.tool):
        return part
    for rule, applied in (
        ("call_id_renamed", call_id != part.call_id),
        ("tool_renamed", tool != part.tool),
        ("input_replaced", not is_object),
    ):
        if applied:
            counts[rule] += 1
    return ToolCallPart(call_id=call_id, tool=tool, input=part.input if is_object else {})


class _Waiting:
    """The calls that want a result, by id; those of one step stand together."""

    def __init__(self) -> None:
        self._steps: dict[str, deque[deque[_Call]]] = {}

    def __contains__(self, call_id: str) -> bool:
        """Whether there was such a call, answered or not."""
        return call_id in self._steps

    def add(self, call_id: str, call: _Call) -> None:
        steps = self._steps.setdefault(call_id, deque())
        if steps and steps[-1][0].step == call.step:
            steps[-1].append(call)
        else:
            steps.append(deque((call,)))

    def latest(self, call_id: str) -> _Call | None:
        """The first unanswered call of the last step that has one; it stops waiting."""
        return self._take(call_id, -1)

    def earliest(self, call_id: str) -> _Call | None:
        """The first unanswered call of all; it stops waiting."""
        return self._take(call_id, 0)

    def _take(self, call_id: str, end: int) -> _Call | None:
        steps = self._steps.get(call_id)
        if not steps:
            return None
        call = steps[end].popleft()
        if not steps[end]:
            del steps[end]
        return call


class _NewIds:
    """Hands out call ids, each once, and leaves alone whatever can stay."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._taken = {
            part.call_id
            for message in messages
            if isinstance(message, AssistantMessage)
            for part in message.parts
            if isinstance(part, ToolCallPart)
        }
        self._given: set[str] = set()
        self._copies: Counter[str] = Counter()

    def unique(self, call_id: str) -> str:
        fits = 0 < len(call_id) <= _LONGEST_CALL_ID and not _UNFIT_IN_ID.search(call_id)
        if fits and call_id not in self._given:
            self._given.add(call_id)
            return call_id
        stem = _UNFIT_IN_ID.sub("", call_id)[: _LONGEST_CALL_ID - 10] or "call"
        new = stem
        while new in self._taken:
            self._copies[stem] += 1
            new = f"{stem}-{self._copies[stem] + 1}"
        self._taken.add(new)
        return new
