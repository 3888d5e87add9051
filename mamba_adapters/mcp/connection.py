"""A connection to one MCP server that mends itself, by the official `mcp` package, release 2.

The client context is entered and left by one task, as anyio demands; calls come from any task. A server that cannot
be reached is tried again, after a second first and then ever more rarely. Its tools stay known meanwhile, and calls
of them fail at once, so that a conversation can go on without them. The list of tools is read again from time to
time, and at once when a server of the handshake era says that it has changed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mamba_adapters.mcp.tool import McpTool, offered_tool
from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonObject

if TYPE_CHECKING:
    from mcp import Client, types
    from mcp.client import IncomingMessage

__all__ = ["Connection", "McpServer"]

_log = logging.getLogger(__name__)
_UNAVAILABLE = "The server of this tool is not available right now."
_MOST_PAGES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """Where a server is: at a URL (streamable HTTP), or behind a command (stdio). Times are in seconds.

    `environment` is all that the command gets beside PATH, HOME and the like; `approval`: whether a person must agree
    to every call. `refresh` is how often the list of tools is read again, which also shows whether the server lives.
    """

    name: str
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    command: str | None = None
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    approval: bool = False
    connect_timeout: float = 10.0
    refresh: float = 300.0
    first_retry: float = 1.0
    longest_retry: float = 60.0


class Connection:
    """The connection. `connected` is set while it works; `tools` are those that were there last."""

    def __init__(self, server: McpServer) -> None:
        self._server = server
        self._client: Client | None = None
        self._doubted = asyncio.Event()
        self._delay = server.first_retry
        self.connected = asyncio.Event()
        self.tools: dict[str, McpTool] = {}

    async def keep(self) -> None:
        """Connect, and connect again whenever the connection is lost, until cancelled."""
        while True:
            try:
                await self._hold()
            except (Exception, asyncio.CancelledError) as error:
                task = asyncio.current_task()
                if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                    raise
                _log.warning("mcp.disconnected", extra={"server": self._server.name, "detail": _cause(error)})
            finally:
                self._client = None
                self.connected.clear()
            await asyncio.sleep(self._delay * random.uniform(0.5, 1.0))  # noqa: S311
            self._delay = min(self._delay * 2, self._server.longest_retry)

    async def call(self, name: str, arguments: JsonObject) -> types.CallToolResult:
        """Call a tool. Where that fails, the connection is looked at, and opened anew if it is lost."""
        if self._client is None:
            raise ToolFailed(_UNAVAILABLE)
        try:
            return await self._client.call_tool(name, arguments)
        except Exception as error:
            self.connected.clear()
            self._doubted.set()
            raise ToolFailed("The tool failed.", detail=f"{self._server.name}: {_cause(error)}") from error

    async def _hold(self) -> None:
        """One connection, from its opening to its loss, which raises."""
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self._server.connect_timeout):
                client = await stack.enter_async_context(self._opened())
                self.tools = await self._listed(client)
            _log.info("mcp.connected", extra={"server": self._server.name, "tools": len(self.tools)})
            self._client = client
            self._delay = self._server.first_retry
            while True:
                self.connected.set()
                self._doubted.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._server.refresh):
                        await self._doubted.wait()
                async with asyncio.timeout(self._server.connect_timeout):
                    self.tools = await self._listed(client)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Client]:
        from httpx2 import AsyncClient, Timeout
        from mcp import Client, StdioServerParameters
        from mcp.client.streamable_http import streamable_http_client

        server = self._server
        if server.url is not None:
            timeout = Timeout(server.connect_timeout, read=None)
            async with (
                AsyncClient(headers=dict(server.headers), timeout=timeout) as http,
                Client(streamable_http_client(server.url, http_client=http), message_handler=self._noticed) as client,
            ):
                yield client
            return
        parameters = StdioServerParameters(
            command=server.command or "", args=list(server.arguments), env=dict(server.environment)
        )
        async with Client(parameters, message_handler=self._noticed) as client:
            yield client

    async def _listed(self, client: Client) -> dict[str, McpTool]:
        tools: dict[str, McpTool] = {}
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor, cache_mode="bypass")
            for found in page.tools:
                try:
                    tool = offered_tool(self._server.name, found, self, approval=self._server.approval)
                    if tool.spec.name in tools:
                        raise ValueError(f"there are two tools with the name {tool.spec.name!r}")
                except ValueError as error:
                    _log.warning("mcp.tool_skipped", extra={"server": self._server.name, "detail": str(error)})
                else:
                    tools[tool.spec.name] = tool
            cursor = page.next_cursor
            if cursor is None:
                break
        return tools

    async def _noticed(self, message: IncomingMessage) -> None:
        """Look at the list again when the server says that it has changed."""
        if getattr(message, "method", None) == "notifications/tools/list_changed":
            self._doubted.set()


def _cause(error: BaseException) -> str:
    """The first plain exception in what task groups wrapped it in."""
    inner: Any = error
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return f"{type(inner).__name__}: {inner}"
