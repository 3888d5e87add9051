"""Reads the arguments that a model wrote for a call, without trusting them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["parse_arguments"]

_MAX_DEPTH = 64
_LARGEST_INTEGER = 2**63


def parse_arguments(text: str) -> JsonObject:
    """The argument object of a call; no text at all means no arguments.

    Raises `ToolFailed` for what is no JSON object, for numbers that JavaScript or a JSON column cannot hold, for nesting
    beyond 64 levels, and for keys that AI SDK clients refuse as prototype pollution.
    """
    if not text.strip():
        return {}
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_int=_bounded)
    except (ValueError, RecursionError) as error:
        raise ToolFailed("The arguments are not valid JSON.", detail=type(error).__name__) from None
    if not isinstance(value, dict):
        raise ToolFailed("The arguments must be a JSON object.")
    _check(value, _MAX_DEPTH)
    return value


def _no_constant(name: str) -> JsonValue:
    raise ValueError(name)


def _bounded(digits: str) -> int:
    if len(digits) > 20 or not -_LARGEST_INTEGER <= (number := int(digits)) < _LARGEST_INTEGER:
        raise ValueError("integer out of range")
    return number


def _check(value: JsonValue, depth: int) -> None:
    if depth == 0:
        raise ToolFailed("The arguments are nested too deeply.")
    if isinstance(value, Mapping):
        constructor = value.get("constructor")
        if "__proto__" in value or (isinstance(constructor, Mapping) and "prototype" in constructor):
            raise ToolFailed("The arguments have a key that is not allowed.")
        for item in value.values():
            _check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)
    elif isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise ToolFailed("The arguments have a number that is out of range.")
