"""Two assembled servers over one Redis: what one answers the other follows, stops, joins and ends honestly.

The first is a process of its own, so that it can be killed; a chat is asked there and looked after at the second.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.app.entrances import ALICE, BOB, CLOSED
from tests.app.harness import chat_body, chunks_of, running_app, settings, text_of
from tests.app.process import ServerProcess, server_process
from tests.fakes.openai_server import FakeOpenAI, Reply, Text, Until, think, tool_call
from tests.fakes.redis_server import RedisServer

STREAM = "/api/chat/chat-1/stream"
STOP = "/api/chat/chat-1/stop"
NAMED = {"idempotency-key": "7f9c"}
CARD = '{"title": "Oslo", "description": "Rain"}'


@dataclass(frozen=True, slots=True)
class Pair:
    """`here` and `there` are Alice's clients of the two servers; `process` is the first of them.

    The model says "one " and goes on when told to.
    """

    process: ServerProcess
    here: httpx2.AsyncClient
    there: httpx2.AsyncClient
    upstream: FakeOpenAI
    go_on: asyncio.Event


@asynccontextmanager
async def pair(directory: Path, redis: RedisServer, values: Mapping[str, object] | None = None) -> AsyncIterator[Pair]:
    gate = asyncio.Event()
    async with FakeOpenAI() as upstream:
        paused = Reply(steps=(*think("Well."), Text("one "), Until(gate), Text("two")))
        upstream.script([paused, Reply(steps=(Text("another"),))])
        shared = {
            **CLOSED["api_key"],
            "model.adapter": "openai-chat",
            "openai.api_key": "sk-ours",
            "openai.base_url": upstream.base_url,
            "streams.adapter": "redis",
            "streams.on_disconnect": "linger",
            "redis.url": redis.url,
            **(values or {}),
        }
        async with (
            server_process(directory, shared) as process,
            running_app(settings(shared)) as app,
            alice_at(process.url) as here,
            alice_at(app.url) as there,
        ):
            yield Pair(process, here, there, upstream, gate)


def alice_at(url: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=url, headers=ALICE["api_key"], timeout=20, trust_env=False)


class Reading:
    """An answer on its way to a client."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.content = b""
        self._pieces = response.aiter_bytes()

    async def until(self, text: str) -> None:
        """Read until the answer has said this."""
        async with asyncio.timeout(20):
            while text.encode() not in self.content:
                self.content += await anext(self._pieces)

    async def whole(self) -> list[Any]:
        """Read to the end: all chunks of it, adjacent deltas as one."""
        async with asyncio.timeout(20):
            async for piece in self._pieces:
                self.content += piece
        return merged(chunks_of(self.content))


def merged(chunks: list[Any]) -> list[Any]:
    """The chunks as if each part's text had come in one piece."""
    found: list[Any] = []
    for chunk in chunks:
        for name, of in (("delta", "id"), ("inputTextDelta", "toolCallId")):
            if name in chunk and found and name in found[-1] and found[-1][of] == chunk[of]:
                found[-1][name] += chunk[name]
                break
        else:
            found.append(chunk)
    return found


@asynccontextmanager
async def asked(client: httpx2.AsyncClient, text: str = "Hello", **headers: str) -> AsyncIterator[Reading]:
    """A question, and its answer as far as the first word."""
    async with client.stream("POST", "/api/chat", json=chat_body(text), headers=headers) as response:
        assert response.status_code == 200
        reading = Reading(response)
        await reading.until("one ")
        yield reading


@asynccontextmanager
async def followed(client: httpx2.AsyncClient) -> AsyncIterator[Reading]:
    """The running answer, as soon as it can be seen from there."""
    async with asyncio.timeout(20):
        while True:
            async with client.stream("GET", STREAM) as response:
                if response.status_code == 200:
                    yield Reading(response)
                    return
                assert response.status_code == 204


def kinds(chunks: list[Any]) -> list[str]:
    return [chunk if isinstance(chunk, str) else chunk["type"] for chunk in chunks]


async def test_an_answer_is_followed_elsewhere_from_its_first_event_to_its_end(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with pair(tmp_path, redis) as two:
        card = tool_call(0, "c1", "generateCard", CARD[:9], CARD[9:])
        first = Reply(steps=(*think("Well."), Text("one "), Until(two.go_on), *card), finish="tool_calls")
        two.upstream.script([first, Reply(steps=(Text("two"),))])
        async with asked(two.here) as original, followed(two.there) as copy, followed(two.there) as another:
            await copy.until("one ")
            two.go_on.set()
            chunks = await original.whole()
            assert await copy.whole() == chunks
            assert await another.whole() == chunks
        assert kinds(chunks)[0] == "start"
        assert {"reasoning-delta", "tool-output-available", "finish"} <= set(kinds(chunks))
        assert kinds(chunks)[-1] == "[DONE]"
        assert text_of(chunks) == "one two"


async def test_whoever_loses_the_connection_elsewhere_comes_back_there(tmp_path: Path, redis: RedisServer) -> None:
    async with pair(tmp_path, redis) as two:
        async with asked(two.here):
            pass
        for _ in range(3):
            async with followed(two.there) as cut:
                await cut.until("one ")
        async with followed(two.there) as back:
            two.go_on.set()
            assert text_of(await back.whole()) == "one two"
        assert len(two.upstream.requests) == 1


async def test_a_stop_elsewhere_ends_the_turn_for_every_reader(tmp_path: Path, redis: RedisServer) -> None:
    async with pair(tmp_path, redis) as two, asked(two.here) as original, followed(two.there) as copy:
        assert (await two.there.post(STOP)).status_code == 204
        for reading in (original, copy):
            assert kinds(await reading.whole())[-2:] == ["abort", "[DONE]"]
        await two.upstream.quiet()
        assert (await two.there.post(STOP)).status_code == 204


async def test_a_chat_of_another_is_as_unknown_elsewhere_and_goes_on(tmp_path: Path, redis: RedisServer) -> None:
    async with pair(tmp_path, redis) as two, asked(two.here) as original, followed(two.there):
        bob = BOB["api_key"]
        async with httpx2.AsyncClient(base_url=two.there.base_url, headers=bob, timeout=20, trust_env=False) as client:
            for path in (STREAM, STREAM.replace("chat-1", "nowhere")):
                answer = await client.get(path)
                assert (answer.status_code, answer.content) == (204, b"")
            assert (await client.post(STOP)).status_code == 204
        assert (await two.there.get(STREAM.replace("chat-1", "nowhere"))).status_code == 204
        two.go_on.set()
        assert text_of(await original.whole()) == "one two"


async def test_readers_of_a_server_that_was_killed_get_what_it_wrote_and_an_error(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with pair(tmp_path, redis) as two, asked(two.here) as original:
        async with followed(two.there) as copy:
            await copy.until("one ")
            two.process.send_signal(signal.SIGKILL)
            with pytest.raises(httpx2.TransportError):
                await original.whole()
            async with asyncio.timeout(8):
                chunks = await copy.whole()
        async with asyncio.timeout(8), followed(two.there) as late:
            again = await late.whole()
    for found in (chunks, again):
        assert text_of(found) == "one "
        assert kinds(found)[-2:] == ["error", "[DONE]"]
        assert "abort" not in kinds(found)
        assert found[: kinds(found).index("text-delta")] == chunks_until_text(original)


def chunks_until_text(reading: Reading) -> list[Any]:
    """What came before the first text, as far as it is whole."""
    whole, _, _ = reading.content.rpartition(b"\n\n")
    chunks = merged(chunks_of(whole))
    return chunks[: kinds(chunks).index("text-delta")]


async def test_a_server_that_is_told_to_end_finishes_for_its_readers_elsewhere(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with pair(tmp_path, redis) as two, asked(two.here), followed(two.there) as copy:
        two.process.terminate()
        await two.process.told("server.draining")
        two.go_on.set()
        chunks = await copy.whole()
        assert (text_of(chunks), kinds(chunks)[-2:]) == ("one two", ["finish", "[DONE]"])
        assert await two.process.ended() == 0


async def test_a_server_that_ends_too_soon_says_so_to_its_readers_elsewhere(tmp_path: Path, redis: RedisServer) -> None:
    async with pair(tmp_path, redis, {"server.grace": 0.2}) as two, asked(two.here), followed(two.there) as copy:
        two.process.terminate()
        chunks = await copy.whole()
        assert (text_of(chunks), kinds(chunks)[-2:]) == ("one ", ["error", "[DONE]"])
        assert await two.process.ended() == 0


async def test_the_same_request_elsewhere_joins_the_running_turn(tmp_path: Path, redis: RedisServer) -> None:
    async with pair(tmp_path, redis) as two, asked(two.here, **NAMED) as original:
        async with asked(two.there, **NAMED) as joined:
            other = await two.there.post("/api/chat", json=chat_body("Something else"), headers=NAMED)
            assert (other.status_code, other.json()["code"]) == (422, "INVALID_REQUEST")
            two.go_on.set()
            assert await joined.whole() == await original.whole()
        again = await two.there.post("/api/chat", json=chat_body(), headers=NAMED)
        assert merged(chunks_of(again.content)) == merged(chunks_of(original.content))
        assert len(two.upstream.requests) == 1


async def test_a_new_message_elsewhere_takes_the_place_of_the_running_answer(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with pair(tmp_path, redis) as two, asked(two.here) as former, followed(two.there):
        answer = await two.there.post("/api/chat", json=chat_body("And now?"))
        assert text_of(chunks_of(answer.content)) == "another"
        chunks = await former.whole()
        assert (text_of(chunks), kinds(chunks)[-2:]) == ("one ", ["abort", "[DONE]"])
        assert len(two.upstream.requests) == 2


async def test_a_new_message_elsewhere_is_refused_where_the_running_answer_is_spared(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with (
        pair(tmp_path, redis, {"chat.when_busy": "reject"}) as two,
        asked(two.here) as former,
        followed(two.there),
    ):
        refused = await two.there.post("/api/chat", json=chat_body("And now?"))
        assert (refused.status_code, refused.json()["code"]) == (409, "INVALID_REQUEST")
        two.go_on.set()
        assert text_of(await former.whole()) == "one two"
        assert len(two.upstream.requests) == 1
