"""A Redis that is away, slow, silent, emptied, full, locked or lost: running answers never notice, and it heals by itself.

Two assembled services share it: `here` runs the turns, `there` reads them. Nothing waits for Redis where an answer runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mamba_adapters.redis.lease import LIFE
from mamba_domain.events import FinishReason, ModelEvent, ModelFinished, TextDelta
from tests.app.harness import Running, chat_body, chunks_of, running_app, settings, text_of
from tests.app.process import client_of, server_process
from tests.fakes.openai_server import TEXT, FakeOpenAI
from tests.fakes.redis_server import RedisServer
from tests.fakes.scripted_model import ScriptedModel

STREAM = "/api/chat/chat-1/stream"
WORDS = [f"{number} " for number in range(100)]
SECRET = "not-the-password-4f1d"


class Speaker:
    """A model that says the next of `WORDS` when it is told to."""

    def __init__(self) -> None:
        self._gates = [asyncio.Event() for _ in WORDS]
        script: list[tuple[ModelEvent, ...] | asyncio.Event] = []
        for gate, word in zip(self._gates, WORDS, strict=True):
            script += [gate, (TextDelta(text=word),)]
        script.append((ModelFinished(finish_reason=FinishReason.STOP, usage=None),))
        self.model = ScriptedModel(script, [(TextDelta(text="another"),), script[-1]])
        self.said = 0

    def say(self, count: int = 1) -> None:
        for gate in self._gates[self.said : self.said + count]:
            gate.set()
        self.said += count

    def say_all(self) -> None:
        self.say(len(WORDS) - self.said)


class Reading:
    """An answer on its way to a client."""

    def __init__(self, response: httpx2.Response) -> None:
        self._pieces = response.aiter_bytes()
        self._content = b""

    async def until(self, count: int) -> None:
        """Read the first words."""
        async with asyncio.timeout(20):
            while f"{count - 1} ".encode() not in self._content:
                self._content += await anext(self._pieces)

    async def whole(self, *, within: float = 20) -> list[Any]:
        async with asyncio.timeout(within):
            async for piece in self._pieces:
                self._content += piece
        return chunks_of(self._content)


@dataclass(frozen=True, slots=True)
class Shared:
    """The two services."""

    here: Running
    there: Running
    speaker: Speaker

    @asynccontextmanager
    async def answer(self) -> AsyncIterator[Reading]:
        """A question here, and the first word of its answer."""
        self.speaker.say()
        async with self.here.http.stream("POST", "/api/chat", json=chat_body()) as response:
            reading = Reading(response)
            await reading.until(1)
            yield reading

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[Reading]:
        """The answer, as soon as it is found there."""
        async with asyncio.timeout(20):
            while True:
                async with self.there.http.stream("GET", STREAM) as response:
                    if response.status_code == 200:
                        yield Reading(response)
                        return

    async def one_by_one(self, reading: Reading, count: int) -> None:
        """Each word is said when the one before has been read: whatever waits in between would be seen."""
        for _ in range(count):
            self.speaker.say()
            await reading.until(self.speaker.said)


@asynccontextmanager
async def sharing(url: str) -> AsyncIterator[Shared]:
    speaker = Speaker()
    values = {
        "streams.adapter": "redis",
        "streams.on_disconnect": "linger",
        "streams.merge_ms": 0,
        "redis.url": url,
    }
    async with AsyncExitStack() as stack:
        here, there = [
            await stack.enter_async_context(running_app(settings(values), model_for=lambda _: speaker.model))
            for _ in range(2)
        ]
        yield Shared(here, there, speaker)


async def health(app: Running) -> Mapping[str, Any]:
    answer = await app.http.get("/health")
    assert answer.status_code == 200
    found: Mapping[str, Any] = answer.json()
    assert found["status"] == found["checks"]["redis"]["status"]
    return found


async def becomes(app: Running, status: str) -> None:
    """Wait until `/health` says this."""
    async with asyncio.timeout(20):
        while (await health(app))["status"] != status:  # noqa: ASYNC110 - another process has no event for this
            await asyncio.sleep(0.02)


def is_whole(chunks: list[Any]) -> bool:
    assert text_of(chunks) == "".join(WORDS)
    assert (chunks[-2]["type"], chunks[-1]) == ("finish", "[DONE]")
    return True


async def test_the_service_starts_without_redis_and_finds_it_later() -> None:
    with RedisServer() as redis:
        redis.kill()
        async with sharing(redis.url) as two, two.answer() as reading:
            assert (await two.here.http.get("/health/ready")).status_code == 200
            assert (await health(two.here))["status"] == "degraded"
            await two.one_by_one(reading, 10)
            assert (await two.there.http.get(STREAM)).status_code == 204
            async with two.here.http.stream("GET", STREAM) as own:
                assert own.status_code == 200
            redis.start()
            await becomes(two.here, "healthy")
            async with two.copy() as copy:
                await copy.until(11)
                two.speaker.say_all()
                assert is_whole(await copy.whole())
            assert is_whole(await reading.whole())


async def test_an_answer_ends_whole_while_redis_holds_its_breath() -> None:
    with RedisServer() as redis:
        async with sharing(redis.url) as two:
            async with two.answer() as reading, two.copy() as copy:
                await copy.until(1)
                redis.pause()
                await two.one_by_one(reading, len(WORDS) - 1)
                assert is_whole(await reading.whole())
                await becomes(two.here, "degraded")
                assert (await two.there.http.get("/api/chat/unknown/stream")).status_code == 204
                redis.resume()
                await becomes(two.here, "healthy")
                chunks = await copy.whole()
            # Whoever read there was told so, if it took too long.
            assert chunks[-2]["type"] == "error" or is_whole(chunks)


async def test_readers_elsewhere_get_an_honest_end_where_redis_stays_away() -> None:
    with RedisServer() as redis:
        async with sharing(redis.url) as two, two.answer() as reading, two.copy() as copy:
            await copy.until(1)
            redis.kill()
            chunks = await copy.whole(within=10)
            assert text_of(chunks) == WORDS[0]
            assert (chunks[-2]["type"], chunks[-1]) == ("error", "[DONE]")
            two.speaker.say_all()
            assert is_whole(await reading.whole())


@pytest.mark.parametrize("said_meanwhile", [0, 10])
@pytest.mark.parametrize("command", [("FLUSHALL",), ("CLIENT", "KILL", "TYPE", "normal")], ids=["emptied", "cut off"])
async def test_what_is_lost_in_between_is_made_good(
    redis: RedisServer, command: tuple[str, ...], said_meanwhile: int
) -> None:
    async with sharing(redis.url) as two, two.answer() as reading, two.copy() as copy:
        await two.one_by_one(reading, 10)
        await copy.until(11)
        redis.tell(*command)
        await two.one_by_one(reading, said_meanwhile)
        async with two.copy() as later:
            await later.until(11 + said_meanwhile)
            two.speaker.say_all()
            assert is_whole(await reading.whole())
            assert is_whole(await copy.whole())
            assert is_whole(await later.whole())


async def test_a_full_redis_costs_nothing_but_the_copy_and_that_is_made_up_for() -> None:
    with RedisServer("--maxmemory-policy", "noeviction") as redis:
        async with sharing(redis.url) as two, two.answer() as reading, two.copy() as copy:
            await copy.until(1)
            redis.tell("CONFIG", "SET", "maxmemory", "1")
            await two.one_by_one(reading, 50)
            await becomes(two.here, "degraded")
            named = await two.here.http.post(
                "/api/chat", json=chat_body(id="chat-2"), headers={"idempotency-key": "full"}
            )
            assert text_of(chunks_of(named.content)) == "another"
            two.speaker.say_all()
            assert is_whole(await reading.whole())
            # Longer than a reader waits for a writer of whom it cannot be known whether it lives.
            await asyncio.sleep(LIFE + 0.5)
            redis.tell("CONFIG", "SET", "maxmemory", "0")
            await becomes(two.here, "healthy")
            assert is_whole(await copy.whole())


async def test_a_slow_redis_slows_only_its_readers() -> None:
    with RedisServer() as redis:
        async with relayed(redis.url, delay=0.15) as url, sharing(url) as two, two.answer() as reading:
            async with two.copy() as copy:
                await two.one_by_one(reading, len(WORDS) - 1)
                assert is_whole(await reading.whole())
                assert is_whole(await copy.whole())
            assert (await health(two.here))["status"] == "healthy"


async def test_a_redis_that_sends_us_elsewhere_is_as_good_as_none(tmp_path: Path) -> None:
    async with listening(f"{tmp_path}/moved.sock", moved) as url, sharing(url) as two, two.answer() as reading:
        await becomes(two.here, "degraded")
        assert (await two.there.http.get(STREAM)).status_code == 204
        two.speaker.say_all()
        assert is_whole(await reading.whole())


@pytest.mark.parametrize("place", ["in the address", "of its own"])
async def test_a_wrong_password_is_said_and_never_shown(tmp_path: Path, place: str) -> None:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(FakeOpenAI())
        redis = stack.enter_context(RedisServer("--requirepass", "open-sesame"))
        values = {"streams.adapter": "redis", "logging.level": "DEBUG", "openai.base_url": upstream.base_url}
        if place == "in the address":
            values["redis.url"] = redis.url.replace("unix://", f"unix://:{SECRET}@")
        else:
            values |= {"redis.url": redis.url, "redis.password": SECRET}
        async with server_process(tmp_path, values) as server, client_of(server) as client:
            answer = await client.post("/api/chat", json=chat_body())
            assert text_of(chunks_of(answer.content)) == TEXT
            told = await server.told("redis.unavailable")
            assert told[0]["cause"] == "AuthenticationError"
            found = await client.get("/health")
            assert found.json()["checks"]["redis"] == {"status": "degraded"}
            assert (await client.get("/api/chat/unknown/stream")).status_code == 204
            server.terminate()
            assert await server.ended() == 0
        for shown in (found.text, repr(server.lines)):
            assert SECRET not in shown
            assert redis.url.removeprefix("unix://") not in shown


Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(path: str, connected: Connected) -> AsyncIterator[str]:
    """A URL at which each connection is served so, until the block ends."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError, asyncio.IncompleteReadError):
            await connected(reader, writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async with await asyncio.start_unix_server(accept, path):
        yield f"unix://{path}"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def relayed(url: str, *, delay: float) -> AsyncIterator[str]:
    """The same server, with so many seconds on the way there and on the way back."""
    there = url.removeprefix("unix://")

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(65536):
            loop.call_later(delay, writer.write, data)
        await asyncio.sleep(delay)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(there)
        with closing(far_writer):
            await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    async with listening(f"{there}.slow", connected) as slow:
        yield slow


async def moved(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Another node of a cluster has it, whatever is asked."""
    while head := await reader.readline():
        for _ in range(int(head[1:])):
            size = int((await reader.readline())[1:])
            await reader.readexactly(size + 2)
        writer.write(b"-MOVED 3999 127.0.0.1:1\r\n")
