"""When an endpoint is left alone, and when it is asked again."""

from __future__ import annotations

import pytest

from mamba_adapters.openai.breaker import CircuitBreaker


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[CircuitBreaker, Clock]:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    assert [breaker.failed() for _ in range(20)] == [False] * 19 + [True]
    return breaker, clock


def test_many_failures_at_once_open_it() -> None:
    breaker, _ = opened()
    assert breaker.is_open
    assert breaker.refusal() == 1.0


def test_failures_that_come_slowly_do_not() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    for _ in range(200):
        clock.now += 0.2
        assert not breaker.failed()
    assert breaker.refusal() is None


def test_failures_among_more_successes_do_not() -> None:
    breaker = CircuitBreaker(clock=Clock())
    for _ in range(100):
        breaker.succeeded()
        breaker.succeeded()
        assert not breaker.failed()


def test_one_call_a_second_is_let_through_while_it_is_open() -> None:
    breaker, clock = opened()
    clock.now += 0.4
    assert breaker.refusal() == pytest.approx(0.6)
    clock.now += 0.6
    assert breaker.refusal() is None
    assert breaker.refusal() is not None
    clock.now += 1.0
    assert breaker.refusal() is None


def test_a_probe_that_fails_leaves_it_open_and_one_that_succeeds_closes_it() -> None:
    breaker, clock = opened()
    clock.now += 1.0
    assert breaker.refusal() is None
    assert not breaker.failed()
    assert breaker.is_open
    assert breaker.succeeded()
    assert breaker.refusal() is None
    assert not breaker.failed()
    assert not breaker.is_open
