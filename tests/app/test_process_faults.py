"""What happens to the process, and not to its requests: no descriptors left, a log that nobody reads, a loop that is held up."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.app.harness import chat_body, chunks_of, text_of
from tests.app.process import client_of, environment_of, server_process
from tests.fakes.openai_server import AFTER_TOOLS, TEXT, FakeOpenAI, Reply, Text, Until

LIMIT = 256


async def once_it_answers(client: httpx2.AsyncClient) -> None:
    """Wait for a server that refuses or drops connections for now."""
    async with asyncio.timeout(20):
        while True:
            with suppress(httpx2.TransportError):
                await client.get("/health/live")
                return
            await asyncio.sleep(0.02)


async def test_without_descriptors_load_is_shed_and_with_them_it_is_served_again(tmp_path: Path) -> None:
    few = ("/bin/sh", "-c", f'ulimit -n {LIMIT}; exec "$@"', "sh")
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 2 * LIMIT
    gate = asyncio.Event()
    async with FakeOpenAI() as upstream:
        upstream.script([Reply(steps=(Text("Half"), Until(gate), Text(" and half.")))], model="slow")
        values = {"openai.base_url": upstream.base_url, "openai.max_attempts": 1}
        async with server_process(tmp_path, values, before=few) as server, client_of(server) as client:
            async with client.stream("POST", "/api/chat", json=chat_body(model="slow")) as response:
                frames = response.aiter_bytes()
                content = await anext(frames)
                with ExitStack() as crowd:
                    for _ in range(LIMIT + 50):
                        crowd.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                    with pytest.raises(httpx2.TransportError):
                        await client.get("/health/live")
                    gate.set()
                    content += b"".join([data async for data in frames])
            assert text_of(chunks_of(content)) == "Half and half."
            await once_it_answers(client)
            answer = await client.post("/api/chat", json=chat_body(id="after"))
            assert text_of(chunks_of(answer.content)) == TEXT
            server.terminate()
            assert await server.ended() == 0


@pytest.mark.parametrize(("soft", "hard"), [(128, 512), (512, 512)])
async def test_it_takes_all_descriptors_that_it_may_have_and_says_where_they_are_too_few(
    tmp_path: Path, soft: int, hard: int
) -> None:
    limits = ("/bin/sh", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"', "sh")
    async with server_process(tmp_path, {}, before=limits) as server:
        (told,) = await server.told("server.few_open_files")
        assert (told["level"], told["allowed"]) == ("warning", hard)
        assert told["needed"] > 2 * told["max_turns"]
        assert resource.prlimit(server.pid, resource.RLIMIT_NOFILE) == (hard, hard)


async def test_a_tool_that_holds_everything_up_cuts_nobody_off(tmp_path: Path) -> None:
    async with FakeOpenAI(tool="blocking") as upstream:
        values = {"openai.base_url": upstream.base_url, "tools.functions": ["tests.fakes.slow_tools:blocking"]}
        async with server_process(tmp_path, values) as server, client_of(server) as client:
            others = [
                asyncio.create_task(client.post("/api/chat", json=chat_body(id=str(n), model="ok-n40-p25")))
                for n in range(5)
            ]
            await upstream.received(5)
            blocking = asyncio.create_task(client.post("/api/chat", json=chat_body(id="blocking", model="tool")))
            async with asyncio.timeout(10):
                while not (tmp_path / "blocking").exists():  # noqa: ASYNC110 - a file of another process has no event
                    await asyncio.sleep(0.01)
            assert (await client.get("/health/live")).status_code == 200
            for answer in await asyncio.gather(*others):
                chunks = chunks_of(answer.content)
                assert (text_of(chunks), chunks[-1]) == (FakeOpenAI.text_of("ok-n40"), "[DONE]")
            assert text_of(chunks_of((await blocking).content)) == "".join(AFTER_TOOLS)


@asynccontextmanager
async def unread(directory: Path, log: int) -> AsyncIterator[tuple[httpx2.AsyncClient, asyncio.subprocess.Process]]:
    """A server whose log goes into this descriptor, at DEBUG."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    values = {"model.adapter": "demo", "server.host": "127.0.0.1", "server.port": port, "server.drain_delay": 0}
    environment = environment_of({**values, "logging.level": "DEBUG"})
    command = [sys.executable, "-m", "mamba_app", "serve"]
    process = await asyncio.create_subprocess_exec(*command, cwd=directory, env=environment, stdout=log, stderr=log)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
            await once_it_answers(client)
            yield client, process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.parametrize("reader", ["stands still", "is gone", "has a full disk"])
async def test_a_log_that_nobody_reads_stops_no_answer(tmp_path: Path, reader: str) -> None:
    reading, writing = os.pipe()
    if reader == "has a full disk":
        os.close(writing)
        writing = os.open("/dev/full", os.O_WRONLY)
    async with unread(tmp_path, writing) as (client, process):
        os.close(writing)
        if reader == "is gone":
            os.close(reading)
        for number in range(300):
            answer = await client.get("/models", headers={"x-request-id": f"{number}{'x' * 120}"})
            assert answer.status_code == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    if reader != "is gone":
        os.close(reading)
