"""What a model writes as arguments is read strictly and never trusted."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_domain.arguments import parse_arguments
from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonValue

VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def refusal_of(text: str) -> str:
    with pytest.raises(ToolFailed) as caught:
        parse_arguments(text)
    return caught.value.public_message


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_no_text_means_no_arguments(text: str) -> None:
    assert parse_arguments(text) == {}


@given(st.dictionaries(st.text().filter(lambda key: key not in ("__proto__", "constructor")), st.integers(-9, 9)))
def test_an_object_is_read_as_it_is(value: dict[str, JsonValue]) -> None:
    assert parse_arguments(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text", ["{", '{"a":1', "{'a': 1}", "nonsense", '{"a": NaN}', '{"a": -Infinity}', "[" * 100_000]
)
def test_what_is_no_json_is_refused(text: str) -> None:
    assert "not valid JSON" in refusal_of(text)


@pytest.mark.parametrize("text", ["[]", '"{}"', "1", "null", "true"])
def test_what_is_no_object_is_refused(text: str) -> None:
    assert "must be a JSON object" in refusal_of(text)


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0])
def test_integers_of_64_bits_pass(number: int) -> None:
    assert parse_arguments(f'{{"a": {number}}}') == {"a": number}


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "1" * 5000])
def test_larger_integers_are_refused(number: str) -> None:
    assert "not valid JSON" in refusal_of(f'{{"a": {number}}}')


@pytest.mark.parametrize("text", ['{"a": 1e999}', '{"a": [-1e999]}'])
def test_numbers_that_become_infinite_are_refused(text: str) -> None:
    assert "out of range" in refusal_of(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"__proto__": {}}',
        '{"a": [{"b": {"__proto__": 1}}]}',
        '{"constructor": {"prototype": {}}}',
        '{"\\u005f_proto__": 1}',
    ],
)
def test_keys_that_pollute_prototypes_are_refused(text: str) -> None:
    assert "not allowed" in refusal_of(text)


@pytest.mark.parametrize("value", [{"constructor": "Ford"}, {"constructor": {"name": "Ford"}}, {"prototype": {}}])
def test_harmless_keys_of_that_kind_pass(value: dict[str, JsonValue]) -> None:
    assert parse_arguments(json.dumps(value)) == value


def nested(levels: int) -> str:
    return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)


def test_nesting_has_a_limit() -> None:
    assert parse_arguments(nested(60))
    assert "nested too deeply" in refusal_of(nested(70))


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ToolFailed):
        assert isinstance(parse_arguments(text), dict)


@given(st.dictionaries(st.sampled_from(["a", "__proto__", "constructor", "prototype"]), VALUES))
def test_what_is_read_can_be_written_again(value: dict[str, JsonValue]) -> None:
    try:
        read = parse_arguments(json.dumps(value))
    except ToolFailed:
        return
    assert json.loads(json.dumps(read, allow_nan=False)) == value
