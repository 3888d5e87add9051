"""A turn says what its model says, and ends exactly once, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from mamba_domain.catalog import ModelCard
from mamba_domain.errors import Code, Misconfigured, ModelFailed, Rejected
from mamba_domain.events import (
    FinishReason,
    ModelFinished,
    ReasoningClosed,
    ReasoningDelta,
    Restored,
    SourceFound,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCalled,
    ToolReturned,
    TurnCancelled,
    TurnEvent,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Usage,
)
from mamba_domain.grammar import check
from mamba_domain.identity import ANONYMOUS
from mamba_domain.messages import AssistantMessage, ReasoningPart, TextPart, UserMessage
from mamba_domain.ports.observer import NullObserver
from mamba_domain.turn import Interruption, Turn, TurnLimits, run_turn
from tests.fakes.approval_desk import FakeApprovals
from tests.fakes.scripted_model import Script, ScriptedModel, call_script, text_script
from tests.fakes.tool_registry import FakeTool, FakeTools

HELLO = UserMessage(parts=(TextPart(text="Hello"),))
CARD = ModelCard(id="gpt", upstream_model="gpt-1")
DONE = ModelFinished(finish_reason=FinishReason.STOP, usage=Usage(input_tokens=10, output_tokens=5))


class Sink:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.events: list[TurnEvent] = []
        self.said = asyncio.Event()

    async def send(self, events: Sequence[TurnEvent]) -> None:
        self.events += events
        if any(isinstance(event, TextDelta) for event in events):
            self.said.set()


class Watch(NullObserver):
    """Keeps how turns ended."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, int, BaseException | None]] = []

    def turn_ended(self, *, model: str, end: object, steps: int, cause: BaseException | None) -> None:
        self.ends.append((type(end).__name__, steps, cause))


async def answered(
    *scripts: Script, limits: TurnLimits | None = None, tools: FakeTools | None = None, **turn: Any
) -> tuple[list[TurnEvent], ScriptedModel, Watch]:
    sink, watch, model = Sink(), Watch(), ScriptedModel(*scripts)
    asked = {"message_id": "m", "model": CARD, "messages": (HELLO,), "principal": ANONYMOUS, **turn}
    await run_turn(
        Turn(**asked),
        model=model,
        tools=tools or FakeTools(),
        approvals=FakeApprovals(),
        sink=sink,
        limits=limits or TurnLimits(),
        observer=watch,
        interruption=Interruption(),
    )
    check(sink.events)
    assert model.open_streams == 0
    assert len(watch.ends) == 1
    return sink.events, model, watch


async def test_a_plain_answer() -> None:
    events, model, watch = await answered(text_script("Hel", "lo"), temperature=0.5, max_output_tokens=9)
    assert events[:5] == [
        TurnStarted(message_id="m", model="gpt"),
        StepStarted(),
        TextDelta(text="Hel"),
        TextDelta(text="lo"),
        StepFinished(finish_reason=FinishReason.STOP),
    ]
    end = events[-1]
    assert isinstance(end, TurnFinished)
    assert end.usage == Usage(input_tokens=10, output_tokens=5)
    assert end.usage.total_tokens == 15
    assert end.timings.first_output is not None
    assert end.timings.first_output <= end.timings.duration
    (request,) = model.requests
    assert (request.model, request.messages) == ("gpt-1", (HELLO,))
    assert (request.temperature, request.max_output_tokens) == (0.5, 9)
    assert watch.ends == [("TurnFinished", 1, None)]


async def test_an_answer_that_is_continued_says_first_what_it_held() -> None:
    before = (StepStarted(), TextDelta(text="one"), StepFinished(finish_reason=FinishReason.STOP))
    events, _, _ = await answered(text_script("two"), restored=before)
    assert events[1] == Restored(events=before)


async def test_what_a_step_said_goes_back_to_the_model_with_its_calls() -> None:
    said = (
        (ReasoningDelta(text="hm"), ReasoningClosed(provider_data={"id": "r"})),
        (TextDelta(text="Let me "), TextDelta(text="look."), SourceFound(source_id="s", url="https://example.org")),
        (ReasoningDelta(text="open"), TextDelta(text="!"), ReasoningClosed()),
        *call_script(("c1", "look", "{}")),
    )
    events, model, _ = await answered(said, text_script("Done."), tools=FakeTools(FakeTool(name="look")))
    assert SourceFound(source_id="s", url="https://example.org") in events
    (step,) = [message for message in model.requests[1].messages if isinstance(message, AssistantMessage)]
    assert step.parts[:5] == (
        ReasoningPart(text="hm", provider_data={"id": "r"}),
        TextPart(text="Let me look."),
        ReasoningPart(text="open"),
        TextPart(text="!"),
        ReasoningPart(text="", provider_data=None),
    )


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (ModelFailed(Code.RATE_LIMITED, retry_after=3), Code.RATE_LIMITED, "Too many requests."),
        (Rejected(Code.CONTEXT_TOO_LONG), Code.CONTEXT_TOO_LONG, "The conversation is too long"),
        (Misconfigured("a.key", "is wrong"), Code.INTERNAL, "Something went wrong"),
        (RuntimeError("secret"), Code.INTERNAL, "Something went wrong"),
        (TimeoutError(), Code.MODEL_TIMEOUT, "The model took too long"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
async def test_every_failure_is_the_last_event_with_a_safe_text(
    raised: Exception, code: Code, message: str, first: bool
) -> None:
    script: Script = [raised] if first else [(TextDelta(text="par"),), raised]
    events, _, watch = await answered(script)
    end = events[-1]
    assert isinstance(end, TurnFailed)
    assert end.code is code
    assert end.message.startswith(message)
    assert end.retry_after == getattr(raised, "retry_after", None)
    assert watch.ends == [("TurnFailed", 1, raised)]


async def test_an_answer_without_a_finish_reason_is_a_failure() -> None:
    events, _, _ = await answered([(TextDelta(text="par"),)])
    assert isinstance(events[-1], TurnFailed)
    assert events[-1].code is Code.MODEL_ERROR


@pytest.mark.parametrize("limits", [TurnLimits(idle_timeout=0.01), TurnLimits(total_timeout=0.01)])
async def test_silence_and_length_are_bounded(limits: TurnLimits) -> None:
    events, _, _ = await answered([(TextDelta(text="par"),), asyncio.Event()], limits=limits)
    assert isinstance(events[-1], TurnFailed)
    assert events[-1].code is Code.MODEL_TIMEOUT


async def test_silence_is_counted_from_the_last_event() -> None:
    loop, first, second = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    loop.call_later(0.3, first.set)
    loop.call_later(0.6, second.set)
    end = (ModelFinished(finish_reason=FinishReason.STOP, usage=None),)
    script: Script = [first, (TextDelta(text="a"),), second, end]
    events, _, _ = await answered(script, limits=TurnLimits(idle_timeout=0.5))
    assert isinstance(events[-1], TurnFinished)


async def test_thoughts_go_back_to_the_model_in_one_piece() -> None:
    thinking: Script = [
        (ReasoningDelta(text="Let me "), ReasoningDelta(text="see.")),
        *call_script(("c1", "look", "{}")),
    ]
    _, model, _ = await answered(thinking, text_script("x"), tools=FakeTools(FakeTool(name="look")))
    (said,) = [message for message in model.requests[1].messages if isinstance(message, AssistantMessage)]
    assert said.parts[0] == ReasoningPart(text="Let me see.")


async def test_usage_is_added_up_over_the_steps_and_may_be_missing() -> None:
    call = call_script(("c1", "look", "{}"))
    events, _, _ = await answered(call, text_script("x", usage=None), tools=FakeTools(FakeTool(name="look")))
    assert isinstance(events[-1], TurnFinished)
    assert events[-1].usage == Usage(input_tokens=10, output_tokens=5)


async def test_a_turn_at_its_limit_of_steps_ends_in_words() -> None:
    tools = FakeTools(FakeTool(name="look"))
    calls = [call_script((f"c{n}", "look", "{}")) for n in range(3)]
    events, model, _ = await answered(*calls, limits=TurnLimits(max_steps=2), tools=tools)
    assert [request.may_call for request in model.requests] == [True, True, False]
    assert len([event for event in events if isinstance(event, ToolReturned)]) == 2
    assert not [event for event in events if isinstance(event, ToolCalled) and event.call_id == "c2"]
    assert isinstance(events[-3], TextDelta)
    assert isinstance(events[-1], TurnFinished)


async def test_a_model_without_tools_is_offered_none() -> None:
    card = ModelCard(id="old", upstream_model="old", supports_tools=False)
    _, model, _ = await answered(text_script("Hi"), model=card, tools=FakeTools(FakeTool(name="look")))
    assert model.requests[0].tools == ()


@pytest.mark.parametrize(("code", "kind"), [(Code.STOPPED, TurnCancelled), (Code.SHUTTING_DOWN, TurnFailed)])
async def test_a_turn_that_is_interrupted_says_why(code: Code, kind: type[TurnEvent]) -> None:
    sink, interruption, model = Sink(), Interruption(), ScriptedModel([(TextDelta(text="par"),), asyncio.Event()])
    running = asyncio.create_task(
        run_turn(
            Turn(message_id="m", model=CARD, messages=(HELLO,), principal=ANONYMOUS),
            model=model,
            tools=FakeTools(),
            approvals=FakeApprovals(),
            sink=sink,
            limits=TurnLimits(),
            observer=NullObserver(),
            interruption=interruption,
        )
    )
    await asyncio.wait_for(sink.said.wait(), 5)
    interruption.code = code
    running.cancel()
    await running
    check(sink.events)
    end = sink.events[-1]
    assert isinstance(end, kind)
    if isinstance(end, TurnFailed):
        assert end.code is code
    assert model.open_streams == 0
