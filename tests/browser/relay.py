"""A hop between a page and its server that loses connections when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

__all__ = ["Relay", "relayed"]


class Relay:
    """Passes bytes on, in both directions, until `cut`."""

    def __init__(self, host: str, port: int) -> None:
        self.url = ""
        self._to = (host, port)
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Lose every connection there is; new ones are passed on again."""
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a browser."""
        beyond_reader, beyond_writer = await asyncio.open_connection(*self._to)
        both = {writer, beyond_writer}
        self._open |= both
        try:
            await asyncio.gather(_pass_on(reader, beyond_writer), _pass_on(beyond_reader, writer))
        finally:
            self._open -= both


@asynccontextmanager
async def relayed(url: str) -> AsyncIterator[Relay]:
    """The server at that address, behind a relay on a port of its own."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    relay = Relay(parts.hostname, parts.port)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield relay
    finally:
        server.close()
        relay.cut()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
