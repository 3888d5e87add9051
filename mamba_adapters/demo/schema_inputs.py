"""Makes an input for a tool from its JSON Schema, the way a model would: the required fields, filled plausibly."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["made_input"]

_DEEPEST = 8

# By what a field's name contains; the first that fits is taken.
_BY_NAME: tuple[tuple[str, str], ...] = (
    ("email", "ada@example.org"),
    ("url", "https://example.org/"),
    ("phone", "+44 20 7946 0018"),
    ("date", "2026-06-01"),
    ("time", "09:30"),
    ("currency", "EUR"),
    ("country", "Portugal"),
    ("city", "Lisbon"),
    ("location", "Lisbon"),
    ("place", "Lisbon"),
    ("timezone", "Europe/Lisbon"),
    ("language", "en"),
    ("address", "12 Harbour Street"),
    ("name", "Ada Lovelace"),
    ("recipient", "ada@example.org"),
    ("subject", "A short note"),
    ("title", "A short note"),
    ("expression", "6 * 7"),
    ("id", "A-1042"),
)
_BY_FORMAT: dict[str, str] = {
    "date": "2026-06-01",
    "date-time": "2026-06-01T09:30:00Z",
    "time": "09:30:00Z",
    "email": "ada@example.org",
    "uri": "https://example.org/",
    "uuid": "6f1c2c1e-8d0f-4a3b-9a51-0c5d1f7e2b64",
    "ipv4": "192.0.2.7",
    "hostname": "example.org",
    "duration": "PT30M",
}


def made_input(schema: JsonObject, *, subject: str, topic: str) -> JsonObject:
    """An input by the schema's structure.

    `subject` goes into the first free text, `topic` into those of which the name says nothing.
    """
    maker = _Maker(schema, subject, topic)
    value = maker.value(schema, "", 0)
    return value if isinstance(value, dict) else {}


class _Maker:
    """Walks one schema."""

    def __init__(self, root: JsonObject, subject: str, topic: str) -> None:
        self._root = root
        self._subject = subject
        self._topic = topic

    def value(self, schema: JsonValue, name: str, depth: int) -> JsonValue:
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return None
        schema = self._resolved(schema)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        for key in ("enum", "examples"):
            if isinstance(choices := schema.get(key), list) and choices:
                return choices[0]
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(options := schema.get(key), list) and options:
                return self.value(options[0], name, depth + 1)
        match _type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer" | "number" as kind:
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._string(schema, name)

    def _resolved(self, schema: JsonObject) -> JsonObject:
        """The schema that a local `$ref` means."""
        for _ in range(_DEEPEST):
            ref = schema.get("$ref")
            if not isinstance(ref, str):
                break
            found: JsonValue = self._root
            for key in ref.removeprefix("#").strip("/").split("/"):
                found = found.get(key) if isinstance(found, dict) else None
            schema = found if isinstance(found, dict) else {}
        return schema

    def _object(self, schema: JsonObject, depth: int) -> JsonObject:
        properties = schema.get("properties")
        required = schema.get("required")
        if not isinstance(properties, dict) or not isinstance(required, list):
            return {}
        return {name: self.value(properties[name], name, depth + 1) for name in properties if name in required}

    def _array(self, schema: JsonObject, name: str, depth: int) -> list[JsonValue]:
        least = schema.get("minItems")
        count = min(least, 10) if isinstance(least, int) and least > 0 else 1
        return [self.value(schema.get("items", {}), name, depth + 1) for _ in range(count)]

    def _string(self, schema: JsonObject, name: str) -> str:
        text = self._idea(schema, name)
        least, most = schema.get("minLength"), schema.get("maxLength")
        if isinstance(least, int):
            text = text.ljust(min(least, 1000), ".")
        return text[:most] if isinstance(most, int) else text

    def _idea(self, schema: JsonObject, name: str) -> str:
        kind = schema.get("format")
        if isinstance(kind, str) and kind in _BY_FORMAT:
            return _BY_FORMAT[kind]
        if self._subject:
            subject, self._subject = self._subject, ""
            return subject
        lowered = name.lower()
        return next((idea for part, idea in _BY_NAME if part in lowered), self._topic or "an example")


def _type(schema: Mapping[str, JsonValue]) -> JsonValue:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    return "object" if kind is None and "properties" in schema else kind


def _number(schema: JsonObject, *, whole: bool) -> int | float:
    """The middle of the bounds, or 3 as far as a single one allows it."""
    edge = 1 if whole else 0
    lows = [*_bound(schema, "minimum"), *(bound + edge for bound in _bound(schema, "exclusiveMinimum"))]
    highs = [*_bound(schema, "maximum"), *(bound - edge for bound in _bound(schema, "exclusiveMaximum"))]
    if lows and highs:
        middle = (max(lows) + min(highs)) / 2
        return math.floor(middle) if whole else middle
    if lows:
        return max(3, max(lows) + 1)
    if highs:
        return min(3, min(highs) - 1)
    return 3


def _bound(schema: JsonObject, key: str) -> list[int | float]:
    bound = schema.get(key)
    return [bound] if isinstance(bound, int | float) else []
