"""A call runs once, only when it is complete, known and valid, and everybody is told what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from mamba_domain.approvals import DENIED, Verdict
from mamba_domain.calls import CallDesk, Settled
from mamba_domain.errors import Code, Rejected, ToolFailed
from mamba_domain.events import (
    ApprovalRequested,
    FinishReason,
    ToolCallCompleted,
    ToolCalled,
    ToolDenied,
    ToolErrored,
    ToolInputDelta,
    ToolInputInvalid,
    ToolInputStarted,
    ToolProgressed,
    ToolReturned,
    TurnEvent,
)
from mamba_domain.identity import Principal
from mamba_domain.messages import (
    AssistantMessage,
    JsonValue,
    Message,
    TextPart,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
    UserMessage,
)
from mamba_domain.ports.observer import NullObserver
from mamba_domain.tools import (
    Placement,
    ToolCall,
    ToolContext,
    ToolError,
    ToolOutcome,
    ToolOutput,
    ToolProgress,
    ToolSpec,
)
from tests.fakes.approval_desk import FakeApprovals
from tests.fakes.seals import PlainSeals
from tests.fakes.tool_registry import FakeTool, FakeTools, Steps, returning

CONTEXT = ToolContext(principal=Principal(subject="alice"), chat_id="chat")


class Observer(NullObserver):
    """Keeps how calls ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []

    def tool_ended(self, *, tool: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.ended.append((tool, outcome))


class Step:
    """One step at a desk: what the model wrote, and what the readers were told."""

    def __init__(
        self,
        *tools: FakeTool,
        offered: Sequence[str] | None = None,
        used_ids: frozenset[str] = frozenset(),
        registry: FakeTools | None = None,
        max_calls: int = 4,
        max_argument_bytes: int = 100,
    ) -> None:
        self.events: list[TurnEvent] = []
        self.tools = registry or FakeTools(*tools)
        self.approvals = FakeApprovals()
        self.observer = Observer()
        self.desk = CallDesk(
            tools=self.tools,
            approvals=self.approvals,
            offered=frozenset([tool.name for tool in tools] if offered is None else offered),
            context=CONTEXT,
            emit=self._emit,
            observer=self.observer,
            max_calls=max_calls,
            max_argument_bytes=max_argument_bytes,
            used_ids=used_ids,
            seals=PlainSeals(),
        )

    async def _emit(self, events: Sequence[TurnEvent]) -> None:
        self.events += events

    def write(self, call_id: str, tool: str, arguments: str | None = "{}") -> None:
        """The model writes a call; without arguments it is cut off before they are complete."""
        self.events += self.desk.started(ToolInputStarted(call_id=call_id, tool=tool))
        for letter in arguments or "":
            self.events += self.desk.argued(ToolInputDelta(call_id=call_id, text=letter))
        if arguments is not None:
            self.desk.completed(ToolCallCompleted(call_id=call_id, tool=tool, arguments=arguments))

    async def settle(self, finish_reason: FinishReason = FinishReason.TOOL_CALLS, *, may_call: bool = True) -> Settled:
        return await self.desk.settle(finish_reason, may_call=may_call)

    def told(self, *kinds: type[TurnEvent]) -> list[TurnEvent]:
        return [event for event in self.events if isinstance(event, kinds)]


def refusing(message: str) -> Callable[[JsonValue], JsonValue]:
    def check(arguments: JsonValue) -> JsonValue:
        raise ToolFailed(message)

    return check


def outcomes(*steps: ToolProgress | ToolOutcome) -> Steps:
    async def play(call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolProgress | ToolOutcome, None]:
        for step in steps:
            yield step

    return play


def failed(call_id: str, tool: str, text: str) -> ToolResultPart:
    return ToolResultPart(call_id=call_id, tool=tool, output=text, failed=True)


async def test_a_step_without_calls_settles_to_nothing() -> None:
    assert await Step().settle() == Settled()


async def test_a_server_tool_runs_and_its_output_goes_to_the_readers_and_the_model() -> None:
    step = Step(FakeTool(name="weather", steps=returning({"sky": "clear"})))
    step.write("1", "weather", '{"city":"Rome"}')
    settled = await step.settle()
    assert settled == Settled(
        calls=(ToolCallPart(call_id="1", tool="weather", input={"city": "Rome"}),),
        results=(ToolResultPart(call_id="1", tool="weather", output={"sky": "clear"}),),
    )
    assert [type(event) for event in step.told(ToolInputStarted, ToolCalled, ToolReturned)] == [
        ToolInputStarted,
        ToolCalled,
        ToolReturned,
    ]
    assert "".join(e.text for e in step.events if isinstance(e, ToolInputDelta)) == '{"city":"Rome"}'
    assert step.observer.ended == [("weather", "returned")]


@pytest.mark.parametrize(
    ("outcome", "event"),
    [(ToolOutput(output="clear"), ToolReturned), (ToolError(error_text="No wind."), ToolErrored)],
)
async def test_what_a_server_tool_says_is_sealed(outcome: ToolOutcome, event: type[TurnEvent]) -> None:
    step = Step(FakeTool(name="weather", steps=outcomes(outcome)))
    step.write("1", "weather")
    settled = await step.settle()
    (told,) = step.told(event)
    assert isinstance(told, ToolReturned | ToolErrored)
    history: list[Message] = [
        AssistantMessage(parts=settled.calls),
        ToolMessage(
            results=tuple(
                ToolResultPart(call_id=r.call_id, tool=r.tool, output=r.output, failed=r.failed, seal=told.seal)
                for r in settled.results
            )
        ),
    ]
    assert step.desk.vouch(history) == tuple(history)


async def test_a_display_call_returns_its_validated_input_unsealed() -> None:
    chart = FakeTool(name="chart", placement=Placement.DISPLAY, check=lambda _: {"type": "chart"}, dynamic=True)
    step = Step(chart)
    step.write("1", "chart", '{"data":[]}')
    settled = await step.settle()
    assert settled.results == (ToolResultPart(call_id="1", tool="chart", output={"type": "chart"}),)
    assert step.told(ToolReturned) == [ToolReturned(call_id="1", output={"type": "chart"}, dynamic=True)]
    assert step.tools.carried_out == []
    assert step.observer.ended == [("chart", "returned")]


async def test_a_clients_call_is_left_open_while_the_servers_calls_beside_it_run() -> None:
    step = Step(FakeTool(name="pick", placement=Placement.CLIENT), FakeTool(name="weather"))
    step.write("1", "pick")
    step.write("2", "weather")
    settled = await step.settle()
    assert settled.waits_for_client
    assert [result.call_id for result in settled.results] == ["2"]
    assert [call.call_id for call in settled.calls] == ["1", "2"]


async def test_a_call_that_needs_approval_waits_for_it_and_is_asked_for_when_the_others_are_done() -> None:
    step = Step(FakeTool(name="transfer", approval=True), FakeTool(name="weather"))
    step.write("1", "transfer")
    step.write("2", "weather")
    settled = await step.settle()
    assert settled.waits_for_client
    assert [call.tool for call in step.tools.carried_out] == ["weather"]
    assert step.events[-1] == ApprovalRequested(
        approval_id="approval-1", call_id="1", signature="signature of approval-1"
    )
    assert isinstance(step.events[-2], ToolReturned)


async def test_calls_of_a_step_run_side_by_side_and_their_results_keep_the_models_order() -> None:
    barrier = asyncio.Barrier(2)

    async def meet(call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolOutcome, None]:
        await barrier.wait()
        yield ToolOutput(output=call.call_id)

    step = Step(FakeTool(name="meet", steps=meet))
    step.write("1", "meet")
    step.write("2", "meet")
    settled = await asyncio.wait_for(step.settle(), 5)
    assert [(result.call_id, result.output) for result in settled.results] == [("1", "1"), ("2", "2")]


async def test_a_failing_tool_does_not_stop_its_neighbour() -> None:
    broken = FakeTool(name="broken", steps=outcomes(ToolError(error_text="The tool failed.")))
    step = Step(broken, FakeTool(name="weather"))
    step.write("1", "broken")
    step.write("2", "weather")
    settled = await step.settle()
    assert settled.results[0] == failed("1", "broken", "The tool failed.")
    assert settled.results[1].output == "done"
    assert sorted(step.observer.ended) == [("broken", "failed"), ("weather", "returned")]


async def test_a_time_out_is_told_apart_from_a_failure() -> None:
    slow = outcomes(ToolError(error_text="Too long.", timed_out=True))
    step = Step(FakeTool(name="slow", steps=slow))
    step.write("1", "slow")
    await step.settle()
    assert step.observer.ended == [("slow", "timeout")]


async def test_progress_is_shown_before_the_outcome() -> None:
    steps = outcomes(ToolProgress(output=1), ToolProgress(output=2), ToolOutput(output=3))
    step = Step(FakeTool(name="search", steps=steps, dynamic=True))
    step.write("1", "search")
    await step.settle()
    assert [
        (type(event), event.output) for event in step.events if isinstance(event, ToolProgressed | ToolReturned)
    ] == [
        (ToolProgressed, 1),
        (ToolProgressed, 2),
        (ToolReturned, 3),
    ]
    assert all(getattr(event, "dynamic", True) for event in step.events)


class Silent(FakeTools):
    """A registry that breaks its promise of one outcome."""

    @asynccontextmanager
    async def run(
        self, call: ToolCall, context: ToolContext
    ) -> AsyncIterator[AsyncIterator[ToolProgress | ToolOutcome]]:
        yield outcomes()(call, context)


async def test_a_tool_without_an_outcome_failed() -> None:
    weather = FakeTool(name="weather")
    step = Step(weather, registry=Silent(weather))
    step.write("1", "weather")
    assert (await step.settle()).results == (failed("1", "weather", "The tool gave no result."),)


# What does not run. The readers and the model are told, and the turn goes on.


async def refusal_of(step: Step, *, may_call: bool = True) -> str:
    """Why the only call of the step did not run."""
    settled = await step.settle(may_call=may_call)
    (result,) = settled.results
    (told,) = step.told(ToolInputInvalid)
    assert isinstance(told, ToolInputInvalid)
    assert result.failed
    assert result.output == told.error_text
    assert step.tools.carried_out == []
    assert step.told(ToolCalled, ToolReturned) == []
    assert [outcome for _, outcome in step.observer.ended] == ["invalid"]
    return told.error_text


@pytest.mark.parametrize("tool", ["nobody", "__class__", "Weather", "", "weather\n", "wea.ther"])
async def test_an_unknown_tool_does_not_run(tool: str) -> None:
    step = Step(FakeTool(name="weather"))
    step.write("1", tool)
    assert await refusal_of(step) == "There is no such tool."
    assert step.observer.ended == [("unknown", "invalid")]


async def test_a_tool_that_was_not_offered_does_not_run() -> None:
    step = Step(FakeTool(name="weather"), offered=[])
    step.write("1", "weather")
    assert await refusal_of(step) == "There is no such tool."


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("{", "valid JSON"),
        ("[1]", "JSON object"),
        ('"text"', "JSON object"),
        ('{"a":' + "9" * 50 + "}", "valid JSON"),
        ('{"__proto__":{}}', "not allowed"),
        ('{"a":NaN}', "valid JSON"),
    ],
)
async def test_arguments_that_are_no_sound_object_do_not_run(arguments: str, reason: str) -> None:
    step = Step(FakeTool(name="weather"))
    step.write("1", "weather", arguments)
    assert reason in await refusal_of(step)
    (told,) = step.told(ToolInputInvalid)
    assert isinstance(told, ToolInputInvalid)
    assert told.input == arguments


async def test_no_arguments_are_an_empty_object() -> None:
    step = Step(FakeTool(name="weather"))
    step.write("1", "weather", "")
    await step.settle()
    assert [call.input for call in step.tools.carried_out] == [{}]


async def test_arguments_against_the_schema_do_not_run() -> None:
    step = Step(FakeTool(name="weather", check=refusing("city: missing")))
    step.write("1", "weather", '{"town":"Rome"}')
    assert await refusal_of(step) == "city: missing"
    (told,) = step.told(ToolInputInvalid)
    assert isinstance(told, ToolInputInvalid)
    assert told.input == {"town": "Rome"}


async def test_a_call_whose_arguments_did_not_end_does_not_run() -> None:
    step = Step(FakeTool(name="weather"))
    step.write("1", "weather", None)
    assert "cut off" in await refusal_of(step)


@pytest.mark.parametrize("finish_reason", [FinishReason.LENGTH, FinishReason.CONTENT_FILTER, FinishReason.OTHER])
@pytest.mark.parametrize("arguments", ['{"city":"Ro', '{"city":"Rome"}'])
async def test_nothing_of_a_step_that_was_cut_off_runs(finish_reason: FinishReason, arguments: str) -> None:
    step = Step(FakeTool(name="weather"), FakeTool(name="chart", placement=Placement.DISPLAY))
    step.write("1", "weather", arguments)
    step.write("2", "chart")
    assert await step.settle(finish_reason) == Settled()
    assert step.tools.carried_out == []
    assert len(step.told(ToolInputInvalid)) == 2
    assert step.told(ToolCalled, ToolReturned) == []


async def test_calls_run_although_the_model_says_that_it_stopped() -> None:
    step = Step(FakeTool(name="weather"))
    step.write("1", "weather")
    await step.settle(FinishReason.STOP)
    assert len(step.tools.carried_out) == 1


async def test_a_call_where_none_is_allowed_does_not_run() -> None:
    step = Step(FakeTool(name="weather"))
    step.write("1", "weather")
    assert "No more calls" in await refusal_of(step, may_call=False)


async def test_an_id_that_comes_twice_in_a_step_runs_once_with_the_input_that_was_shown() -> None:
    step = Step(FakeTool(name="weather"))
    step.write("1", "weather", '{"city":"Rome"}')
    step.write("1", "weather", '{"city":"Oslo"}')
    settled = await step.settle()
    assert [call.input for call in step.tools.carried_out] == [{"city": "Rome"}]
    assert [call.call_id for call in settled.calls] == ["1", "1-2"]
    assert settled.results[1].failed
    assert len({event.call_id for event in step.events if isinstance(event, ToolInputStarted)}) == 2


async def test_an_id_that_the_answer_already_has_is_replaced() -> None:
    step = Step(FakeTool(name="weather"), used_ids=frozenset({"1", "1-2"}))
    step.write("1", "weather", '{"a":1}')
    settled = await step.settle()
    assert [call.call_id for call in settled.calls] == ["1-3"]
    assert {event.call_id for event in step.events if hasattr(event, "call_id")} == {"1-3"}


@pytest.mark.parametrize("call_id", ["", "a\nb", "x" * 129, "\x00"])
async def test_an_id_that_cannot_be_shown_is_replaced(call_id: str) -> None:
    step = Step(FakeTool(name="weather"))
    step.write(call_id, "weather")
    assert [call.call_id for call in (await step.settle()).calls] == ["call"]


async def test_an_id_may_come_again_in_the_next_step() -> None:
    step = Step(FakeTool(name="weather"))
    step.write("1", "weather")
    await step.settle()
    step.write("1", "weather")
    assert [call.call_id for call in (await step.settle()).calls] == ["1-2"]
    assert len(step.tools.carried_out) == 2


async def test_only_so_many_calls_of_a_step_run() -> None:
    step = Step(FakeTool(name="weather"), max_calls=2)
    for call_id in "1234":
        step.write(call_id, "weather")
    settled = await step.settle()
    assert [call.call_id for call in step.tools.carried_out] == ["1", "2"]
    assert [result.output for result in settled.results[2:]] == ["Only 2 calls are allowed in one step."] * 2


@pytest.mark.parametrize("letter", ["x", "é"])
async def test_arguments_that_are_too_long_do_not_run_and_are_not_passed_on(letter: str) -> None:
    step = Step(FakeTool(name="weather"))
    step.write("1", "weather", json.dumps({"city": letter * 200}, ensure_ascii=False))
    assert "longer than 100 bytes" in await refusal_of(step)
    assert letter * 101 not in str(step.events)


async def test_arguments_that_come_all_at_once_have_the_same_limit() -> None:
    step = Step(FakeTool(name="weather"))
    step.desk.started(ToolInputStarted(call_id="1", tool="weather"))
    arguments = json.dumps({"city": "x" * 200})
    step.desk.completed(ToolCallCompleted(call_id="1", tool="weather", arguments=arguments))
    assert "longer than 100 bytes" in await refusal_of(step)
    assert "xxx" not in str(step.events)


async def test_what_belongs_to_no_call_is_ignored() -> None:
    step = Step()
    assert step.desk.argued(ToolInputDelta(call_id="1", text="{")) == ()
    step.desk.completed(ToolCallCompleted(call_id="1", tool="weather", arguments="{}"))
    assert await step.settle() == Settled()


class Fickle(FakeTools):
    """A registry whose tools change all the time."""

    changed = False

    def find(self, name: str) -> ToolSpec | None:
        spec = super().find(name)
        self.changed = not self.changed
        return spec and replace(spec, dynamic=self.changed)


async def test_readers_are_told_whether_a_tool_is_dynamic_and_it_stays_so() -> None:
    remote = FakeTool(name="remote")
    step = Step(remote, registry=Fickle(remote))
    step.write("1", "remote")
    await step.settle()
    told = step.told(ToolInputStarted, ToolCalled, ToolReturned)
    assert [getattr(event, "dynamic", None) for event in told] == [True, True, True]


# Decisions of a person.


async def asked(step: Step, *call_ids: str) -> list[ToolCallPart]:
    """The calls of a step that waits for a person."""
    for call_id in call_ids:
        step.write(call_id, "transfer", '{"amount":10}')
    settled = await step.settle()
    step.events.clear()
    step.observer.ended.clear()
    return list(settled.calls)


def verdict_on(call: ToolCallPart, number: int = 1, *, approved: bool = True, reason: str | None = None) -> Verdict:
    return Verdict(
        approval_id=f"approval-{number}",
        call_id=call.call_id,
        tool=call.tool,
        input=call.input,
        approved=approved,
        reason=reason,
    )


TRANSFER = FakeTool(name="transfer", approval=True, steps=returning("sent"))


async def test_an_approved_call_runs_with_the_input_that_was_shown() -> None:
    step = Step(TRANSFER)
    (call,) = await asked(step, "1")
    results = await step.desk.carry_out([verdict_on(call)])
    assert results == (ToolResultPart(call_id="1", tool="transfer", output="sent"),)
    assert step.tools.carried_out == [ToolCall(call_id="1", tool="transfer", input={"amount": 10})]
    assert [type(event) for event in step.events] == [ToolReturned]


@pytest.mark.parametrize(
    ("reason", "text"), [("Too much.", f"{DENIED} Too much."), (None, DENIED)], ids=["reason", "no reason"]
)
async def test_a_declined_call_does_not_run_and_the_model_hears_why(reason: str | None, text: str) -> None:
    step = Step(TRANSFER)
    (call,) = await asked(step, "1")
    results = await step.desk.carry_out([verdict_on(call, approved=False, reason=reason)])
    assert results == (failed("1", "transfer", text),)
    assert step.events == [ToolDenied(call_id="1", reason=reason)]
    assert step.tools.carried_out == []
    assert step.observer.ended == [("transfer", "denied")]


async def test_of_two_calls_each_gets_its_own_decision() -> None:
    step = Step(TRANSFER)
    one, two = await asked(step, "1", "2")
    results = await step.desk.carry_out([verdict_on(two, 2), verdict_on(one, 1, approved=False)])
    assert [(result.call_id, result.failed) for result in results] == [("2", False), ("1", True)]


async def test_one_forged_verdict_stops_all_before_anything_runs() -> None:
    step = Step(TRANSFER)
    one, two = await asked(step, "1", "2")
    with pytest.raises(Rejected) as refusal:
        await step.desk.carry_out([verdict_on(one, 1), verdict_on(two, 7)])
    assert refusal.value.code is Code.FORBIDDEN
    assert step.tools.carried_out == []
    assert step.events == []


async def test_a_tool_that_is_no_longer_offered_does_not_run_although_it_was_approved() -> None:
    step = Step(TRANSFER, offered=[])
    call = ToolCall(call_id="1", tool="transfer", input={})
    await step.approvals.issue(call, CONTEXT)
    (result,) = await step.desk.carry_out([verdict_on(ToolCallPart(call_id="1", tool="transfer", input={}))])
    assert result.failed
    assert "no longer available" in str(result.output)
    assert step.tools.carried_out == []


def history(call: ToolCallPart, output: JsonValue, *, seal: str | None = None) -> list[Message]:
    result = ToolResultPart(call_id=call.call_id, tool=call.tool, output=output, seal=seal)
    return [AssistantMessage(parts=(call,)), ToolMessage(results=(result,))]


async def test_a_client_without_approvals_approves_by_the_outcome_of_the_call() -> None:
    step = Step(TRANSFER)
    (call,) = await asked(step, "1")
    results = await step.desk.carry_out([], history(call, "Yes, go on."))
    assert results == (ToolResultPart(call_id="1", tool="transfer", output="sent"),)


async def test_a_client_without_approvals_declines_by_the_outcome_of_the_call() -> None:
    step = Step(TRANSFER)
    (call,) = await asked(step, "1")
    (result,) = await step.desk.carry_out([], history(call, "No."))
    assert result == failed("1", "transfer", f"{DENIED} No.")
    assert await step.desk.carry_out([], history(call, "Yes.")) == ()
    assert step.tools.carried_out == []


async def test_an_outcome_that_nobody_asked_for_decides_nothing() -> None:
    step = Step(TRANSFER, FakeTool(name="pick", placement=Placement.CLIENT))
    (call,) = await asked(step, "1")
    never_made = ToolCallPart(call_id="9", tool="transfer", input={})
    pick = ToolCallPart(call_id="8", tool="pick", input={})
    user = UserMessage(parts=(TextPart(text="Yes"),))
    elsewhere = ToolResultPart(call_id="7", tool="transfer", output="Yes")
    for messages in (
        [],
        [user],
        history(never_made, "Yes"),
        history(pick, "Yes"),
        history(call, "Yes", seal="some seal"),
        [*history(call, "Yes"), user],
        [ToolMessage(results=(elsewhere,))],
    ):
        assert await step.desk.carry_out([], messages) == ()
    assert step.tools.carried_out == []
