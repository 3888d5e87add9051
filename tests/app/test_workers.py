"""Several processes behind one port: what becomes of the others when one of them, or the first, dies or cannot start."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.app.harness import chat_body, chunks_of, text_of
from tests.app.process import ServerProcess, client_of, server_process
from tests.fakes.openai_server import FakeOpenAI, Reply, Text, Until

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="workers are found in /proc")


@asynccontextmanager
async def two_workers(
    directory: Path, values: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[ServerProcess, httpx2.AsyncClient]]:
    given = {"model.adapter": "demo", "server.workers": 2, **(values or {})}
    async with server_process(directory, given) as server, client_of(server) as client:
        yield server, client


def workers_of(server: ServerProcess) -> list[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    return [int(word) for word in children.split()]


def connections_of(pid: int) -> int:
    """How many sockets a process holds."""
    return sum(os.readlink(link).startswith("socket:") for link in Path(f"/proc/{pid}/fd").iterdir())


async def test_a_worker_that_is_killed_is_replaced_and_the_streams_of_the_other_go_on(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with FakeOpenAI() as upstream:
        upstream.script([Reply(steps=(Text("Half"), Until(gate), Text(" and half.")))])
        values = {"model.adapter": "openai-chat", "openai.base_url": upstream.base_url}
        async with two_workers(tmp_path, values) as (server, client):
            before = set(workers_of(server))
            async with client.stream("POST", "/api/chat", json=chat_body()) as response:
                frames = response.aiter_bytes()
                content = await anext(frames)
                idle = min(before, key=connections_of)
                os.kill(idle, signal.SIGKILL)
                (died,) = await server.told("worker.died")
                assert (died["pid"], died["status"]) == (idle, -signal.SIGKILL)
                await server.told("Application startup complete.", 3)
                assert len(set(workers_of(server)) - before) == 1
                gate.set()
                content += b"".join([data async for data in frames])
            assert text_of(chunks_of(content)) == "Half and half."
            assert (await client.get("/health/ready")).status_code == 200
            server.terminate()
            assert await server.ended() == 0


async def test_a_signal_that_every_process_gets_counts_once(tmp_path: Path) -> None:
    """A terminal's Ctrl-C, or a service manager's SIGTERM."""
    gate = asyncio.Event()
    async with FakeOpenAI() as upstream:
        upstream.script([Reply(steps=(Text("Half"), Until(gate), Text(" and half.")))])
        values = {"model.adapter": "openai-chat", "openai.base_url": upstream.base_url}
        async with two_workers(tmp_path, values) as (server, client):
            async with client.stream("POST", "/api/chat", json=chat_body()) as response:
                frames = response.aiter_bytes()
                content = await anext(frames)
                os.killpg(server.pid, signal.SIGINT)
                await server.told("server.draining", 2)
                gate.set()
                content += b"".join([data async for data in frames])
            assert text_of(chunks_of(content)) == "Half and half."
            assert await server.ended() == 0


async def test_workers_end_when_the_first_process_is_killed(tmp_path: Path) -> None:
    async with two_workers(tmp_path) as (server, _):
        server.send_signal(signal.SIGKILL)
        # The log ends when the last of them has closed it.
        assert await server.ended() == -signal.SIGKILL
        assert len(server.events("server.draining")) == 2
        with socket.create_server(("127.0.0.1", server.port)):
            """Nobody holds the port."""


async def test_a_second_signal_ends_all_workers_at_once(tmp_path: Path) -> None:
    async with two_workers(tmp_path, {"server.drain_delay": 600}) as (server, client):
        server.terminate()
        async with asyncio.timeout(10):
            while (await client.get("/health/ready")).status_code != 503:
                """Two signals at once would be one."""
        server.terminate()
        assert await server.ended() == 0


class Issuer:
    """An identity provider, which a worker asks when it starts. Where it is a wrong one, a worker does not start."""

    def __init__(self) -> None:
        self.is_wrong = False
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # A worker that is told to end may hang up.
            await reader.readuntil(b"\r\n\r\n")
        body = b'{"issuer": "http://127.0.0.1:1"}'
        status = b"200 OK" if self.is_wrong else b"503 Later"
        writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (status, len(body), body))
        writer.close()

    @property
    def settings(self) -> dict[str, object]:
        return {"auth.mode": "jwt", "auth.issuer": self.url, "auth.audience": "mamba"}


@asynccontextmanager
async def issuer() -> AsyncIterator[Issuer]:
    it = Issuer()
    server = await asyncio.start_server(it.answer, "127.0.0.1", 0)
    it.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield it


async def test_workers_that_cannot_start_end_the_whole_with_a_status(tmp_path: Path) -> None:
    async with issuer() as it:
        it.is_wrong = True
        values = {"model.adapter": "demo", "server.workers": 2, **it.settings}
        async with server_process(tmp_path, values, listens=False) as server:
            assert await server.ended(within=20) == 2
            assert server.events("worker.not_started")
            assert not [line for line in server.lines if "Traceback" in line["event"]]


async def test_a_replacement_that_cannot_start_yet_is_tried_again(tmp_path: Path) -> None:
    async with issuer() as it, two_workers(tmp_path, it.settings) as (server, client):
        it.is_wrong = True
        os.kill(workers_of(server)[0], signal.SIGKILL)
        dead, hapless = await server.told("worker.died", 2)
        assert (dead["status"], hapless["status"]) == (-signal.SIGKILL, 2)
        it.is_wrong = False
        await server.told("Application startup complete.", 3)
        assert (await client.get("/health/ready")).status_code == 200
        server.terminate()
        assert await server.ended() == 0


async def test_a_port_that_is_taken_ends_it_with_a_status(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        values = {"model.adapter": "demo", "server.workers": 2, "server.port": port}
        async with server_process(tmp_path, values, listens=False) as server:
            assert await server.ended(within=20) == 3
            (told,) = server.events("server.not_listening")
            assert told["port"] == port
