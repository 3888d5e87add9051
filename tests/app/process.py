"""`mamba-server serve` as a process, as an operator runs it: real signals, real sockets, its log read line by line."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2

__all__ = ["ROOT", "ServerProcess", "client_of", "environment_of", "server_process"]

ROOT = Path(__file__).parents[2]
_PORT = re.compile(r"running on http://127\.0\.0\.1:(\d+)")
_DEFAULTS: dict[str, object] = {
    "server.host": "127.0.0.1",
    "server.port": 0,
    "server.drain_delay": 0,
    "server.grace": 10,
    "openai.api_key": "sk-ours",
    "openai.retry_wait": 0.02,
    "chat.open_models": True,
}


class ServerProcess:
    """A running server. `port` is known once `listening` has returned."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read(), name="server log")
        self.lines: list[dict[str, Any]] = []
        """What the server has logged."""
        self.port = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of that name."""
        return [line for line in self.lines if line["event"] == name]

    async def told(self, event: str, count: int = 1, *, timeout: float = 20.0) -> list[dict[str, Any]]:
        """Wait until the server has logged an event so many times."""
        async with asyncio.timeout(timeout):
            while len(found := self.events(event)) < count:
                if self._reading.done():
                    raise AssertionError(f"the log ended without {event}: {self.lines}")
                await self._changed.wait()
        return found

    async def listening(self, workers: int) -> None:
        """Wait until so many processes serve the port."""
        await self.told("Application startup complete.", workers)
        async with asyncio.timeout(20):
            while not self.port:
                await self._changed.wait()

    def send_signal(self, number: int) -> None:
        """Signal the first process."""
        self._process.send_signal(number)

    def terminate(self) -> None:
        """SIGTERM, as platforms send it."""
        self.send_signal(signal.SIGTERM)

    async def ended(self, *, within: float = 10.0) -> int:
        """The exit status, once the server has ended by itself and its log is read."""
        async with asyncio.timeout(within):
            status = await self._process.wait()
            await self._reading
        return status

    async def end(self) -> None:
        """Leave nothing behind, workers included."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            line = raw.decode().strip()
            try:
                told = json.loads(line)
            except ValueError:
                told = {"event": line}
            self.lines.append(told)
            if found := _PORT.search(str(told["event"])):
                self.port = int(found[1])
            self._changed.set()
            self._changed = asyncio.Event()
        self._changed.set()


def environment_of(values: Mapping[str, object]) -> dict[str, str]:
    """This machine's variables without those that set ours, and with these dotted keys as the server reads them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAMBA_", "OPENAI_"))}
    given = {
        f"MAMBA_{key.upper().replace('.', '__')}": value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
    return {**kept, "PYTHONPATH": str(ROOT), **given}


@asynccontextmanager
async def server_process(
    directory: Path,
    values: Mapping[str, object],
    *,
    listens: bool = True,
    before: tuple[str, ...] = (),
    command: tuple[str, ...] = ("mamba_app", "serve"),
) -> AsyncIterator[ServerProcess]:
    """Start a server in an empty directory, and leave nothing of it behind.

    `command` is a Python module with its arguments; `before` is put in front of the interpreter.
    """
    process = await asyncio.create_subprocess_exec(
        *before,
        sys.executable,
        "-m",
        *command,
        cwd=directory,
        env=environment_of({**_DEFAULTS, **values}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    server = ServerProcess(process)
    try:
        if listens:
            await server.listening(int(str(values.get("server.workers", 1))))
        yield server
    finally:
        await server.end()


@asynccontextmanager
async def client_of(server: ServerProcess) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that opens a connection for each request, so that each meets the listener."""
    limits = httpx2.Limits(max_keepalive_connections=0)
    async with httpx2.AsyncClient(base_url=server.url, timeout=20, trust_env=False, limits=limits) as client:
        yield client
