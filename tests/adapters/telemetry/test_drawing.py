"""One record is one line, whatever is in it."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mamba_adapters.telemetry.drawing import json_line, show_hidden, show_traceback

NASTY = "a\r\nb\x1b[2J\u2028\u202e\x85\u2066\x00\ud83d"
TEXTS = st.text(st.characters())
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(), st.floats(), st.none(), st.booleans(), st.binary(max_size=3), st.just(object())),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_a_record_is_one_line_of_json(event: dict[str, Any]) -> None:
    line = json_line(event)
    assert len(f"{line}\n".splitlines()) == 1
    assert not {"\x1b", "\u202e", "\u2028", "\x85"} & set(line)
    assert isinstance(json.loads(line), dict)


def test_what_is_odd_in_one_field_leaves_the_others_as_they_are() -> None:
    line = json.loads(json_line({"event": "turn.failed", "text": NASTY, "size": 2**70, "nan": float("nan")}))
    assert line["event"] == "turn.failed"
    assert line["text"] == NASTY
    assert line["size"] == 2**70
    assert line["nan"] == "nan"


@given(TEXTS)
def test_a_console_is_not_steered(text: str) -> None:
    shown = show_hidden(None, "", {"event": text})["event"]
    assert not {"\n", "\r", "\x1b", "\u202e", "\u2028", "\x85", "\x00"} & set(shown)
    shown.encode()


def test_a_traceback_keeps_its_lines_and_nothing_else_that_moves() -> None:
    out = io.StringIO()
    try:
        raise ValueError(NASTY)
    except ValueError:
        show_traceback(out, sys.exc_info())  # type: ignore[arg-type]  # there is one
    drawn = out.getvalue()
    assert drawn.lstrip().startswith("Traceback (most recent call last):\n  File ")
    assert "\x1b" not in drawn
    assert "\\u202e" in drawn
