"""The display tools: the model's arguments are the result, and the page draws them.

The model is not asked for `type`, which the tool's name implies; the output always begins with it, because
pages choose by it what to draw. Models add fields, write null for what they leave out and quote numbers:
unknown fields and nulls are dropped and a text that is plainly a number counts as one. Everything else has
to be as declared.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from mamba_adapters.tools.inputs import read_input
from mamba_adapters.tools.schemas import input_schema
from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonObject, JsonValue
from mamba_domain.tools import Placement, ToolSpec

__all__ = ["DISPLAY_TOOLS", "DisplayTool"]

_MAX_BYTES = 262_144
_PLAIN_NUMBER = re.compile(r"\s*-?(0|[1-9]\d{0,14})(\.\d{1,15})?\s*")
_WEB_URL = re.compile(r"https://[^\s/?#@\\]+([/?#][^\s\\]*)?", re.IGNORECASE)
_IMAGE_URL = re.compile(r"data:image/[a-z0-9.+-]+(;[a-z0-9=.-]+)*,[^\s<>\"']+", re.IGNORECASE)
_SCRIPT = re.compile(r"[\x00-\x20]*(javascript|vbscript|data)[\x00-\x20]*:", re.IGNORECASE)


def _number(value: object) -> int | float:
    if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value):
        value = cast(int | float, json.loads(value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a number")
    return value


def _scalar(value: object) -> bool | int | float | str | None:
    if isinstance(value, str):
        if len(value) > 20_000:
            raise ValueError("must have at most 20000 characters")
        return value
    return value if value is None or isinstance(value, bool) else _number(value)


def _harmless(action: str) -> str:
    if _SCRIPT.match(action):
        raise ValueError("must not be a script")
    return action


_Number: TypeAlias = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
_Scalar: TypeAlias = Annotated[
    bool | int | float | str | None,
    PlainValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
_Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
_Line: TypeAlias = Annotated[str, Field(max_length=500)]
_Prose: TypeAlias = Annotated[str, Field(max_length=20_000)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Option(_Shape):
    label: _Line
    value: _Line


class _FormField(_Shape):
    id: Annotated[_Name, Field(description="Unique within the form")]
    type: Literal["text", "textarea", "select", "checkbox", "radio", "date", "slider", "file", "number", "email"]
    label: _Line
    placeholder: _Line | None = None
    required: bool | None = None
    defaultValue: _Scalar = None  # noqa: N815
    options: list[_Option] | None = Field(
        default=None, max_length=200, description="The choices of a select or radio field"
    )
    min: _Number | None = None
    max: _Number | None = None
    step: _Number | None = None


class _Form(_Shape):
    title: _Line
    description: _Prose | None = None
    fields: list[_FormField] = Field(min_length=1, max_length=50)
    submitLabel: _Line | None = None  # noqa: N815

    @model_validator(mode="after")
    def _ids_are_unique(self) -> _Form:
        if len({field.id for field in self.fields}) < len(self.fields):
            raise ValueError("each field must have an id of its own")
        return self


class _Row(_Shape):
    label: _Line
    value: _Number


class _Chart(_Shape):
    chartType: Literal["line", "bar", "pie", "area"]  # noqa: N815
    title: _Line
    description: _Prose | None = None
    data: list[_Row] = Field(min_length=1, max_length=1000)


class _Code(_Shape):
    language: Annotated[_Name, Field(description="For instance python, typescript or sql")]
    filename: _Line | None = None
    code: Annotated[str, Field(max_length=200_000)]
    editable: bool | None = None
    showLineNumbers: bool | None = None  # noqa: N815


class _Media(_Shape):
    type: Literal["image", "video"]
    url: Annotated[str, Field(description="An https URL, or a data:image URL of an image")]
    alt: _Line | None = None

    @model_validator(mode="after")
    def _url_is_allowed(self) -> _Media:
        if not _WEB_URL.fullmatch(self.url) and not (self.type == "image" and _IMAGE_URL.fullmatch(self.url)):
            raise ValueError("url must be an https URL, or a data:image URL of an image")
        return self


class _Action(_Shape):
    label: _Line
    action: Annotated[
        _Name, AfterValidator(_harmless), Field(description="What the page is told when the button is pressed")
    ]
    variant: Literal["default", "secondary", "destructive", "outline"] | None = None


class _Card(_Shape):
    title: _Line
    description: _Prose | None = None
    content: Annotated[str, Field(max_length=50_000)] | None = None
    media: _Media | None = None
    actions: list[_Action] | None = Field(default=None, max_length=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayTool:
    """A tool whose output is its input. `kind` is the value of the output's `type`."""

    spec: ToolSpec
    kind: str
    model: type[BaseModel]

    def validate(self, arguments: JsonValue) -> JsonValue:
        """The input that the page will draw, `type` first, without what was left out."""
        shape = read_input(self.model, arguments)
        output: JsonObject = {"type": self.kind, **shape.model_dump(exclude_none=True)}
        if len(json.dumps(output, ensure_ascii=False).encode()) > _MAX_BYTES:
            raise ToolFailed(f"Invalid arguments. All in all they may have {_MAX_BYTES} bytes.")
        return output

    @property
    def output_schema(self) -> JsonObject:
        """The JSON Schema of what the page gets."""
        schema = self.spec.input_schema
        properties: JsonObject = {"type": {"const": self.kind}, **cast(JsonObject, schema["properties"])}
        required: list[JsonValue] = ["type", *cast(list[JsonValue], schema["required"])]
        return {**schema, "properties": properties, "required": required}


def _display(name: str, kind: str, model: type[BaseModel], description: str) -> DisplayTool:
    spec = ToolSpec(
        name=name,
        description=description,
        input_schema=input_schema(model),
        placement=Placement.DISPLAY,
    )
    return DisplayTool(spec=spec, kind=kind, model=model)


DISPLAY_TOOLS = (
    _display("generateForm", "form", _Form, "Show the user a form to fill in."),
    _display("generateChart", "chart", _Chart, "Show the user a chart of labelled numbers."),
    _display("generateCode", "code", _Code, "Show the user source code in a code block of its own."),
    _display(
        "generateCard",
        "card",
        _Card,
        "Show the user a card: a title, and where useful a text, a picture or a video, and buttons.",
    ),
)
