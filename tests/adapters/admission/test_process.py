"""Counting in the process: windows that move, days that end, and memory that does not grow."""

from __future__ import annotations

from datetime import UTC, datetime

from mamba_adapters.admission.meter import Meter
from mamba_adapters.admission.process import ProcessStorage


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_the_minute_moves_with_each_turn() -> None:
    clock = Clock()
    meter = Meter(ProcessStorage(clock), clock=clock)
    assert await meter.take_turn("alice", 2)
    clock.now += 40
    assert await meter.take_turn("alice", 2)
    assert not await meter.take_turn("alice", 2)
    quota = await meter.turns("alice", 2)
    assert (quota.remaining, quota.resets_in) == (0, 20)
    clock.now += 20
    assert await meter.take_turn("alice", 2)
    assert not await meter.take_turn("alice", 2)


async def test_there_are_new_tokens_after_midnight() -> None:
    now = datetime(2031, 5, 6, 23, 59, 30, tzinfo=UTC)
    meter = Meter(ProcessStorage(), today=lambda: now)
    await meter.take_tokens("alice", 12)
    quota = await meter.tokens("alice", 10)
    assert (quota.limit, quota.remaining, quota.resets_in) == (10, 0, 30)
    now = datetime(2031, 5, 7, tzinfo=UTC)
    quota = await meter.tokens("alice", 10)
    assert (quota.remaining, quota.resets_in) == (10, 86_400)


async def test_callers_who_do_not_come_back_are_forgotten() -> None:
    clock = Clock()
    storage = ProcessStorage(clock)
    meter = Meter(storage, clock=clock)
    for number in range(20_000):
        clock.now += 1
        await meter.take_turn(f"caller-{number}", 5)
        if number < 10_000:
            await meter.take_tokens(f"caller-{number}", 5)
    clock.now += 90_000
    for number in range(20_000):
        await meter.take_turn(f"late-{number % 10}", 5)
        await meter.take_tokens(f"late-{number % 10}", 5)
    assert len(storage) <= 20


async def test_who_asks_on_while_refused_takes_no_memory() -> None:
    clock = Clock()
    storage = ProcessStorage(clock)
    meter = Meter(storage, clock=clock)
    for _ in range(10_000):
        await meter.take_turn("alice", 3)
    assert len(storage) == 1
    assert (await meter.turns("alice", 3)).remaining == 0
