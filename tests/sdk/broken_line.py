"""A line to the service that breaks once, after so many bytes of the first answer, and is in order from then on."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress

__all__ = ["BrokenLine", "broken_line"]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class BrokenLine:
    """The first connection goes to `port` and breaks, later ones go to `port_afterwards`.

    It breaks at `breaks_after` bytes of the answer, the head included, or where `at_latest` has come through; with `resets`
    the client's end is reset, else it is closed. Without `breaks_after` it never breaks.
    """

    def __init__(
        self, port: int, *, port_afterwards: int, breaks_after: int | None, at_latest: bytes, resets: bool
    ) -> None:
        self._port = port
        self._port_afterwards = port_afterwards
        self._breaks_after = breaks_after
        self._at_latest = at_latest
        self._resets = resets
        self._connections = 0
        self._came = b""
        self.passed = asyncio.Event()
        """All up to `at_latest` has come through, or the line has broken and the service has noticed."""
        self.bytes = 0
        """How many bytes of the answer came through before it broke, or before `at_latest` had."""
        self.attached: list[float] = []
        """Seconds from each later request to the first byte of its answer."""
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._connections += 1
        is_first = self._connections == 1
        port = self._port if is_first else self._port_afterwards
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        asked: list[float] = []
        asking = asyncio.create_task(_carry(reader, far_writer, lambda: asked.append(time.monotonic())))
        with closing(writer), closing(far_writer):
            try:
                if is_first:
                    await self._breaking(far_reader, far_writer, writer)
                else:
                    await _carry(far_reader, writer, lambda: self._note(asked))
            finally:
                asking.cancel()

    def _note(self, asked: list[float]) -> None:
        if asked:
            self.attached.append(time.monotonic() - asked[0])
            asked.clear()

    async def _breaking(
        self, far_reader: asyncio.StreamReader, far_writer: asyncio.StreamWriter, writer: asyncio.StreamWriter
    ) -> None:
        while data := await far_reader.read(65536):
            room = self._room(data)
            writer.write(data[:room])
            if room is not None:
                await writer.drain()
                self._break(writer)
                await self._noticed(far_reader, far_writer)
                return

    def _room(self, data: bytes) -> int | None:
        """How much of it comes through; None for all, and more after it."""
        if self.passed.is_set():
            return None
        before = self.bytes
        self._came += data
        end = self._came.find(self._at_latest)
        latest = end + len(self._at_latest) if end >= 0 else None
        if self._breaks_after is None:
            self.bytes = len(self._came) if latest is None else latest
            if latest is not None:
                self.passed.set()
            return None
        self.bytes = min(len(self._came), self._breaks_after, *(() if latest is None else (latest,)))
        is_there = self.bytes == self._breaks_after or latest is not None
        return self.bytes - before if is_there else None

    def _break(self, writer: asyncio.StreamWriter) -> None:
        if self._resets:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        writer.close()

    async def _noticed(self, far_reader: asyncio.StreamReader, far_writer: asyncio.StreamWriter) -> None:
        """Leave the service, and wait until it has hung up as well."""
        far_writer.write_eof()
        with suppress(ConnectionError):
            while await far_reader.read(65536):
                """On its way when the line broke."""
        self.passed.set()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, noting: Callable[[], None]) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            noting()
            writer.write(data)


@asynccontextmanager
async def broken_line(
    port: int,
    *,
    port_afterwards: int | None = None,
    breaks_after: int | None = None,
    at_latest: bytes,
    resets: bool = False,
) -> AsyncIterator[BrokenLine]:
    """A line on a port of its own, until the block ends."""
    line = BrokenLine(
        port,
        port_afterwards=port if port_afterwards is None else port_afterwards,
        breaks_after=breaks_after,
        at_latest=at_latest,
        resets=resets,
    )
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(line.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield line
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
