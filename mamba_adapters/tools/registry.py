"""All tools of a server under one roof: an implementation of `mamba_domain.ports.tool_registry`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager

from mamba_adapters.tools.running import run_call
from mamba_domain.errors import Misconfigured, ToolFailed
from mamba_domain.identity import Principal
from mamba_domain.messages import JsonValue
from mamba_domain.ports.tool import ServerTool, Tool, ToolSource
from mamba_domain.tools import ToolCall, ToolContext, ToolError, ToolOutcome, ToolProgress, ToolSpec

__all__ = ["Registry"]

_LEGAL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Registry:
    """The tools in the order of their registration, then those of the sources, which never hide one of the former.

    `tools` maps the setting that brought tools in to these tools; `scopes` names what a caller needs for a
    tool; `approval` names tools that always need a person's consent. `timeout`, in seconds, holds for tools
    without one of their own.
    """

    def __init__(
        self,
        *,
        tools: Mapping[str, Iterable[Tool]],
        sources: Sequence[ToolSource] = (),
        scopes: Mapping[str, Collection[str]] | None = None,
        approval: Collection[str] = (),
        timeout: float = 30.0,
        max_output_bytes: int = 262_144,
    ) -> None:
        self._tools: dict[str, Tool] = {}
        for setting, brought in tools.items():
            for tool in brought:
                self._add(tool, setting)
        self._sources = tuple(sources)
        self._scopes = {name: frozenset(needed) for name, needed in (scopes or {}).items()}
        self._approval = frozenset(approval)
        self._timeout = timeout
        self._max_output_bytes = max_output_bytes

    def offered(self, names: Sequence[str] | None, principal: Principal) -> tuple[ToolSpec, ...]:
        """The tools of a turn."""
        wanted = None if names is None else frozenset(names)
        return tuple(
            tool.spec
            for name, tool in self._all().items()
            if (wanted is None or name in wanted) and self._scopes.get(name, frozenset()) <= principal.scopes
        )

    def specs(self) -> tuple[ToolSpec, ...]:
        """Every tool, whoever may use it."""
        return tuple(tool.spec for tool in self._all().values())

    def find(self, name: str) -> ToolSpec | None:
        """The tool of that name."""
        tool = self._tool(name)
        return None if tool is None else tool.spec

    def validate(self, name: str, arguments: JsonValue) -> JsonValue:
        """Judge a call's input."""
        tool = self._tool(name)
        if tool is None:
            raise ToolFailed("There is no such tool.")
        return tool.validate(arguments)

    def needs_approval(self, call: ToolCall) -> bool:
        """Whether a person must agree before this call runs."""
        tool = self._tool(call.tool)
        return call.tool in self._approval or not isinstance(tool, ServerTool) or tool.needs_approval(call.input)

    @asynccontextmanager
    async def run(
        self, call: ToolCall, context: ToolContext
    ) -> AsyncIterator[AsyncIterator[ToolProgress | ToolOutcome]]:
        """Carry out a server tool's call."""
        tool = self._tool(call.tool)
        if not isinstance(tool, ServerTool):
            yield _unavailable()
            return
        timeout = self._timeout if tool.spec.timeout is None else tool.spec.timeout
        steps = run_call(tool, call, context, seconds=timeout, max_output_bytes=self._max_output_bytes)
        async with aclosing(steps):
            yield steps

    def _add(self, tool: Tool, setting: str) -> None:
        name = tool.spec.name
        if not _LEGAL_NAME.fullmatch(name):
            raise Misconfigured(setting, f"the tool name {name!r} must be 1 to 64 letters, digits, dashes, underscores")
        if name in self._tools:
            raise Misconfigured(setting, f"there are two tools with the name {name!r}")
        self._tools[name] = tool

    def _tool(self, name: str) -> Tool | None:
        tool = self._tools.get(name)
        if tool is not None:
            return tool
        return next((found for source in self._sources if (found := source.tools().get(name))), None)

    def _all(self) -> Mapping[str, Tool]:
        if not self._sources:
            return self._tools
        tools = dict(self._tools)
        for source in self._sources:
            for name, tool in source.tools().items():
                tools.setdefault(name, tool)
        return tools


async def _unavailable() -> AsyncIterator[ToolProgress | ToolOutcome]:
    yield ToolError(error_text="The tool is not available.")
