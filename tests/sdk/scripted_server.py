"""A tiny HTTP server that answers each request with the next answer of a script."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Asked", "ScriptedServer", "data_lines", "serve", "ui_message_stream"]


@dataclass(frozen=True)
class Answer:
    """`pieces` are written one by one; an event among them is waited for.

    With `cut` the connection breaks before the body's end, as when a server dies.
    """

    pieces: Sequence[bytes | asyncio.Event]
    status: int = 200
    content_type: str = "text/event-stream"
    cut: bool = False


@dataclass(frozen=True)
class Asked:
    """A request as the server read it."""

    method: str
    target: str
    body: Any


@dataclass
class ScriptedServer:
    """The last answer of the script is given again and again."""

    script: Sequence[Answer]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on one connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            lengths = [line.partition(":")[2] for line in head if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(lengths[0])) if lengths else b"null"
            method, target, _ = head[0].split(" ")
            answer = self.script[min(len(self.asked), len(self.script) - 1)]
            self.asked.append(Asked(method, target, json.loads(body)))
            await _write(writer, answer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def serve(*script: Answer) -> AsyncIterator[ScriptedServer]:
    """Runs on a free port of the loopback interface until the block ends."""
    served = ScriptedServer(script)
    server = await asyncio.start_server(served.answer, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield served


def ui_message_stream(chunks: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """The frames of an AI SDK UI message stream, the end marker included."""
    frames = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return [*frames, b"data: [DONE]\n\n"]


def data_lines(*lines: tuple[str, Any]) -> list[bytes]:
    """The lines of an AI SDK 4 data stream."""
    return [f"{code}:{json.dumps(value)}\n".encode() for code, value in lines]


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    head = (
        f"HTTP/1.1 {answer.status} Scripted\r\ncontent-type: {answer.content_type}\r\n"
        "transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )
    writer.write(head.encode())
    for piece in answer.pieces:
        if isinstance(piece, asyncio.Event):
            await writer.drain()
            await piece.wait()
        else:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    if not answer.cut:
        writer.write(b"0\r\n\r\n")
    await writer.drain()
