"""One tool of an MCP server, as this server offers it.

Its name is `server__tool`. What an MCP server reports as the tool's own error is for the model to read; what goes
wrong between the servers is not. Structured content is the output where there is some, else the text. Pictures and
other binary contents are named but left out: as text they would cost a model more than it could make of them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonObject, JsonValue
from mamba_domain.tools import Placement, ToolCall, ToolContext, ToolOutcome, ToolOutput, ToolProgress, ToolSpec

if TYPE_CHECKING:
    from mcp import types

__all__ = ["Caller", "McpTool", "offered_tool"]

_UNFIT_IN_NAME = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1024
_LONGEST_ERROR = 2000
_LONGEST_FAULT = 300


class Caller(Protocol):
    """Whoever has the connection to the server."""

    async def call(self, name: str, arguments: JsonObject) -> types.CallToolResult:
        """Call a tool by the server's own name for it. Raises `ToolFailed` while there is no connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTool:
    """The tool. `remote_name` is what its server calls it."""

    spec: ToolSpec
    remote_name: str
    caller: Caller
    validator: Draft202012Validator
    approval: bool

    def validate(self, arguments: JsonValue) -> JsonValue:
        """The arguments as they came, if the server's schema allows them."""
        try:
            fault = best_match(self.validator.iter_errors(arguments))
        except (Unresolvable, RecursionError) as error:
            raise ToolFailed("The arguments could not be checked.", detail=str(error)) from error
        if fault is not None:
            place = ".".join(map(str, fault.absolute_path)) or "input"
            raise ToolFailed(f"Invalid arguments. {place}: {fault.message}"[:_LONGEST_FAULT])
        return arguments

    def needs_approval(self, arguments: JsonValue) -> bool:
        """As the operator says for the whole server."""
        return self.approval

    async def steps(self, call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolProgress | ToolOutcome, None]:
        """Ask the server."""
        result = await self.caller.call(self.remote_name, cast(JsonObject, self.validate(call.input)))
        if result.is_error:
            raise ToolFailed(_text(result)[:_LONGEST_ERROR] or "The tool failed.")
        yield ToolOutput(output=_output(result))


def offered_tool(server: str, tool: types.Tool, caller: Caller, *, approval: bool) -> McpTool:
    """What to offer for a server's tool. Raises `ValueError` for one that cannot be offered."""
    name = f"{server}__{_UNFIT_IN_NAME.sub('_', tool.name)}"
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"the name {name!r} has more than {_LONGEST_NAME} letters")
    schema: JsonObject = {"type": "object", **tool.input_schema}
    if schema["type"] != "object":
        raise ValueError("its input is no object")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"its input schema is none: {error.message}") from None
    spec = ToolSpec(
        name=name,
        description=(tool.description or tool.title or tool.name)[:_LONGEST_DESCRIPTION],
        input_schema=schema,
        placement=Placement.SERVER,
        dynamic=True,
    )
    return McpTool(
        spec=spec,
        remote_name=tool.name,
        caller=caller,
        validator=Draft202012Validator(schema, registry=Registry()),
        approval=approval,
    )


def _output(result: types.CallToolResult) -> JsonValue:
    if result.structured_content is not None:
        return cast(JsonValue, result.structured_content)
    if all(block.type == "text" for block in result.content):
        return _text(result)
    return [_block(block) for block in result.content]


def _text(result: types.CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


def _block(block: types.ContentBlock) -> JsonObject:
    match block.type:
        case "text":
            return {"type": "text", "text": block.text}
        case "resource_link":
            return {"type": "link", "uri": str(block.uri), "name": block.name}
        case "resource":
            text = getattr(block.resource, "text", None)
            return {"type": "resource", "uri": str(block.resource.uri), **({} if text is None else {"text": text})}
        case kind:
            return {"type": kind, "mediaType": block.mime_type}
