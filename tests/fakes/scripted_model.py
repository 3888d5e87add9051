"""A `ChatModel` that plays what a test wrote down, batch by batch, and keeps the requests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TypeAlias

from mamba_domain.events import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    TextDelta,
    ToolCallCompleted,
    ToolInputDelta,
    ToolInputStarted,
    Usage,
)
from mamba_domain.ports.chat_model import ModelRequest

__all__ = ["Script", "ScriptedModel", "call_script", "text_script"]

Script: TypeAlias = Sequence[Sequence[ModelEvent] | Exception | asyncio.Event]
"""One answer: batches to give, exceptions to raise, events to wait for. An exception in front is raised on entering."""

_USAGE = Usage(input_tokens=10, output_tokens=5)


class ScriptedModel:
    """Gives each call the next script.

    It plays faults as well: a script without `ModelFinished` just ends, which no real adapter does.
    """

    def __init__(self, *scripts: Script) -> None:
        self._scripts = deque(scripts)
        self.requests: list[ModelRequest] = []
        """Every request, oldest first."""
        self.open_streams = 0
        """How many answers are being read."""

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        """Play the next script."""
        self.requests.append(request)
        assert self._scripts, "there is no script for this model call"
        script = self._scripts.popleft()
        if script and isinstance(script[0], Exception):
            raise script[0]
        self.open_streams += 1
        try:
            async with aclosing(_play(script)) as batches:
                yield batches
        finally:
            self.open_streams -= 1


def text_script(*texts: str, finish_reason: FinishReason = FinishReason.STOP, usage: Usage | None = _USAGE) -> Script:
    """An answer in words, one batch a text."""
    return (
        *((TextDelta(text=text),) for text in texts),
        (ModelFinished(finish_reason=finish_reason, usage=usage),),
    )


def call_script(
    *calls: tuple[str, str, str],
    finish_reason: FinishReason = FinishReason.TOOL_CALLS,
    usage: Usage | None = _USAGE,
) -> Script:
    """An answer that makes calls: id, tool and argument text of each, one batch a call."""
    return (
        *(
            (
                ToolInputStarted(call_id=call_id, tool=tool),
                ToolInputDelta(call_id=call_id, text=arguments),
                ToolCallCompleted(call_id=call_id, tool=tool, arguments=arguments),
            )
            for call_id, tool, arguments in calls
        ),
        (ModelFinished(finish_reason=finish_reason, usage=usage),),
    )


async def _play(script: Script) -> AsyncGenerator[Sequence[ModelEvent], None]:
    for item in script:
        if isinstance(item, Exception):
            raise item
        if isinstance(item, asyncio.Event):
            await item.wait()
        else:
            await asyncio.sleep(0)
            yield item
