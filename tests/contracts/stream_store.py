"""What every `StreamStore` promises, as tests that each adapter runs: subclass and give a `store` fixture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby

import pytest

from mamba_domain.events import (
    FinishReason,
    StepFinished,
    StepStarted,
    TextDelta,
    Timings,
    ToolInputDelta,
    TurnEvent,
    TurnFinished,
    TurnStarted,
    Usage,
)
from mamba_domain.ports.streams import DeltaTaker, Follower, StreamId, StreamKey, StreamStore

__all__ = ["StreamStoreContract", "end", "read_all", "text_of"]

KEY = StreamKey(subject="alice", chat_id="c1")
ID = StreamId("s1")


def end() -> TurnFinished:
    return TurnFinished(
        finish_reason=FinishReason.STOP, usage=Usage(), timings=Timings(first_output=None, duration=0.0)
    )


async def read_all(follower: Follower) -> list[TurnEvent]:
    """Everything until the end, without holds."""
    events: list[TurnEvent] = []
    while taken := await follower.next():
        events += taken
    return events


def text_of(events: Sequence[TurnEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def _parked(
    follower: Follower,
    *,
    not_before: float = 0.0,
    until: float | None = None,
    take_deltas: DeltaTaker | None = None,
) -> asyncio.Task[Sequence[TurnEvent] | None]:
    """A reader that waits."""
    waiting = asyncio.create_task(follower.next(not_before=not_before, until=until, take_deltas=take_deltas))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    return waiting


class StreamStoreContract:
    """The port's docstrings, one test a sentence."""

    async def test_a_reader_sees_every_event_once_and_in_order(self, store: StreamStore) -> None:
        sink = store.open(ID, None)
        async with store.follow(ID) as follower:
            assert follower is not None
            await sink.send((TurnStarted(message_id="m", model="x"), StepStarted()))
            seen = list(await follower.next() or ())
            for word in ("one ", "two ", "three"):
                await sink.send((TextDelta(text=word),))
                seen += await follower.next() or ()
            await sink.send((StepFinished(finish_reason=FinishReason.STOP), end()))
            seen += await read_all(follower)
        assert text_of(seen) == "one two three"
        assert [type(event) for event in seen if not isinstance(event, TextDelta)] == [
            TurnStarted,
            StepStarted,
            StepFinished,
            TurnFinished,
        ]

    async def test_a_late_reader_starts_at_the_first_event(self, store: StreamStore) -> None:
        sink = store.open(ID, None)
        async with store.follow(ID) as early, store.follow(ID) as late:
            assert early is not None
            assert late is not None
            await sink.send((TurnStarted(message_id="m", model="x"), TextDelta(text="ab")))
            assert text_of(await early.next() or ()) == "ab"
            await sink.send((TextDelta(text="cd"),))
            await sink.send((end(),))
            assert text_of(await read_all(late)) == "abcd"
            assert text_of(await read_all(early)) == "cd"

    @pytest.mark.parametrize("cut", range(0, 12, 3))
    async def test_reading_in_pieces_gives_the_same_text_as_reading_at_once(self, store: StreamStore, cut: int) -> None:
        sink = store.open(ID, None)
        async with store.follow(ID) as follower, store.follow(ID) as whole:
            assert follower is not None
            assert whole is not None
            text = ""
            for n, letter in enumerate("streams keep"):
                await sink.send((TextDelta(text=letter),))
                if n == cut:
                    text += text_of(await follower.next() or ())
            await sink.send((end(),))
            text += text_of(await read_all(follower))
            assert text == text_of(await read_all(whole)) == "streams keep"

    async def test_deltas_of_different_calls_are_kept_apart(self, store: StreamStore) -> None:
        sink = store.open(ID, None)
        async with store.follow(ID) as follower:
            assert follower is not None
            for call_id in ("a", "a", "b", "a"):
                await sink.send((ToolInputDelta(call_id=call_id, text="x"),))
            await sink.send((end(),))
            events = await read_all(follower)
        deltas = groupby((e for e in events if isinstance(e, ToolInputDelta)), key=lambda delta: delta.call_id)
        texts = [(call_id, "".join(delta.text for delta in those)) for call_id, those in deltas]
        assert texts == [("a", "xx"), ("b", "x"), ("a", "x")]

    async def test_a_held_reader_waits_through_deltas_and_gets_them_merged(self, store: StreamStore) -> None:
        sink = store.open(ID, None)
        async with store.follow(ID) as follower:
            assert follower is not None
            not_before = asyncio.get_running_loop().time() + 0.05
            waiting = await _parked(follower, not_before=not_before)
            await sink.send((TextDelta(text="a"),))
            await sink.send((TextDelta(text="b"),))
            assert text_of(await waiting or ()) == "ab"
            assert asyncio.get_running_loop().time() >= not_before - 0.002

    async def test_anything_but_a_delta_ends_a_hold_at_once(self, store: StreamStore) -> None:
        sink = store.open(ID, None)
        async with store.follow(ID) as follower:
            assert follower is not None
            waiting = await _parked(follower, not_before=asyncio.get_running_loop().time() + 3600)
            await sink.send((TextDelta(text="a"), StepFinished(finish_reason=FinishReason.STOP)))
            assert len(await waiting or ()) == 2

    async def test_a_wait_without_events_ends_with_none_at_its_time(self, store: StreamStore) -> None:
        sink = store.open(ID, None)
        async with store.follow(ID) as follower:
            assert follower is not None
            assert await follower.next(until=asyncio.get_running_loop().time() + 0.01) is None
            await sink.send((TextDelta(text="a"),))
            assert text_of(await follower.next(until=asyncio.get_running_loop().time() + 3600) or ()) == "a"
            assert await follower.next(until=asyncio.get_running_loop().time() + 0.01) is None

    async def test_deltas_that_are_taken_while_a_reader_waits_come_once_and_before_what_follows(
        self, store: StreamStore
    ) -> None:
        sink = store.open(ID, None)
        seen: list[TurnEvent] = []

        def take(deltas: Sequence[TurnEvent]) -> float:
            seen.extend(deltas)
            return asyncio.get_running_loop().time() + 0.01

        async with store.follow(ID) as follower:
            assert follower is not None
            for text in ("ab", "cd"):
                waiting = await _parked(follower, take_deltas=take)
                for letter in text:
                    await sink.send((TextDelta(text=letter),))
                    await asyncio.sleep(0)
                await sink.send((StepFinished(finish_reason=FinishReason.STOP),))
                seen += await waiting or ()
                if not isinstance(seen[-1], StepFinished):
                    seen += await follower.next() or ()
            await sink.send((end(),))
            seen += await read_all(follower)
        names = [type(event).__name__ for event in seen]
        assert text_of(seen) == "abcd"
        assert [name for name, _ in groupby(names)] == [*("TextDelta", "StepFinished") * 2, "TurnFinished"]

    async def test_a_taker_that_wants_no_more_or_fails_concerns_its_reader_alone(self, store: StreamStore) -> None:
        sink = store.open(ID, None)

        def fail(deltas: Sequence[TurnEvent]) -> None:
            raise ZeroDivisionError

        async with store.follow(ID) as sated, store.follow(ID) as broken, store.follow(ID) as other:
            assert sated is not None
            assert broken is not None
            assert other is not None
            taken: list[TurnEvent] = []
            enough = await _parked(sated, take_deltas=taken.extend)
            error = await _parked(broken, take_deltas=fail)
            await sink.send((TextDelta(text="a"),))
            assert text_of([*taken, *(await enough or ())]) == "a"
            with suppress(ZeroDivisionError):
                assert text_of(await error or ()) == "a"
            await sink.send((TextDelta(text="b"), end()))
            assert text_of(await read_all(other)) == "ab"
            assert text_of(await read_all(sated)) == "b"

    async def test_leaving_ends_a_wait_under_way(self, store: StreamStore) -> None:
        store.open(ID, None)
        async with store.follow(ID) as follower:
            assert follower is not None
            waiting = await _parked(follower)
            follower.leave()
            assert await waiting == ()
            assert await follower.next() == ()

    async def test_a_running_stream_is_found_by_its_chat_until_it_ends(self, store: StreamStore) -> None:
        sink = store.open(ID, KEY)
        assert await store.running(KEY) == ID
        assert await store.running(StreamKey(subject="bob", chat_id="c1")) is None
        await sink.send((end(),))
        assert await store.running(KEY) is None

    async def test_nothing_follows_a_terminal_event(self, store: StreamStore) -> None:
        sink = store.open(ID, None)
        await sink.send((end(),))
        with pytest.raises(RuntimeError):
            await sink.send((TextDelta(text="late"),))

    async def test_an_unknown_stream_has_no_follower(self, store: StreamStore) -> None:
        async with store.follow(StreamId("nobody")) as follower:
            assert follower is None

    async def test_readers_are_counted(self, store: StreamStore) -> None:
        store.open(ID, None)
        assert store.followers(ID) == 0
        async with store.follow(ID), store.follow(ID):
            assert store.followers(ID) == 2
        assert store.followers(ID) == 0
