"""A tool of an MCP server in this server's terms."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import types

from mamba_adapters.mcp.connection import Connection, McpServer
from mamba_adapters.mcp.tool import McpTool, offered_tool
from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonObject, JsonValue
from mamba_domain.tools import ToolCall, ToolOutput
from tests.contracts.tool_registry import CONTEXT


class Answering:
    """A server that always gives the same result."""

    def __init__(self, result: types.CallToolResult) -> None:
        self.result = result
        self.asked: list[tuple[str, JsonObject]] = []

    async def call(self, name: str, arguments: JsonObject) -> types.CallToolResult:
        self.asked.append((name, arguments))
        return self.result


NOTHING = Answering(types.CallToolResult(content=[]))


def made(schema: dict[str, Any], caller: Answering = NOTHING, **more: Any) -> McpTool:
    tool = types.Tool(name="look.up", input_schema=schema, **more)
    return offered_tool("files", tool, caller, approval=False)


async def output_of(*content: types.ContentBlock, structured: Any = None) -> JsonValue:
    caller = Answering(types.CallToolResult(content=list(content), structured_content=structured))
    call = ToolCall(call_id="1", tool="files__look_up", input={"a": 1})
    (step,) = [step async for step in made({}, caller).steps(call, CONTEXT)]
    assert isinstance(step, ToolOutput)
    assert caller.asked == [("look.up", {"a": 1})]
    return step.output


def test_the_name_says_which_server_and_is_one_that_models_take() -> None:
    assert made({}).spec.name == "files__look_up"


def test_the_description_is_the_best_that_there_is_and_not_too_long() -> None:
    assert made({}, description="Look.", title="Title").spec.description == "Look."
    assert made({}, title="Title").spec.description == "Title"
    assert made({}).spec.description == "look.up"
    assert len(made({}, description="x" * 5000).spec.description) == 1024


def test_an_input_schema_without_a_type_is_that_of_an_object() -> None:
    assert made({}).spec.input_schema == {"type": "object"}


@pytest.mark.parametrize("schema", [{"type": "string"}, {"type": "object", "properties": 5}])
def test_a_tool_whose_input_cannot_be_checked_is_not_offered(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="input"):
        made(schema)


def test_a_reference_to_elsewhere_is_not_followed() -> None:
    tool = made({"properties": {"a": {"$ref": "https://127.0.0.1:9/schema.json"}}})
    with pytest.raises(ToolFailed) as refusal:
        tool.validate({"a": 1})
    assert refusal.value.public_message == "The arguments could not be checked."


async def test_structured_content_is_the_output() -> None:
    assert await output_of(types.TextContent(text="one"), structured={"n": 1}) == {"n": 1}


async def test_texts_are_one_text() -> None:
    assert await output_of(types.TextContent(text="one"), types.TextContent(text="two")) == "one\ntwo"
    assert await output_of() == ""


async def test_other_contents_are_named_and_binary_ones_left_out() -> None:
    text = types.TextResourceContents(uri="file:///a.txt", text="hello")
    blob = types.BlobResourceContents(uri="file:///a.bin", blob="AAAA")
    assert await output_of(
        types.TextContent(text="See:"),
        types.AudioContent(data="AAAA", mime_type="audio/wav"),
        types.ResourceLink(uri="file:///b.txt", name="b"),
        types.EmbeddedResource(resource=text),
        types.EmbeddedResource(resource=blob),
    ) == [
        {"type": "text", "text": "See:"},
        {"type": "audio", "mediaType": "audio/wav"},
        {"type": "link", "uri": "file:///b.txt", "name": "b"},
        {"type": "resource", "uri": "file:///a.txt", "text": "hello"},
        {"type": "resource", "uri": "file:///a.bin"},
    ]


@pytest.mark.parametrize(
    ("text", "shown"), [("No wind.", "No wind."), ("", "The tool failed."), ("x" * 9000, "x" * 2000)]
)
async def test_the_tools_own_error_is_for_the_model_to_read(text: str, shown: str) -> None:
    caller = Answering(types.CallToolResult(content=[types.TextContent(text=text)], is_error=True))
    with pytest.raises(ToolFailed) as failure:
        await anext(made({}, caller).steps(ToolCall(call_id="1", tool="t", input={}), CONTEXT))
    assert failure.value.public_message == shown


async def test_without_a_connection_a_call_fails_at_once() -> None:
    with pytest.raises(ToolFailed, match="not available"):
        await Connection(McpServer(name="files", command="nobody")).call("look.up", {})
