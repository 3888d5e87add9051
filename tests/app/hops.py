"""Hops between a client and the service, each with a fault that real ones have."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import httpx2

__all__ = ["Hop", "buffering", "cutting", "hop", "packing", "passing"]

Headers: TypeAlias = Sequence[tuple[str, str]]
Body: TypeAlias = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]


async def passing(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Changes nothing."""
    async for data in body:
        yield data


async def buffering(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Holds everything until the end."""
    held = [data async for data in body]
    yield b"".join(held)


def packing(*, at_once: bool) -> Body:
    """Compresses with gzip: each read by itself, or all at the end."""

    async def packed(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        packer = zlib.compressobj(wbits=31)
        async for data in body:
            if piece := packer.compress(data) + (packer.flush(zlib.Z_SYNC_FLUSH) if at_once else b""):
                yield piece
        yield packer.flush()

    return packed


def cutting(after: int) -> Body:
    """Ends the answer after so many reads, as if it were whole."""

    async def cut(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        left = after
        async for data in body:
            yield data
            left -= 1
            if not left:
                return

    return cut


@dataclass(frozen=True, kw_only=True)
class Hop:
    """What a hop does. The bodies of probes and of short answers pass as they are; `status` answers for a path in the server's place."""

    body: Body = passing
    adds: Headers = ()
    drops: frozenset[str] = frozenset()
    withholds: frozenset[str] = frozenset()
    status: Callable[[str], int | None] = lambda path: None


@asynccontextmanager
async def hop(upstream: str, kind: Hop) -> AsyncIterator[str]:
    """Run one in front of a server; its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _relay(reader, writer, upstream, kind)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: str, kind: Hop) -> None:
    """One request without a body, and its answer, which ends with the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    given = [tuple(line.split(": ", 1)) for line in head[1:] if line]
    headers = {name: value for name, value in given if name.lower() not in {"host", *kind.withholds}}
    if (status := kind.status(path)) is not None:
        writer.write(f"HTTP/1.1 {status} Hop\r\ncontent-length: 0\r\nlocation: /\r\nconnection: close\r\n\r\n".encode())
        return
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=20) as client,
        client.stream(method, upstream + path, headers=headers) as answer,
    ):
        is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")
        left_out = {"connection", "content-length", "transfer-encoding", *kind.drops}
        lines = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in left_out]
        lines += [*(kind.adds if is_stream or "origin" in headers else ()), ("connection", "close")]
        text = "".join(f"{name}: {value}\r\n" for name, value in lines)
        writer.write(f"HTTP/1.1 {answer.status_code} OK\r\n{text}\r\n".encode("latin-1"))
        async for data in (kind.body if is_stream else passing)(answer.aiter_raw()):
            writer.write(data)
            await writer.drain()
