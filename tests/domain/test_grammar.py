"""The oracle for turns accepts what the grammar allows and names what it does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mamba_domain.errors import Code
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
    Timings,
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
    Usage,
)
from mamba_domain.grammar import GrammarError, check

TIMINGS = Timings(first_output=None, duration=0.0)
STARTED = TurnStarted(message_id="m1", model="demo")
STEP = StepStarted()
DONE = StepFinished(finish_reason=FinishReason.STOP)
FINISHED = TurnFinished(finish_reason=FinishReason.STOP, usage=Usage(), timings=TIMINGS)
FAILED = TurnFailed(code=Code.MODEL_ERROR, message="No.")
CANCELLED = TurnCancelled(usage=Usage(), timings=TIMINGS)
WORD = TextDelta(text="Hello")


def begun(call: str = "c1") -> ToolInputStarted:
    return ToolInputStarted(call_id=call, tool="look")


def written(call: str = "c1") -> ToolInputDelta:
    return ToolInputDelta(call_id=call, text="{}")


def called(call: str = "c1") -> ToolCalled:
    return ToolCalled(call_id=call, tool="look", input={})


def invalid(call: str = "c1") -> ToolInputInvalid:
    return ToolInputInvalid(call_id=call, tool="look", input="{", error_text="No.")


def progressed(call: str = "c1") -> ToolProgressed:
    return ToolProgressed(call_id=call, output=1)


def returned(call: str = "c1") -> ToolReturned:
    return ToolReturned(call_id=call, output=2)


def errored(call: str = "c1") -> ToolErrored:
    return ToolErrored(call_id=call, error_text="No.")


def asked(call: str = "c1") -> ApprovalRequested:
    return ApprovalRequested(approval_id="a1", call_id=call, signature="s")


def denied(call: str = "c1") -> ToolDenied:
    return ToolDenied(call_id=call)


def in_step(*events: TurnEvent) -> list[TurnEvent]:
    return [STARTED, STEP, *events, DONE, FINISHED]


def restored(*events: TurnEvent) -> Restored:
    return Restored(events=events)


@pytest.mark.parametrize(
    "events",
    [
        in_step(WORD, WORD),
        in_step(),
        in_step(ReasoningDelta(text="Hm"), ReasoningClosed(), WORD),
        in_step(SourceFound(source_id="s", url="https://example.org"), FileProduced(media_type="image/png", url="u")),
        in_step(begun(), written(), written(), called(), returned()),
        in_step(called(), progressed(), progressed(), errored()),
        in_step(begun(), invalid()),
        in_step(invalid()),
        in_step(
            begun("a"), begun("b"), written("b"), written("a"), called("b"), called("a"), returned("a"), errored("b")
        ),
        in_step(called()),
        in_step(called(), asked()),
        in_step(called(), denied()),
        [STARTED, STEP, called(), returned(), DONE, STEP, WORD, DONE, FINISHED],
        [STARTED, FAILED],
        [STARTED, CANCELLED],
        [STARTED, STEP, WORD, FAILED],
        [STARTED, STEP, begun(), written(), CANCELLED],
        [STARTED, STEP, DONE, FAILED],
        [STARTED, restored(), STEP, WORD, DONE, FINISHED],
        [STARTED, restored(STEP, WORD, begun(), called(), asked(), DONE), returned(), STEP, WORD, DONE, FINISHED],
        [STARTED, restored(called(), asked()), progressed(), errored(), STEP, DONE, FINISHED],
        [STARTED, restored(called(), asked()), denied(), STEP, DONE, FINISHED],
        [STARTED, restored(STEP, called(), asked(), DONE, returned(), STEP, WORD, DONE), STEP, DONE, FINISHED],
        [STARTED, progressed(), returned(), STEP, DONE, FINISHED],
        [STARTED, restored(called("a"), asked("a"), called("b"), asked("b")), denied("b"), returned("a"), FAILED],
    ],
)
def test_a_turn_that_keeps_the_grammar_is_accepted(events: Sequence[TurnEvent]) -> None:
    check(iter(events))


@pytest.mark.parametrize(
    ("events", "index"),
    [
        ([], 0),
        ([STARTED, STEP, WORD], 3),
        ([STEP], 0),
        ([FINISHED], 0),
        ([STARTED, STARTED], 1),
        ([STARTED, WORD], 1),
        ([STARTED, DONE], 1),
        ([STARTED, STEP, STEP], 2),
        ([STARTED, STEP, FINISHED], 2),
        ([STARTED, STEP, DONE, WORD], 3),
        ([STARTED, STEP, restored()], 2),
        ([STARTED, restored(), restored()], 2),
        ([STARTED, returned(), restored()], 2),
        ([*in_step(), CANCELLED], 4),
        ([STARTED, FAILED, FAILED], 2),
        ([STARTED, restored(STARTED)], 1),
        ([STARTED, restored(FINISHED)], 1),
        ([STARTED, restored(called(), called())], 1),
        ([STARTED, called()], 1),
        (in_step(written()), 2),
        (in_step(begun(), begun()), 3),
        (in_step(begun()), 3),
        (in_step(begun(), returned()), 3),
        (in_step(begun(), called(), written()), 4),
        (in_step(called(), called()), 3),
        (in_step(called(), begun()), 3),
        (in_step(called(), returned(), returned()), 4),
        (in_step(called(), returned(), progressed()), 4),
        (in_step(called(), asked(), returned()), 4),
        (in_step(called(), denied(), errored()), 4),
        (in_step(invalid(), returned()), 3),
        (in_step(returned()), 2),
        (in_step(progressed()), 2),
        ([STARTED, STEP, called(), DONE, STEP, returned()], 5),
        ([STARTED, STEP, called(), returned(), DONE, STEP, begun()], 6),
        ([STARTED, restored(called(), asked()), STEP, returned()], 3),
        ([STARTED, restored(called(), asked()), returned(), errored()], 3),
        ([STARTED, returned(), returned()], 2),
        ([STARTED, returned(), STEP, begun()], 3),
    ],
)
def test_the_first_fault_is_named_with_its_place(events: Sequence[TurnEvent], index: int) -> None:
    with pytest.raises(GrammarError) as caught:
        check(events)
    assert caught.value.index == index
    assert caught.value.event == (events[index] if index < len(events) else None)
    assert caught.value.reason
    assert caught.value.reason in str(caught.value)


def test_the_message_says_what_and_where() -> None:
    with pytest.raises(GrammarError, match=r"^event 1, TextDelta: it cannot come right after the turn's start$"):
        check([STARTED, WORD])
    with pytest.raises(GrammarError, match=r"^event 2, ToolReturned: call 'c1' was never begun$"):
        check(in_step(returned()))
    with pytest.raises(GrammarError, match=r"^event 1, the end: the turn has no terminal event$"):
        check([STARTED])
