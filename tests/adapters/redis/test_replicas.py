"""Two processes over one Redis: what one writes the other reads, stops and ends honestly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from mamba_adapters.redis.streams import RedisStreams
from mamba_adapters.streams.memory import MemoryStreams
from mamba_domain.events import TextDelta, TurnFailed, TurnFinished, TurnStarted
from mamba_domain.ports.streams import Claim, RequestKey, StreamId, StreamKey
from tests.contracts.stream_store import end, read_all, text_of
from tests.fakes.redis_server import RedisServer

KEY = StreamKey(subject="alice", chat_id="c1")
ID = StreamId("s1")
BEGINNING = (TurnStarted(message_id="m", model="x"), TextDelta(text="one "))


class Owner:
    """Hears what is asked of the turns of a process."""

    def __init__(self) -> None:
        self.stopped: asyncio.Queue[StreamId] = asyncio.Queue()
        self.read: asyncio.Queue[StreamId] = asyncio.Queue()

    def stop_asked(self, stream_id: StreamId) -> None:
        self.stopped.put_nowait(stream_id)

    def read_elsewhere(self, stream_id: StreamId) -> None:
        self.read.put_nowait(stream_id)


@asynccontextmanager
async def replica(redis: RedisServer) -> AsyncIterator[RedisStreams]:
    """The store of one process."""
    async with RedisStreams(MemoryStreams(), url=redis.url) as store:
        yield store


@pytest.fixture
async def here(redis: RedisServer) -> AsyncIterator[RedisStreams]:
    async with replica(redis) as store:
        yield store


@pytest.fixture
async def there(redis: RedisServer) -> AsyncIterator[RedisStreams]:
    async with replica(redis) as store:
        yield store


async def until(condition: Callable[[], bool]) -> None:
    """Wait, ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the server has no event for this
            await asyncio.sleep(0.005)


async def text_of_all(store: RedisStreams, stream_id: StreamId = ID) -> str:
    async with asyncio.timeout(10), store.follow(stream_id) as follower:
        assert follower is not None
        return text_of(await read_all(follower))


async def test_a_stream_is_found_and_followed_from_another_process(here: RedisStreams, there: RedisStreams) -> None:
    sink = here.open(ID, KEY)
    await sink.send(BEGINNING)
    assert await there.resumable(KEY) == ID
    assert await there.resumable(StreamKey(subject="bob", chat_id="c1")) is None
    readers = [asyncio.create_task(text_of_all(there)) for _ in range(3)]
    await until(lambda: there.followers(ID) == 3)
    for word in ("two ", "three"):
        await sink.send((TextDelta(text=word),))
    await sink.send((end(),))
    assert await asyncio.gather(*readers) == ["one two three"] * 3
    assert there.followers(ID) == 0


async def test_many_readers_share_few_connections(redis: RedisServer, here: RedisStreams, there: RedisStreams) -> None:
    sink = here.open(ID, KEY)
    await sink.send(BEGINNING)
    assert await there.resumable(KEY) == ID
    readers = [asyncio.create_task(text_of_all(there)) for _ in range(200)]
    await until(lambda: there.followers(ID) == 200)
    clients = redis.tell("CLIENT", "LIST").count(b"name=mamba-server")
    await sink.send((end(),))
    assert await asyncio.gather(*readers) == ["one "] * 200
    assert clients <= 2 * 9


async def test_a_stop_reaches_the_process_that_writes(here: RedisStreams, there: RedisStreams) -> None:
    owner = Owner()
    here.attend(owner)
    sink = here.open(ID, KEY)
    await sink.send(BEGINNING)
    assert await there.resumable(KEY) == ID
    running = await there.running(KEY)
    assert running == ID
    await there.stop(running)
    async with asyncio.timeout(10):
        assert await owner.stopped.get() == ID


@pytest.mark.parametrize("is_read_there", [False, True])
async def test_a_chat_that_goes_on_elsewhere_stops_its_former_turn(
    here: RedisStreams, there: RedisStreams, is_read_there: bool
) -> None:
    owner = Owner()
    here.attend(owner)
    await here.open(ID, KEY).send(BEGINNING)
    assert await there.resumable(KEY) == ID
    async with AsyncExitStack() as stack:
        if is_read_there:
            await stack.enter_async_context(there.follow(ID))
        await there.open(StreamId("s2"), KEY).send(BEGINNING)
        async with asyncio.timeout(10):
            assert await owner.stopped.get() == ID


async def test_a_stream_that_ended_unread_is_there_for_one_who_comes_back(
    here: RedisStreams, there: RedisStreams
) -> None:
    sink = here.open(ID, KEY)
    async with here.follow(ID) as follower:
        assert follower is not None
        await sink.send(BEGINNING)
        await follower.next()
    assert await there.resumable(KEY) == ID
    await sink.send((TextDelta(text="two"), end()))
    async with asyncio.timeout(10):
        while await there.running(KEY) is not None:
            """The end is on its way."""
    assert await there.resumable(KEY) == ID
    assert await text_of_all(there) == "one two"
    async with asyncio.timeout(10):
        while await there.resumable(KEY) is not None:
            """That it was read is on its way."""


async def test_a_stream_whose_reader_left_behind_its_end_is_there_as_well(
    here: RedisStreams, there: RedisStreams
) -> None:
    sink = here.open(ID, KEY)
    async with here.follow(ID) as follower:
        assert follower is not None
        await sink.send(BEGINNING)
        assert await there.resumable(KEY) == ID
        await sink.send((end(),))
        async with asyncio.timeout(10):
            while await there.resumable(KEY) is not None:
                """The end is on its way."""
    async with asyncio.timeout(10):
        while await there.resumable(KEY) != ID:
            """That its reader left is on its way."""
    assert await text_of_all(there) == "one "


async def test_an_unread_stream_is_kept_as_long_as_asked_for(redis: RedisServer) -> None:
    async with RedisStreams(MemoryStreams(keep_unread=500), url=redis.url, keep_unread=500) as store:
        sink = store.open(ID, KEY)
        async with store.follow(ID):
            await sink.send(BEGINNING)
        await sink.send((end(),))
        await until(lambda: 60 < int(redis.tell("TTL", f"mamba:stream:{ID}")[1:-2]) <= 500)


async def test_a_stream_that_was_read_to_its_end_is_not_found(here: RedisStreams, there: RedisStreams) -> None:
    sink = here.open(ID, KEY)
    async with here.follow(ID) as follower:
        assert follower is not None
        await sink.send((*BEGINNING, end()))
        await read_all(follower)
    async with asyncio.timeout(10):
        while await there.resumable(KEY) is not None:
            """The end is on its way."""
    assert await here.resumable(KEY) is None


async def test_followers_of_a_process_that_died_get_what_it_wrote_and_a_failure(
    redis: RedisServer, there: RedisStreams
) -> None:
    async with asyncio.timeout(20):
        writer = RedisStreams(MemoryStreams(), url=redis.url)
        await writer.__aenter__()
        await writer.open(ID, KEY).send(BEGINNING)
        assert await there.resumable(KEY) == ID
        # The process is gone without a word: its tasks end, its lease runs out.
        for task in writer._tasks:
            task.cancel()
        async with there.follow(ID) as follower:
            assert follower is not None
            events = await read_all(follower)
        assert text_of(events) == "one "
        assert isinstance(events[-1], TurnFailed)
        await writer._link.close()


async def test_a_named_request_is_one_stream_in_all_processes(here: RedisStreams, there: RedisStreams) -> None:
    name = RequestKey(subject="alice", name="n", fingerprint="f")
    other = RequestKey(subject="alice", name="n", fingerprint="g")
    stranger = RequestKey(subject="bob", name="n", fingerprint="f")
    assert await here.claim(name, ID) is None
    await here.open(ID, None, name).send((*BEGINNING, end()))
    assert await there.claim(name, StreamId("s2")) == Claim(stream_id=ID, fingerprint="f")
    assert await there.claim(other, StreamId("s3")) == Claim(stream_id=ID, fingerprint="f")
    assert await there.claim(stranger, StreamId("s4")) is None
    assert await text_of_all(there) == "one "


async def test_every_key_expires(redis: RedisServer, here: RedisStreams, there: RedisStreams) -> None:
    name = RequestKey(subject="alice", name="n", fingerprint="f")
    assert await here.claim(name, ID) is None
    sink = here.open(ID, KEY, name)
    await sink.send(BEGINNING)
    assert await there.resumable(KEY) == ID
    await there.stop(ID)
    await sink.send((end(),))
    async with asyncio.timeout(10):
        while await there.running(KEY) is not None:
            """The end is on its way."""
    keys = [line for line in redis.tell("KEYS", "*").split(b"\r\n") if line.startswith(b"mamba:")]
    assert {key.split(b":")[1] for key in keys} >= {b"stream", b"chat", b"request", b"process", b"inbox"}
    for key in keys:
        assert int(redis.tell("TTL", key.decode())[1:-2]) > 0, key


async def test_a_turn_goes_on_where_the_server_is_away(redis: RedisServer) -> None:
    with RedisServer() as own:
        async with replica(own) as store:
            sink = store.open(ID, KEY)
            async with store.follow(ID) as follower:
                assert follower is not None
                await sink.send(BEGINNING)
                own.kill()
                await sink.send((TextDelta(text="two"),))
                assert await store.resumable(KEY) == ID
                await sink.send((end(),))
                events = await read_all(follower)
    assert text_of(events) == "one two"
    assert isinstance(events[-1], TurnFinished)
