"""Carries out one call of a server tool: in its time, within its size, and with its faults masked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator

from mamba_domain.errors import ToolFailed
from mamba_domain.outputs import clean_output
from mamba_domain.ports.tool import ServerTool
from mamba_domain.tools import ToolCall, ToolContext, ToolError, ToolOutcome, ToolOutput, ToolProgress

__all__ = ["run_call"]

_log = logging.getLogger(__name__)
_FAILED = "The tool failed."
_TIMED_OUT = "The tool took too long and was stopped."
_NOTHING = "The tool gave no result."
_CLEANUP_SECONDS = 5.0


async def run_call(
    tool: ServerTool, call: ToolCall, context: ToolContext, *, seconds: float, max_output_bytes: int
) -> AsyncGenerator[ToolProgress | ToolOutcome, None]:
    """What comes of a call, ending with exactly one outcome. `seconds` is the time for all of it.

    The public message of `ToolFailed` is passed on; of any other exception only that there was one.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    steps = tool.steps(call, context)
    try:
        while True:
            step = await _next(steps, deadline, tool.spec.name)
            try:
                step = _clean(step, max_output_bytes)
            except ToolFailed as fault:
                _log.warning("tool.output_refused", extra={"tool": tool.spec.name, "detail": str(fault)})
                step = ToolError(error_text=fault.public_message)
            yield step
            if not isinstance(step, ToolProgress):
                return
    finally:
        await _close(steps, tool.spec.name)


async def _next(
    steps: AsyncGenerator[ToolProgress | ToolOutcome, None], deadline: float, name: str
) -> ToolProgress | ToolOutcome:
    patience = asyncio.timeout_at(deadline)
    try:
        async with patience:
            return await anext(steps, ToolError(error_text=_NOTHING))
    except ToolFailed as fault:
        _log.info("tool.failed", extra={"tool": name, "detail": str(fault)})
        return ToolError(error_text=fault.public_message)
    except asyncio.CancelledError as error:
        if _is_being_cancelled():
            raise
        cause: BaseException = error
    except Exception as error:
        cause = error
    if patience.expired():
        _log.warning("tool.timed_out", extra={"tool": name})
        return ToolError(error_text=_TIMED_OUT, timed_out=True)
    _log.error("tool.failed", exc_info=cause, extra={"tool": name})
    return ToolError(error_text=_FAILED)


def _clean(step: ToolProgress | ToolOutcome, max_bytes: int) -> ToolProgress | ToolOutcome:
    match step:
        case ToolProgress(output=output):
            return ToolProgress(output=clean_output(output, max_bytes=max_bytes))
        case ToolOutput(output=output):
            return ToolOutput(output=clean_output(output, max_bytes=max_bytes))
        case ToolError():
            return step


async def _close(steps: AsyncGenerator[ToolProgress | ToolOutcome, None], name: str) -> None:
    """Stop the tool. What it does wrong on its way out no longer matters to the turn."""
    try:
        async with asyncio.timeout(_CLEANUP_SECONDS):
            await steps.aclose()
    except Exception:
        _log.exception("tool.cleanup_failed", extra={"tool": name})


def _is_being_cancelled() -> bool:
    """Whether somebody cancels this task; else a CancelledError is only a fault of the tool."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
