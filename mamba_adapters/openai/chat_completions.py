"""The Chat Completions API as a `ChatModel`: `POST /chat/completions` with `stream: true`, through the `openai` package.

The package opens the stream (authentication, connection pool, error classes); its bytes are read here, one decode pass a
network read. An answer without a finish reason is a failure, which the package itself would not notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mamba_adapters.openai.chunks import ChatChunks
from mamba_adapters.openai.errors import from_openai
from mamba_adapters.openai.requests import chat_params
from mamba_adapters.openai.retry import RetryPolicy, with_retries
from mamba_adapters.openai.sse import SseReader
from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import ModelEvent
from mamba_domain.messages import JsonObject
from mamba_domain.ports.chat_model import ModelRequest

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream

__all__ = ["ChatCompletionsModel"]

_AFTER_FINISH = 1.0
"""Seconds to wait for usage and the end mark once the model has said why it stopped."""
_AFTER_DONE = 0.05
"""Seconds to wait for the connection's end of the answer, so that the connection can be used again."""


@dataclass(slots=True)
class _Opened:
    """An answer whose first events are there."""

    stream: AsyncStream[object]
    reads: AsyncIterator[bytes]
    sse: SseReader
    chunks: ChatChunks
    first: list[ModelEvent]


class ChatCompletionsModel:
    """One endpoint. `first_event_timeout` is in seconds and covers one attempt, from sending to the first event."""

    def __init__(
        self, client: AsyncOpenAI, *, retry: RetryPolicy | None = None, first_event_timeout: float = 30.0
    ) -> None:
        self._client = client
        self._retry = retry or RetryPolicy()
        self._first_event_timeout = first_event_timeout

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        """See `ChatModel`."""
        params = chat_params(request)
        opened = await with_retries(lambda: self._open(params), self._retry)
        try:
            yield _batches(opened)
        finally:
            await opened.stream.close()

    async def _open(self, params: JsonObject) -> _Opened:
        """One attempt: send, and read until there is something to relay."""
        from openai import AsyncStream

        stream: AsyncStream[object] | None = None
        try:
            async with asyncio.timeout(self._first_event_timeout):
                stream = await self._client.post(
                    "/chat/completions",
                    body=params,
                    cast_to=object,
                    stream=True,
                    stream_cls=AsyncStream[object],
                )
                _expect_events(stream)
                opened = _Opened(stream, aiter(stream.response.aiter_bytes()), SseReader(), ChatChunks(), [])
                while not opened.first and not opened.chunks.done and opened.chunks.finish_reason is None:
                    opened.first = opened.chunks.decode(opened.sse.feed(await anext(opened.reads)))
                return opened
        except BaseException as error:
            if stream is not None:
                await stream.close()
            if isinstance(error, StopAsyncIteration):
                raise ModelFailed(Code.MODEL_ERROR, detail="the stream was empty", retryable=True) from None
            if isinstance(error, Exception):
                raise from_openai(error) from error
            raise


async def _batches(opened: _Opened) -> AsyncIterator[Sequence[ModelEvent]]:
    chunks, sse = opened.chunks, opened.sse
    if opened.first:
        yield opened.first
    try:
        while chunks.finish_reason is None and not chunks.done:
            if batch := chunks.decode(sse.feed(await anext(opened.reads))):
                yield batch
        last = await _ending(opened)
    except StopAsyncIteration:
        last = chunks.finish()
    except Exception as error:
        raise from_openai(error) from error
    yield last


async def _ending(opened: _Opened) -> list[ModelEvent]:
    """After the finish reason: usage and the end mark, then the end of the HTTP answer, neither waited for long."""
    chunks = opened.chunks
    try:
        async with asyncio.timeout(_AFTER_FINISH):
            while not chunks.done:
                chunks.decode(opened.sse.feed(await anext(opened.reads)))
    except (StopAsyncIteration, TimeoutError):
        return chunks.finish()
    last = chunks.finish()
    try:
        async with asyncio.timeout(_AFTER_DONE):
            while await anext(opened.reads, b""):
                """Whatever follows the end mark is not part of the answer."""
    except TimeoutError:
        """The connection stays unfinished and will be closed."""
    return last


def _expect_events(stream: AsyncStream[object]) -> None:
    """A page or a JSON document with status 200 is no answer."""
    response = stream.response
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200 or media_type != "text/event-stream":
        raise ModelFailed(Code.MODEL_ERROR, detail=f"status {response.status_code} without an event stream")
