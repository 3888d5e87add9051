"""Decoding of chat completion chunks, those of compatible servers included."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mamba_adapters.openai.chunks import ChatChunks
from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    ToolCallCompleted,
    ToolInputDelta,
    ToolInputStarted,
    Usage,
)


def chunk(delta: Any = None, *, finish: Any = None, **more: Any) -> bytes:
    choice: dict[str, Any] = {"index": 0, "delta": delta if delta is not None else {}, "finish_reason": finish}
    return json.dumps({"object": "chat.completion.chunk", "choices": [choice], **more}).encode()


def decoded(*payloads: bytes) -> list[ModelEvent]:
    chunks = ChatChunks()
    events = chunks.decode(payloads)
    if chunks.failure is not None:
        raise chunks.failure
    return [*events, *chunks.finish()]


def call(index: int | None = None, **function: str) -> dict[str, Any]:
    piece: dict[str, Any] = {"function": {k: v for k, v in function.items() if k != "id"}}
    if index is not None:
        piece["index"] = index
    if "id" in function:
        piece["id"] = function["id"]
    return {"tool_calls": [piece]}


STOP = ModelFinished(finish_reason=FinishReason.STOP)


def test_the_deltas_of_one_read_are_merged() -> None:
    assert decoded(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "a"}),
        chunk({"content": "b"}),
        chunk(finish="stop"),
    ) == [
        TextDelta(text="ab"),
        STOP,
    ]


def test_reasoning_text_and_refusals_keep_their_order() -> None:
    assert decoded(
        chunk({"reasoning_content": "hm"}), chunk({"content": "a"}), chunk({"refusal": "no"}), chunk(finish="stop")
    ) == [ReasoningDelta(text="hm"), TextDelta(text="ano"), STOP]


def test_the_end_of_a_thought_comes_before_the_text_of_the_same_delta() -> None:
    assert decoded(chunk({"content": "a", "reasoning_content": "hm"}), chunk(finish="stop")) == [
        ReasoningDelta(text="hm"),
        TextDelta(text="a"),
        STOP,
    ]


def test_text_in_parts_is_said() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    assert decoded(chunk({"content": parts}), chunk(finish="stop")) == [TextDelta(text="ab"), STOP]


def test_a_message_in_place_of_deltas_is_said() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "whole"}, "finish_reason": "stop"}
    assert decoded(json.dumps({"choices": [choice]}).encode()) == [TextDelta(text="whole"), STOP]


def test_usage_is_found_where_servers_put_it() -> None:
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    whole = Usage(input_tokens=12, output_tokens=5, reasoning_tokens=2, cached_input_tokens=3)
    at_the_end = (chunk(finish="stop"), json.dumps({"choices": [], "usage": usage}).encode())
    with_the_finish = (chunk(finish="stop", usage=usage),)
    for payloads in (at_the_end, with_the_finish):
        assert decoded(*payloads) == [ModelFinished(finish_reason=FinishReason.STOP, usage=whole)]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("tool_calls", FinishReason.TOOL_CALLS),
        ("function_call", FinishReason.TOOL_CALLS),
        ("who knows", FinishReason.OTHER),
    ],
)
def test_finish_reasons(said: str, meant: FinishReason) -> None:
    assert decoded(chunk(finish=said)) == [ModelFinished(finish_reason=meant)]


def test_a_stream_without_a_finish_reason_is_a_failure() -> None:
    with pytest.raises(ModelFailed):
        decoded(chunk({"content": "a"}), b"[DONE]")


def test_nothing_after_the_finish_or_the_end_mark_counts() -> None:
    assert decoded(
        chunk({"content": "a"}), chunk(finish="stop"), chunk({"content": "late"}), b"[DONE]", chunk({"content": "x"})
    ) == [
        TextDelta(text="a"),
        STOP,
    ]


def test_parallel_calls_are_put_together_by_index() -> None:
    assert decoded(
        chunk(call(0, id="c0", name="one", arguments="")),
        chunk(call(1, id="c1", name="two", arguments='{"b"')),
        chunk(call(0, arguments='{"a":1}')),
        chunk(call(1, arguments=":2}")),
        chunk(finish="tool_calls"),
    ) == [
        ToolInputStarted(call_id="c1", tool="two"),
        ToolInputDelta(call_id="c1", text='{"b"'),
        ToolInputStarted(call_id="c0", tool="one"),
        ToolInputDelta(call_id="c0", text='{"a":1}'),
        ToolInputDelta(call_id="c1", text=":2}"),
        ToolCallCompleted(call_id="c0", tool="one", arguments='{"a":1}'),
        ToolCallCompleted(call_id="c1", tool="two", arguments='{"b":2}'),
        ModelFinished(finish_reason=FinishReason.TOOL_CALLS),
    ]


def test_a_call_without_index_or_id_is_still_one_call() -> None:
    events = decoded(
        chunk(call(name="one", arguments='{"a"')), chunk(call(arguments=":1}")), chunk(finish="tool_calls")
    )
    assert [event for event in events if isinstance(event, ToolCallCompleted)] == [
        ToolCallCompleted(call_id="call_0", tool="one", arguments='{"a":1}')
    ]


def test_a_name_that_is_told_with_each_piece_is_one_name() -> None:
    assert decoded(
        chunk(call(0, id="c", name="f", arguments="")),
        chunk(call(0, id="c", name="f", arguments="{")),
        chunk(call(0, id="c", name="f", arguments="}")),
        chunk(finish="tool_calls"),
    )[0] == ToolInputStarted(call_id="c", tool="f")


def test_two_calls_under_one_index_are_told_apart_by_their_ids() -> None:
    events = decoded(
        chunk(call(0, id="a", name="one", arguments="{}")),
        chunk(call(0, id="b", name="two", arguments="{}")),
        chunk(finish="tool_calls"),
    )
    assert [(e.call_id, e.tool) for e in events if isinstance(e, ToolCallCompleted)] == [("a", "one"), ("b", "two")]


def test_a_call_in_one_piece_with_an_argument_object() -> None:
    piece = {"tool_calls": [{"id": "x", "function": {"name": "one", "arguments": {"a": 1}}}]}
    events = decoded(chunk(piece), chunk(finish="stop"))
    assert ToolCallCompleted(call_id="x", tool="one", arguments='{"a": 1}') in events


def test_the_old_function_call_field() -> None:
    events = decoded(chunk({"function_call": {"name": "one", "arguments": "{}"}}), chunk(finish="function_call"))
    assert ToolCallCompleted(call_id="call_0", tool="one", arguments="{}") in events


def test_an_error_object_in_the_stream_raises() -> None:
    with pytest.raises(ModelFailed) as caught:
        decoded(json.dumps({"error": {"message": "boom sk-1", "type": "server_error"}}).encode())
    assert caught.value.code is Code.MODEL_UNAVAILABLE
    assert "boom" not in f"{caught.value} {caught.value.detail}"


def test_url_citations_become_sources() -> None:
    annotation = {"type": "url_citation", "url_citation": {"url": "https://example.org", "title": "T"}}
    events = decoded(chunk({"content": "a", "annotations": [annotation]}), chunk(finish="stop"))
    assert SourceFound(source_id="source-1", url="https://example.org", title="T") in events


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'"text"',
        b"null",
        b'{"choices": "none"}',
        b'{"choices": [7]}',
        b'{"choices": [{"index": 1, "delta": {"content": "other"}}]}',
        b'{"choices": [{"delta": "x"}]}',
        b'{"choices": [{"delta": {"content": 7, "tool_calls": "x", "annotations": 3}}]}',
        b'{"choices": [{"delta": {"tool_calls": [5, {"function": "x"}, {"index": "a", "function": {"name": 3}}]}}], "usage": 4}',
        b'{"usage": NaN}',
        b'{"big": 1' + b"0" * 3000 + b"}",
    ],
)
def test_odd_chunks_neither_fail_nor_speak(payload: bytes) -> None:
    assert not [e for e in ChatChunks().decode([payload]) if isinstance(e, TextDelta)]


@pytest.mark.parametrize("payload", [b"{", b"nonsense", b"[" * 100_000])
def test_what_is_no_json_is_a_failure(payload: bytes) -> None:
    with pytest.raises(ModelFailed):
        decoded(payload)


def test_what_came_before_a_broken_event_is_kept() -> None:
    chunks = ChatChunks()
    assert chunks.decode([chunk({"content": "a"}), b"{", chunk({"content": "b"})]) == [TextDelta(text="a")]
    assert isinstance(chunks.failure, ModelFailed)


def test_several_whole_calls_without_index_and_id_stay_apart() -> None:
    functions = [{"name": "one", "arguments": "{}"}, {"name": "two", "arguments": "{}"}]
    events = decoded(chunk({"tool_calls": [{"function": f} for f in functions]}), chunk(finish="stop"))
    assert [(e.call_id, e.tool) for e in events if isinstance(e, ToolCallCompleted)] == [
        ("call_0", "one"),
        ("call_1", "two"),
    ]


def test_pieces_without_id_follow_the_call_that_took_their_index_last() -> None:
    events = decoded(
        chunk(call(0, id="a", name="one", arguments="{")),
        chunk(call(0, arguments="}")),
        chunk(call(0, id="b", name="two", arguments="[")),
        chunk(call(0, arguments="]")),
        chunk(finish="tool_calls"),
    )
    assert [(e.tool, e.arguments) for e in events if isinstance(e, ToolCallCompleted)] == [("one", "{}"), ("two", "[]")]


def test_text_around_an_event_that_says_nothing_is_one_delta() -> None:
    silent = chunk(call(0, id="a", name="one"))
    assert decoded(chunk({"content": "a"}), silent, chunk({"content": "b"}), chunk(finish="stop"))[0] == TextDelta(
        text="ab"
    )


def test_surrogate_halves_in_two_deltas_are_joined_and_lone_ones_replaced() -> None:
    chunks = ChatChunks()
    high = b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}'
    low = b'{"choices":[{"delta":{"content":"\\ude00b"}}]}'
    lone = b'{"choices":[{"delta":{"content":"c\\ud83d"},"finish_reason":"stop"}]}'
    events = [*chunks.decode([high]), *chunks.decode([low]), *chunks.decode([lone]), *chunks.finish()]
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "a\U0001f600bc\ufffd"


def test_invalid_utf8_becomes_replacement_characters() -> None:
    events = ChatChunks().decode([b'{"choices":[{"delta":{"content":"a\xff"}}]}'])
    assert events == [TextDelta(text="a\ufffd")]
