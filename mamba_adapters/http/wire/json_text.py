"""JSON and text for the wire: fast for what is sound, and never an exception for what is not."""

from __future__ import annotations

import orjson

from mamba_domain.messages import JsonValue

__all__ = ["dumps", "utf8"]

_LEAST, _MOST = -(2**63), 2**64 - 1


def dumps(value: JsonValue) -> bytes:
    """One line of UTF-8. A surrogate without its partner becomes U+FFFD, a huge integer a float."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return orjson.dumps(_sound(value))


def utf8(text: str) -> bytes:
    """The text as it stands, with U+FFFD for a surrogate without its partner."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _sound_text(text).encode()


def _sound_text(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _sound(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return _sound_text(value)
    if isinstance(value, dict):
        return {str(_sound(key)): _sound(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_sound(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not _LEAST <= value <= _MOST:
        return float(value) if abs(value) < 10**300 else None
    return value
