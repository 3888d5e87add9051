"""An answer under way: the bytes of one streamed response, read, decoded and brought to an honest end.

An answer whose model never said why it stopped is a failure, which the `openai` package would not notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING

from mamba_adapters.openai.decoding import Decoder
from mamba_adapters.openai.errors import from_openai
from mamba_adapters.openai.sse import SseReader
from mamba_domain.errors import Code, MambaError, ModelFailed
from mamba_domain.events import ModelEvent

if TYPE_CHECKING:
    from mamba_adapters.openai.transport import Body

__all__ = ["OpenAnswer"]

_AFTER_STOP = 0.7
"""Seconds to wait for usage and the end mark once the model has said why it stopped."""
_AFTER_END = 0.05
"""Seconds to wait for the connection's end of the answer, so that the connection can be used again."""


class OpenAnswer:
    """Owns the response's body alone: request and head would keep 10 KiB a stream. `aclose` lets go of the connection."""

    __slots__ = ("_body", "_decoder", "_first", "_is_over", "_sse")

    def __init__(self, body: Body, decoder: Decoder) -> None:
        self._body = body
        self._sse = SseReader()
        self._decoder = decoder
        self._first: list[ModelEvent] = []
        self._is_over = False

    async def open(self, when_answered: Callable[[], None]) -> None:
        """Read up to the first events worth relaying; raises what the stream says, or leaves out, before them.

        `when_answered` is called at the first event of any kind that is no failure.
        """
        decoder = self._decoder
        is_answered = False
        while not (self._first or decoder.stopped or decoder.failure):
            data = await self._body.read()
            if not data:
                raise ModelFailed(Code.MODEL_ERROR, detail="the stream ended before it said anything", retryable=True)
            payloads = self._sse.feed(data)
            self._first = decoder.decode(payloads)
            if payloads and not is_answered and not decoder.failure:
                is_answered = True
                when_answered()
        if decoder.failure and not self._first:
            raise decoder.failure
        if decoder.complete and not self._first:
            self._first = decoder.finish()
            self._is_over = True

    async def batches(self) -> AsyncGenerator[Sequence[ModelEvent], None]:
        """What `ChatModel` promises of its batches; after `open`."""
        decoder, sse, body = self._decoder, self._sse, self._body
        if self._first:
            yield self._first
        if self._is_over:
            return
        try:
            while not (decoder.stopped or decoder.failure):
                if not (data := await body.read()):
                    break
                batch = decoder.decode(sse.feed(data))
                del data  # whoever takes the batch may take a while
                if batch:
                    yield batch
            if decoder.failure:
                raise decoder.failure
            last = await self._ending() if decoder.stopped else decoder.finish()
        except MambaError:
            raise
        except Exception as error:
            raise from_openai(error) from error
        yield last

    async def aclose(self) -> None:
        """Give the connection back where its answer was read to the end, else close it."""
        await self._body.aclose()

    async def _ending(self) -> list[ModelEvent]:
        """After the model's last word: usage and the end mark, then the end of the HTTP answer, neither waited for long.

        Whatever breaks in there takes nothing from an answer that is whole.
        """
        decoder = self._decoder
        try:
            async with asyncio.timeout(_AFTER_STOP):
                while not (decoder.complete or decoder.failure):
                    if not (data := await self._body.read()):
                        return decoder.finish()
                    decoder.decode(self._sse.feed(data))
        except Exception:
            return decoder.finish()
        last = decoder.finish()
        try:
            async with asyncio.timeout(_AFTER_END):
                while await self._body.read():
                    """Whatever follows the end mark is not part of the answer."""
        except Exception:
            """The connection stays unfinished and will be closed."""
        return last
