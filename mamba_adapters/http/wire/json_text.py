"""JSON for the wire: fast for what is sound, and never an exception for what is not."""

from __future__ import annotations

import orjson

from mamba_domain.messages import JsonValue

__all__ = ["dumps"]

_LEAST, _MOST = -(2**63), 2**64 - 1


def dumps(value: JsonValue) -> bytes:
    """One line of UTF-8. A surrogate without its partner becomes U+FFFD, a huge integer a float."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return orjson.dumps(_sound(value))


def _sound(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {str(_sound(key)): _sound(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_sound(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not _LEAST <= value <= _MOST:
        return float(value) if abs(value) < 10**300 else None
    return value
