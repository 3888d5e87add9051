"""What every `ChatModel` promises, as tests that each adapter runs: subclass and give a `provider` fixture."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import Protocol

import pytest

from mamba_domain.errors import ModelFailed
from mamba_domain.events import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    ReasoningDelta,
    TextDelta,
    ToolCallCompleted,
    ToolInputDelta,
    ToolInputStarted,
)
from mamba_domain.ports.chat_model import ChatModel, ModelRequest

__all__ = ["Case", "ChatModelContract", "Provider", "Situation", "batches_of", "check_batches"]


class Situation(Enum):
    """What a provider can be asked to do."""

    ANSWER = auto()
    """Say at least two words, and stop."""
    CALL = auto()
    """Call one tool."""
    TWO_CALLS = auto()
    """Call tools twice in one step."""
    FAIL_AT_ONCE = auto()
    """Fail, now and whenever it is tried again, before any event."""
    FAIL_MIDWAY = auto()
    """Fail after at least one event."""
    NEVER_END = auto()
    """Say something, and then go on for longer than any test waits."""


@dataclass(frozen=True)
class Case:
    """A model, and the request that brings it into a situation."""

    model: ChatModel
    request: ModelRequest


class Provider(Protocol):
    """The adapter under test with whatever stands behind it."""

    def case(self, situation: Situation) -> Case:
        """How to bring about a situation."""
        ...

    async def released(self) -> None:
        """Wait until nothing is held for the answers that were left; fail when something is held for long."""
        ...


async def batches_of(case: Case) -> list[Sequence[ModelEvent]]:
    """A whole answer."""
    batches: list[Sequence[ModelEvent]] = []
    await _read_into(batches, case)
    return batches


async def _read_into(seen: list[Sequence[ModelEvent]], case: Case) -> None:
    """Keeps what came even when the answer fails."""
    async with case.model.stream(case.request) as batches:
        async for batch in batches:
            seen.append(batch)  # noqa: PERF401 - a failure must not take what came before it


def check_batches(batches: Sequence[Sequence[ModelEvent]]) -> None:
    """The rules for a whole answer that did not fail."""
    assert all(batches), "a batch is empty"
    for batch in batches:
        for one, next_one in pairwise(batch):
            assert not _could_be_merged(one, next_one), f"{one} and {next_one} are adjacent in a batch"
    events = [event for batch in batches for event in batch]
    assert [event for event in events if isinstance(event, ModelFinished)] == events[-1:]
    _check_calls(events)


def _could_be_merged(one: ModelEvent, other: ModelEvent) -> bool:
    match one, other:
        case (TextDelta(), TextDelta()) | (ReasoningDelta(), ReasoningDelta()):
            return True
        case ToolInputDelta(), ToolInputDelta():
            return one.call_id == other.call_id
        case _:
            return False


def _check_calls(events: Sequence[ModelEvent]) -> None:
    """Each call begins once and is completed once, with what was written; only a cut answer leaves one open."""
    open_calls: dict[str, tuple[str, str]] = {}
    closed: set[str] = set()
    for event in events:
        match event:
            case ToolInputStarted(call_id=call_id, tool=tool):
                assert call_id not in open_calls
                assert call_id not in closed
                open_calls[call_id] = (tool, "")
            case ToolInputDelta(call_id=call_id, text=text):
                tool, so_far = open_calls[call_id]
                open_calls[call_id] = (tool, so_far + text)
            case ToolCallCompleted(call_id=call_id, tool=tool, arguments=arguments):
                assert open_calls.pop(call_id) == (tool, arguments)
                closed.add(call_id)
            case ModelFinished(finish_reason=FinishReason.STOP | FinishReason.TOOL_CALLS):
                assert not open_calls
            case _:
                pass


class ChatModelContract:
    """The port's docstring, one test a sentence."""

    async def test_an_answer_comes_in_batches_and_ends_with_its_finish_reason(self, provider: Provider) -> None:
        batches = await batches_of(provider.case(Situation.ANSWER))
        check_batches(batches)
        finished = batches[-1][-1]
        assert isinstance(finished, ModelFinished)
        assert finished.finish_reason is FinishReason.STOP
        assert _text(event for batch in batches for event in batch)

    async def test_usage_comes_with_the_finish(self, provider: Provider) -> None:
        finished = (await batches_of(provider.case(Situation.ANSWER)))[-1][-1]
        assert isinstance(finished, ModelFinished)
        assert finished.usage is not None
        assert finished.usage.input_tokens > 0
        assert finished.usage.output_tokens > 0

    @pytest.mark.parametrize(("situation", "count"), [(Situation.CALL, 1), (Situation.TWO_CALLS, 2)])
    async def test_calls_are_begun_written_and_completed_under_ids_of_their_own(
        self, provider: Provider, situation: Situation, count: int
    ) -> None:
        case = provider.case(situation)
        batches = await batches_of(case)
        check_batches(batches)
        completed = [event for batch in batches for event in batch if isinstance(event, ToolCallCompleted)]
        assert len(completed) == count
        assert {call.tool for call in completed} <= {tool.name for tool in case.request.tools}
        finished = batches[-1][-1]
        assert isinstance(finished, ModelFinished)
        assert finished.finish_reason is FinishReason.TOOL_CALLS

    async def test_a_failure_before_any_event_is_raised_on_entering(self, provider: Provider) -> None:
        case = provider.case(Situation.FAIL_AT_ONCE)
        entered = False
        with pytest.raises(ModelFailed):
            async with case.model.stream(case.request):
                entered = True
        assert not entered
        await provider.released()

    async def test_a_failure_midway_is_raised_after_what_came_before_it(self, provider: Provider) -> None:
        case = provider.case(Situation.FAIL_MIDWAY)
        seen: list[Sequence[ModelEvent]] = []
        with pytest.raises(ModelFailed):
            await _read_into(seen, case)
        assert seen
        assert not any(isinstance(event, ModelFinished) for batch in seen for event in batch)
        await provider.released()

    async def test_leaving_early_lets_go_of_the_provider(self, provider: Provider) -> None:
        case = provider.case(Situation.NEVER_END)
        async with asyncio.timeout(5):
            async with case.model.stream(case.request) as batches:
                assert await anext(batches)
            await provider.released()

    async def test_cancelling_the_reader_lets_go_of_the_provider(self, provider: Provider) -> None:
        case = provider.case(Situation.NEVER_END)
        reading = asyncio.Event()

        async def read() -> None:
            async with case.model.stream(case.request) as batches:
                async for _ in batches:
                    reading.set()

        task = asyncio.create_task(read())
        async with asyncio.timeout(5):
            await reading.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await provider.released()

    async def test_answers_do_not_mix_when_they_run_side_by_side(self, provider: Provider) -> None:
        case = provider.case(Situation.ANSWER)
        alone = [event for batch in await batches_of(case) for event in batch]
        together = await asyncio.gather(*(batches_of(case) for _ in range(4)))
        for batches in together:
            check_batches(batches)
            assert _text(event for batch in batches for event in batch) == _text(alone)


def _text(events: Iterable[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))
