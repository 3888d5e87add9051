"""How a server ends: in order, in time, and without an answer that only looks whole."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mamba_domain.errors import PUBLIC_MESSAGES, Code
from tests.app.harness import chat_body, chunks_of, text_of
from tests.app.process import ServerProcess, client_of, server_process
from tests.fakes.openai_server import TEXT, FakeOpenAI, Hang, Repeat, Reply, Text, Until

NEVER = "Never mind, this comes too late."
ERROR = PUBLIC_MESSAGES[Code.SHUTTING_DOWN]
WORKERS = pytest.mark.parametrize("workers", [1, 2])


class Streaming:
    """One answer as it comes."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.content = b""
        self.broken = False
        self._reads = response.aiter_bytes()

    async def until(self, text: bytes) -> None:
        """Read until this has come."""
        while text not in self.content:
            self.content += await anext(self._reads)

    async def end(self) -> None:
        """Read what is left."""
        try:
            async for data in self._reads:
                self.content += data
        except httpx2.RemoteProtocolError:
            self.broken = True


@asynccontextmanager
async def service(
    directory: Path, upstream: FakeOpenAI, values: Mapping[str, object], *, listens: bool = True
) -> AsyncIterator[ServerProcess]:
    """A server in front of the upstream."""
    async with server_process(directory, {"openai.base_url": upstream.base_url, **values}, listens=listens) as server:
        yield server


@asynccontextmanager
async def streaming(
    client: httpx2.AsyncClient, path: str = "/api/chat", body: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[Streaming]:
    """Ask, and leave the answer open."""
    async with client.stream("POST", path, json=body or chat_body(**more)) as response:
        yield Streaming(response)


async def eventually(look: Callable[[], bool]) -> None:
    """Wait until something that can only be looked at is so."""
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110 - a file of another process has no event
            await asyncio.sleep(0.01)


@WORKERS
async def test_a_drain_is_told_at_once_goes_on_accepting_and_lets_every_stream_finish(
    tmp_path: Path, workers: int
) -> None:
    gate = asyncio.Event()
    async with FakeOpenAI() as upstream, AsyncExitStack() as open_streams:
        upstream.script([Reply(steps=(Text("Half"), Until(gate), Text(" and half.")))], model="slow")
        values = {"server.drain_delay": 2.5, "server.grace": 20, "server.workers": workers}
        server = await open_streams.enter_async_context(service(tmp_path, upstream, values))
        client = await open_streams.enter_async_context(client_of(server))
        streams = [
            await open_streams.enter_async_context(streaming(client, id=str(n), model="slow")) for n in range(20)
        ]
        for stream in streams:
            await stream.until(b"Half")
        assert (await client.get("/health/ready")).status_code == 200

        server.terminate()

        async with asyncio.timeout(10):
            while {(await client.get("/health/ready")).status_code for _ in range(8)} != {503}:
                pass
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/health")).status_code == 503
        late = await client.post("/api/chat", json=chat_body(id="late"))
        assert text_of(chunks_of(late.content)) == TEXT
        assert not server.events("server.draining")

        await server.told("server.draining", workers)
        with pytest.raises(httpx2.ConnectError):
            await client.get("/health/live")
        gate.set()
        for stream in streams:
            await stream.end()
            chunks = chunks_of(stream.content)
            assert text_of(chunks) == "Half and half."
            assert [chunks[-2]["type"], chunks[-1]] == ["finish", "[DONE]"]
        assert await server.ended() == 0
        assert not server.events("server.cutting")


def _ends_as_ai_sdk(stream: Streaming) -> None:
    chunks = chunks_of(stream.content)
    assert chunks[-2:] == [{"type": "error", "errorText": ERROR}, "[DONE]"]
    assert [chunk["type"] for chunk in chunks[:-2]].count("text-end") == 1
    assert not any(chunk["type"] == "finish" for chunk in chunks[:-1])


def _ends_as_ai_sdk_4(stream: Streaming) -> None:
    assert stream.content.splitlines()[-1] == f'3:"{ERROR}"'.encode()


def _is_cut(stream: Streaming) -> None:
    assert stream.broken
    assert stream.content == b"Half"


def _ends_as_openai(stream: Streaming) -> None:
    *_, error, done = chunks_of(stream.content)
    assert error["error"]["message"] == ERROR
    assert done == "[DONE]"
    assert b'"finish_reason":"stop"' not in stream.content


def _ends_as_agui(stream: Streaming) -> None:
    last = chunks_of(stream.content)[-1]
    assert (last["type"], last["message"], last["code"]) == ("RUN_ERROR", ERROR, "SHUTTING_DOWN")


def _is_refused(stream: Streaming) -> None:
    assert stream.response.status_code == 503
    assert json.loads(stream.content)["code"] == "SHUTTING_DOWN"


def _is_an_openai_error(stream: Streaming) -> None:
    assert stream.response.status_code == 503
    assert json.loads(stream.content)["error"]["message"] == ERROR


USER = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
WIRES: dict[str, tuple[str, dict[str, Any], Callable[[Streaming], None]]] = {
    "AI SDK": ("/api/chat", chat_body(), _ends_as_ai_sdk),
    "AI SDK 4": ("/api/chat?protocol=ai-sdk-v4", {"messages": USER}, _ends_as_ai_sdk_4),
    "text": ("/api/chat?protocol=text", {"messages": USER}, _is_cut),
    "object": ("/api/object", {"prompt": "Hello", "schema": SCHEMA}, _is_cut),
    "completion": ("/api/completion", {"prompt": "Hello"}, _ends_as_ai_sdk),
    "OpenAI": ("/v1/chat/completions", {"messages": USER, "stream": True}, _ends_as_openai),
    "OpenAI, not streamed": ("/v1/chat/completions", {"messages": USER}, _is_an_openai_error),
    "AG-UI": (
        "/agui",
        {"threadId": "t", "runId": "r", "messages": [{"id": "1", **USER[0]}], "tools": [], "context": []},
        _ends_as_agui,
    ),
    "no output yet": ("/api/chat", chat_body(id="silent", model="silent"), _is_refused),
}
HELD = {"OpenAI, not streamed", "no output yet"}
"""Their head is not sent before there is something to show."""


@WORKERS
async def test_what_is_not_done_by_the_end_of_grace_says_so_on_every_wire(tmp_path: Path, workers: int) -> None:
    answers: dict[str, Streaming] = {}

    async def ask(client: httpx2.AsyncClient, wire: str, half_read: asyncio.Event) -> None:
        path, body, _ = WIRES[wire]
        async with streaming(client, path, body) as stream:
            if stream.response.status_code == 200:
                await stream.until(b"Half")
                half_read.set()
            await stream.end()
            answers[wire] = stream

    async with FakeOpenAI() as upstream:
        upstream.script([Reply(steps=(Text("Half"), Hang(), Text(NEVER)))])
        upstream.script([Reply(steps=(Hang(), Text(NEVER)))], model="silent")
        values = {"server.grace": 0.5, "server.workers": workers}
        async with service(tmp_path, upstream, values) as server, client_of(server) as client:
            half_read = {wire: asyncio.Event() for wire in WIRES}
            asking = [asyncio.create_task(ask(client, wire, event)) for wire, event in half_read.items()]
            await upstream.received(len(WIRES))
            for wire in WIRES.keys() - HELD:
                await half_read[wire].wait()
            server.terminate()
            await asyncio.gather(*asking)
            assert await server.ended() == 0
        await upstream.quiet()
    for wire, (_, _, check) in WIRES.items():
        check(answers[wire])


async def test_a_second_signal_is_final(tmp_path: Path) -> None:
    async with FakeOpenAI() as upstream, service(tmp_path, upstream, {"server.grace": 600}) as server:
        upstream.script([Reply(steps=(Text("Half"), Hang()))])
        async with client_of(server) as client, streaming(client) as stream:
            await stream.until(b"Half")
            server.terminate()
            await server.told("server.draining")
            server.terminate()
            await stream.end()
            _ends_as_ai_sdk(stream)
            assert await server.ended() == 0


async def test_a_person_who_interrupts_does_not_wait_for_load_balancers(tmp_path: Path) -> None:
    async with FakeOpenAI() as upstream, service(tmp_path, upstream, {"server.drain_delay": 600}) as server:
        server.send_signal(signal.SIGINT)
        assert await server.ended() == 0


@pytest.mark.parametrize("after", ["model.demo", "Waiting for application startup."])
async def test_a_signal_while_it_starts_ends_it(tmp_path: Path, after: str) -> None:
    """The identity provider that it asks for its keys does not answer."""
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    values = {
        "model.adapter": "demo",
        "auth.mode": "jwt",
        "auth.issuer": f"http://127.0.0.1:{port}",
        "auth.audience": "mamba",
        "server.grace": 600,
    }
    with silent:
        async with server_process(tmp_path, values, listens=False) as server:
            await server.told(after)
            server.terminate()
            assert await server.ended() == 0
    assert not server.events("Application startup complete.")


async def test_a_turn_that_waits_for_its_next_attempt_makes_none(tmp_path: Path) -> None:
    async with FakeOpenAI() as upstream, service(tmp_path, upstream, {"server.grace": 0.3}) as server:
        upstream.script(["fault-429-retry-after-s"])
        async with client_of(server) as client:
            asking = asyncio.create_task(client.post("/api/chat", json=chat_body()))
            (received,) = await upstream.received()
            await received.ended.wait()
            server.terminate()
            answer = await asking
        assert (answer.status_code, answer.json()["code"]) == (503, "SHUTTING_DOWN")
        assert await server.ended() == 0
        assert len(upstream.requests) == 1


@asynccontextmanager
async def tool_at_work(
    directory: Path, tool: str, values: Mapping[str, object]
) -> AsyncIterator[tuple[ServerProcess, Streaming]]:
    """A server one of whose tools is under way."""
    values = {"server.grace": 0.3, "tools.functions": [f"tests.fakes.slow_tools:{tool}"], **values}
    async with (
        FakeOpenAI(tool=tool) as upstream,
        service(directory, upstream, values) as server,
        client_of(server) as client,
        streaming(client, model="tool") as stream,
    ):
        await stream.until(b"tool-input-available")
        await eventually((directory / tool).exists)
        yield server, stream


async def test_a_tool_at_work_is_cancelled_and_its_reader_told(tmp_path: Path) -> None:
    async with tool_at_work(tmp_path, "asleep", {}) as (server, stream):
        server.terminate()
        await stream.end()
        chunks = chunks_of(stream.content)
        assert [chunk for chunk in chunks[:-2] if chunk["type"] == "tool-output-error"]
        assert chunks[-2:] == [{"type": "error", "errorText": ERROR}, "[DONE]"]
        assert (tmp_path / "asleep").read_text() == "cancelled"
        assert await server.ended() == 0


async def test_a_tool_that_does_not_let_itself_be_stopped_is_left_behind(tmp_path: Path) -> None:
    async with tool_at_work(tmp_path, "stubborn", {}) as (server, stream):
        server.terminate()
        await stream.end()
        assert stream.broken
        assert await server.ended() == 0


async def test_clients_that_read_nothing_do_not_hold_the_end_up(tmp_path: Path) -> None:
    async with FakeOpenAI() as upstream, service(tmp_path, upstream, {"server.grace": 0.3}) as server:
        upstream.script([Reply(steps=(Repeat((Text("never read " * 500),), every=0.0005),))])
        stalled = []
        for n in range(5):
            client = socket.socket()
            stalled.append(client)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            body = json.dumps(chat_body(id=str(n))).encode()
            head = (
                f"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
            )
            client.sendall(head.encode() + b"\r\n\r\n" + body)
        await upstream.received(5)
        sent = 0
        async with asyncio.timeout(10):
            while not sent or sent != sum(request.bytes_sent for request in upstream.requests):
                sent = sum(request.bytes_sent for request in upstream.requests)
                await asyncio.sleep(0.2)
        server.terminate()
        assert await server.ended() == 0
        await upstream.quiet()
        for client in stalled:
            client.close()


async def test_turns_that_nobody_reads_end_with_the_server(tmp_path: Path) -> None:
    values = {"streams.on_disconnect": "linger", "streams.linger_seconds": 600, "server.grace": 20}
    gate = asyncio.Event()
    async with FakeOpenAI() as upstream, service(tmp_path, upstream, values) as server:
        upstream.script([Reply(steps=(Text("Half"), Until(gate), Text(" and half.")))])
        async with client_of(server) as client, streaming(client) as stream:
            await stream.until(b"Half")
        server.terminate()
        (draining,) = await server.told("server.draining")
        assert draining["turns"] == 1
        gate.set()
        assert await server.ended() == 0
        assert not server.events("server.cutting")
    assert not upstream.journal.aborted


async def test_the_port_is_free_as_soon_as_the_server_has_ended(tmp_path: Path) -> None:
    async with FakeOpenAI() as upstream:
        upstream.script([Reply(steps=(Text("Half"), Hang()))])
        port = 0
        for _ in range(3):
            async with service(tmp_path, upstream, {"server.grace": 0.1, "server.port": port}) as server:
                port = server.port
                async with client_of(server) as client, streaming(client) as stream:
                    await stream.until(b"Half")
                    server.terminate()
                    await stream.end()
                    _ends_as_ai_sdk(stream)
                assert await server.ended() == 0
