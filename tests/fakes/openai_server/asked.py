"""What one request asks for, read from either API's body."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .steps import JsonObject, JsonValue

__all__ = ["DEFAULT_TOOL", "Api", "Asked"]

Api: TypeAlias = Literal["chat", "responses", "models"]

DEFAULT_TOOL = "get_weather"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, and where it stands on its connection."""

    api: Api
    body: JsonObject = field(default_factory=dict)
    url: str = "http://127.0.0.1:1/v1"
    trap: str = "http://127.0.0.1:1"
    nth: int = 1
    """The number of this request on its connection, from 1."""
    tool: str = DEFAULT_TOOL
    """The tool to call when the request offers it; else the first one offered."""

    @property
    def model(self) -> str:
        return _string(self.body.get("model"))

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    def stream_option(self, name: str, default: bool) -> bool:
        options = self.body.get("stream_options")
        value = options.get(name) if isinstance(options, Mapping) else None
        return value if isinstance(value, bool) else default

    @property
    def messages(self) -> Sequence[JsonValue]:
        """The conversation as it was sent: `messages` or `input`."""
        given = self.body.get("messages" if self.api == "chat" else "input")
        if isinstance(given, str):
            return [{"role": "user", "content": given}]
        return given if isinstance(given, Sequence) else []

    @property
    def last_user_text(self) -> str:
        for message in reversed(self.messages):
            if isinstance(message, Mapping) and message.get("role") == "user":
                return "".join(_content_texts(message.get("content")))
        return ""

    @property
    def after_tool_result(self) -> bool:
        """Whether the conversation ends with the output of a tool."""
        last = self.messages[-1] if self.messages else None
        return isinstance(last, Mapping) and (
            last.get("role") in ("tool", "function") or last.get("type") == "function_call_output"
        )

    @property
    def tool_name(self) -> str:
        offered = dict(self._offered())
        return self.tool if self.tool in offered or not offered else next(iter(offered))

    @property
    def tool_schema(self) -> JsonObject:
        """The JSON Schema of the parameters of `tool_name`; that of a city where no tool is offered."""
        city: JsonObject = {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        }
        return dict(self._offered()).get(self.tool_name, city)

    @property
    def tool_arguments(self) -> str:
        """Arguments that the schema allows, as JSON."""
        return json.dumps(_sample(self.tool_schema, self.tool_schema), ensure_ascii=False)

    def _offered(self) -> Iterator[tuple[str, JsonObject]]:
        tools = self.body.get("tools")
        for tool in tools if isinstance(tools, Sequence) else ():
            if isinstance(tool, Mapping):
                function = tool.get("function", tool)
                if isinstance(function, Mapping):
                    parameters = function.get("parameters")
                    yield _string(function.get("name")), parameters if isinstance(parameters, Mapping) else {}


def _string(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _content_texts(content: JsonValue) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Sequence):
        for part in content:
            if isinstance(part, Mapping):
                yield _string(part.get("text"))


def _sample(schema: JsonValue, root: JsonObject) -> JsonValue:
    """A small value that the schema allows: required properties, first choices, lower bounds."""
    if not isinstance(schema, Mapping):
        return "Paris"
    if isinstance(reference := schema.get("$ref"), str):
        return _sample(_resolve(reference, root), root)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "anyOf", "oneOf"):
        choices = schema.get(key)
        if isinstance(choices, Sequence) and choices:
            return choices[0] if key == "enum" else _sample(choices[0], root)
    kind = schema.get("type")
    if isinstance(kind, Sequence) and not isinstance(kind, str):
        kind = kind[0]
    match kind:
        case "object":
            properties = schema.get("properties")
            required = schema.get("required")
            known = properties if isinstance(properties, Mapping) else {}
            names = required if isinstance(required, Sequence) else []
            return {name: _sample(known.get(name), root) for name in names if isinstance(name, str)}
        case "array":
            least = schema.get("minItems", 0)
            return [_sample(schema.get("items"), root)] * (least if isinstance(least, int) else 0)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "Paris"


def _resolve(reference: str, root: JsonObject) -> JsonValue:
    found: JsonValue = root
    for name in reference.removeprefix("#/").split("/"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
