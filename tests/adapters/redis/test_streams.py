"""The Redis store keeps the port's promises, within one process and between several."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mamba_adapters.redis.streams import RedisStreams
from mamba_adapters.streams.memory import MemoryStreams
from tests.contracts.stream_store import StreamStoreContract
from tests.fakes.redis_server import RedisServer


@asynccontextmanager
async def replica(redis: RedisServer) -> AsyncIterator[RedisStreams]:
    """The store of one process."""
    async with RedisStreams(MemoryStreams(), url=redis.url) as store:
        yield store


class TestRedisStreams(StreamStoreContract):
    @pytest.fixture
    async def store(self, redis: RedisServer) -> AsyncIterator[RedisStreams]:
        async with replica(redis) as store:
            yield store
