"""The display tools accept what the contract lists, in the forms that models really write, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mamba_adapters.tools.display import DISPLAY_TOOLS
from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonObject, JsonValue
from mamba_domain.tools import Placement

TOOLS = {tool.spec.name: tool for tool in DISPLAY_TOOLS}

FORM: JsonObject = {
    "title": "Sign up",
    "description": "All of it",
    "fields": [
        {"id": "name", "type": "text", "label": "Name", "placeholder": "Ann", "required": True, "defaultValue": ""},
        {"id": "about", "type": "textarea", "label": "About"},
        {
            "id": "size",
            "type": "select",
            "label": "Size",
            "options": [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}],
        },
        {"id": "ok", "type": "checkbox", "label": "Agreed", "defaultValue": False},
        {"id": "how", "type": "radio", "label": "How", "options": []},
        {"id": "when", "type": "date", "label": "When", "defaultValue": "2026-01-01"},
        {"id": "much", "type": "slider", "label": "Much", "defaultValue": 2.5, "min": 0, "max": 10, "step": 0.5},
        {"id": "cv", "type": "file", "label": "CV"},
        {"id": "age", "type": "number", "label": "Age", "defaultValue": 30},
        {"id": "mail", "type": "email", "label": "Mail"},
    ],
    "submitLabel": "Send",
}
CHART: JsonObject = {
    "chartType": "bar",
    "title": "Sales",
    "description": "By month",
    "data": [{"label": "May", "value": 5}, {"label": "June", "value": -7.25}, {"label": "July", "value": 0}],
}
CODE: JsonObject = {
    "language": "python",
    "filename": "hello.py",
    "code": "print('hello')\n",
    "editable": True,
    "showLineNumbers": False,
}
CARD: JsonObject = {
    "title": "Paris",
    "description": "The capital",
    "content": "It is **large**.",
    "media": {"type": "image", "url": "https://example.com/paris.jpg", "alt": "Paris"},
    "actions": [{"label": "Go", "action": "go:paris", "variant": "outline"}, {"label": "Stay", "action": "stay"}],
}
FULL = [
    ("generateForm", "form", FORM),
    ("generateChart", "chart", CHART),
    ("generateCode", "code", CODE),
    ("generateCard", "card", CARD),
]


def with_value(arguments: JsonObject, path: str, value: JsonValue) -> JsonObject:
    """A copy with another value at a dotted path."""
    copy: JsonObject = json.loads(json.dumps(arguments))
    *parents, last = path.split(".")
    place: JsonValue = copy
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place[parent]  # type: ignore[index]
    assert isinstance(place, dict)
    place[last] = value
    return copy


def refusal(name: str, arguments: JsonValue) -> str:
    with pytest.raises(ToolFailed) as failure:
        TOOLS[name].validate(arguments)
    return failure.value.public_message


def test_there_are_the_four_tools_of_the_contract() -> None:
    assert list(TOOLS) == ["generateForm", "generateChart", "generateCode", "generateCard"]
    assert {tool.spec.placement for tool in DISPLAY_TOOLS} == {Placement.DISPLAY}


@pytest.mark.parametrize(("name", "kind", "arguments"), FULL)
def test_the_output_is_the_input_behind_its_type_byte_for_byte(name: str, kind: str, arguments: JsonObject) -> None:
    assert json.dumps(TOOLS[name].validate(arguments)) == json.dumps({"type": kind, **arguments})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("generateForm", {"title": "t", "fields": [{"id": "a", "type": "text", "label": "A"}]}),
        ("generateChart", {"chartType": "pie", "title": "t", "data": [{"label": "a", "value": 1}]}),
        ("generateCode", {"language": "sql", "code": ""}),
        ("generateCard", {"title": "t"}),
    ],
)
def test_what_is_left_out_stays_out(name: str, arguments: JsonObject) -> None:
    output = TOOLS[name].validate(arguments)
    assert isinstance(output, dict)
    assert {key: value for key, value in output.items() if key != "type"} == arguments


@pytest.mark.parametrize(("name", "kind", "arguments"), FULL)
def test_the_type_is_right_whatever_the_model_wrote(name: str, kind: str, arguments: JsonObject) -> None:
    for wrong in ("nonsense", None, 7):
        output = TOOLS[name].validate({**arguments, "type": wrong})
        assert isinstance(output, dict)
        assert next(iter(output.items())) == ("type", kind)


@pytest.mark.parametrize(("name", "kind", "arguments"), FULL)
def test_null_and_unknown_fields_are_as_if_they_were_not_there(name: str, kind: str, arguments: JsonObject) -> None:
    expected = TOOLS[name].validate({key: value for key, value in arguments.items() if key != "description"})
    unknown: JsonObject = {"color": "red", "__proto_": 1}
    nulls: JsonObject = {"description": None} if "description" in arguments else {}
    assert TOOLS[name].validate({**arguments, **nulls, **unknown}) == expected


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), ("-7.25", -7.25), ("0", 0), (" 12 ", 12), ("0.5", 0.5), ("-0.5", -0.5)]
)
def test_a_text_that_is_plainly_a_number_counts_as_one(text: str, number: float) -> None:
    output = TOOLS["generateChart"].validate(with_value(CHART, "data.0.value", text))
    assert output == TOOLS["generateChart"].validate(with_value(CHART, "data.0.value", number))


NOT_ALLOWED: list[tuple[str, JsonObject, str, list[JsonValue]]] = [
    (
        "generateChart",
        CHART,
        "data.0.value",
        ["5%", "1,000", "", "five", "0x10", "1e5", "NaN", True, None, [5], {}, "9" * 30, "٣", float("inf")],
    ),
    ("generateChart", CHART, "data", [[], None, {}, "rows", [[1, 2]], [{"label": "a"}]]),
    ("generateChart", CHART, "chartType", ["radar", "Bar", "", None, 1]),
    ("generateForm", FORM, "fields", [[], None, "text", [{"id": "a", "type": "text"}]]),
    ("generateForm", FORM, "fields.0.type", ["password", "TEXT", None]),
    ("generateForm", FORM, "fields.0.required", ["true", 1]),
    ("generateForm", FORM, "fields.0.defaultValue", [[], {}, float("nan"), "x" * 20_001]),
    ("generateForm", FORM, "fields.0.id", ["", "about", 1]),
    ("generateForm", FORM, "fields.2.options", [["s"], [{"label": "S"}], "s"]),
    ("generateCode", CODE, "code", [None, 5, ["a"], "x" * 200_001, "\ud83d"]),
    ("generateCode", CODE, "editable", ["yes", 0]),
    ("generateCard", CARD, "title", [None, 5, "x" * 501]),
    ("generateCard", CARD, "actions.0.variant", ["primary", 1]),
    ("generateCard", CARD, "media.type", ["audio", None]),
]


@pytest.mark.parametrize(
    ("name", "arguments", "path", "value"),
    [(name, arguments, path, value) for name, arguments, path, values in NOT_ALLOWED for value in values],
)
def test_what_the_contract_does_not_allow_is_refused(
    name: str, arguments: JsonObject, path: str, value: JsonValue
) -> None:
    message = refusal(name, with_value(arguments, path, value))
    assert path.partition(".")[0] in message or "id of its own" in message or "Unicode" in message


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("arguments", [None, [], "text", 5, {}])
def test_what_is_no_such_object_is_refused(name: str, arguments: JsonValue) -> None:
    assert len(refusal(name, arguments).encode()) <= 1024


def test_a_refusal_is_short_and_does_not_repeat_the_input() -> None:
    rows: list[JsonValue] = [{"label": "a", "value": "secret" * 100}] * 50
    message = refusal("generateChart", {**CHART, "data": rows})
    assert len(message) <= 1100
    assert "secret" not in message
    assert "and 45 more" in message


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("image", "https://example.com/a.png?size=2#top"),
        ("image", "HTTPS://EXAMPLE.COM"),
        ("image", "data:image/png;base64,iVBORw0KGgo="),
        ("image", "data:image/svg+xml;charset=utf-8,%3Csvg%3E"),
        ("video", "https://example.com:8443/a.mp4"),
    ],
)
def test_media_may_be_on_the_web_or_an_image_in_the_url(kind: str, url: str) -> None:
    TOOLS["generateCard"].validate({"title": "t", "media": {"type": kind, "url": url}})


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        *(
            ("image", url)
            for url in (
                "http://example.com/a.png",
                "javascript:alert(1)",
                "JaVaScRiPt:alert(1)",
                " https://example.com",
                "https://",
                "https://user@example.com/",
                "https://example.com\\@evil.example",
                "https://example.com/a b",
                "https://example.com/\nb",
                "//example.com/a.png",
                "/a.png",
                "file:///etc/passwd",
                "ftp://example.com",
                "blob:https://example.com/1",
                "data:text/html,<script>alert(1)</script>",
                "data:image/png;base64,\"onerror=",
                "data:,",
                "",
            )
        ),
        ("video", "data:image/png;base64,iVBORw0KGgo="),
        ("video", "http://example.com/a.mp4"),
    ],
)  # fmt: skip
def test_media_from_anywhere_else_is_refused(kind: str, url: str) -> None:
    assert "media" in refusal("generateCard", {"title": "t", "media": {"type": kind, "url": url}})


@pytest.mark.parametrize("action", ["javascript:alert(1)", " JAVASCRIPT:x", "\x01javascript\t:x", "data:text/html,x"])
def test_a_button_cannot_be_a_script(action: str) -> None:
    assert "script" in refusal("generateCard", {"title": "t", "actions": [{"label": "a", "action": action}]})


ROW: JsonValue = {"label": "a", "value": 1}
WIDE_ROW: JsonValue = {"label": "a" * 500, "value": 1}
BUTTON: JsonValue = {"label": "a", "action": "a"}
FIELDS: list[JsonValue] = [{"id": str(n), "type": "text", "label": "a"} for n in range(51)]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("generateChart", {**CHART, "data": [ROW] * 1001}),
        ("generateChart", {**CHART, "data": [WIDE_ROW] * 1000}),
        ("generateForm", {**FORM, "fields": FIELDS}),
        ("generateCode", {**CODE, "code": "é" * 150_000}),
        ("generateCard", {**CARD, "actions": [BUTTON] * 21}),
    ],
)
def test_there_are_bounds_on_rows_fields_and_bytes(name: str, arguments: JsonObject) -> None:
    refusal(name, arguments)


def _schemas(node: object) -> list[Mapping[str, object]]:
    if isinstance(node, list):
        return [schema for item in node for schema in _schemas(item)]
    if isinstance(node, dict):
        return [node, *(schema for item in node.values() for schema in _schemas(item))]
    return []


@pytest.mark.parametrize("name", TOOLS)
def test_the_schema_is_plain_enough_for_every_model_api(name: str) -> None:
    schema = TOOLS[name].spec.input_schema
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert "type" not in properties
    for node in _schemas(schema):
        assert not {"$ref", "$defs", "anyOf", "oneOf", "allOf", "default"} & node.keys()


@pytest.mark.parametrize(("name", "kind", "arguments"), FULL)
def test_what_is_accepted_fits_the_published_schemas(name: str, kind: str, arguments: JsonObject) -> None:
    tool = TOOLS[name]
    Draft202012Validator(tool.spec.input_schema).validate(arguments)
    Draft202012Validator(tool.output_schema).validate(tool.validate(arguments))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(FULL).flatmap(
        lambda case: st.tuples(st.just(case[0]), st.sampled_from(sorted(case[2])), st.just(case[2]), JSON)
    )
)
def test_whatever_a_model_writes_is_accepted_or_refused_and_what_is_accepted_is_stable(
    case: tuple[str, str, JsonObject, JsonValue],
) -> None:
    name, field, arguments, value = case
    try:
        output = TOOLS[name].validate({**arguments, field: value})
    except ToolFailed:
        return
    assert TOOLS[name].validate(output) == output
    Draft202012Validator(TOOLS[name].output_schema).validate(output)
