"""The least that a relay can do, to compare with: an ASGI function between uvicorn and aiohttp, without any promise.

It copies the text of each delta into a frame and forgets it: no history, no validation, no limits, no errors, no resuming. What
the server costs beyond it is the price of all that. Run as `python -m tests.benchmarks.relay PORT UPSTREAM_PORT`.
"""

from __future__ import annotations

import sys

import aiohttp
import orjson
import uvicorn
from starlette.types import Receive, Scope, Send

__all__ = ["main"]

_HEADERS = [(b"content-type", b"text/event-stream"), (b"x-vercel-ai-ui-message-stream", b"v1")]
_OPENING = b'data: {"type":"start"}\n\ndata: {"type":"start-step"}\n\ndata: {"type":"text-start","id":"1"}\n\n'
_ENDING = (
    b'data: {"type":"text-end","id":"1"}\n\ndata: {"type":"finish-step"}\n\ndata: {"type":"finish"}\n\ndata: [DONE]\n\n'
)


class Relay:
    """An ASGI application; `url` is where chat completions are asked for."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError("HTTP only")
        if scope["method"] == "GET":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
            return
        body = orjson.loads((await receive())["body"])
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        question = orjson.dumps({"model": body["model"], "messages": body["messages"], "stream": True})
        async with self._session.post(self._url, data=question) as answer:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": _OPENING, "more_body": True})
            rest = b""
            async for data in answer.content.iter_any():
                events, _, rest = (rest + data).rpartition(b"\n\n")
                if frames := b"".join(map(_frame, events.split(b"\n\n"))):
                    await send({"type": "http.response.body", "body": frames, "more_body": True})
            await send({"type": "http.response.body", "body": _ENDING})


def _frame(event: bytes) -> bytes:
    if not event.startswith(b"data: {"):
        return b""
    for choice in orjson.loads(event[6:])["choices"]:
        if text := choice["delta"].get("content"):
            return b'data: {"type":"text-delta","id":"1","delta":%b}\n\n' % orjson.dumps(text)
    return b""


def main() -> None:
    """Serve until a signal."""
    app = Relay(f"http://127.0.0.1:{sys.argv[2]}/v1/chat/completions")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical", lifespan="off")


if __name__ == "__main__":
    main()
