"""Structured outputs: a JSON Schema as OpenAI's APIs take it, with `strict` where the schema allows that.

Strict mode guarantees the answer's form, but refuses schemas that leave anything open; such a schema is sent as advice.
"""

from __future__ import annotations

import re

from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["fits_strict_mode", "json_schema"]

_UNFIT_IN_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME = 64
_UNSUPPORTED = frozenset(
    {"allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"}
)


def json_schema(schema: JsonObject) -> JsonObject:
    """`response_format.json_schema` of Chat Completions; the same keys are `text.format` of the Responses API."""
    return {"name": _name(schema.get("title")), "schema": schema, "strict": fits_strict_mode(schema)}


def fits_strict_mode(schema: JsonObject) -> bool:
    """Whether the root is an object, and each object closed with every property required."""
    return schema.get("type") == "object" and _closed(schema)


def _closed(schema: JsonValue) -> bool:
    if isinstance(schema, list):
        return all(_closed(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    if not _UNSUPPORTED.isdisjoint(schema):
        return False
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            return False
        if schema.get("additionalProperties") is not False or set(properties) != {
            r for r in required if isinstance(r, str)
        }:
            return False
    named = [schema.get(key) for key in ("properties", "$defs", "definitions")]
    inner = [item for group in named if isinstance(group, dict) for item in group.values()]
    return all(_closed(item) for item in (*inner, schema.get("items"), schema.get("anyOf")))


def _name(title: JsonValue) -> str:
    name = _UNFIT_IN_NAME.sub("_", title).strip("_") if isinstance(title, str) else ""
    return name[:_LONGEST_NAME] or "answer"
