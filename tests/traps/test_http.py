"""uvicorn 0.54, httptools 0.9 and sse-starlette 3: what the HTTP layer works around, and what it leans on."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from typing import Any

import httptools
import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


class Heads:
    """What a parser tells of a request."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))


def test_httptools_takes_a_head_of_any_size() -> None:
    heads = Heads()
    parser = httptools.HttpRequestParser(heads)
    parser.feed_data(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * (8 << 20) + b"\r\n")
    parser.feed_data(b"".join(b"x-%d: 1\r\n" % number for number in range(1000)) + b"\r\n")
    assert len(heads.headers) == 1002


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: 1\n\r\n",
    ],
    ids=["both framings", "two lengths", "space before colon", "folded", "bare line feed"],
)
def test_httptools_refuses_what_could_be_read_in_two_ways(head: bytes) -> None:
    """The guard leaves these to the parser."""
    with pytest.raises(httptools.HttpParserError):
        httptools.HttpRequestParser(Heads()).feed_data(head)


def test_httptools_takes_a_request_without_a_host() -> None:
    """The guard does not."""
    httptools.HttpRequestParser(Heads()).feed_data(b"GET / HTTP/1.1\r\n\r\n")


def test_uvicorn_has_no_deadline_for_a_request() -> None:
    names = set(inspect.signature(uvicorn.Config.__init__).parameters)
    assert {name for name in names if "timeout" in name} == {
        "timeout_keep_alive",
        "timeout_notify",
        "timeout_graceful_shutdown",
        "timeout_worker_healthcheck",
        "ws_ping_timeout",
    }


def test_the_parts_of_uvicorn_that_the_guard_overrides_are_there() -> None:
    assert {
        "connection_made",
        "connection_lost",
        "data_received",
        "on_message_begin",
        "on_url",
        "on_header",
        "on_headers_complete",
        "on_body",
        "on_message_complete",
        "on_response_complete",
        "_unset_keepalive_if_required",
    } <= set(vars(HttpToolsProtocol))
    assert {"run_asgi", "send", "receive"} <= set(vars(RequestResponseCycle))


async def test_a_limit_on_connections_refuses_probes_too() -> None:
    async def live(request: Request) -> Response:
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/health/live", live)])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, limit_concurrency=1, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait for
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    _, busy = await asyncio.open_connection("127.0.0.1", port)
    async with httpx2.AsyncClient(trust_env=False) as client:
        statuses = {(await client.get(f"http://127.0.0.1:{port}/health/live")).status_code for _ in range(2)}
    busy.close()
    server.should_exit = True
    await serving
    assert statuses == {503}


def test_sse_starlette_would_end_every_stream_at_a_signal() -> None:
    """Unless it is told not to, which importing the delivery of answers does."""
    program = "from sse_starlette.sse import AppStatus as status; before = status.enable_automatic_graceful_drain; "
    program += "import mamba_adapters.http.delivery; print(before, status.enable_automatic_graceful_drain)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == ["True", "False"]


async def test_a_read_timeout_begins_anew_with_every_byte() -> None:
    """0.3 seconds for each read never end an answer that drips for longer."""
    drops = 8

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        for _ in range(drops):
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.06)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    timeout: Any = httpx2.Timeout(0.3)
    async with server, httpx2.AsyncClient(trust_env=False, timeout=timeout) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "." * drops
