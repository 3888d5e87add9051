"""The application under another ASGI server: it answers the same, and a cut answer is seen to be cut."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx2
import pytest

from tests.app.harness import chat_body, chunks_of, text_of
from tests.app.process import client_of, server_process
from tests.fakes.openai_server import TEXT, FakeOpenAI, Hang, Reply, Text

UVICORN = ("uvicorn", "--factory", "mamba_app.asgi:create_app", "--port", "0", "--timeout-graceful-shutdown", "1")


async def test_it_answers_and_ends_under_plain_uvicorn(tmp_path: Path) -> None:
    async with FakeOpenAI() as upstream:
        upstream.script([Reply(steps=(Text("Half"), Hang()))], model="hanging")
        values = {"openai.base_url": upstream.base_url}
        async with server_process(tmp_path, values, command=UVICORN) as server, client_of(server) as client:
            assert (await client.get("/health/ready")).status_code == 200
            answer = await client.post("/api/chat", json=chat_body())
            assert text_of(chunks_of(answer.content)) == TEXT
            async with client.stream("POST", "/api/chat", json=chat_body(model="hanging")) as response:
                frames = response.aiter_bytes()
                assert b"Half" in await anext(frames)
                server.terminate()
                with pytest.raises(httpx2.RemoteProtocolError):
                    _ = [data async for data in frames]
            assert await server.ended() in (0, -signal.SIGTERM)
        await upstream.quiet()


async def test_a_client_that_leaves_is_noticed_under_plain_uvicorn(tmp_path: Path) -> None:
    async with FakeOpenAI() as upstream:
        upstream.script([Reply(steps=(Text("Half"), Hang()))])
        values = {"openai.base_url": upstream.base_url}
        async with server_process(tmp_path, values, command=UVICORN) as server, client_of(server) as client:
            async with client.stream("POST", "/api/chat", json=chat_body()) as response:
                assert b"Half" in await anext(response.aiter_bytes())
            await upstream.quiet()
        assert upstream.journal.aborted == 1
