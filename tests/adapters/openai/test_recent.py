"""Counting what happened of late."""

from __future__ import annotations

import random

import pytest

from mamba_adapters.openai.recent import Recent


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_happened_is_counted_until_its_time_is_over() -> None:
    clock = Clock()
    recent = Recent(seconds=10, clock=clock)
    for _ in range(3):
        recent.note()
    clock.now += 5
    recent.note()
    assert len(recent) == 4
    clock.now += 5.5
    assert len(recent) == 1
    clock.now += 3600
    assert len(recent) == 0


def test_all_can_be_forgotten() -> None:
    recent = Recent(seconds=10, clock=Clock())
    recent.note()
    recent.clear()
    assert len(recent) == 0


@pytest.mark.parametrize("seed", range(5))
def test_the_count_is_that_of_the_window_to_a_twentieth(seed: int) -> None:
    dice = random.Random(seed)
    clock = Clock()
    recent = Recent(seconds=2, clock=clock)
    times: list[float] = []
    for _ in range(500):
        clock.now += dice.expovariate(20)
        recent.note()
        times.append(clock.now)
        at_least = sum(clock.now - time < 1.9 for time in times)
        at_most = sum(clock.now - time <= 2.0 for time in times)
        assert at_least <= len(recent) <= at_most
