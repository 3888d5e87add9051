"""`/health/stream`: a paced stream by which a client learns whether anything on the way buffers, compresses or cuts streams.

It has the headers of an answer and asks no model. Each event tells its number and when it was written, so that a reader can
tell a slow network from a hop that holds events back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

__all__ = ["EVENTS", "INTERVAL", "SelfTestRoute"]

EVENTS = 10
"""How many events a stream has, before its end mark."""

INTERVAL = 0.2
"""Seconds between two events."""

_HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}


class SelfTestRoute:
    """The handler. At most `most` streams run at a time; one more gets 503."""

    def __init__(self, *, interval: float = INTERVAL, most: int = 20) -> None:
        self._interval = interval
        self._most = most
        self._running = 0

    def routes(self) -> list[Route]:
        """The route."""
        return [Route("/health/stream", self.stream)]

    async def stream(self, request: Request) -> Response:
        """The events, one by one."""
        if request.method == "HEAD":
            return Response(headers=_HEADERS, media_type="text/event-stream")
        if self._running >= self._most:
            return Response(status_code=503, headers={"retry-after": "2", "cache-control": "no-store"})
        return StreamingResponse(self._events(), headers=_HEADERS, media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[bytes]:
        self._running += 1
        try:
            for number in range(1, EVENTS + 1):
                yield b"data: " + orjson.dumps({"number": number, "of": EVENTS, "time": time.time()}) + b"\n\n"
                await asyncio.sleep(self._interval)
            yield b"data: [DONE]\n\n"
        finally:
            self._running -= 1
