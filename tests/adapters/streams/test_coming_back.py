"""Whoever loses its connection comes back for the rest, even where the turn has ended meanwhile."""

from __future__ import annotations

import asyncio

from mamba_adapters.streams.memory import MemoryStreams
from mamba_domain.events import TextDelta, Timings, TurnCancelled, TurnEvent, TurnStarted, Usage
from mamba_domain.ports.streams import StreamId, StreamKey
from tests.contracts.stream_store import end, read_all, text_of

KEY = StreamKey(subject="alice", chat_id="c1")
ID = StreamId("s1")
BEGINNING = (TurnStarted(message_id="m", model="x"), TextDelta(text="one "))
STOPPED = TurnCancelled(usage=Usage(), timings=Timings(first_output=None, duration=0.0))


async def left_early(store: MemoryStreams, last: TurnEvent) -> None:
    """A reader leaves in the middle, then the turn ends."""
    sink = store.open(ID, KEY)
    async with store.follow(ID) as follower:
        assert follower is not None
        await sink.send(BEGINNING)
        await follower.next()
    await sink.send((TextDelta(text="two"), last))


async def test_a_stream_that_ended_while_its_reader_was_away_is_there_once_more() -> None:
    store = MemoryStreams()
    await left_early(store, end())
    assert await store.resumable(KEY) == ID
    assert await store.running(KEY) is None
    async with store.follow(ID) as follower:
        assert follower is not None
        assert text_of(await read_all(follower)) == "one two"
    assert await store.resumable(KEY) is None
    assert len(store) == 0


async def test_coming_back_may_fail_too() -> None:
    store = MemoryStreams()
    await left_early(store, end())
    async with store.follow(ID):
        """Gone again before anything was read."""
    assert await store.resumable(KEY) == ID


async def test_a_reader_who_left_between_the_end_and_its_reading_may_come_back() -> None:
    store = MemoryStreams()
    sink = store.open(ID, KEY)
    async with store.follow(ID):
        await sink.send((*BEGINNING, end()))
    assert await store.resumable(KEY) == ID


async def test_what_was_read_to_its_end_is_not_there_any_more() -> None:
    store = MemoryStreams()
    sink = store.open(ID, KEY)
    async with store.follow(ID) as follower:
        assert follower is not None
        await sink.send((*BEGINNING, end()))
        await read_all(follower)
    assert await store.resumable(KEY) is None
    assert len(store) == 0


async def test_a_stopped_turn_leaves_nothing_to_come_back_for() -> None:
    store = MemoryStreams()
    await left_early(store, STOPPED)
    assert await store.resumable(KEY) is None
    assert len(store) == 0


async def test_the_next_message_of_the_chat_takes_its_place() -> None:
    store = MemoryStreams()
    await left_early(store, end())
    sink = store.open(StreamId("s2"), KEY)
    assert await store.resumable(KEY) == "s2"
    async with store.follow(StreamId("s2")) as follower:
        assert follower is not None
        await sink.send((end(),))
        await read_all(follower)
    assert await store.resumable(KEY) is None


async def test_it_is_forgotten_in_the_end() -> None:
    store = MemoryStreams(keep_unread=0.0)
    await left_early(store, end())
    while len(store):  # noqa: ASYNC110 - the store has no event for this
        await asyncio.sleep(0)
    assert await store.resumable(KEY) is None
