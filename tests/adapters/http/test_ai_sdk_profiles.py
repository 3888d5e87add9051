"""The UI message stream in the profile of a release: what it takes is sent, what it lacks is told in other words."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_adapters.http.wire.ai_sdk import AiSdkEncoder
from mamba_adapters.http.wire.profiles import FEATURES, Release, profile_of
from mamba_domain.events import TurnEvent
from tests.adapters.http.turns import CANCELLED, EVERYTHING, FAILED, FINISHED, STARTED

RELEASES: list[Release] = [(5, 0, 0), (5, 0, 7), (5, 0, 11), (5, 0, 92), (6, 0, 0), (6, 0, 15), (6, 0, 202), (7, 0, 0)]


def encoded(release: Release, *events: TurnEvent) -> list[Any]:
    data = AiSdkEncoder(profile=profile_of(release)).encode(events).decode()
    frames = [frame.removeprefix("data: ") for frame in data[:-2].split("\n\n")]
    return [json.loads(frame) for frame in frames if frame != "[DONE]"]


def about(release: Release, call_id: str) -> list[Any]:
    """The chunks of a whole turn about one call, without its id."""
    chunks = [chunk for chunk in encoded(release, *EVERYTHING, FINISHED) if chunk.get("toolCallId") == call_id]
    return [{name: value for name, value in chunk.items() if name != "toolCallId"} for chunk in chunks]


@pytest.mark.parametrize("release", RELEASES)
def test_nothing_is_sent_that_the_release_does_not_take(release: Release) -> None:
    for end in (FINISHED, FAILED, CANCELLED):
        for chunk in encoded(release, *EVERYTHING, end):
            for feature in (chunk["type"], *(f"{chunk['type']}.{name}" for name in chunk)):
                assert feature not in FEATURES or feature in profile_of(release)
            assert None not in chunk.values()


def test_an_invalid_input_has_a_chunk_of_its_own_from_5_0_7_on() -> None:
    error = {"errorText": "There is no such tool."}
    call = {"toolName": "nope", "input": "{broken"}
    assert about((5, 0, 6), "c2")[-2:] == [
        {"type": "tool-input-available", **call},
        {"type": "tool-output-error", **error},
    ]
    assert about((5, 0, 7), "c2")[-1] == {"type": "tool-input-error", **call, **error}


def test_progress_is_shown_from_5_0_11_on() -> None:
    final = {"type": "tool-output-available", "output": {"hits": 1}}
    assert about((5, 0, 10), "c1")[-2]["type"] == "tool-input-available"
    assert about((5, 0, 11), "c1")[-2:] == [
        {"type": "tool-output-available", "output": "half", "preliminary": True},
        final,
    ]


def test_an_approval_is_asked_for_from_6_on_and_signed_where_the_client_brings_that_back() -> None:
    waiting = {"type": "tool-input-available", "toolName": "pay", "input": {"n": 1}}
    asked = {"type": "tool-approval-request", "approvalId": "p1"}
    assert about((5, 0, 277), "c4") == [waiting]
    assert about((6, 0, 0), "c4") == [waiting, asked]
    assert about((6, 0, 202), "c4") == [waiting, {**asked, "signature": "signed"}]


def test_a_denial_is_one_from_6_on() -> None:
    assert about((5, 0, 277), "c0") == [{"type": "tool-output-error", "errorText": "Too much."}]
    assert about((6, 0, 0), "c0") == [{"type": "tool-output-denied"}]


def test_the_end_says_why_from_5_0_92_on_and_a_stop_from_6_0_15_on() -> None:
    assert "finishReason" not in encoded((5, 0, 91), STARTED, FINISHED)[-1]
    assert encoded((5, 0, 92), STARTED, FINISHED)[-1]["finishReason"] == "tool-calls"
    assert encoded((6, 0, 14), STARTED, CANCELLED)[-1] == {"type": "abort"}
    assert encoded((6, 0, 15), STARTED, CANCELLED)[-1] == {"type": "abort", "reason": "stopped"}


@given(st.lists(st.integers(min_value=0, max_value=len(EVERYTHING)), max_size=4), st.sampled_from(RELEASES))
def test_cutting_the_events_anywhere_gives_the_same_bytes(cuts: list[int], release: Release) -> None:
    whole, pieces = (AiSdkEncoder(profile=profile_of(release), replay=True) for _ in range(2))
    edges = [0, *sorted(cuts), len(EVERYTHING)]
    cut = [pieces.encode(EVERYTHING[start:end]) for start, end in itertools.pairwise(edges)]
    assert whole.encode(EVERYTHING) == b"".join(cut)
