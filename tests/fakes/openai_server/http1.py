"""Just enough HTTP/1.1 to read requests and to write response heads."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from .phrases import CANARY
from .steps import JsonValue

__all__ = ["Inbox", "Request", "head"]

_REASONS = {status.value: status.phrase for status in HTTPStatus} | {
    520: "Web Server Error",
    529: "Overloaded",
}

LEAKS = (
    ("server", "cloudflare"),
    ("x-request-id", f"req_{CANARY}"),
    ("openai-organization", f"org-{CANARY}"),
    ("openai-project", f"proj_{CANARY}"),
    ("openai-processing-ms", "42"),
    ("openai-version", "2020-10-01"),
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("set-cookie", f"__cf_bm={CANARY}; path=/; HttpOnly"),
)
"""The headers with which a real upstream answers, each naming something that is nobody else's business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came; `headers` has lower-case names, the last of equal ones wins."""

    method: str
    path: str
    version: str
    headers: Mapping[str, str]
    body: bytes
    arrived_at: float

    @property
    def json(self) -> JsonValue:
        try:
            parsed: JsonValue = json.loads(self.body)
        except ValueError:
            return None
        return parsed

    @property
    def wants_close(self) -> bool:
        return self.version == "HTTP/1.0" or self.headers.get("connection", "").lower() == "close"


class Inbox:
    """Reads a connection without pause, so that its end is noticed while something else is going on."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self.gone = asyncio.Event()
        self.gone_at: float | None = None

    async def fill(self) -> None:
        """Runs until the peer has closed or reset the connection."""
        try:
            while data := await self._reader.read(65536):
                self._buffer += data
                self._arrived.set()
        except OSError:
            pass
        finally:
            self.gone_at = time.monotonic()
            self.gone.set()
            self._arrived.set()

    async def request(self) -> Request | None:
        """The next request; None when the connection ended first, or sent no HTTP."""
        text = await self._through(b"\r\n\r\n")
        arrived_at = time.monotonic()
        if text is None:
            return None
        first, *lines = text.decode("latin-1").rstrip("\r\n").split("\r\n")
        words = first.split(" ")
        if len(words) != 3:
            return None
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await self._body(headers)
        if body is None:
            return None
        method, path, version = words
        return Request(method=method, path=path, version=version, headers=headers, body=body, arrived_at=arrived_at)

    async def _body(self, headers: Mapping[str, str]) -> bytes | None:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await self._exactly(int(headers.get("content-length", "0")))
        body = bytearray()
        while True:
            line = await self._through(b"\r\n")
            data = None if line is None else await self._exactly(int(line.split(b";")[0], 16) + 2)
            if data is None:
                return None
            if data == b"\r\n":
                return bytes(body)
            body += data[:-2]

    async def _through(self, mark: bytes) -> bytes | None:
        while (end := self._buffer.find(mark)) < 0:
            if not await self._more():
                return None
        return await self._exactly(end + len(mark))

    async def _exactly(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            if not await self._more():
                return None
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def _more(self) -> bool:
        self._arrived.clear()
        if self.gone.is_set():
            return False
        await self._arrived.wait()
        return True


def head(status: int, *headers: tuple[str, str]) -> bytes:
    """A response head with the upstream's usual headers and the given ones."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in (*LEAKS, *headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
