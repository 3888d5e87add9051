"""A JSON value has one canonical text, also after a JavaScript client has read and written it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_adapters.approvals.canonical import canonical_json
from mamba_domain.messages import JsonValue


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}),
        (1.0, 1),
        (-0.0, 0),
        ([1.5, 2.0], [1.5, 2]),
        (2**53, float(2**53)),
        (2**53 + 1, 2**53),
        (-(2**53) - 1, -(2**53)),
        (12345678901234567890, 12345678901234567000),
        (10**21, 1e21),
    ],
)
def test_what_javascript_cannot_tell_apart_has_one_text(one: JsonValue, other: JsonValue) -> None:
    assert canonical_json(one) == canonical_json(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, True),
        (0, False),
        (None, "null"),
        ({}, []),
        ([1, 2], [2, 1]),
        (["a", "b"], ["a,b"]),
        ({"a": "b"}, {"a": ["b"]}),
        ("a\nb", "a\\nb"),
        ("é", "e\u0301"),
        (1.1, 1.1000000000000003),
        ("1.0", "1"),
        (2**53 - 1, 2**53),
        ("\ud83d", "\ufffd"),
    ],
)
def test_different_values_have_different_texts(one: JsonValue, other: JsonValue) -> None:
    assert canonical_json(one) != canonical_json(other)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, [float("-inf")]])
def test_numbers_that_json_cannot_hold_are_refused(value: JsonValue) -> None:
    with pytest.raises(ValueError, match=r"range|JSON"):
        canonical_json(value)


def as_javascript_writes(value: JsonValue) -> JsonValue:
    """The value after JSON.parse and JSON.stringify: numbers are doubles, whole ones are written without a point."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        match value:
            case list():
                return [as_javascript_writes(item) for item in value]
            case dict():
                return {key: as_javascript_writes(value[key]) for key in reversed(value)}
        return value
    number = float(value)
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_the_text_survives_the_way_through_a_browser(value: JsonValue) -> None:
    there_and_back = json.loads(json.dumps(as_javascript_writes(value)))
    assert canonical_json(there_and_back) == canonical_json(value)
