"""Tools for a server that is a process of its own: they take their time, and leave traces of it in its directory."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from pydantic import BaseModel

from mamba_adapters.tools.functions import tool

__all__ = ["asleep", "blocking", "stubborn"]


class Nothing(BaseModel):
    """No input."""


@tool()
async def asleep(nothing: Nothing) -> str:
    """Sleep for a minute; notes how that went."""
    _note("asleep", "begun")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        _note("asleep", "cancelled")
        raise
    return "well rested"


@tool()
async def stubborn(nothing: Nothing) -> str:
    """Sleep on when told to stop."""
    _note("stubborn", "begun")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(4)
    return "well rested"


@tool()
async def blocking(nothing: Nothing) -> str:
    """Hold up the whole process, as a tool by a careless author does."""
    _note("blocking", "begun")
    time.sleep(2)  # noqa: ASYNC251 - that is the fault
    return "done"


def _note(name: str, text: str) -> None:
    Path(name).write_text(text)
