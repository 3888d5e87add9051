"""One text for one JSON value, whoever wrote it.

A value that went through a browser comes back with its keys in another order, 1.0 as 1, and integers beyond
2**53 rounded to the nearest double; its canonical text is the same. Histories are long and every sealed
output in them is checked in every turn, so the work is left to the C encoder wherever numbers need no
second look.
"""

from __future__ import annotations

import json
import re

from mamba_domain.messages import JsonValue

__all__ = ["canonical_json"]

_LARGEST_EXACT = 2**53 - 1
_DELICATE_NUMBER = re.compile(r"\d[.eE]|\d{16}")


def canonical_json(value: JsonValue) -> str:
    """The canonical text. Raises `ValueError` for numbers that JSON cannot hold, `RecursionError` for deep nesting."""
    text = _dumped(value)
    return _dumped(_plain(value)) if _DELICATE_NUMBER.search(text) else text


def _dumped(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _plain(value: JsonValue) -> JsonValue:
    """The value with every number as JavaScript reads it: exact integers as int, all others as float."""
    match value:
        case bool():
            return value
        case float():
            return int(value) if value.is_integer() and abs(value) <= _LARGEST_EXACT else value
        case int():
            return value if abs(value) <= _LARGEST_EXACT else _rounded(value)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value


def _rounded(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValueError("a number is out of range") from None
