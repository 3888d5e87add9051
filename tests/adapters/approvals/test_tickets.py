"""The memory of approvals is bounded, and never lets a used one pass again."""

from __future__ import annotations

from mamba_adapters.approvals.tickets import MemoryTickets


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_text_is_kept_for_its_time() -> None:
    clock = Clock()
    tickets = MemoryTickets(clock=clock)
    await tickets.remember("a", "text", seconds=10)
    clock.now = 9.9
    assert await tickets.recall("a") == "text"
    clock.now = 10
    assert await tickets.recall("a") is None
    assert await tickets.recall("b") is None


async def test_a_newer_text_takes_the_place_of_the_older() -> None:
    tickets = MemoryTickets(clock=Clock())
    await tickets.remember("a", "old", seconds=10)
    await tickets.remember("a", "new", seconds=10)
    assert await tickets.recall("a") == "new"


async def test_the_oldest_text_is_forgotten_when_there_are_too_many() -> None:
    tickets = MemoryTickets(max_entries=2, clock=Clock())
    for key in "abc":
        await tickets.remember(key, key, seconds=10)
    assert [await tickets.recall(key) for key in "abc"] == [None, "b", "c"]


async def test_what_has_expired_makes_room() -> None:
    clock = Clock()
    tickets = MemoryTickets(max_entries=2, clock=clock)
    await tickets.remember("a", "a", seconds=1)
    await tickets.remember("b", "b", seconds=10)
    clock.now = 2
    await tickets.remember("c", "c", seconds=10)
    assert [await tickets.recall(key) for key in "abc"] == [None, "b", "c"]


async def test_a_key_is_taken_once_in_its_time() -> None:
    clock = Clock()
    tickets = MemoryTickets(clock=clock)
    assert await tickets.take("a", seconds=10)
    clock.now = 9.9
    assert not await tickets.take("a", seconds=10)
    assert await tickets.take("b", seconds=10)
    clock.now = 10
    assert await tickets.take("a", seconds=10)


async def test_nothing_can_be_taken_while_the_memory_of_taken_keys_is_full() -> None:
    clock = Clock()
    tickets = MemoryTickets(max_entries=2, clock=clock)
    assert await tickets.take("a", seconds=10)
    assert await tickets.take("b", seconds=20)
    assert not await tickets.take("c", seconds=10)
    assert not await tickets.take("a", seconds=10)
    clock.now = 10
    assert await tickets.take("c", seconds=10)
