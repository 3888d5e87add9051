"""Makes a tool's output fit to be sent to models, to browsers, and back again."""

from __future__ import annotations

import json
import math

from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonValue

__all__ = ["clean_output"]

_MAX_DEPTH = 64
_LARGEST_INTEGER = 2**63


def clean_output(value: object, *, max_bytes: int) -> JsonValue:
    """The output as JSON that every reader accepts.

    What JSON cannot hold becomes what JavaScript makes of it: NaN and infinities null, integers beyond 64
    bits floats, lone surrogates U+FFFD. Raises `ToolFailed` for other types, keys that are no text, keys
    that AI SDK clients refuse as prototype pollution, nesting beyond 64 levels, and for more than
    `max_bytes` of JSON.
    """
    output = _clean(value, _MAX_DEPTH)
    if len(json.dumps(output, ensure_ascii=False).encode()) > max_bytes:
        raise ToolFailed(f"The tool's output is longer than {max_bytes} bytes.")
    return output


def _clean(value: object, depth: int) -> JsonValue:
    if depth == 0:
        raise ToolFailed("The tool's output is nested too deeply.")
    match value:
        case None | bool():
            return value
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case int():
            return int(value) if -_LARGEST_INTEGER <= value < _LARGEST_INTEGER else _finite(value)
        case float():
            return _finite(value)
        case list() | tuple():
            return [_clean(item, depth - 1) for item in value]
        case dict():
            return {_key(key, value): _clean(item, depth - 1) for key, item in value.items()}
        case _:
            raise ToolFailed("The tool's output is not JSON.", detail=type(value).__name__)


def _finite(number: float) -> float | None:
    try:
        return float(number) if math.isfinite(number) else None
    except OverflowError:
        return None


def _key(key: object, owner: dict[object, object]) -> str:
    if not isinstance(key, str):
        raise ToolFailed("The tool's output is not JSON.", detail=f"a key of type {type(key).__name__}")
    constructor = owner.get("constructor")
    if key == "__proto__" or (key == "constructor" and isinstance(constructor, dict) and "prototype" in constructor):
        raise ToolFailed("The tool's output has a key that is not allowed.")
    text = _clean(key, 1)
    return str(text)
