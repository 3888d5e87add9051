"""Tools of MCP servers, against real servers: one behind a command, one on loopback."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from mamba_adapters.mcp.connection import McpServer
from mamba_adapters.mcp.servers import McpServers
from mamba_adapters.tools.registry import Registry
from mamba_domain.errors import Misconfigured, ToolFailed
from mamba_domain.identity import ANONYMOUS
from mamba_domain.messages import JsonValue
from mamba_domain.ports.tool import ServerTool, ToolSource
from mamba_domain.tools import Placement, ToolError, ToolOutcome, ToolOutput, ToolProgress
from tests.adapters.mcp.echo_server import make_server
from tests.contracts.tool_registry import a_call, steps_of

STDIO = McpServer(
    name="echo",
    command=sys.executable,
    arguments=("-W", "ignore", str(Path(__file__).with_name("echo_server.py"))),
    environment={"SPECIAL": "1"},
    first_retry=0.01,
    connect_timeout=30.0,
)


async def outcome(source: ToolSource, tool: str, arguments: JsonValue = None) -> ToolProgress | ToolOutcome:
    registry = Registry(tools={}, sources=[source])
    (step,) = await steps_of(registry, a_call(tool, arguments))
    return step


class Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def served(port: int, wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app) -> AsyncIterator[None]:
    """The test server over streamable HTTP on loopback."""
    app = wrap(make_server().streamable_http_app())
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=1)
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    await server.ready.wait()
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    return number


def at(port: int, **headers: str) -> McpServer:
    url = f"http://127.0.0.1:{port}/mcp"
    return McpServer(name="echo", url=url, headers=headers, first_retry=0.01, connect_timeout=10.0)


async def test_a_server_behind_a_command_brings_its_tools_and_comes_back_after_a_crash() -> None:
    async with McpServers([STDIO], patience=30) as servers:
        spec = servers.tools()["echo__add"].spec
        assert (spec.placement, spec.dynamic, spec.description) == (Placement.SERVER, True, "Add two numbers.")
        assert spec.input_schema["required"] == ["a", "b"]
        assert isinstance(servers.tools()["echo__add"], ServerTool)
        assert await outcome(servers, "echo__add", {"a": 1, "b": 2}) == ToolOutput(output={"total": 3})

        environment = await outcome(servers, "echo__environment")
        assert isinstance(environment, ToolOutput)
        names = str(environment.output).split()
        assert "SPECIAL" in names
        assert "PYTEST_CURRENT_TEST" not in names

        assert await outcome(servers, "echo__crash") == ToolError(error_text="The tool failed.")
        await asyncio.wait_for(servers.connections["echo"].connected.wait(), 30)
        assert await outcome(servers, "echo__say", {"text": "again"}) == ToolOutput(output="again")


async def test_results_and_errors_are_what_a_model_can_read(port: int) -> None:
    async with served(port), McpServers([at(port)], patience=10) as servers:
        assert await outcome(servers, "echo__say", {"text": "hello"}) == ToolOutput(output="hello")
        assert await outcome(servers, "echo__add", {"a": 1, "b": 2}) == ToolOutput(output={"total": 3})
        assert await outcome(servers, "echo__draw") == ToolOutput(
            output=[{"type": "text", "text": "A dot."}, {"type": "image", "mediaType": "image/png"}]
        )
        assert await outcome(servers, "echo__fail_now") == ToolError(
            error_text="Error executing tool fail.now: There is no wind today."
        )


async def test_a_tool_that_models_could_not_call_is_left_out(port: int) -> None:
    async with served(port), McpServers([at(port)], patience=10) as servers:
        assert set(servers.tools()) == {
            f"echo__{name}" for name in ("add", "say", "draw", "fail_now", "crash", "environment")
        }


async def test_input_is_held_against_the_servers_schema_here(port: int) -> None:
    async with served(port), McpServers([at(port)], patience=10) as servers:
        registry = Registry(tools={}, sources=[servers])
        assert registry.validate("echo__add", {"a": 1, "b": 2}) == {"a": 1, "b": 2}
        wrong: list[JsonValue] = [{"a": "one", "b": 2}, {}, [], None]
        for arguments in wrong:
            with pytest.raises(ToolFailed, match=r"a|b|input"):
                registry.validate("echo__add", arguments)


async def test_the_operator_can_ask_for_approval_of_every_call(port: int) -> None:
    async with served(port):
        guarded = McpServer(name="echo", url=f"http://127.0.0.1:{port}/mcp", approval=True)
        async with McpServers([guarded], patience=10) as servers:
            registry = Registry(tools={}, sources=[servers])
            assert registry.needs_approval(a_call("echo__say", {"text": "hello"}))


async def test_the_headers_of_the_settings_are_sent(port: int) -> None:
    def guard(app: ASGIApp) -> ASGIApp:
        async def guarded(scope, receive, send):  # type: ignore[no-untyped-def]
            if scope["type"] == "http" and Request(scope).headers.get("authorization") != "Bearer secret":
                await Response(status_code=401)(scope, receive, send)
            else:
                await app(scope, receive, send)

        return guarded

    async with served(port, guard):
        async with McpServers([at(port, Authorization="Bearer secret")], patience=10) as servers:
            assert "echo__say" in servers.tools()
        async with McpServers([at(port)], patience=0.2) as servers:
            assert servers.tools() == {}
    assert "secret" not in repr(at(port, Authorization="Bearer secret"))


async def test_a_server_that_is_away_neither_stops_the_start_nor_a_turn_and_is_found_later(port: int) -> None:
    async with McpServers([at(port)], patience=0.05) as servers:
        connection = servers.connections["echo"]
        assert not connection.connected.is_set()
        assert Registry(tools={}, sources=[servers]).offered(None, ANONYMOUS) == ()
        async with served(port):
            await asyncio.wait_for(connection.connected.wait(), 10)
            assert await outcome(servers, "echo__say", {"text": "hello"}) == ToolOutput(output="hello")
        assert isinstance(await outcome(servers, "echo__say", {"text": "hello"}), ToolError)
        assert "echo__say" in servers.tools()
        async with served(port):
            await asyncio.wait_for(connection.connected.wait(), 10)
            assert await outcome(servers, "echo__say", {"text": "hello"}) == ToolOutput(output="hello")


async def test_a_list_of_several_pages_is_read_to_its_end_and_again_when_it_changes() -> None:
    script = str(Path(__file__).with_name("handshake_server.py"))
    old = McpServer(name="old", command=sys.executable, arguments=(script,), connect_timeout=30.0)
    async with McpServers([old], patience=30) as servers:
        assert list(servers.tools()) == ["old__one", "old__grow", "old__two"]
        assert await outcome(servers, "old__grow") == ToolOutput(output="grown")
        for _ in range(10):
            await asyncio.sleep(0)
        assert list(servers.tools()) == ["old__one", "old__grow", "old__two", "old__grown"]


async def test_a_command_that_does_not_exist_stops_nothing() -> None:
    nobody = McpServer(name="nobody", command="/nonexistent/command", first_retry=0.01)
    async with McpServers([nobody], patience=0.05) as servers:
        assert servers.tools() == {}


async def test_without_servers_there_is_nothing_to_wait_for() -> None:
    async with McpServers([]) as servers:
        assert servers.tools() == {}


@pytest.mark.parametrize(
    ("servers", "key"),
    [
        ([McpServer(name="a")], "tools.mcp[0]"),
        ([McpServer(name="a", url="http://127.0.0.1", command="b")], "tools.mcp[0]"),
        ([STDIO, McpServer(name="a b", command="b")], "tools.mcp[1].name"),
        ([McpServer(name="", command="b")], "tools.mcp[0].name"),
        ([McpServer(name="x" * 33, command="b")], "tools.mcp[0].name"),
        ([STDIO, STDIO], "tools.mcp"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(servers: list[McpServer], key: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        McpServers(servers)
    assert refusal.value.key == key
