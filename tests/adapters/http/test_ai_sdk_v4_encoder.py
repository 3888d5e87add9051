"""Golden transcripts of the data stream of AI SDK 4, and what holds for all of them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_adapters.http.wire.ai_sdk_v4 import AiSdkV4Encoder
from mamba_domain.events import StepStarted, TextDelta, ToolCalled, ToolInputStarted, TurnEvent
from tests.adapters.http.turns import CANCELLED, EVERYTHING, FAILED, FINISHED, STARTED

METADATA = {
    "model": "gpt-4o-mini",
    "usage": {
        "inputTokens": 12,
        "outputTokens": 5,
        "totalTokens": 17,
        "reasoningTokens": 2,
        "cachedInputTokens": 3,
    },
    "ttftMs": 250,
    "durationMs": 1500,
}
NO_USAGE = {"promptTokens": 0, "completionTokens": 0}


def encoded(*events: TurnEvent, replay: bool = False) -> list[tuple[str, Any]]:
    data = AiSdkV4Encoder(replay=replay).encode(events).decode()
    assert data.endswith("\n")
    return [(line[0], json.loads(line[2:])) for line in data[:-1].split("\n")]


def test_a_turn_with_everything() -> None:
    assert encoded(*EVERYTHING, FINISHED) == [
        ("a", {"toolCallId": "c0", "result": {"error": "Too much."}}),
        ("f", {"messageId": "msg-1"}),
        ("g", "hm"),
        ("0", "one "),
        ("0", "two"),
        ("h", {"sourceType": "url", "id": "s1", "url": "https://example.org", "title": "Example"}),
        ("h", {"sourceType": "url", "id": "s2", "url": "https://example.org/2"}),
        ("k", {"mimeType": "image/png", "data": "AA=="}),
        ("b", {"toolCallId": "c1", "toolName": "search"}),
        ("b", {"toolCallId": "c2", "toolName": "nope"}),
        ("c", {"toolCallId": "c1", "argsTextDelta": '{"q":'}),
        ("c", {"toolCallId": "c2", "argsTextDelta": "{broken"}),
        ("c", {"toolCallId": "c1", "argsTextDelta": '"x"}'}),
        ("9", {"toolCallId": "c1", "toolName": "search", "args": {"q": "x"}}),
        ("9", {"toolCallId": "c2", "toolName": "nope", "args": {}}),
        ("a", {"toolCallId": "c2", "result": {"error": "There is no such tool."}}),
        ("9", {"toolCallId": "c3", "toolName": "page", "args": {"to": "top"}}),
        ("9", {"toolCallId": "c4", "toolName": "pay", "args": {"n": 1}}),
        ("a", {"toolCallId": "c1", "result": {"hits": 1}}),
        ("8", [{"seals": {"c1": "sealed"}}]),
        ("e", {"finishReason": "tool-calls", "usage": NO_USAGE, "isContinued": False}),
        ("f", {"messageId": "msg-1"}),
        ("9", {"toolCallId": "c5", "toolName": "search", "args": {}}),
        ("a", {"toolCallId": "c5", "result": {"error": "It failed."}}),
        ("0", "three"),
        ("8", [{"seals": {"c5": "sealed.too"}}]),
        ("e", {"finishReason": "stop", "usage": NO_USAGE, "isContinued": False}),
        ("8", [METADATA]),
        ("d", {"finishReason": "tool-calls", "usage": {"promptTokens": 12, "completionTokens": 5}}),
    ]


def test_what_was_restored_is_told_to_replaying_readers_alone() -> None:
    assert ("0", "before") in encoded(*EVERYTHING, replay=True)
    assert ("0", "before") not in encoded(*EVERYTHING)


@pytest.mark.parametrize(("end", "last"), [(FAILED, ("3", "The model could not answer.")), (CANCELLED, None)])
def test_a_turn_that_is_cut_settles_its_calls(end: TurnEvent, last: Any) -> None:
    cut = encoded(
        STARTED,
        StepStarted(),
        TextDelta(text="x"),
        ToolInputStarted(call_id="c1", tool="t"),
        ToolCalled(call_id="c2", tool="t", input={}),
        end,
    )
    failed = {"error": "The call was cut off and not executed."}
    assert cut[2:7] == [
        ("b", {"toolCallId": "c1", "toolName": "t"}),
        ("9", {"toolCallId": "c2", "toolName": "t", "args": {}}),
        ("9", {"toolCallId": "c1", "toolName": "t", "args": {}}),
        ("a", {"toolCallId": "c1", "result": failed}),
        ("a", {"toolCallId": "c2", "result": failed}),
    ]
    assert cut[7] == ("8", [METADATA])
    usage = {"promptTokens": 12, "completionTokens": 5}
    assert cut[8] == (last or ("d", {"finishReason": "other", "usage": usage}))


@given(st.lists(st.integers(min_value=0, max_value=len(EVERYTHING)), max_size=4))
def test_cutting_the_events_anywhere_gives_the_same_bytes_in_whole_lines(cuts: list[int]) -> None:
    whole, pieces = AiSdkV4Encoder(), AiSdkV4Encoder()
    edges = [0, *sorted(cuts), len(EVERYTHING)]
    cut = [pieces.encode(EVERYTHING[start:end]) for start, end in itertools.pairwise(edges)]
    assert all(piece == b"" or piece.endswith(b"\n") for piece in cut)
    assert whole.encode(EVERYTHING) == b"".join(cut)


@given(st.text(st.characters(exclude_categories=()), min_size=1))
def test_text_of_any_kind_stays_on_its_line(text: str) -> None:
    ((code, read),) = encoded(TextDelta(text=text))
    assert code == "0"
    assert read == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
