"""Settings of all tests, and the one Redis server that they share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.fakes.redis_server import RedisServer

# A busy machine is no failure: examples may take as long as they take, within the limit of each test.
settings.register_profile("mamba", deadline=None)
settings.load_profile("mamba")


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """A server without data. Whoever kills or reconfigures one starts one of their own."""
    shared_redis.tell("FLUSHALL")
    return shared_redis
