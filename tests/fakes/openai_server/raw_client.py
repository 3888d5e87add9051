"""A client that hides nothing: requests and answers as bytes on a connection, and how the connection ended."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, TypeAlias
from urllib.parse import urlsplit

from .asked import Api

__all__ = ["PATHS", "End", "Heard", "RawClient", "hear", "texts"]

End: TypeAlias = Literal["eof", "reset", "silence", "enough"]

PATHS: dict[Api, str] = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "models": "/v1/models"}


@dataclass(frozen=True, slots=True)
class Heard:
    """What came, and why there was no more."""

    data: bytes
    end: End

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def chunks(self) -> list[bytes]:
        return list(_unchunked(self.data.partition(b"\r\n\r\n")[2]))

    @property
    def text(self) -> str:
        return "".join(texts(b"".join(self.chunks)))


class RawClient:
    """One connection to the server of `base_url`, closed at the end of the block."""

    def __init__(self, base_url: str) -> None:
        self._port = urlsplit(base_url).port or 80

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    async def ask(self, api: Api, model: str, *, stream: bool = True, last: bool = False) -> None:
        """Sends a request; `last` says that the connection need not be kept."""
        asked = {"model": model, "stream": stream, "messages" if api == "chat" else "input": []}
        content = b"" if api == "models" else json.dumps(asked).encode()
        first = f"{'GET' if api == 'models' else 'POST'} {PATHS[api]} HTTP/1.1\r\nhost: upstream\r\n"
        first += "connection: close\r\n" if last else ""
        self._writer.write(f"{first}content-length: {len(content)}\r\n\r\n".encode() + content)
        await self._writer.drain()

    async def hear(
        self, *, silence: float = 0.2, patience: float = 5.0, enough: int = 300_000, until: bytes = b""
    ) -> Heard:
        """Reads to the end, for at most `patience` seconds.

        Stops earlier at a silence of `silence` seconds, at `enough` bytes, or when `until` has come.
        """
        data = b""
        give_up_at = time.monotonic() + patience
        while len(data) < enough and not (until and until in data):
            try:
                async with asyncio.timeout(min(silence, max(0.0, give_up_at - time.monotonic()))):
                    more = await self._reader.read(65536)
            except TimeoutError:
                return Heard(data, "silence")
            except ConnectionResetError:
                return Heard(data, "reset")
            if not more:
                return Heard(data, "eof")
            data += more
        return Heard(data, "enough")

    def leave(self, *, reset: bool = False) -> None:
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort() if reset else self._writer.close()


async def hear(base_url: str, api: Api, model: str, *, stream: bool = True) -> Heard:
    """Asks once on a connection of its own, and reads to the end of the body."""
    async with RawClient(base_url) as raw:
        await raw.ask(api, model, stream=stream, last=True)
        return await raw.hear(patience=0.6, until=b"\r\n0\r\n\r\n")


def _unchunked(body: bytes) -> Iterator[bytes]:
    """The chunks of a body, as far as they are whole."""
    while True:
        size, _, rest = body.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            return
        if not length or len(rest) < length:
            return
        yield rest[:length]
        body = rest[length + 2 :]


def texts(body: bytes) -> Iterator[str]:
    """The text deltas of a well-formed stream up to its end."""
    body = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for frame in body.split(b"\n\n"):
        lines = [line[5:].removeprefix(b" ") for line in frame.split(b"\n") if line.startswith(b"data:")]
        data = b"\n".join(lines)
        if data == b"[DONE]":
            return
        event = json.loads(data) if data else {}
        if event.get("type") == "response.completed":
            return
        if event.get("type") in ("response.output_text.delta", "response.refusal.delta"):
            yield event["delta"]
        for choice in event.get("choices", ()):
            if choice.get("index", 0) == 0:
                yield choice["delta"].get("content") or choice["delta"].get("refusal") or ""
