"""The event stream reader: any cut, any line ending, bounded."""

from __future__ import annotations

import sys
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_adapters.openai.sse import SseReader
from mamba_domain.errors import ModelFailed

STREAM = (
    b"\xef\xbb\xbf: hello\n\ndata: one\n\nevent: x\ndata:two\nid: 7\n\ndata: a\r\ndata: b\r\n\r\n"
    b"retry: 3\n\ndata\n\ndata: cr\r\rdata: \xf0\x9f\x98\x80\n\n\n\ndata: last\n\ndata: cut off"
)
EVENTS = [b"one", b"two", b"a\nb", b"", b"cr", b"\xf0\x9f\x98\x80", b"last"]


def test_a_stream_read_at_once() -> None:
    assert SseReader().feed(STREAM) == EVENTS


@given(st.lists(st.integers(min_value=0, max_value=len(STREAM)), max_size=12))
def test_a_stream_cut_anywhere_gives_the_same_events(cuts: list[int]) -> None:
    reader = SseReader()
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges) if a < b]
    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS


def test_one_byte_at_a_time() -> None:
    reader = SseReader()
    assert [event for n in range(len(STREAM)) for event in reader.feed(STREAM[n : n + 1])] == EVENTS


def test_a_byte_order_mark_in_pieces_costs_no_event() -> None:
    reader = SseReader()
    stream = b"\xef\xbb\xbfdata: one\n\n"
    assert [event for n in range(len(stream)) for event in reader.feed(stream[n : n + 1])] == [b"one"]


def test_lines_that_never_end_an_event_are_joined_once() -> None:
    """Joining them at each read would take a time that grows with the square of their number."""
    reader = SseReader()
    joins = 0

    def count(frame: FrameType, event: str, called: Any) -> None:
        nonlocal joins
        joins += event == "c_call" and called.__name__ == "join"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for _ in range(1000):
            assert reader.feed(b"data: x\n") == []
        assert reader.feed(b"\n") == [b"\n".join([b"x"] * 1000)]
    finally:
        sys.setprofile(before)
    assert joins <= 3


def test_an_event_without_end_is_refused_at_its_limit() -> None:
    reader = SseReader(max_event=1000)
    reader.feed(b"data: " + b"x" * 900)
    with pytest.raises(ModelFailed):
        reader.feed(b"x" * 100)


def test_a_stream_without_end_is_refused_at_its_limit() -> None:
    reader = SseReader(max_stream=1000)
    reader.feed(b"data: x\n\n" * 100)
    with pytest.raises(ModelFailed):
        reader.feed(b"data: x\n\n" * 100)
