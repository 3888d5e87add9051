"""Tools that a request brings along, in front of the server's."""

from __future__ import annotations

import pytest

from mamba_domain.declared import Declaration, DeclaredTools
from mamba_domain.errors import ToolFailed
from mamba_domain.identity import ANONYMOUS
from mamba_domain.messages import JsonValue
from mamba_domain.tools import Placement, ToolCall, ToolContext, ToolOutput, ToolSpec
from tests.fakes.tool_registry import FakeTool, FakeTools, returning

CONTEXT = ToolContext(principal=ANONYMOUS, chat_id=None)


def declared(name: str) -> ToolSpec:
    return ToolSpec(name=name, description="", input_schema={"type": "object"}, placement=Placement.CLIENT)


def refuse(arguments: JsonValue) -> JsonValue:
    raise ToolFailed("No.")


@pytest.fixture
def server() -> FakeTools:
    return FakeTools(
        FakeTool(name="inside", check=refuse, approval=True, steps=returning("done")),
        FakeTool(name="both", check=refuse, approval=True),
        FakeTool(name="card", placement=Placement.DISPLAY),
        FakeTool(name="page", placement=Placement.CLIENT),
    )


@pytest.fixture
def tools(server: FakeTools) -> DeclaredTools:
    declaration = Declaration(tools=(declared("mine"), declared("both")), beside=frozenset({Placement.SERVER}))
    return DeclaredTools(declaration, server)


def test_the_clients_tools_are_offered_with_those_of_the_wished_placements(tools: DeclaredTools) -> None:
    assert [spec.name for spec in tools.offered(None, ANONYMOUS)] == ["inside", "mine", "both"]
    assert [spec.name for spec in tools.offered((), ANONYMOUS)] == ["mine", "both"]


def test_a_declared_name_hides_the_servers_tool(tools: DeclaredTools) -> None:
    found = tools.find("both")
    assert found is not None
    assert found.placement is Placement.CLIENT
    assert tools.validate("both", {"any": 1}) == {"any": 1}
    assert not tools.needs_approval(ToolCall(call_id="c", tool="both", input={}))


def test_the_servers_own_tools_stay_the_servers(tools: DeclaredTools) -> None:
    found = tools.find("inside")
    assert found is not None
    assert found.placement is Placement.SERVER
    assert tools.needs_approval(ToolCall(call_id="c", tool="inside", input={}))
    with pytest.raises(ToolFailed):
        tools.validate("inside", {})


def test_a_name_that_nobody_knows_is_the_clients_and_is_not_offered(tools: DeclaredTools) -> None:
    found = tools.find("forgotten")
    assert found is not None
    assert found.placement is Placement.CLIENT
    assert tools.validate("forgotten", {"any": 1}) == {"any": 1}
    assert "forgotten" not in [spec.name for spec in tools.offered(None, ANONYMOUS)]


async def test_a_call_of_the_server_is_carried_out_by_the_server(tools: DeclaredTools, server: FakeTools) -> None:
    call = ToolCall(call_id="c", tool="inside", input={})
    async with tools.run(call, CONTEXT) as steps:
        assert [step async for step in steps] == [ToolOutput(output="done")]
    assert server.carried_out == [call]
