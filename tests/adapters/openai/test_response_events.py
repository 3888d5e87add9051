"""Decoding of the Responses API's events, those of compatible servers included."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mamba_adapters.openai.response_events import ResponseEvents
from mamba_domain.errors import Code, ModelFailed, Rejected
from mamba_domain.events import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    ReasoningClosed,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    ToolCallCompleted,
    ToolInputDelta,
    ToolInputStarted,
    Usage,
)


def event(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields}).encode()


def said(text: str, place: int = 0) -> bytes:
    return event("response.output_text.delta", output_index=place, delta=text)


def added(place: int, kind: str, **item: Any) -> bytes:
    return event("response.output_item.added", output_index=place, item={"type": kind, **item})


def done(place: int, kind: str, **item: Any) -> bytes:
    return event("response.output_item.done", output_index=place, item={"type": kind, **item})


def argued(text: str, place: int, **more: Any) -> bytes:
    return event("response.function_call_arguments.delta", output_index=place, delta=text, **more)


COMPLETED = event("response.completed", response={"status": "completed"})


def decoded(*payloads: bytes) -> list[ModelEvent]:
    events = ResponseEvents("here")
    out = events.decode(payloads)
    if events.failure is not None:
        raise events.failure
    return [*out, *events.finish()]


STOP = ModelFinished(finish_reason=FinishReason.STOP)


def test_the_deltas_of_one_read_are_merged() -> None:
    silent = (event("response.content_part.added"), event("response.x_news", delta="no"))
    assert decoded(event("response.created"), said("a"), *silent, said("b"), COMPLETED) == [TextDelta(text="ab"), STOP]


def test_a_refusal_is_said() -> None:
    assert decoded(event("response.refusal.delta", delta="No."), COMPLETED) == [TextDelta(text="No."), STOP]


def test_reasoning_is_closed_with_its_seal_when_the_item_that_it_led_to_begins() -> None:
    thinking = [
        added(0, "reasoning", id="rs_1"),
        event("response.reasoning_summary_part.added", summary_index=0),
        event("response.reasoning_summary_text.delta", delta="One."),
        event("response.reasoning_summary_part.added", summary_index=1),
        event("response.reasoning_summary_text.delta", delta="Two."),
        done(0, "reasoning", id="rs_1", encrypted_content="sealed"),
    ]
    seal = {"id": "rs_1", "encrypted_content": "sealed", "source": "here"}
    assert decoded(*thinking, added(1, "message"), said("a"), COMPLETED) == [
        ReasoningDelta(text="One.\n\nTwo."),
        ReasoningClosed(provider_data={**seal}),
        TextDelta(text="a"),
        STOP,
    ]
    call = (added(1, "function_call", id="fc", call_id="c1", name="one"), argued("{}", 1))
    assert decoded(*thinking, *call, COMPLETED)[1:3] == [
        ReasoningClosed(provider_data={**seal, "before": "c1"}),
        ToolInputStarted(call_id="c1", tool="one"),
    ]


def test_reasoning_without_a_seal_is_closed_with_nothing() -> None:
    thinking = (event("response.reasoning_text.delta", delta="hm"), done(0, "reasoning", id="rs_1"))
    assert decoded(*thinking, COMPLETED) == [ReasoningDelta(text="hm"), ReasoningClosed(), STOP]


def test_a_silent_thinker_without_a_seal_says_nothing() -> None:
    assert decoded(added(0, "reasoning", id="rs_1"), done(0, "reasoning", id="rs_1"), COMPLETED) == [STOP]


def test_calls_that_are_written_side_by_side_are_told_apart() -> None:
    assert decoded(
        added(0, "function_call", id="fc_0", call_id="c0", name="one"),
        added(1, "function_call", id="fc_1", call_id="c1", name="two"),
        argued('{"a"', 0, item_id="fc_0"),
        argued("{}", 1, item_id="fc_1"),
        argued(":1}", 0, item_id="fc_0"),
        done(0, "function_call", id="fc_0", call_id="c0", name="one", arguments='{"a":1}'),
        done(1, "function_call", id="fc_1", call_id="c1", name="two", arguments="{}"),
        COMPLETED,
    ) == [
        ToolInputStarted(call_id="c0", tool="one"),
        ToolInputStarted(call_id="c1", tool="two"),
        ToolInputDelta(call_id="c0", text='{"a"'),
        ToolInputDelta(call_id="c1", text="{}"),
        ToolInputDelta(call_id="c0", text=":1}"),
        ToolCallCompleted(call_id="c0", tool="one", arguments='{"a":1}'),
        ToolCallCompleted(call_id="c1", tool="two", arguments="{}"),
        ModelFinished(finish_reason=FinishReason.TOOL_CALLS),
    ]


@pytest.mark.parametrize(
    "payloads",
    [
        (done(0, "function_call", id="x", call_id="c", name="one", arguments='{"a":1}'),),
        (
            added(0, "function_call", call_id="c", name="one"),
            event("response.function_call_arguments.done", output_index=0, arguments='{"a":1}'),
        ),
        (
            added(0, "function_call", call_id="c"),
            argued('{"a":1}', 0),
            done(0, "function_call", call_id="c", name="one", arguments='{"a":1}'),
        ),
        (added(0, "function_call", call_id="c", name="one"), argued('{"a":', 0, item_id="other"), argued("1}", 0)),
        (
            event("response.output_item.added", item={"type": "function_call", "call_id": "c", "name": "one"}),
            event("response.function_call_arguments.delta", delta='{"a":1}'),
        ),
    ],
)
def test_a_call_is_understood_however_it_is_told(payloads: tuple[bytes, ...]) -> None:
    events = decoded(*payloads, COMPLETED)
    assert [e for e in events if isinstance(e, ToolInputStarted)] == [ToolInputStarted(call_id="c", tool="one")]
    assert "".join(e.text for e in events if isinstance(e, ToolInputDelta)) == '{"a":1}'
    assert [e for e in events if isinstance(e, ToolCallCompleted)] == [
        ToolCallCompleted(call_id="c", tool="one", arguments='{"a":1}')
    ]


def test_an_answer_that_did_not_come_in_pieces_is_taken_from_the_whole() -> None:
    part = {
        "type": "output_text",
        "text": "whole",
        "annotations": [{"type": "url_citation", "url": "https://a.example"}],
    }
    whole = [TextDelta(text="whole"), SourceFound(source_id="source-1", url="https://a.example"), STOP]
    assert decoded(done(0, "message", content=[part]), COMPLETED) == whole
    output = [{"type": "message", "content": [part]}]
    assert decoded(event("response.completed", response={"output": output})) == whole
    assert decoded(said("piece"), done(0, "message", content=[part]), COMPLETED) == [TextDelta(text="piece"), STOP]


def test_text_that_is_told_once_it_is_whole_is_said_unless_it_came_otherwise() -> None:
    whole = event("response.output_text.done", text="whole")
    assert decoded(whole, COMPLETED) == [TextDelta(text="whole"), STOP]
    assert decoded(said("whole"), whole, COMPLETED) == [TextDelta(text="whole"), STOP]
    message = done(0, "message", content=[{"type": "output_text", "text": "whole"}])
    assert decoded(whole, message, COMPLETED) == [TextDelta(text="whole"), STOP]


def test_a_whole_message_behind_one_in_pieces_is_said() -> None:
    first, second = ([{"type": "output_text", "text": text}] for text in ("one", " two"))
    assert decoded(
        added(0, "message"),
        said("one"),
        done(0, "message", content=first),
        added(1, "message"),
        done(1, "message", content=second),
        COMPLETED,
    ) == [TextDelta(text="one two"), STOP]


def test_citations_are_sources() -> None:
    annotation = {"type": "url_citation", "url": "https://a.example", "title": "A"}
    assert decoded(
        event("response.output_text.annotation.added", annotation=annotation),
        event("response.output_text.annotation.added", annotation={"type": "file_citation"}),
        COMPLETED,
    ) == [SourceFound(source_id="source-1", url="https://a.example", title="A"), STOP]


@pytest.mark.parametrize(
    ("reason", "meant"),
    [
        ("max_output_tokens", FinishReason.LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("boredom", FinishReason.OTHER),
        (None, FinishReason.OTHER),
    ],
)
def test_an_incomplete_response_says_why(reason: str | None, meant: FinishReason) -> None:
    ending = event("response.incomplete", response={"incomplete_details": {"reason": reason} if reason else None})
    assert decoded(said("a"), ending) == [TextDelta(text="a"), ModelFinished(finish_reason=meant)]


def test_usage_comes_with_the_end() -> None:
    usage = {
        "input_tokens": 12,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 3},
        "output_tokens_details": {"reasoning_tokens": 2},
    }
    (finished,) = decoded(event("response.completed", response={"usage": usage}))
    assert finished == ModelFinished(
        finish_reason=FinishReason.STOP,
        usage=Usage(input_tokens=12, output_tokens=5, reasoning_tokens=2, cached_input_tokens=3),
    )


@pytest.mark.parametrize(
    ("payload", "kind", "code"),
    [
        (event("error", code="server_error", message="boom sk-1"), ModelFailed, Code.MODEL_UNAVAILABLE),
        (event("error", error={"code": "rate_limit_exceeded"}), ModelFailed, Code.RATE_LIMITED),
        (event("response.failed", response={"error": {"code": "server_error"}}), ModelFailed, Code.MODEL_UNAVAILABLE),
        (event("response.failed", response={"error": {"code": "invalid_prompt"}}), Rejected, Code.CONTENT_FILTERED),
        (event("response.failed", response={"error": {"code": "image_too_large"}}), Rejected, Code.INVALID_REQUEST),
        (event("response.failed"), ModelFailed, Code.MODEL_UNAVAILABLE),
        (event("response.cancelled"), ModelFailed, Code.MODEL_UNAVAILABLE),
        (b"{", ModelFailed, Code.MODEL_ERROR),
    ],
)
def test_a_broken_answer_keeps_what_came_before(payload: bytes, kind: type[Exception], code: Code) -> None:
    events = ResponseEvents()
    assert events.decode([said("a"), payload, said("b")]) == [TextDelta(text="a")]
    assert isinstance(events.failure, kind)
    assert getattr(events.failure, "code", None) is code
    assert "boom" not in f"{events.failure} {getattr(events.failure, 'detail', '')}"


@pytest.mark.parametrize("ending", [(), (b"[DONE]",), (event("response.done"),)])
def test_only_its_own_word_ends_a_response(ending: tuple[bytes, ...]) -> None:
    with pytest.raises(ModelFailed):
        decoded(said("a"), *ending)


def test_nothing_behind_the_end_counts() -> None:
    assert decoded(said("a"), COMPLETED, said("b"), event("error")) == [TextDelta(text="a"), STOP]


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"null",
        b'{"type": 7}',
        event("response.output_text.delta", delta={"text": "x"}),
        event("response.refusal.delta", delta=7),
        event("response.output_item.added", item=[]),
        event("response.output_item.added", item={"type": "web_search_call"}),
        event("response.output_item.done", item={"type": "message", "content": [7, {"annotations": 5}]}),
        event("response.function_call_arguments.delta", delta="{}"),
        event("response.function_call_arguments.done", arguments="{}"),
        event("response.output_text.annotation.added", annotation={"type": "url_citation", "url": 5}),
    ],
)
def test_odd_events_neither_fail_nor_speak(payload: bytes) -> None:
    assert decoded(payload, COMPLETED) == [STOP]


def test_surrogate_halves_in_two_deltas_are_joined() -> None:
    events = ResponseEvents()
    halves = [b'{"type":"response.output_text.delta","delta":"%b"}' % half for half in (b"\\ud83d", b"\\ude00")]
    assert [*events.decode(halves[:1]), *events.decode(halves[1:])] == [TextDelta(text="\U0001f600")]
