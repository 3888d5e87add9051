"""The tools of all configured MCP servers: an implementation of `mamba_domain.ports.tool.ToolSource`.

Needs the extra `mcp`; without it nothing here is imported from that package.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from types import TracebackType
from typing import Self

from mamba_adapters.mcp.connection import Connection, McpServer
from mamba_adapters.mcp.tool import McpTool
from mamba_domain.errors import Misconfigured

__all__ = ["McpServers"]


class McpServers:
    """An async context manager that keeps the connections.

    Entering it waits up to `patience` seconds for the servers, and goes on without those that need longer: their
    tools appear when they are there.
    """

    def __init__(self, servers: Sequence[McpServer], *, setting: str = "tools.mcp", patience: float = 5.0) -> None:
        if servers and find_spec("mcp") is None:
            raise Misconfigured(setting, "needs the package mcp: install mamba-server[mcp]")
        for number, server in enumerate(servers):
            if (server.url is None) == (server.command is None):
                raise Misconfigured(f"{setting}[{number}]", "must have either url or command")
            if not (server.name.isascii() and server.name.replace("-", "a").isalnum() and len(server.name) <= 32):
                raise Misconfigured(f"{setting}[{number}].name", "must be up to 32 letters, digits and dashes")
        if len({server.name for server in servers}) < len(servers):
            raise Misconfigured(setting, "must not have two servers of one name")
        self.connections = {server.name: Connection(server) for server in servers}
        self._patience = patience
        self._keepers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._keepers = [
            asyncio.create_task(connection.keep(), name=f"mcp {name}") for name, connection in self.connections.items()
        ]
        waiting = [asyncio.create_task(connection.connected.wait()) for connection in self.connections.values()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=self._patience)
            for task in late:
                task.cancel()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    def tools(self) -> Mapping[str, McpTool]:
        """The tools that are known now."""
        return {name: tool for connection in self.connections.values() for name, tool in connection.tools.items()}
