"""Tools of the page are declared by JSON Schema, and their input is held against it."""

from __future__ import annotations

import pytest

from mamba_adapters.tools.client import ClientTool
from mamba_domain.errors import Misconfigured, ToolFailed
from mamba_domain.messages import JsonObject, JsonValue
from mamba_domain.tools import Placement


def client_tool(schema: JsonObject) -> ClientTool:
    return ClientTool(name="locate", description="Where am I?", input_schema=schema, setting="tools.client[0]")


CITY: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "zoom": {"$ref": "#/$defs/zoom"}},
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"zoom": {"type": "integer", "minimum": 1}},
}


def test_the_declaration_is_what_the_model_sees() -> None:
    spec = client_tool(CITY).spec
    assert (spec.name, spec.description, spec.input_schema) == ("locate", "Where am I?", CITY)
    assert spec.placement is Placement.CLIENT


def test_input_that_fits_comes_back_as_it_is() -> None:
    assert client_tool(CITY).validate({"city": "Rome", "zoom": 3}) == {"city": "Rome", "zoom": 3}


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({}, "city"),
        ({"city": 5}, "city"),
        ({"city": "Rome", "zoom": 0}, "zoom"),
        ({"city": "Rome", "other": 1}, "other"),
        ([], "input"),
        ({"city": "Rome", "zoom": "x" * 10_000}, "zoom"),
    ],
)
def test_input_that_does_not_fit_is_refused_in_few_words(arguments: JsonValue, place: str) -> None:
    with pytest.raises(ToolFailed) as refusal:
        client_tool(CITY).validate(arguments)
    assert place in refusal.value.public_message
    assert len(refusal.value.public_message) <= 300


@pytest.mark.parametrize(
    "schema",
    [{}, {"type": "string"}, {"type": "object", "properties": 5}, {"type": "object", "required": "city"}],
)
def test_a_schema_that_is_none_stops_the_start_and_names_the_setting(schema: JsonObject) -> None:
    with pytest.raises(Misconfigured) as refusal:
        client_tool(schema)
    assert refusal.value.key == "tools.client[0].input_schema"


@pytest.mark.parametrize(
    "reference", ["https://127.0.0.1:9/schema.json", "file:///etc/passwd", "#/nowhere", "urn:nobody"]
)
def test_a_reference_to_elsewhere_is_not_followed(reference: str) -> None:
    tool = client_tool({"type": "object", "properties": {"a": {"$ref": reference}}})
    with pytest.raises(ToolFailed) as refusal:
        tool.validate({"a": 1})
    assert refusal.value.public_message == "The arguments could not be checked."


def test_a_schema_that_refers_to_itself_for_ever_is_given_up() -> None:
    tool = client_tool({"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}})
    with pytest.raises(ToolFailed) as refusal:
        tool.validate({"a": 1})
    assert refusal.value.public_message == "The arguments could not be checked."
