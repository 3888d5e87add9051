"""Turns as events, for the tests of the wires: one that has everything, and the ways in which a turn can end."""

from __future__ import annotations

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

__all__ = ["CANCELLED", "EVERYTHING", "FAILED", "FINISHED", "STARTED"]

USAGE = Usage(input_tokens=12, output_tokens=5, reasoning_tokens=2, cached_input_tokens=3)
TIMINGS = Timings(first_output=0.25, duration=1.5)
STARTED = TurnStarted(message_id="msg-1", model="gpt-4o-mini")
FINISHED = TurnFinished(finish_reason=FinishReason.TOOL_CALLS, usage=USAGE, timings=TIMINGS)
FAILED = TurnFailed(code=Code.MODEL_ERROR, message="The model could not answer.", usage=USAGE, timings=TIMINGS)
CANCELLED = TurnCancelled(usage=USAGE, timings=TIMINGS)

EVERYTHING: tuple[TurnEvent, ...] = (
    STARTED,
    Restored(
        events=(
            StepStarted(),
            TextDelta(text="before"),
            ToolCalled(call_id="c0", tool="pay", input={}),
            StepFinished(finish_reason=FinishReason.TOOL_CALLS),
        )
    ),
    ToolDenied(call_id="c0", reason="Too much."),
    StepStarted(),
    ReasoningDelta(text="hm"),
    ReasoningClosed(provider_data={"id": "rs_1"}),
    TextDelta(text="one "),
    TextDelta(text="two"),
    SourceFound(source_id="s1", url="https://example.org", title="Example"),
    SourceFound(source_id="s2", url="https://example.org/2"),
    FileProduced(media_type="image/png", url="data:image/png;base64,AA=="),
    ToolInputStarted(call_id="c1", tool="search"),
    ToolInputStarted(call_id="c2", tool="nope"),
    ToolInputDelta(call_id="c1", text='{"q":'),
    ToolInputDelta(call_id="c2", text="{broken"),
    ToolInputDelta(call_id="c1", text='"x"}'),
    ToolCalled(call_id="c1", tool="search", input={"q": "x"}),
    ToolInputInvalid(call_id="c2", tool="nope", input="{broken", error_text="There is no such tool."),
    ToolCalled(call_id="c3", tool="page", input={"to": "top"}),
    ToolCalled(call_id="c4", tool="pay", input={"n": 1}),
    ToolProgressed(call_id="c1", output="half"),
    ToolReturned(call_id="c1", output={"hits": 1}, seal="sealed"),
    ApprovalRequested(approval_id="p1", call_id="c4", signature="signed"),
    StepFinished(finish_reason=FinishReason.TOOL_CALLS),
    StepStarted(),
    ToolCalled(call_id="c5", tool="search", input={}),
    ToolErrored(call_id="c5", error_text="It failed.", seal="sealed.too"),
    TextDelta(text="three"),
    StepFinished(finish_reason=FinishReason.STOP),
)
"""All of a turn but its end."""
