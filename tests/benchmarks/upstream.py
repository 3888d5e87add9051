"""A fake OpenAI server that costs little: precomputed chunks, one write for all that is due.

What it streams is named by the model: `bench-n500` is 500 deltas as fast as the socket takes them, `-p20` spaces them by
20 ms, `-w20` waits 20 ms before the first, `-t` lets each delta carry the time at which it left, so that a reader on the
same machine can tell how long it travelled. Run as `python -m tests.benchmarks.upstream`; it prints its port and serves
until its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import cast

__all__ = ["main"]

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_MODEL = re.compile(rb"bench((?:-[a-z]\d*)+)")
_PARAMETER = re.compile(rb"-([a-z])(\d*)")
_WORDS = (" the", " model", " says", ",", " and", " then", "\n", " more")
_HIGH_WATER = 1 << 18


def _frame(choices: list[object], **more: object) -> bytes:
    chunk = {
        "id": "chatcmpl-benchmark000000000000000",
        "object": "chat.completion.chunk",
        "created": 1_763_800_000,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_560af6e559",
        "choices": choices,
        "usage": None,
        **more,
    }
    event = b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


def _delta(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
    return _frame([choice], obfuscation="3dEYFzgvT1kq")


_FIRST = _frame([{"index": 0, "delta": {"role": "assistant", "content": "", "refusal": None}, "finish_reason": None}])
_DELTAS = [_delta(word) for word in _WORDS]
_FINISH = _frame([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}])
_USAGE = _frame([], usage={"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17})
_DONE = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class _Connection(asyncio.Protocol):
    """One connection: a request, its stream, the next request."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None
        self._sent = self._count = 0
        self._pace = 0.0
        self._due = 0.0
        self._timed = False
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if not found or (length is not None and len(body) < int(length[1])):
            return
        self._received = b""
        named = _MODEL.search(body)
        if named is None:
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
            return
        given = {key: int(value or 1) for key, value in _PARAMETER.findall(named[1])}
        self._sent, self._count = 0, given.get(b"n", 20)
        self._pace, self._timed = given.get(b"p", 0) / 1000, b"t" in given
        self._due = self._loop.time() + given.get(b"w", 0) / 1000
        self._transport.write(_HEAD + _FIRST)
        self._timer = self._loop.call_at(self._due, self._go_on)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._go_on()

    def _go_on(self) -> None:
        now = self._loop.time()
        while self._sent < self._count and not self._paused and self._due <= now:
            room = self._count - self._sent if not self._pace else 1
            batch = [self._next(n) for n in range(self._sent, self._sent + min(room, 200))]
            self._sent += len(batch)
            self._due += self._pace
            self._transport.write(b"".join(batch))
        if self._sent == self._count:
            self._count = -1
            self._transport.write(_FINISH + _USAGE + _DONE)
        elif self._count > 0 and not self._paused:
            self._timer = self._loop.call_at(self._due, self._go_on)

    def _next(self, n: int) -> bytes:
        return _delta(f"{time.monotonic_ns() // 1000:x} ") if self._timed else _DELTAS[n % len(_DELTAS)]


async def main() -> None:
    """Serve until standard input closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
