"""JSON Schemas as OpenAI's APIs take them."""

from __future__ import annotations

import pytest

from mamba_adapters.openai.requests import chat_params
from mamba_adapters.openai.structured import fits_strict_mode, json_schema
from mamba_domain.messages import JsonObject, JsonValue, TextPart, UserMessage
from mamba_domain.ports.chat_model import ModelRequest

TEXT: JsonObject = {"type": "string"}


def closed(**properties: JsonValue) -> JsonObject:
    """An object that leaves nothing open."""
    required: list[JsonValue] = [*properties]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        closed(),
        closed(city=TEXT, tags={"type": "array", "items": closed(tag=TEXT)}),
        closed(maybe={"type": ["string", "null"]}, either={"anyOf": [TEXT, closed(n={"type": "integer"})]}),
        {**closed(one={"$ref": "#/$defs/one"}), "$defs": {"one": closed(x=TEXT)}},
        closed(properties=TEXT, required=TEXT),
    ],
)
def test_a_schema_that_leaves_nothing_open_is_strict(schema: JsonObject) -> None:
    assert fits_strict_mode(schema)
    assert json_schema(schema) == {"name": "answer", "schema": schema, "strict": True}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        TEXT,
        {"type": "object"},
        {"type": "object", "properties": {"city": TEXT}, "required": ["city"]},
        {**closed(city=TEXT), "required": []},
        {**closed(city=TEXT), "required": "city"},
        {**closed(city=TEXT), "properties": []},
        {**closed(city=TEXT), "additionalProperties": True},
        closed(inner={"type": "object"}),
        closed(inner={"properties": {}}),
        closed(rows={"type": "array", "items": {"type": ["object", "null"]}}),
        closed(either={"anyOf": [{"type": "object"}]}),
        closed(either={"oneOf": [TEXT]}),
        {**closed(), "$defs": {"open": {"type": "object"}}},
        {"anyOf": [closed()]},
    ],
)
def test_any_other_schema_is_sent_as_advice(schema: JsonObject) -> None:
    assert not fits_strict_mode(schema)
    assert json_schema(schema)["strict"] is False


@pytest.mark.parametrize(
    ("title", "name"),
    [("Recipe", "Recipe"), ("A recipe!", "A_recipe"), ("菜谱", "answer"), ("x" * 99, "x" * 64), (3, "answer")],
)
def test_the_name_is_made_of_the_title(title: JsonValue, name: str) -> None:
    assert json_schema({"title": title})["name"] == name


def test_a_request_with_a_schema_asks_for_that_format() -> None:
    messages = (UserMessage(parts=(TextPart(text="Where?"),)),)
    asked = chat_params(ModelRequest(model="m", messages=messages, response_schema=closed(city=TEXT)))
    assert asked["response_format"] == {"type": "json_schema", "json_schema": json_schema(closed(city=TEXT))}
    assert "response_format" not in chat_params(ModelRequest(model="m", messages=messages))
