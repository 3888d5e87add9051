"""Golden transcripts of the UI message stream, a scenario each, and the properties that hold for all of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_adapters.http.wire.ai_sdk import AiSdkEncoder
from mamba_domain.errors import Code
from mamba_domain.events import (
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
    ToolReturned,
    TurnCancelled,
    TurnEvent,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Usage,
)

STARTED = TurnStarted(message_id="msg-1", model="gpt-4o-mini")
USAGE = Usage(input_tokens=12, output_tokens=5)
TIMINGS = Timings(first_output=0.25, duration=1.5)
FINISHED = TurnFinished(finish_reason=FinishReason.STOP, usage=USAGE, timings=TIMINGS)
METADATA = {
    "model": "gpt-4o-mini",
    "usage": {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17},
    "ttftMs": 250,
    "durationMs": 1500,
}
START = {"type": "start", "messageId": "msg-1", "messageMetadata": {"model": "gpt-4o-mini"}}
STEP = {"type": "start-step"}
STEP_END = {"type": "finish-step"}
FINISH = {"type": "finish", "messageMetadata": METADATA}


def chunks(data: bytes) -> list[Any]:
    """The chunks of whole frames, with "[DONE]" as it stands."""
    assert data.endswith(b"\n\n")
    found = []
    for frame in data[:-2].split(b"\n\n"):
        assert frame.startswith(b"data: ")
        assert b"\n" not in frame
        assert b"\r" not in frame
        payload = frame[6:]
        found.append("[DONE]" if payload == b"[DONE]" else json.loads(payload))
    return found


def encoded(*events: TurnEvent, replay: bool = False) -> list[Any]:
    return chunks(AiSdkEncoder(replay=replay).encode(events))


def test_a_plain_answer() -> None:
    assert encoded(
        STARTED,
        StepStarted(),
        TextDelta(text="Hel"),
        TextDelta(text="lo"),
        StepFinished(finish_reason=FinishReason.STOP),
        FINISHED,
    ) == [
        START,
        STEP,
        {"type": "text-start", "id": "text-1"},
        {"type": "text-delta", "id": "text-1", "delta": "Hel"},
        {"type": "text-delta", "id": "text-1", "delta": "lo"},
        {"type": "text-end", "id": "text-1"},
        STEP_END,
        FINISH,
        "[DONE]",
    ]


def test_reasoning_ends_before_text_begins_and_carries_what_the_provider_wants_back() -> None:
    assert encoded(
        STARTED,
        StepStarted(),
        ReasoningDelta(text="hm"),
        ReasoningClosed(provider_data={"id": "rs_1"}),
        TextDelta(text="yes"),
        SourceFound(source_id="s1", url="https://example.org", title="Example"),
        FileProduced(media_type="image/png", url="data:image/png;base64,AA=="),
    )[2:] == [
        {"type": "reasoning-start", "id": "reasoning-1"},
        {"type": "reasoning-delta", "id": "reasoning-1", "delta": "hm"},
        {"type": "reasoning-end", "id": "reasoning-1", "providerMetadata": {"mamba": {"id": "rs_1"}}},
        {"type": "text-start", "id": "text-2"},
        {"type": "text-delta", "id": "text-2", "delta": "yes"},
        {"type": "source-url", "sourceId": "s1", "url": "https://example.org", "title": "Example"},
        {"type": "file", "url": "data:image/png;base64,AA==", "mediaType": "image/png"},
    ]


def test_a_tool_call_with_its_output() -> None:
    assert encoded(
        STARTED,
        StepStarted(),
        TextDelta(text="Look:"),
        ToolInputStarted(call_id="c1", tool="generateCard"),
        ToolInputDelta(call_id="c1", text='{"title":'),
        ToolInputDelta(call_id="c1", text='"Hi"}'),
        ToolCalled(call_id="c1", tool="generateCard", input={"title": "Hi"}),
        ToolReturned(call_id="c1", output={"type": "card", "title": "Hi"}),
        StepFinished(finish_reason=FinishReason.TOOL_CALLS),
    )[4:] == [
        {"type": "text-end", "id": "text-1"},
        {"type": "tool-input-start", "toolCallId": "c1", "toolName": "generateCard"},
        {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '{"title":'},
        {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '"Hi"}'},
        {"type": "tool-input-available", "toolCallId": "c1", "toolName": "generateCard", "input": {"title": "Hi"}},
        {"type": "tool-output-available", "toolCallId": "c1", "output": {"type": "card", "title": "Hi"}},
        STEP_END,
    ]


def test_seals_of_tool_outputs_travel_as_message_metadata_before_the_step_ends() -> None:
    assert encoded(
        STARTED,
        StepStarted(),
        ToolCalled(call_id="c1", tool="t", input={}),
        ToolReturned(call_id="c1", output=1, seal="sealed"),
        StepFinished(finish_reason=FinishReason.TOOL_CALLS),
    )[-2:] == [{"type": "message-metadata", "messageMetadata": {"seals": {"c1": "sealed"}}}, STEP_END]


def test_a_dynamic_call_says_so_on_every_chunk() -> None:
    sent = encoded(
        ToolInputStarted(call_id="c1", tool="mcp_find", dynamic=True),
        ToolCalled(call_id="c1", tool="mcp_find", input={}, dynamic=True),
        ToolErrored(call_id="c1", error_text="no", dynamic=True),
    )
    assert [chunk["dynamic"] for chunk in sent] == [True, True, True]


def test_invalid_input_is_told_as_an_input_that_ended_in_an_error() -> None:
    assert encoded(
        ToolInputStarted(call_id="c1", tool="nope"),
        ToolInputInvalid(call_id="c1", tool="nope", input="{broken", error_text="There is no such tool."),
    )[1:] == [
        {"type": "tool-input-available", "toolCallId": "c1", "toolName": "nope", "input": "{broken"},
        {"type": "tool-output-error", "toolCallId": "c1", "errorText": "There is no such tool."},
    ]


def test_a_denial_is_told_as_an_error_of_the_call() -> None:
    sent = encoded(ToolCalled(call_id="c1", tool="t", input={}), ToolDenied(call_id="c1"))
    assert sent[-1] == {"type": "tool-output-error", "toolCallId": "c1", "errorText": "The call was declined."}


def test_a_failure_closes_the_part_settles_the_calls_and_ends_with_one_error() -> None:
    failed = TurnFailed(code=Code.MODEL_ERROR, message="The model could not answer.", usage=USAGE, timings=TIMINGS)
    assert encoded(
        STARTED,
        StepStarted(),
        ToolInputStarted(call_id="c1", tool="generateCard"),
        ToolInputDelta(call_id="c1", text='{"ti'),
        ToolCalled(call_id="c2", tool="search", input={"q": 1}),
        TextDelta(text="par"),
        failed,
    )[5:] == [
        {"type": "text-start", "id": "text-1"},
        {"type": "text-delta", "id": "text-1", "delta": "par"},
        {"type": "text-end", "id": "text-1"},
        {"type": "tool-input-available", "toolCallId": "c1", "toolName": "generateCard", "input": {}},
        {"type": "tool-output-error", "toolCallId": "c1", "errorText": "The call was cut off and not executed."},
        {"type": "tool-output-error", "toolCallId": "c2", "errorText": "The call was cut off and not executed."},
        {"type": "message-metadata", "messageMetadata": METADATA},
        {"type": "error", "errorText": "The model could not answer."},
        "[DONE]",
    ]


def test_a_stopped_answer_ends_with_abort_without_a_reason() -> None:
    assert encoded(STARTED, StepStarted(), TextDelta(text="x"), TurnCancelled(usage=USAGE, timings=TIMINGS))[-4:] == [
        {"type": "text-end", "id": "text-1"},
        {"type": "message-metadata", "messageMetadata": METADATA},
        {"type": "abort"},
        "[DONE]",
    ]


def test_what_was_restored_is_told_to_replaying_readers_alone() -> None:
    restored = Restored(
        events=(StepStarted(), TextDelta(text="before"), StepFinished(finish_reason=FinishReason.TOOL_CALLS))
    )
    told = encoded(STARTED, restored, StepStarted(), TextDelta(text="after"), replay=True)
    assert [chunk["delta"] for chunk in told if chunk["type"] == "text-delta"] == ["before", "after"]
    assert [chunk["type"] for chunk in encoded(STARTED, restored, StepStarted())] == ["start", "start-step"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("line\nbreak\r\n", "line\nbreak\r\n"),
        ("data: [DONE]\n\n", "data: [DONE]\n\n"),
        ("\u2028\u2029\u0085", "\u2028\u2029\u0085"),
        ("nul \x00 bell \x07", "nul \x00 bell \x07"),
        ("\U0001f600", "\U0001f600"),
        ("lone \ud83d!", "lone \ufffd!"),
        ('"quoted" \\ back', '"quoted" \\ back'),
    ],
)
def test_text_of_any_kind_arrives_and_never_breaks_a_frame(text: str, read: str) -> None:
    assert encoded(TextDelta(text=text))[1]["delta"] == read


def test_values_that_strict_json_refuses_do_not_end_the_stream() -> None:
    sent = encoded(
        ToolCalled(call_id="c1", tool="t", input={"big": 10**400 // 10**390, "huge": 2**80, "bad": "\udc00"})
    )
    assert sent[0]["input"]["bad"] == "\ufffd"
    assert sent[0]["input"]["huge"] == float(2**80)


@given(st.lists(st.text(min_size=1), max_size=8), st.integers(min_value=0, max_value=8))
def test_cutting_the_events_anywhere_gives_the_same_bytes(texts: list[str], cut: int) -> None:
    events: list[TurnEvent] = [STARTED, StepStarted(), *(TextDelta(text=text) for text in texts), FINISHED]
    one, two = AiSdkEncoder(), AiSdkEncoder()
    assert one.encode(events) == two.encode(events[:cut]) + two.encode(events[cut:])
