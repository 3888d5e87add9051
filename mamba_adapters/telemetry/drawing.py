"""Draws a record so that nobody who is quoted in it can add a line, move a cursor, or turn the reading direction around.

In JSON what could do so is written as an escape, so that one record is one line to every reader of lines. For people the same
characters are shown by their numbers; a traceback keeps its own line breaks.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import orjson
import structlog

__all__ = ["json_line", "show_hidden", "show_traceback"]

_FORMATTING: Final = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
_IN_JSON: Final = re.compile(f"[{_FORMATTING}]")
_HIDDEN: Final = re.compile(f"[\x00-\x1f{_FORMATTING}\ud800-\udfff]")
_IN_TRACEBACK: Final = re.compile(f"[\x00-\x08\x0b-\x1f{_FORMATTING}\ud800-\udfff]")


def json_line(event: Any, **_: Any) -> str:
    """A serializer for structlog's `JSONRenderer`: one line, whatever the event holds."""
    try:
        line = orjson.dumps(event, default=str).decode()
    except TypeError:
        # Lone surrogates, integers beyond 64 bit, keys that are no text.
        line = json.dumps({str(name): _plain(value) for name, value in event.items()}, default=str)
    return _IN_JSON.sub(_number, line)


def show_hidden(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor for the console: what cannot be seen is shown. Values inside of others are quoted there anyway."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _HIDDEN.sub(_number, value)
    return event


def show_traceback(out: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    """An exception formatter for the console: without the variables of each frame, which the default would show."""
    drawn = io.StringIO()
    structlog.dev.plain_traceback(drawn, exc_info)
    out.write(_IN_TRACEBACK.sub(_number, drawn.getvalue()))


def _plain(value: Any) -> Any:
    """What JSON can say; anything else as Python writes it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
    return value


def _number(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
