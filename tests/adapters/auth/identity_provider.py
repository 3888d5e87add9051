"""An identity provider on loopback: metadata and a key set over HTTP, well or in any way ill."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from joserfc.jwk import Key, RSAKey

__all__ = ["IdentityProvider", "identity_provider", "jwk"]


def jwk(key: Key, key_id: str | None = "k1", **members: Any) -> dict[str, Any]:
    """A public key as an entry of a set."""
    assert isinstance(key, RSAKey)
    entry: dict[str, Any] = {**key.as_dict(private=False), "use": "sig", "alg": "RS256", **members}
    return entry if key_id is None else {**entry, "kid": key_id}


class IdentityProvider:
    """What it answers, by path, may be changed at any time. `asked` counts the requests by path."""

    def __init__(self) -> None:
        self.port = 0
        self.metadata: dict[str, Any] = {}
        self.keys: list[Any] = []
        self.raw: dict[str, bytes] = {}
        self.stall = asyncio.Event()
        self.stalled: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.asking = asyncio.Event()

    @property
    def url(self) -> str:
        """The issuer."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def jwks_url(self) -> str:
        """Where the keys are."""
        return f"{self.url}/jwks"

    def answer(self, path: str, body: bytes, *, status: str = "200 OK", headers: str = "") -> None:
        """From now on, say this."""
        self.raw[path] = (
            f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}connection: close\r\n\r\n".encode() + body
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            self.asked[path] += 1
            self.asking.set()
            if path in self.stalled:
                await self.stall.wait()
            writer.write(self._answer(path))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, path: str) -> bytes:
        if path in self.raw:
            return self.raw[path]
        document = {"/jwks": {"keys": self.keys}, "/.well-known/openid-configuration": self.metadata}.get(path)
        body = json.dumps(document).encode()
        status = "200 OK" if document is not None else "404 Not Found"
        return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


@asynccontextmanager
async def identity_provider(*keys: dict[str, Any]) -> AsyncIterator[IdentityProvider]:
    """A provider that is well and has these keys."""
    provider = IdentityProvider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    provider.port = server.sockets[0].getsockname()[1]
    provider.metadata = {"issuer": provider.url, "jwks_uri": provider.jwks_url}
    provider.keys = list(keys)
    try:
        yield provider
    finally:
        provider.stall.set()
        server.close()
        await server.wait_closed()
