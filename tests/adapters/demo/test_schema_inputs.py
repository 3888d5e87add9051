"""Inputs that the demo model makes up are valid for the schemas that tools really have."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from mamba_adapters.demo.schema_inputs import made_input
from mamba_domain.messages import JsonObject, JsonValue


def made(schema: JsonObject, *, subject: str = "", topic: str = "green tea") -> JsonObject:
    return made_input(schema, subject=subject, topic=topic)


def field(schema: JsonValue, name: str = "field") -> JsonValue:
    return made({"type": "object", "properties": {name: schema}, "required": [name]})[name]


class Colour(Enum):
    RED = "red"


class Stop(BaseModel):
    city: str
    nights: Annotated[int, Field(ge=1, le=14)]


class Trip(BaseModel):
    traveller: str
    email: Annotated[str, Field(json_schema_extra={"format": "email"})]
    stops: Annotated[list[Stop], Field(min_length=2)]
    colour: Colour
    mode: Literal["train", "bus"]
    budget: Annotated[float, Field(gt=0)]
    share: Annotated[float, Field(gt=0, lt=1)]
    guests: Annotated[int, Field(lt=3)]
    code: Annotated[str, Field(min_length=5, max_length=8)]
    note: str | None
    insured: bool
    nothing: None
    extra: str = "unused"


def test_an_input_is_valid_for_a_model_with_everything_in_it() -> None:
    schema = Trip.model_json_schema()
    value = made(schema)
    jsonschema.validate(value, schema)
    trip = Trip.model_validate(value)
    assert trip.stops[0].city == "Lisbon"
    assert "extra" not in value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "green tea"),
        ({"type": "string", "format": "date"}, "2026-06-01"),
        ({"type": "string", "default": "x"}, "x"),
        ({"type": "string", "examples": ["y", "z"]}, "y"),
        ({"const": 5}, 5),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": ["null", "integer"]}, 3),
        ({"type": ["null"]}, None),
        ({"type": "integer", "minimum": 10}, 11),
        ({"type": "integer", "exclusiveMaximum": 2}, 0),
        ({"type": "integer", "exclusiveMinimum": 0, "maximum": 1}, 1),
        ({"type": "number"}, 3),
        ({"type": "boolean"}, True),
        ({"type": "array", "items": {"type": "boolean"}}, [True]),
        ({"type": "array"}, ["green tea"]),
        ({"properties": {"a": {"type": "boolean"}}, "required": ["a"]}, {"a": True}),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, True),
        ({"enum": [], "type": "boolean"}, True),
        (True, None),
    ],
)
def test_a_field_is_filled_by_its_schema(schema: JsonValue, value: JsonValue) -> None:
    assert field(schema) == value


def test_a_name_tells_what_a_text_may_be() -> None:
    assert field({"type": "string"}, "contactEmail") == "ada@example.org"
    assert made({"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}, topic="") == {
        "q": "an example"
    }


def test_the_subject_goes_into_the_first_free_text_only() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {"when": {"type": "string", "format": "date"}, "a": {"type": "string"}, "b": {"type": "string"}},
        "required": ["when", "a", "b"],
    }
    assert made(schema, subject="Lima") == {"when": "2026-06-01", "a": "Lima", "b": "green tea"}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}, "required": "a"},
        {"type": "string"},
        {"$ref": "#/$defs/Missing"},
    ],
)
def test_a_schema_without_required_fields_gives_an_empty_input(schema: JsonObject) -> None:
    assert made(schema) == {}


def test_a_schema_that_holds_itself_ends() -> None:
    schema: JsonObject = {
        "$defs": {
            "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]},
            "Loop": {"$ref": "#/$defs/Loop"},
        },
        "$ref": "#/$defs/Node",
    }
    depth = 0
    value: JsonValue = made(schema)
    while isinstance(value, dict):
        value, depth = value.get("next"), depth + 1
    assert 1 < depth < 20
    assert made({**schema, "$ref": "#/$defs/Loop"}) == {}
