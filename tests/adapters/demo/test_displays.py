"""Everything that the demo model can show has the fields that display tools take."""

from __future__ import annotations

import re
from collections.abc import Iterator

import jsonschema
import pytest

from mamba_adapters.demo.displays import DISPLAYS
from mamba_adapters.demo.prompt import Prompt
from mamba_adapters.demo.transcript import Dice
from mamba_domain.messages import JsonObject, JsonValue

TEXT: JsonObject = {"type": "string", "minLength": 1}


def record(needs: str, /, **properties: JsonValue) -> JsonObject:
    return {
        "type": "object",
        "properties": properties,
        "required": [*needs.split()],
        "additionalProperties": False,
    }


FIELD = record(
    "id type label",
    id=TEXT,
    type={"enum": ["text", "textarea", "select", "checkbox", "radio", "date", "slider", "file", "number", "email"]},
    label=TEXT,
    placeholder=TEXT,
    required={"type": "boolean"},
    defaultValue={"type": ["string", "number", "boolean"]},
    options={"type": "array", "minItems": 2, "items": record("label value", label=TEXT, value=TEXT)},
    min={"type": "number"},
    max={"type": "number"},
    step={"type": "number"},
)
SCHEMAS: dict[str, JsonObject] = {
    "generateForm": record(
        "title fields",
        title=TEXT,
        description=TEXT,
        fields={"type": "array", "minItems": 1, "items": FIELD},
        submitLabel=TEXT,
    ),
    "generateChart": record(
        "chartType title data",
        chartType={"enum": ["line", "bar", "pie", "area"]},
        title=TEXT,
        description=TEXT,
        data={"type": "array", "minItems": 2, "items": record("label value", label=TEXT, value={"type": "number"})},
    ),
    "generateCode": record(
        "language code",
        language=TEXT,
        filename=TEXT,
        code=TEXT,
        editable={"type": "boolean"},
        showLineNumbers={"type": "boolean"},
    ),
    "generateCard": record(
        "title",
        title=TEXT,
        description=TEXT,
        content=TEXT,
        media=record(
            "type url",
            type={"enum": ["image", "video"]},
            url={"type": "string", "pattern": "^(https:|data:image/)"},
            alt=TEXT,
        ),
        actions={
            "type": "array",
            "items": record(
                "label action",
                label=TEXT,
                action=TEXT,
                variant={"enum": ["default", "secondary", "destructive", "outline"]},
            ),
        },
    ),
}


def everything() -> Iterator[tuple[str, JsonObject]]:
    for display in DISPLAYS:
        for value in display.made(Prompt("about tea"), Dice(()), 10):
            yield display.tool, value


@pytest.mark.parametrize(("tool", "value"), [*everything()], ids=str)
def test_an_input_has_the_fields_of_its_tool_and_no_others(tool: str, value: JsonObject) -> None:
    jsonschema.validate(value, SCHEMAS[tool])


def test_every_display_tool_has_more_than_one_thing_to_show() -> None:
    shown = [tool for tool, _ in everything()]
    assert {tool for tool in shown if shown.count(tool) > 1} == set(SCHEMAS)


def test_forms_show_every_kind_of_field() -> None:
    text = repr([value for tool, value in everything() if tool == "generateForm"])
    kinds = set(re.findall(r"'type': '(\w+)'", text))
    assert kinds >= {"text", "textarea", "select", "checkbox", "radio", "date", "slider", "file", "number", "email"}
