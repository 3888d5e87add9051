"""Whatever a tool returns, what leaves the server is JSON that everybody can read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_domain.errors import ToolFailed
from mamba_domain.outputs import clean_output


@pytest.mark.parametrize(
    ("value", "output"),
    [
        (True, True),
        (2**63 - 1, 2**63 - 1),
        (2**63, float(2**63)),
        (-(2**63) - 1, float(-(2**63) - 1)),
        (10**400, None),
        (float("nan"), None),
        (float("-inf"), None),
        ((1, (2,)), [1, [2]]),
        ({"a\ud83d": "b\udc00"}, {"a\ufffd": "b\ufffd"}),
        ("😀", "😀"),
        ({"constructor": 1, "prototype": 2}, {"constructor": 1, "prototype": 2}),
        ({"constructor": {"name": 1}}, {"constructor": {"name": 1}}),
    ],
)
def test_what_json_cannot_hold_becomes_what_javascript_makes_of_it(value: object, output: object) -> None:
    assert clean_output(value, max_bytes=1000) == output


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {1, 2}, b"bytes", {"a": [{"__proto__": {}}]}, {"constructor": {"prototype": {}}}],
    ids=repr,
)
def test_what_cannot_be_sent_is_refused(value: object) -> None:
    with pytest.raises(ToolFailed):
        clean_output(value, max_bytes=1000)


def test_the_size_counts_in_bytes_of_json() -> None:
    assert clean_output("é" * 5, max_bytes=12) == "é" * 5
    with pytest.raises(ToolFailed, match="11 bytes"):
        clean_output("é" * 5, max_bytes=11)


def test_the_depth_is_bounded() -> None:
    def nested(depth: int) -> object:
        value: object = 1
        for _ in range(depth):
            value = [value]
        return value

    clean_output(nested(63), max_bytes=1000)
    for depth in (64, 100_000):
        with pytest.raises(ToolFailed, match="deeply"):
            clean_output(nested(depth), max_bytes=1000)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
    max_leaves=20,
)


@given(ANYTHING)
def test_what_is_not_refused_is_strict_json_and_clean_already(value: Any) -> None:
    try:
        output = clean_output(value, max_bytes=1_000_000)
    except ToolFailed:
        return
    json.dumps(output, allow_nan=False, ensure_ascii=False).encode()
    assert clean_output(output, max_bytes=1_000_000) == output
