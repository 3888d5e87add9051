"""Sends chat requests to a server, checks every answer, and says how long its deltas travelled."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

from tests.benchmarks.upstream import _WORDS

__all__ = ["Heard", "ask", "run"]


@dataclass(slots=True)
class Heard:
    """What one run heard. Times are in seconds."""

    requests: int = 0
    deltas: int = 0
    frames: int = 0
    first: list[float] = field(default_factory=list)
    transit: list[float] = field(default_factory=list)


async def run(port: int, *, model: str, count: int, requests: int, concurrency: int, ramp: float = 0.0) -> Heard:
    """Ask `requests` times, `concurrency` at once. Raises `ValueError` for an answer that is not whole."""
    heard = Heard()
    left = iter(range(requests))

    async def one_after_another(n: int) -> None:
        await asyncio.sleep(ramp * n / concurrency)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        try:
            for _ in left:
                await ask(reader, writer, model, count, heard)
        finally:
            writer.close()

    async with asyncio.TaskGroup() as group:
        for n in range(concurrency):
            group.create_task(one_after_another(n))
    return heard


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, model: str, count: int, heard: Heard) -> None:
    """One request on an open connection."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": f"Say {model}"}]}).encode()
    head = f"POST /chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    asked = time.monotonic()
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ValueError(answer.decode("latin-1") + (await reader.read(2000)).decode())
    text: list[str] = []
    done = False
    while size := int(await reader.readline(), 16):
        frames = await reader.readexactly(size)
        await reader.readexactly(2)
        now = time.monotonic()
        for frame in frames.split(b"\n\n"):
            if frame.startswith(b'data: {"type":"text-delta"'):
                if not text:
                    heard.first.append(now - asked)
                heard.frames += 1
                text.append(json.loads(frame[6:])["delta"])
                if model.endswith("-t"):
                    heard.transit += [now - int(word, 16) / 1e6 for word in text[-1].split()]
            done = done or frame == b"data: [DONE]"
    await reader.readexactly(2)
    whole = "".join(text)
    expected = count if model.endswith("-t") else "".join(_WORDS[n % len(_WORDS)] for n in range(count))
    if not done or expected != (len(whole.split()) if model.endswith("-t") else whole):
        raise ValueError(f"an answer is not whole: {len(whole)} characters, end mark {done}")
    heard.requests += 1
    heard.deltas += count
