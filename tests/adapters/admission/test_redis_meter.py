"""Counting in Redis while Redis is ill: nobody is held back, and nobody is let off for long."""

from __future__ import annotations

import asyncio

import pytest

from mamba_adapters.admission.redis_meter import RedisMeter
from mamba_domain.errors import Misconfigured
from tests.fakes.redis_server import RedisServer


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_while_redis_is_gone_each_process_counts_for_itself_and_then_together_again() -> None:
    clock = Clock()
    with RedisServer() as server:
        async with RedisMeter(server.url, password=None, prefix="x:", clock=clock) as meter:
            assert await meter.take_turn("alice", 2)
            server.kill()
            assert await meter.take_turn("alice", 2)
            assert await meter.take_turn("alice", 2)
            assert not await meter.take_turn("alice", 2)
            await meter.take_tokens("alice", 7)
            assert (await meter.tokens("alice", 10)).remaining == 3
            server.start()
            assert not await meter.take_turn("alice", 2)
            clock.now += 5
            assert await meter.take_turn("alice", 2)
            assert (await meter.turns("alice", 2)).remaining == 1
            assert (await meter.tokens("alice", 10)).remaining == 10


async def test_a_redis_that_says_nothing_costs_one_short_wait_and_is_left_alone_for_a_while() -> None:
    clock = Clock()
    with RedisServer() as server:
        async with RedisMeter(server.url, password=None, prefix="x:", clock=clock) as meter:
            assert await meter.take_turn("alice", 1)
            server.pause()
            async with asyncio.timeout(5):
                assert await meter.take_turn("alice", 1)
                for _ in range(1000):
                    assert not await meter.take_turn("alice", 1)
            server.resume()
            clock.now += 5
            assert not await meter.take_turn("alice", 1)


async def test_a_wrong_password_is_not_told_and_not_fatal(capsys: pytest.CaptureFixture[str]) -> None:
    with RedisServer("--requirepass", "right-canary") as server:
        async with RedisMeter(server.url, password="wrong-canary", prefix="x:") as meter:
            assert await meter.take_turn("alice", 1)
        async with RedisMeter(server.url, password="right-canary", prefix="x:") as meter:
            assert await meter.take_turn("alice", 1)
            assert not await meter.take_turn("alice", 1)
    told = capsys.readouterr()
    assert "limits.storage_failed" in told.out + told.err
    assert "canary" not in told.out + told.err


@pytest.mark.parametrize("url", ["redis://x:port", "http://127.0.0.1", "redis://127.0.0.1:6379/0?socket_timeout=x"])
async def test_an_address_that_is_none_is_named_at_the_start(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        RedisMeter(url, password=None, prefix="x:")
    assert caught.value.key == "redis.url"
