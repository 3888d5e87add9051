"""The memory store keeps the port's promises, and its own about memory and pressure."""

from __future__ import annotations

import asyncio

import pytest

from mamba_adapters.streams.memory import MemoryStreams
from mamba_domain.events import TextDelta
from tests.contracts.stream_store import ID, StreamStoreContract, end, read_all, text_of


class TestMemoryStreams(StreamStoreContract):
    @pytest.fixture
    def store(self) -> MemoryStreams:
        return MemoryStreams()


async def test_the_writer_waits_while_its_only_reader_lags_and_goes_on_when_it_reads() -> None:
    store = MemoryStreams(high_water=10)
    sink = store.open(ID, None)
    async with store.follow(ID) as follower:
        assert follower is not None
        await sink.send((TextDelta(text="x" * 10),))
        sending = asyncio.create_task(sink.send((TextDelta(text="y"),)))
        for _ in range(3):
            await asyncio.sleep(0)
        assert not sending.done()
        assert text_of(await follower.next() or ()) == "x" * 10 + "y"
        await asyncio.wait_for(sending, 1)


async def test_a_slow_reader_holds_back_neither_the_writer_nor_the_fast_reader() -> None:
    store = MemoryStreams(high_water=10)
    sink = store.open(ID, None)
    async with store.follow(ID) as fast, store.follow(ID) as slow:
        assert fast is not None
        assert slow is not None
        for _ in range(5):
            await sink.send((TextDelta(text="x" * 9),))
            assert len(text_of(await fast.next() or ())) == 9
        await sink.send((end(),))
        assert len(text_of(await read_all(slow))) == 45


async def test_the_writer_goes_on_when_its_lagging_reader_leaves() -> None:
    store = MemoryStreams(high_water=1)
    sink = store.open(ID, None)
    async with store.follow(ID):
        sending = asyncio.create_task(sink.send((TextDelta(text="xyz"),)))
        await asyncio.sleep(0)
        assert not sending.done()
    await asyncio.wait_for(sending, 1)


async def test_a_log_is_forgotten_when_it_is_over_and_unread() -> None:
    store = MemoryStreams()
    sink = store.open(ID, None)
    async with store.follow(ID) as follower:
        assert follower is not None
        await sink.send((end(),))
        assert len(store) == 1
        await read_all(follower)
    assert len(store) == 0


async def test_a_stream_that_ends_before_its_reader_comes_is_kept_for_it() -> None:
    store = MemoryStreams(keep_unread=3600)
    sink = store.open(ID, None)
    await sink.send((TextDelta(text="quick"), end()))
    async with store.follow(ID) as follower:
        assert follower is not None
        assert text_of(await read_all(follower)) == "quick"
    assert len(store) == 0


async def test_a_stream_that_nobody_comes_for_is_forgotten_in_time() -> None:
    store = MemoryStreams(keep_unread=0)
    sink = store.open(ID, None)
    await sink.send((end(),))
    forgotten = asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, forgotten.set)
    await forgotten.wait()
    assert len(store) == 0
