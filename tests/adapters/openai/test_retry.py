"""When another attempt is made, and after what wait."""

from __future__ import annotations

import asyncio
import time

import pytest

from mamba_adapters.openai.retry import RetryBudget, RetryPolicy, with_retries
from mamba_domain.errors import Code, ModelFailed, Rejected

DOWN = ModelFailed(Code.MODEL_UNAVAILABLE, retryable=True)
POLICY = RetryPolicy(base=0.001)


class Failing:
    """An attempt that raises each of these in turn, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.times: list[float] = []
        self.tried = asyncio.Event()

    async def __call__(self) -> str:
        self.times.append(time.monotonic())
        self.tried.set()
        if self._errors:
            raise self._errors.pop(0)
        return "done"


async def run(attempt: Failing, policy: RetryPolicy = POLICY, *, allowed: bool = True) -> str:
    return await with_retries(attempt, policy, may_retry=lambda _: allowed)


async def test_what_may_succeed_later_is_tried_again() -> None:
    attempt = Failing(DOWN, DOWN)
    assert await run(attempt) == "done"
    assert len(attempt.times) == 3


async def test_attempts_are_bounded_and_the_last_failure_is_raised() -> None:
    last = ModelFailed(Code.RATE_LIMITED, retryable=True)
    attempt = Failing(DOWN, DOWN, last, DOWN)
    with pytest.raises(ModelFailed) as caught:
        await run(attempt)
    assert caught.value is last
    assert len(attempt.times) == 3


@pytest.mark.parametrize(
    "error",
    [
        ModelFailed(Code.MODEL_ERROR),
        Rejected(Code.INVALID_REQUEST),
        RuntimeError("a bug"),
        ModelFailed(Code.RATE_LIMITED, retryable=True, retry_after=21),
    ],
)
async def test_what_will_not_succeed_is_not_tried_again(error: Exception) -> None:
    attempt = Failing(error)
    with pytest.raises(type(error)):
        await run(attempt)
    assert len(attempt.times) == 1


async def test_nothing_is_tried_again_where_that_is_not_allowed() -> None:
    attempt = Failing(DOWN)
    with pytest.raises(ModelFailed):
        await run(attempt, allowed=False)
    assert len(attempt.times) == 1


async def test_leave_is_asked_only_for_attempts_that_would_be_made() -> None:
    asked: list[ModelFailed] = []

    def may_retry(error: ModelFailed) -> bool:
        asked.append(error)
        return True

    with pytest.raises(ModelFailed):
        await with_retries(Failing(DOWN, DOWN, DOWN), POLICY, may_retry=may_retry)
    assert len(asked) == 2


async def test_a_provider_is_never_asked_again_before_the_time_that_it_named() -> None:
    attempt = Failing(ModelFailed(Code.RATE_LIMITED, retryable=True, retry_after=0.2))
    await run(attempt)
    assert attempt.times[1] - attempt.times[0] >= 0.2


async def test_a_wait_ends_at_once_when_nobody_waits_for_the_answer_any_more() -> None:
    attempt = Failing(ModelFailed(Code.RATE_LIMITED, retryable=True, retry_after=15))
    task = asyncio.create_task(run(attempt))
    await attempt.tried.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 0.5)
    assert len(attempt.times) == 1


def test_a_busy_endpoint_may_retry_a_fifth_of_its_calls() -> None:
    now = 0.0
    budget = RetryBudget(clock=lambda: now)
    for _ in range(1000):
        budget.count_call()
    assert sum(budget.take() for _ in range(1000)) == 200
    now = 10.1
    assert sum(budget.take() for _ in range(1000)) == 40


def test_an_idle_endpoint_may_retry_all_the_same() -> None:
    budget = RetryBudget()
    budget.count_call()
    assert budget.take()
