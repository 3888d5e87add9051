"""Clients that send too much, too slowly, or what can be read in two ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from mamba_adapters.http.guard import WireLimits
from tests.app.harness import chat_body, settings
from tests.app.wire import Wire, wire
from tests.fakes.scripted_model import ScriptedModel, text_script

BODY = json.dumps(chat_body()).encode()
JSON = b"host: x\r\ncontent-type: application/json\r\n"
MEBIBYTE = 1 << 20
QUICK = WireLimits(head_timeout=0.2, body_timeout=0.3, linger=0.2)


@pytest.fixture
async def server() -> AsyncIterator[Wire]:
    async with wire() as server:
        yield server


def get(target: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    lines = [b"GET " + target + b" HTTP/" + version, *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def live(*headers: bytes) -> bytes:
    return get(b"/health/live", b"host: x", *headers, b"connection: close")


def post(*headers: bytes, body: bytes = BODY) -> bytes:
    return b"POST /api/chat HTTP/1.1\r\n" + JSON + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


SMUGGLING = {
    "both framings": post(b"content-length: 5", b"transfer-encoding: chunked", body=b"0\r\n\r\n"),
    "both framings, the other way round": post(b"transfer-encoding: chunked", b"content-length: 5", body=b"0\r\n\r\n"),
    "two lengths": post(b"content-length: 2", b"content-length: 3", body=b"{}x"),
    "the same length twice": post(b"content-length: 2", b"content-length: 2", body=b"{}"),
    "a list of lengths": post(b"content-length: 2, 2", body=b"{}"),
    "a length with a sign": post(b"content-length: +2", body=b"{}"),
    "a hexadecimal length": post(b"content-length: 0x2", body=b"{}"),
    "a length beyond all numbers": post(b"content-length: " + b"9" * 30, body=b"{}"),
    "another transfer coding": post(b"transfer-encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "a coding that is nearly chunked": post(b"transfer-encoding: xchunked", body=b"0\r\n\r\n"),
    "chunked twice": post(b"transfer-encoding: chunked", b"transfer-encoding: chunked", body=b"0\r\n\r\n"),
    "chunks in HTTP/1.0": post(b"transfer-encoding: chunked", body=b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a chunk without a size": post(b"transfer-encoding: chunked", body=b"x\r\n\r\n"),
    "a chunk with a bare line feed": post(b"transfer-encoding: chunked", body=b"2\n{}\n0\n\n"),
    "bare line feeds": b"GET /health/live HTTP/1.1\nhost: x\n\n",
    "a folded header": get(b"/health/live", b"host: x", b"a: b", b" c"),
    "a space before the colon": get(b"/health/live", b"host : x"),
    "NUL in a header": get(b"/health/live", b"host: x", b"a: b\0c"),
    "a control character in a header": get(b"/health/live", b"host: x", b"a: b\x01"),
    "a bare carriage return": get(b"/health/live", b"host: x", b"a: b\rc"),
    "a header without a name": get(b"/health/live", b"host: x", b": b"),
    "no host": get(b"/health/live"),
    "two hosts": get(b"/health/live", b"host: x", b"host: x"),
    "a host that is a path": get(b"/health/live", b"host: x/y"),
    "a host with credentials": get(b"/health/live", b"host: a@b"),
    "an absolute target": get(b"http://x/health/live", b"host: x"),
    "a target without a slash": get(b"health/live", b"host: x"),
    "a fragment": get(b"/health/live#x", b"host: x"),
    "bytes that are no ASCII": get(b"/\xff", b"host: x"),
    "the asterisk": b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
    "a tunnel": b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2.0": get(b"/health/live", b"host: x", version=b"2.0"),
    "HTTP/0.9": b"GET /health/live\r\n\r\n",
    "an unknown method": b"FOO /health/live HTTP/1.1\r\nhost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
    "noise": bytes(range(256)),
}


@pytest.mark.parametrize("request_bytes", SMUGGLING.values(), ids=SMUGGLING)
async def test_what_can_be_read_in_two_ways_is_refused_and_the_connection_ends(
    server: Wire, request_bytes: bytes
) -> None:
    answers = server.answers(await server.talk(request_bytes + live()))
    assert [answer.status for answer in answers] == [400]
    problem = json.loads(answers[0].body)
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert answers[0].headers["connection"] == "close"
    assert problem["code"] == "INVALID_REQUEST"
    assert problem["request_id"] == answers[0].headers["x-request-id"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (live(b"a: " + b"x" * (64 * 1024)), 431),
        (live(*(b"h%d: x" % number for number in range(101))), 431),
        (live(*(b"h%d: x" % number for number in range(98))), 200),
        (get(b"/health/live?" + b"x" * 16 * 1024, b"host: x"), 414),
        (get(b"/health/live?" + b"x" * 8000, b"host: x", b"connection: close"), 200),
        (live(b"a: " + b"x" * 60_000), 200),
        (live(b"a: " + b"x" * 8_000_000), 431),
        (live(*(b"a: b" for _ in range(100_000))), 431),
        (get(b"/" + b"x" * 8_000_000, b"host: x"), 414),
        (b"\r\n" * 100_000, 431),
        (b"G" * 1_000_000, 400),
    ],
)
async def test_a_head_has_a_largest_size(server: Wire, request_bytes: bytes, status: int) -> None:
    assert (await server.ask(request_bytes)).status == status


@pytest.mark.parametrize("excess", [0, 1])
async def test_the_limit_of_a_head_is_exact(server: Wire, excess: int) -> None:
    rest = len(live(b"a: "))
    request = live(b"a: " + b"x" * (64 * 1024 - rest + excess))
    assert len(request) == 64 * 1024 + excess
    assert (await server.ask(request)).status == (431 if excess else 200)


async def test_trailers_are_no_headers(server: Wire) -> None:
    request = post(
        b"transfer-encoding: chunked", b"connection: close", body=b"2\r\n{}\r\n0\r\nx-request-id: mine\r\n\r\n"
    )
    answer = await server.ask(request)
    assert answer.status == 422
    assert answer.headers["x-request-id"] != "mine"


async def test_spaces_behind_a_value_are_no_part_of_it(server: Wire) -> None:
    answer = await server.ask(live(b"x-request-id: mine \t "))
    assert answer.headers["x-request-id"] == "mine"


@pytest.mark.parametrize(
    "flood",
    [b"1;" + b"x" * 1_000_000, b"0\r\na: " + b"x" * 1_000_000, b"0\r\n" + b"a: b\r\n" * 100_000],
    ids=["a chunk extension", "a long trailer", "many trailers"],
)
async def test_the_framing_of_a_body_has_a_largest_size_too(server: Wire, flood: bytes) -> None:
    answer = await server.ask(post(b"transfer-encoding: chunked", body=b"2\r\n{}\r\n" + flood))
    assert answer.status in (400, 422)


async def test_a_body_of_single_byte_chunks_is_a_body(server: Wire) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY + b" " * 50_000) + b"0\r\n\r\n"
    answer = await server.ask(post(b"transfer-encoding: chunked", b"connection: close", body=chunks))
    assert answer.status == 200


async def test_a_connection_on_which_nothing_comes_is_closed() -> None:
    async with wire(limits=QUICK) as server:
        assert await server.talk() == b""


@pytest.mark.parametrize("half", [b"GET /health", get(b"/health/live", b"host: x")[:-2], b"\r\n"])
async def test_half_a_head_is_answered_with_408(half: bytes) -> None:
    async with wire(limits=QUICK) as server:
        assert (await server.ask(half)).status == 408


async def test_a_head_that_drips_does_not_win_time() -> None:
    async with wire(limits=QUICK) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        begun = asyncio.get_running_loop().time()
        answer = asyncio.create_task(reader.read())
        for byte in live(b"a: " + b"x" * 1000):
            if answer.done():
                break
            writer.write(bytes([byte]))
            await asyncio.wait([answer], timeout=0.02)
        assert server.answers(await answer)[0].status == 408
        assert asyncio.get_running_loop().time() - begun < 5
        writer.close()


@pytest.mark.parametrize("part", [b"", BODY[:10]])
@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_body_that_does_not_come_is_answered_with_408_and_costs_no_turn(part: bytes, framing: str) -> None:
    async with wire(limits=QUICK) as server:
        header = b"content-length: 500" if framing == "length" else b"transfer-encoding: chunked"
        body = part if framing == "length" else (b"%x\r\n%s\r\n" % (len(part), part) if part else b"")
        assert (await server.ask(post(header, body=body))).status == 408
        assert server.application.chat.running_turns == 0
        assert not server.state.tasks


async def test_the_next_request_of_a_connection_has_deadlines_too() -> None:
    async with wire(limits=QUICK) as server:
        for half in (b"\r\n", b"GET /", post(b"content-length: 500", body=b"{")):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(get(b"/health/live", b"host: x"))
            await asyncio.wait_for(reader.readuntil(b'"alive"}'), 5)
            writer.write(half)
            (answer,) = server.answers(await asyncio.wait_for(reader.read(), 5))
            assert answer.status == 408
            writer.close()


async def test_a_long_answer_is_not_cut_by_what_was_begun_after_it() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([*text_script("one")[:1], gate, *text_script("two")])
    async with wire(limits=QUICK, model_for=lambda _: model) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post(b"content-length: %d" % len(BODY)) + b"GET /health/li")
        await asyncio.wait_for(reader.readuntil(b"one"), 5)
        await asyncio.sleep(3 * QUICK.head_timeout)
        gate.set()
        await asyncio.wait_for(reader.readuntil(b"[DONE]"), 5)
        rest = await asyncio.wait_for(reader.read(), 5)
        assert b" 408 " in rest
        writer.close()


async def test_nonsense_behind_a_request_does_not_break_into_its_answer(server: Wire) -> None:
    data = await server.talk(post(b"content-length: %d" % len(BODY)) + b"\0\0 nonsense\r\n\r\n")
    (answer,) = server.answers(data)
    assert answer.status == 200
    assert answer.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    "second", [live(), post(b"content-length: %d" % len(BODY), b"connection: close")], ids=["probe", "chat"]
)
async def test_pipelined_requests_are_answered_in_their_order(server: Wire, second: bytes) -> None:
    answers = server.answers(await server.talk(post(b"content-length: %d" % len(BODY)) + second))
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body.endswith(b"[DONE]\n\n")


async def test_a_body_that_is_declared_too_large_is_refused_before_it_is_read(server: Wire) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(post(b"content-length: %d" % (1 << 30), b"expect: 100-continue", body=b""))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_a_client_that_waits_to_be_asked_is_asked_once_its_body_is_wanted(server: Wire) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(post(b"content-length: %d" % len(BODY), b"expect: 100-continue", b"connection: close", body=b""))
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(BODY)
    assert b" 200 OK" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()


async def test_a_body_in_chunks_without_end_is_refused_at_the_limit_and_no_more_is_taken() -> None:
    async with wire(limits=WireLimits(linger=0.5)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post(b"transfer-encoding: chunked", body=b""))
        head = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        sent = 0
        try:
            while sent < 64 * MEBIBYTE:
                writer.write(chunk)
                sent += len(chunk)
                await asyncio.wait_for(writer.drain(), 5)
        except (ConnectionError, TimeoutError):
            pass
        assert sent < 32 * MEBIBYTE
        assert b" 413 " in await asyncio.wait_for(head, 5)
        writer.close()


async def test_an_answer_before_the_end_of_a_small_body_keeps_the_connection(server: Wire) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"PUT /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 405")
    writer.write(b"late" + live())
    assert b"HTTP/1.1 200 OK" in await asyncio.wait_for(reader.read(), 5)
    writer.close()


@pytest.mark.parametrize("alive", [b"", b"connection: keep-alive\r\n"])
async def test_an_answer_for_http_1_0_has_no_chunks_and_ends_with_the_connection(server: Wire, alive: bytes) -> None:
    request = b"POST /api/chat HTTP/1.0\r\n" + JSON + alive + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
    (answer,) = server.answers(await server.talk(request))
    assert answer.status == 200
    assert "transfer-encoding" not in answer.headers
    assert answer.body.startswith(b'data: {"type":"start"')
    assert answer.body.endswith(b"data: [DONE]\n\n")
    for path in (b"/health/live", b"/nope"):
        (answer,) = server.answers(await server.talk(b"GET " + path + b" HTTP/1.0\r\n" + alive + b"\r\n"))
        assert len(answer.body) == int(answer.headers["content-length"])


async def test_an_offer_of_http_2_is_passed_over_and_the_request_is_served(server: Wire) -> None:
    offer = (b"connection: upgrade, http2-settings", b"upgrade: h2c", b"http2-settings: AAMAAABk")
    body = post(b"content-length: %d" % len(BODY), *offer)
    chunked = post(b"transfer-encoding: chunked", *offer, body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))
    answers = server.answers(
        await server.talk(body[:-20], body[-20:] + chunked + get(b"/models", b"host: x", *offer) + live())
    )
    assert [answer.status for answer in answers] == [200, 200, 200, 200]
    assert answers[0].body.endswith(b"[DONE]\n\n")
    assert b"gpt-4o-mini" in answers[2].body


async def test_a_websocket_is_not_opened(server: Wire) -> None:
    offer = (b"connection: upgrade", b"upgrade: websocket", b"sec-websocket-version: 13", b"sec-websocket-key: AAAA")
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(get(b"/api/chat", b"host: x", *offer))
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 405")
    writer.close()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "TRACE", "PATCH", "DELETE", "GET", "POST"])
async def test_no_method_opens_what_it_is_not_for(method: str) -> None:
    model = ScriptedModel(text_script("x"))
    async with wire(settings(), model_for=lambda _: model) as server:
        for path in ("/api/chat", "/models", "/health", "/completion", "/v1/chat/completions", "/api/chat/c/stop"):
            answer = await server.ask(f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
            assert answer.status in (200, 204, 405, 415)
            if answer.status == 405:
                assert answer.headers["allow"]
            if method == "HEAD":
                assert answer.body == b""
        assert model.requests == []


async def test_many_silent_and_half_open_connections_leave_room_for_others() -> None:
    async with wire(limits=WireLimits(head_timeout=1.0)) as server:
        idle = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(150)]
        for _, writer in idle[:75]:
            writer.write(b"GET / HTTP/1.1\r\nhost:")
        assert (await server.ask(live())).status == 200
        ends = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in idle)), 10)
        assert sum(b" 408 " in end for end in ends) == 75
        for _, writer in idle:
            writer.close()
        async with asyncio.timeout(5):
            while server.state.connections:  # noqa: ASYNC110 - the server has no event for that
                await asyncio.sleep(0.01)
