"""The tools that the contract suite wants, written as their authors would write them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from mamba_adapters.tools import ToolFailed, tool
from mamba_adapters.tools.functions import FunctionTool
from tests.contracts.tool_registry import Waiting

__all__ = ["Nothing", "Text", "contract_functions", "echo"]


class Nothing(BaseModel):
    pass


class Text(BaseModel):
    text: str


@tool()
async def echo(given: Text) -> Text:
    """Say it again."""
    return given


def contract_functions(waiting: Waiting) -> list[FunctionTool]:
    @tool(description="Count.")
    async def count(given: Nothing) -> AsyncIterator[int]:
        yield 1
        yield 2

    @tool(description="Break.")
    async def broken(given: Nothing) -> None:
        raise RuntimeError("secret")

    @tool(description="Refuse.")
    async def closed(given: Nothing) -> None:
        raise ToolFailed("The shop is closed.")

    @tool(description="Never end.", timeout=0.05)
    async def endless(given: Nothing) -> None:
        await asyncio.Event().wait()

    @tool(name="waiting", description="Wait.", timeout=60)
    async def waits(given: Nothing) -> None:
        await waiting.wait()

    @tool(description="Say much.")
    async def large(given: Nothing) -> str:
        return "x" * 1_000_000

    @tool(description="Say something odd.")
    async def odd(given: Nothing) -> Any:
        return object()

    @tool(description="Ask first.", approval=True)
    async def guarded(given: Nothing) -> str:
        return "done"

    @tool(description="Be special.")
    async def scoped(given: Nothing) -> str:
        return "special"

    return [echo, count, broken, closed, endless, waits, large, odd, guarded, scoped]
