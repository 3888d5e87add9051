"""Makes JSON Schema, as pydantic writes it, plain enough for every model API.

Definitions are put where they are used, since some servers that speak OpenAI's protocol do not follow
`$ref`; only a model that contains itself keeps them. Titles repeat the field's name and are left out. An
optional field is one that is not required: that it may also be null is not said, so that models leave it
out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import BaseModel

from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["input_schema"]

_MAPS_OF_SCHEMAS = ("properties", "patternProperties", "dependentSchemas")
_PLAIN_VALUES = ("const", "enum", "default", "examples", "required", "dependentRequired")


def input_schema(model: type[BaseModel]) -> JsonObject:
    """The JSON Schema of what a caller writes for this model. Raises `ValueError` for one whose input is no object."""
    raw = cast(JsonObject, model.model_json_schema(mode="validation"))
    definitions = cast(dict[str, JsonObject], raw.get("$defs", {}))
    plain = _Plain(definitions)
    schema = plain.schema({key: value for key, value in raw.items() if key != "$defs"}, ())
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ValueError("the input is no JSON object")
    if plain.recursive:
        schema["$defs"] = {
            name: plain.schema(definitions[name], (name,)) for name in definitions if name in plain.recursive
        }
    return schema


class _Plain:
    """Rewrites schemas. `recursive` collects the definitions that cannot be put in place."""

    def __init__(self, definitions: Mapping[str, JsonObject]) -> None:
        self._definitions = definitions
        self.recursive: set[str] = set()

    def schema(self, node: JsonValue, inside: tuple[str, ...]) -> JsonValue:
        if isinstance(node, list):
            return [self.schema(item, inside) for item in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if isinstance(reference, str):
            return self._referred(reference.removeprefix("#/$defs/"), node, inside)
        out: JsonObject = {}
        for key, value in node.items():
            if key in _MAPS_OF_SCHEMAS and isinstance(value, dict):
                out[key] = {name: self.schema(item, inside) for name, item in value.items()}
            elif key in _PLAIN_VALUES:
                out[key] = value
            elif key not in ("title", "discriminator"):
                out[key] = self.schema(value, inside)
        return _not_nullable(out)

    def _referred(self, name: str, node: JsonObject, inside: tuple[str, ...]) -> JsonValue:
        if name in inside:
            self.recursive.add(name)
            return {"$ref": f"#/$defs/{name}"}
        target = self.schema(self._definitions[name], (*inside, name))
        beside = self.schema({key: value for key, value in node.items() if key != "$ref"}, inside)
        return {**cast(JsonObject, target), **cast(JsonObject, beside)}


def _not_nullable(schema: JsonObject) -> JsonObject:
    if schema.get("default", 0) is not None:
        return schema
    del schema["default"]
    choices = schema.get("anyOf")
    if not isinstance(choices, list):
        return schema
    others = [choice for choice in choices if choice != {"type": "null"}]
    if len(others) > 1:
        return {**schema, "anyOf": others}
    del schema["anyOf"]
    return {**cast(JsonObject, others[0]), **schema} if others else schema
