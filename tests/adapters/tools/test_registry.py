"""The registry keeps the port's promises, and so does the fake that stands for it elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping

import pytest

from mamba_adapters.tools.client import ClientTool
from mamba_adapters.tools.display import DISPLAY_TOOLS
from mamba_adapters.tools.functions import FunctionTool, tool
from mamba_adapters.tools.registry import Registry
from mamba_domain.errors import Misconfigured, ToolFailed
from mamba_domain.identity import ANONYMOUS
from mamba_domain.messages import JsonValue
from mamba_domain.ports.tool import ServerTool, Tool
from mamba_domain.tools import (
    Placement,
    ToolCall,
    ToolContext,
    ToolError,
    ToolOutcome,
    ToolOutput,
    ToolProgress,
    ToolSpec,
)
from tests.adapters.tools.catalogue import Nothing, contract_functions, echo
from tests.contracts.tool_registry import CONTEXT, ToolRegistryContract, Waiting, a_call, steps_of
from tests.fakes.tool_registry import FakeTool, FakeTools, Steps, returning

PICK = ClientTool(name="pick", description="Pick.", input_schema={"type": "object"}, setting="tools.client[0]")


class Shown:
    """A display tool of another name."""

    spec = ToolSpec(name="show", description="Show.", input_schema={"type": "object"}, placement=Placement.DISPLAY)

    def validate(self, arguments: JsonValue) -> JsonValue:
        return arguments


class TestRegistry(ToolRegistryContract):
    @pytest.fixture
    def registry(self, waiting: Waiting) -> Registry:
        return Registry(
            tools={
                "tools.display": [Shown(), *DISPLAY_TOOLS],
                "tools.functions": contract_functions(waiting),
                "tools.client": [PICK],
            },
            scopes={"scoped": ["special"]},
        )


class TestFakeTools(ToolRegistryContract):
    @pytest.fixture
    def registry(self, waiting: Waiting) -> FakeTools:
        async def repeats(call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolOutcome, None]:
            yield ToolOutput(output=call.input)

        async def counts(call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolProgress | ToolOutcome, None]:
            yield ToolProgress(output=1)
            yield ToolProgress(output=2)
            yield ToolOutput(output=2)

        async def waits(call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolOutcome, None]:
            await waiting.wait()
            yield ToolOutput(output=None)

        def only_text(arguments: JsonValue) -> JsonValue:
            if not isinstance(arguments, dict) or not isinstance(arguments.get("text"), str):
                raise ToolFailed("Invalid arguments.")
            return arguments

        def raising(error: Exception) -> Steps:
            async def steps(call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolOutcome, None]:
                raise error
                yield

            return steps

        return FakeTools(
            FakeTool(name="echo", steps=repeats, check=only_text),
            FakeTool(name="count", steps=counts),
            FakeTool(name="broken", steps=raising(RuntimeError("secret"))),
            FakeTool(name="closed", steps=raising(ToolFailed("The shop is closed."))),
            FakeTool(name="endless", steps=waits, timeout=0.05),
            FakeTool(name="waiting", steps=waits, timeout=60),
            FakeTool(name="large", steps=returning("x" * 10_000)),
            FakeTool(name="odd", steps=returning(object())),  # type: ignore[arg-type]
            FakeTool(name="guarded", approval=True),
            FakeTool(name="scoped", scope="special"),
            FakeTool(name="show", placement=Placement.DISPLAY),
            FakeTool(name="pick", placement=Placement.CLIENT),
        )


def named(name: str) -> FunctionTool:
    @tool(name=name, description="Something.")
    async def function(given: Nothing) -> str:
        return name

    return function


@pytest.mark.parametrize("name", ["a b", "a.b", "wéather", "x" * 65, "a/b", "a\n", ""])
def test_an_illegal_name_stops_the_start_and_names_the_setting(name: str) -> None:
    class Misnamed(Shown):
        spec = ToolSpec(name=name, description="", input_schema={}, placement=Placement.DISPLAY)

    with pytest.raises(Misconfigured) as refusal:
        Registry(tools={"tools.functions": [Misnamed()]})
    assert refusal.value.key == "tools.functions"


def test_a_name_that_is_taken_stops_the_start_and_names_the_setting_that_came_second() -> None:
    with pytest.raises(Misconfigured, match="generateChart") as refusal:
        Registry(tools={"tools.display": DISPLAY_TOOLS, "tools.client": [named("generateChart")]})
    assert refusal.value.key == "tools.client"


def test_the_operator_can_ask_for_approval_of_any_tool() -> None:
    registry = Registry(tools={"tools.functions": [echo]}, approval=["echo"])
    assert registry.needs_approval(a_call("echo", {"text": "hello"}))


def test_what_is_unknown_needs_approval() -> None:
    assert Registry(tools={}).needs_approval(a_call("nobody"))


@pytest.mark.parametrize("name", ["nobody", "pick"])
async def test_what_is_no_server_tool_cannot_be_run(name: str) -> None:
    registry = Registry(tools={"tools.client": [PICK]})
    assert await steps_of(registry, a_call(name)) == [ToolError(error_text="The tool is not available.")]


async def test_the_registry_has_a_time_out_for_tools_without_their_own() -> None:
    @tool(description="Never end.")
    async def endless(given: Nothing) -> None:
        await asyncio.Event().wait()

    (step,) = await steps_of(Registry(tools={"tools.functions": [endless]}, timeout=0.01), a_call("endless"))
    assert isinstance(step, ToolError)
    assert step.timed_out


class Source:
    """A place whose tools can change."""

    def __init__(self, *tools: ServerTool) -> None:
        self.found: dict[str, ServerTool] = {tool.spec.name: tool for tool in tools}

    def tools(self) -> Mapping[str, ServerTool]:
        return self.found


async def test_the_tools_of_a_source_come_and_go() -> None:
    source = Source(named("remote"))
    registry = Registry(tools={"tools.functions": [echo]}, sources=[source])
    assert [spec.name for spec in registry.offered(None, ANONYMOUS)] == ["echo", "remote"]
    assert await steps_of(registry, a_call("remote")) == [ToolOutput(output="remote")]
    source.found = {}
    assert [spec.name for spec in registry.offered(None, ANONYMOUS)] == ["echo"]
    assert registry.find("remote") is None


def test_a_source_cannot_take_the_place_of_a_registered_tool() -> None:
    local: Tool = named("search")
    registry = Registry(tools={"tools.functions": [local]}, sources=[Source(named("search")), Source(named("search"))])
    assert len(registry.offered(None, ANONYMOUS)) == 1
    assert registry.find("search") is local.spec


async def test_the_context_reaches_the_tool() -> None:
    @tool(description="Who asks?")
    async def who(given: Nothing, context: ToolContext) -> str:
        return f"{context.principal.subject} in {context.chat_id}"

    registry = Registry(tools={"tools.functions": [who]})
    assert await steps_of(registry, a_call("who")) == [ToolOutput(output="anonymous in chat")]
    assert CONTEXT.chat_id == "chat"
