"""orjson 3.13 and the standard library: texts and numbers that one of them refuses, and how."""

from __future__ import annotations

import json

import orjson
import pytest


@pytest.mark.parametrize(
    "text", [b'"\\ud83d"', b"NaN", b'"\xff"', b"\xef\xbb\xbf1"], ids=["surrogate", "NaN", "UTF-8", "BOM"]
)
def test_orjson_refuses_to_read(text: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(text)


@pytest.mark.parametrize("value", ["\ud83d", 2**64, {1: 2}], ids=["surrogate", "large integer", "key"])
def test_orjson_refuses_to_write(value: object) -> None:
    with pytest.raises(orjson.JSONEncodeError):
        orjson.dumps(value)


def test_what_orjson_raises_is_told_apart_from_what_a_bug_raises() -> None:
    assert issubclass(orjson.JSONDecodeError, ValueError)
    assert issubclass(orjson.JSONEncodeError, TypeError)


def test_orjson_makes_a_float_of_a_huge_integer_and_the_last_of_two_keys_wins() -> None:
    assert orjson.loads(b"18446744073709551616") == 18446744073709551616.0
    assert orjson.loads(b'{"a": 1, "a": 2}') == {"a": 2}


def test_the_standard_library_raises_what_is_no_json_error() -> None:
    with pytest.raises(ValueError, match="digits"):
        json.loads("1" * 4301)
    with pytest.raises(RecursionError):
        json.loads("[" * 100_000)
    assert json.loads('"\\ud83d"') == "\ud83d"
    assert json.loads("[NaN]")[0] != json.loads("[NaN]")[0]


def test_orjson_writes_line_separators_as_they_are() -> None:
    """U+2028 ends no line of an event stream: only CR and LF do, and those are escaped."""
    assert orjson.dumps("\u2028\r\n") == '"\u2028\\r\\n"'.encode()
