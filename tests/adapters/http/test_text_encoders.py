"""The wires that are nothing but text."""

from __future__ import annotations

import pytest

from mamba_adapters.http.wire.object_text import ObjectEncoder
from mamba_adapters.http.wire.text import TextEncoder
from mamba_domain.events import TextDelta, TurnEvent
from tests.adapters.http.turns import CANCELLED, EVERYTHING, FAILED, FINISHED


def test_only_words_are_told_with_a_gap_between_steps() -> None:
    assert TextEncoder().encode((*EVERYTHING, FINISHED)) == b"one two\n\nthree"


def test_a_reader_that_starts_from_nothing_is_told_what_was_there_before() -> None:
    assert TextEncoder(replay=True).encode(EVERYTHING) == b"before\n\none two\n\nthree"


@pytest.mark.parametrize(("end", "is_cut"), [(FINISHED, False), (CANCELLED, False), (FAILED, True)])
def test_a_failure_cuts_the_text(end: TurnEvent, is_cut: bool) -> None:
    encoder = TextEncoder()
    encoder.encode(EVERYTHING)
    assert not encoder.is_cut
    encoder.encode((end,))
    assert encoder.is_cut == is_cut


def test_half_a_character_does_not_end_the_stream() -> None:
    assert TextEncoder().encode((TextDelta(text="ä\ud83d!"),)).decode() == "ä\ufffd!"


@pytest.mark.parametrize(
    ("texts", "end", "is_cut"),
    [
        (('{"a":', " 1}"), FINISHED, False),
        (("[]",), FINISHED, False),
        (('{"a":',), FINISHED, True),
        (("```json\n{}\n```",), FINISHED, True),
        ((), FINISHED, True),
        (('{"a": 1}',), FAILED, True),
        (('{"a":',), CANCELLED, False),
    ],
)
def test_what_is_no_json_in_the_end_is_cut(texts: tuple[str, ...], end: TurnEvent, is_cut: bool) -> None:
    encoder = ObjectEncoder()
    sent = b"".join(encoder.encode((TextDelta(text=text),)) for text in texts)
    assert (sent, encoder.is_cut) == ("".join(texts).encode(), False)
    encoder.encode((end,))
    assert encoder.is_cut == is_cut
