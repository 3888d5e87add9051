"""A `ToolRegistry` of tools that a test wrote down; it keeps the calls that it carried out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from mamba_domain.errors import ToolFailed
from mamba_domain.identity import Principal
from mamba_domain.messages import JsonValue
from mamba_domain.outputs import clean_output
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

__all__ = ["FakeTool", "FakeTools", "Steps", "returning"]

Steps = Callable[[ToolCall, ToolContext], AsyncGenerator[ToolProgress | ToolOutcome, None]]


def returning(output: JsonValue) -> Steps:
    """A tool that always gives this output."""

    async def steps(call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolProgress | ToolOutcome, None]:
        yield ToolOutput(output=output)

    return steps


_DONE = returning("done")


def _accept(arguments: JsonValue) -> JsonValue:
    return arguments


@dataclass(frozen=True, kw_only=True)
class FakeTool:
    """One tool. `check` stands for its schema: it returns the input or raises `ToolFailed`."""

    name: str
    placement: Placement = Placement.SERVER
    steps: Steps = _DONE
    check: Callable[[JsonValue], JsonValue] = _accept
    approval: bool = False
    dynamic: bool = False
    timeout: float = 10.0
    scope: str | None = None

    @property
    def spec(self) -> ToolSpec:
        """The tool as models see it."""
        return ToolSpec(
            name=self.name,
            description=f"The tool {self.name}.",
            input_schema={"type": "object"},
            placement=self.placement,
            dynamic=self.dynamic,
            timeout=self.timeout,
        )


class FakeTools:
    """The registry."""

    def __init__(self, *tools: FakeTool) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self.carried_out: list[ToolCall] = []
        """Every call that was begun, in order."""

    def offered(self, names: Sequence[str] | None, principal: Principal) -> tuple[ToolSpec, ...]:
        """The tools of a turn."""
        return tuple(
            tool.spec
            for tool in self._tools.values()
            if (names is None or tool.name in names) and (tool.scope is None or tool.scope in principal.scopes)
        )

    def find(self, name: str) -> ToolSpec | None:
        """The tool of that name."""
        tool = self._tools.get(name)
        return None if tool is None else tool.spec

    def validate(self, name: str, arguments: JsonValue) -> JsonValue:
        """Judge a call's input."""
        tool = self._tools.get(name)
        if tool is None:
            raise ToolFailed("There is no such tool.")
        return tool.check(arguments)

    def needs_approval(self, call: ToolCall) -> bool:
        """Whether a person must agree before this call runs."""
        return self._tools[call.tool].approval

    @asynccontextmanager
    async def run(
        self, call: ToolCall, context: ToolContext
    ) -> AsyncIterator[AsyncIterator[ToolProgress | ToolOutcome]]:
        """Carry out a server tool's call."""
        self.carried_out.append(call)
        steps = _played(self._tools[call.tool], call, context)
        async with aclosing(steps):
            yield steps


async def _played(
    tool: FakeTool, call: ToolCall, context: ToolContext
) -> AsyncGenerator[ToolProgress | ToolOutcome, None]:
    deadline = asyncio.get_running_loop().time() + tool.timeout
    async with aclosing(tool.steps(call, context)) as steps:
        while True:
            step = await _next(steps, deadline)
            yield step
            if not isinstance(step, ToolProgress):
                return


async def _next(steps: AsyncGenerator[ToolProgress | ToolOutcome, None], deadline: float) -> ToolProgress | ToolOutcome:
    try:
        async with asyncio.timeout_at(deadline):
            step = await anext(steps, ToolError(error_text="The tool gave no result."))
        if not isinstance(step, ToolError):
            clean_output(step.output, max_bytes=1000)
    except ToolFailed as fault:
        return ToolError(error_text=fault.public_message)
    except TimeoutError:
        return ToolError(error_text="The tool took too long.", timed_out=True)
    except Exception:
        return ToolError(error_text="The tool failed.")
    return step
