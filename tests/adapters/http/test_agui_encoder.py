"""AG-UI events, judged by the rules that its own client enforces."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_adapters.http.wire.agui import AgUiEncoder, sealed_result
from mamba_domain.events import StepStarted, TextDelta, ToolInputStarted, TurnEvent
from tests.adapters.http.turns import CANCELLED, EVERYTHING, FAILED, FINISHED, STARTED

# What each event must have, and what kind of value that is.
FIELDS: dict[str, dict[str, type]] = {
    "RUN_STARTED": {"threadId": str, "runId": str},
    "RUN_FINISHED": {"threadId": str, "runId": str},
    "RUN_ERROR": {"message": str},
    "STEP_STARTED": {"stepName": str},
    "STEP_FINISHED": {"stepName": str},
    "TEXT_MESSAGE_START": {"messageId": str, "role": str},
    "TEXT_MESSAGE_CONTENT": {"messageId": str, "delta": str},
    "TEXT_MESSAGE_END": {"messageId": str},
    "REASONING_START": {"messageId": str},
    "REASONING_MESSAGE_START": {"messageId": str, "role": str},
    "REASONING_MESSAGE_CONTENT": {"messageId": str, "delta": str},
    "REASONING_MESSAGE_END": {"messageId": str},
    "REASONING_END": {"messageId": str},
    "TOOL_CALL_START": {"toolCallId": str, "toolCallName": str, "parentMessageId": str},
    "TOOL_CALL_ARGS": {"toolCallId": str, "delta": str},
    "TOOL_CALL_END": {"toolCallId": str},
    "TOOL_CALL_RESULT": {"messageId": str, "toolCallId": str, "content": str, "role": str},
    "CUSTOM": {"name": str, "value": dict},
}
OPENED_BY = {
    "STEP_FINISHED": ("STEP_STARTED", "stepName"),
    "TEXT_MESSAGE_CONTENT": ("TEXT_MESSAGE_START", "messageId"),
    "TEXT_MESSAGE_END": ("TEXT_MESSAGE_START", "messageId"),
    "REASONING_MESSAGE_START": ("REASONING_START", "messageId"),
    "REASONING_MESSAGE_CONTENT": ("REASONING_MESSAGE_START", "messageId"),
    "REASONING_MESSAGE_END": ("REASONING_MESSAGE_START", "messageId"),
    "REASONING_END": ("REASONING_START", "messageId"),
    "TOOL_CALL_ARGS": ("TOOL_CALL_START", "toolCallId"),
    "TOOL_CALL_END": ("TOOL_CALL_START", "toolCallId"),
}


def encoded(*events: TurnEvent) -> list[dict[str, Any]]:
    data = AgUiEncoder(thread_id="t1", run_id="r1").encode(events).decode()
    assert data.endswith("\n\n")
    return [json.loads(frame.removeprefix("data: ")) for frame in data[:-2].split("\n\n")]


def check(events: list[dict[str, Any]]) -> None:
    """The rules, as the client has them."""
    still_open: set[tuple[str, str]] = set()
    assert events[0]["type"] == "RUN_STARTED"
    for index, event in enumerate(events):
        kind = event["type"]
        assert {name: type(event[name]) for name in FIELDS[kind]} == FIELDS[kind]
        assert None not in event.values()
        assert (kind in ("RUN_FINISHED", "RUN_ERROR")) == (index == len(events) - 1)
        if kind in OPENED_BY:
            opener, key = OPENED_BY[kind]
            assert (opener, event[key]) in still_open, event
            if kind.endswith(("_END", "_FINISHED")):
                still_open.remove((opener, event[key]))
        for opener, key in OPENED_BY.values():
            if kind == opener:
                still_open.add((kind, event[key]))
        if kind == "RUN_FINISHED":
            assert not still_open


@pytest.mark.parametrize("end", [FINISHED, FAILED, CANCELLED])
def test_a_turn_with_everything_obeys_the_rules_at_whatever_point_it_is_cut(end: TurnEvent) -> None:
    check(encoded(*EVERYTHING, end))
    if end is not FINISHED:
        for length in range(1, len(EVERYTHING)):
            check(encoded(*EVERYTHING[:length], end))


@given(st.lists(st.integers(min_value=0, max_value=len(EVERYTHING)), max_size=4))
def test_cutting_the_events_anywhere_gives_the_same_bytes(cuts: list[int]) -> None:
    whole, pieces = (AgUiEncoder(thread_id="t", run_id="r") for _ in range(2))
    edges = [0, *sorted(cuts), len(EVERYTHING)]
    cut = [pieces.encode(EVERYTHING[start:end]) for start, end in itertools.pairwise(edges)]
    assert whole.encode(EVERYTHING) == b"".join(cut)


def test_the_calls_of_a_step_belong_to_its_last_text() -> None:
    events = encoded(*EVERYTHING, FINISHED)
    texts = [event["messageId"] for event in events if event["type"] == "TEXT_MESSAGE_START"]
    parents = {e["toolCallId"]: e["parentMessageId"] for e in events if e["type"] == "TOOL_CALL_START"}
    assert parents["c1"] == parents["c3"] == texts[0]
    assert len({*texts, parents["c5"]}) == len(texts) + 1
    assert texts[0].startswith("msg-1")


def test_arguments_arrive_whole_whether_or_not_they_were_streamed() -> None:
    arguments: dict[str, str] = {}
    for event in encoded(*EVERYTHING, FINISHED):
        if event["type"] == "TOOL_CALL_ARGS":
            arguments[event["toolCallId"]] = arguments.get(event["toolCallId"], "") + event["delta"]
    assert arguments == {"c1": '{"q":"x"}', "c2": "{broken", "c3": '{"to":"top"}', "c4": '{"n":1}', "c5": "{}"}


def test_results_tell_what_came_of_a_call_and_carry_their_seal_in_their_id() -> None:
    results = {e["toolCallId"]: e for e in encoded(*EVERYTHING, FINISHED) if e["type"] == "TOOL_CALL_RESULT"}
    assert {call_id: result["content"] for call_id, result in results.items()} == {
        "c0": "Too much.",
        "c1": '{"hits":1}',
        "c2": "There is no such tool.",
        "c5": "It failed.",
    }
    assert sealed_result(results["c1"]["messageId"]) == ("json", "sealed")
    assert sealed_result(results["c5"]["messageId"]) == ("error", "sealed.too")
    assert sealed_result(results["c0"]["messageId"]) is None


@pytest.mark.parametrize("message_id", ["", "m1", "json", "json.", "json.c1", "json.c1.", "other.c1.seal"])
def test_an_id_of_somebody_else_carries_no_seal(message_id: str) -> None:
    assert sealed_result(message_id) is None


def test_the_end_tells_usage_and_outcome() -> None:
    usage = {
        "model": "gpt-4o-mini",
        "inputTokens": 12,
        "outputTokens": 5,
        "totalTokens": 17,
        "reasoningTokens": 2,
        "cachedInputTokens": 3,
    }
    assert encoded(STARTED, FINISHED)[-1] == {
        "type": "RUN_FINISHED",
        "threadId": "t1",
        "runId": "r1",
        "outcome": {"type": "success"},
        "usage": [usage],
    }
    assert encoded(STARTED, CANCELLED)[-1]["outcome"] == {"type": "cancelled"}
    cut = encoded(STARTED, StepStarted(), TextDelta(text="x"), ToolInputStarted(call_id="c1", tool="t"), FAILED)
    assert [event["type"] for event in cut[-3:]] == ["TOOL_CALL_END", "STEP_FINISHED", "RUN_ERROR"]
    assert (cut[-1]["code"], cut[-1]["usage"]) == ("MODEL_ERROR", [usage])
