"""A chat model without a key and without a network, for a first look and for building front ends.

It answers any conversation with plausible Markdown at a human reader's pace, word by word. Equal conversations get
equal answers. What it says is made up, and it says so. Prompts that it obeys:

| the prompt has | the answer is |
| --- | --- |
| form, survey / chart, graph / code, script / card | a call of that display tool, in parallel for several |
| two, both (and one of these) | two calls of the tool side by side: "two cards", "both charts" |
| line, bar, pie, area / python, typescript, sql / contact, feedback, registration | which chart, code, form |
| the name of any other offered tool | a call with an input made from its JSON Schema; takes a "quoted" text or a Name |
| list, steps / table / code block | the Markdown of that kind |
| think, reason | reasoning first, then the answer |
| source, sources | source links behind the answer |
| long | an answer of about a thousand words |
| fail, error / fail first | `ModelFailed` after some words / before any |
| hello, help | what can be tried |
| submitted | thanks for a form that was sent back |
| an attached file | an acknowledgement by its name |

After tool results it says one sentence about each. Without the display tool the answer comes as Markdown. A system
message that asks for a title, without tools, gets a title. With a response schema the answer is a value that fits it.

Diverges from a real model: tokens are words, temperature and model name are ignored, failures are never retryable.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import assert_never

from mamba_adapters.demo.replies import Breakdown, Call, Calls, Cited, ReplyPart, Said, Thought, reply_to
from mamba_adapters.demo.transcript import transcript
from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    ReasoningClosed,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    ToolCallCompleted,
    ToolInputDelta,
    ToolInputStarted,
    Usage,
)
from mamba_domain.ports.chat_model import ModelRequest

__all__ = ["DemoModel"]

_TOKEN = re.compile(r"\s*\S+|\s+$")
_FRAGMENT = 12
_MOST_FRAGMENTS = 64
"""Of a call's arguments: a picture in them does not take longer than the text around it."""


class DemoModel:
    """A `ChatModel` that speaks `words_per_second`; 0 leaves out the waiting."""

    def __init__(self, *, words_per_second: float = 25.0) -> None:
        self._pause = 1 / words_per_second if words_per_second else 0.0

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        """Start one answer."""
        reply = reply_to(request)
        if isinstance(reply[0], Breakdown):
            raise _failure()
        async with aclosing(self._batches(reply, request)) as batches:
            yield batches

    async def _batches(
        self, reply: Sequence[ReplyPart], request: ModelRequest
    ) -> AsyncGenerator[Sequence[ModelEvent], None]:
        reason = FinishReason.STOP
        spoken = reasoned = 0
        for event in _events(reply):
            if isinstance(event, TextDelta | ReasoningDelta | ToolInputDelta):
                if spoken == request.max_output_tokens:
                    reason = FinishReason.LENGTH
                    break
                await asyncio.sleep(self._pause)
                spoken += 1
                reasoned += isinstance(event, ReasoningDelta)
            elif isinstance(event, ToolInputStarted):
                reason = FinishReason.TOOL_CALLS
            yield (event,)
        heard = sum(len(text.split()) for text in transcript(request.messages))
        usage = Usage(input_tokens=heard, output_tokens=spoken, reasoning_tokens=reasoned)
        yield (ModelFinished(finish_reason=reason, usage=usage),)


def _events(reply: Sequence[ReplyPart]) -> Iterator[ModelEvent]:
    """The reply, word by word. Raises `ModelFailed` where it breaks down."""
    sources = 0
    for part in reply:
        match part:
            case Thought(text=text):
                yield from (ReasoningDelta(text=word) for word in _TOKEN.findall(text))
                yield ReasoningClosed()
            case Said(text=text):
                yield from (TextDelta(text=word) for word in _TOKEN.findall(text))
            case Cited(url=url, title=title):
                sources += 1
                yield SourceFound(source_id=f"source-{sources}", url=url, title=title)
            case Calls(calls=calls):
                yield from _written(calls)
            case Breakdown():
                raise _failure()
            case _:
                assert_never(part)


def _written(calls: Sequence[Call]) -> Iterator[ModelEvent]:
    """The calls' arguments, in turns, a few letters at a time."""
    arguments = {call.call_id: json.dumps(call.input, ensure_ascii=False) for call in calls}
    yield from (ToolInputStarted(call_id=call.call_id, tool=call.tool) for call in calls)
    longest = max(map(len, arguments.values()))
    size = max(_FRAGMENT, -(-longest // _MOST_FRAGMENTS))
    for start in range(0, longest, size):
        for call_id, text in arguments.items():
            if fragment := text[start : start + size]:
                yield ToolInputDelta(call_id=call_id, text=fragment)
    for call in calls:
        yield ToolCallCompleted(call_id=call.call_id, tool=call.tool, arguments=arguments[call.call_id])


def _failure() -> ModelFailed:
    return ModelFailed(Code.MODEL_ERROR, detail="the prompt asked for a failure")
