"""Makes the stream store that the settings choose."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from mamba_adapters.config.settings import Settings
from mamba_adapters.streams.memory import MemoryStreams
from mamba_domain.chat import Streams
from mamba_domain.errors import Misconfigured
from mamba_domain.ports.health import HealthProbe
from mamba_domain.ports.upkeep import StoreObserver

__all__ = ["Storage", "storage"]

_AFTER_A_TURN = 60.0
"""Seconds beyond the longest turn after which a copy expires that nobody ends any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where streams are kept, what has to be entered for that, and how to ask after its health."""

    streams: Streams
    connections: tuple[AbstractAsyncContextManager[object], ...] = ()
    probes: tuple[HealthProbe, ...] = ()


def storage(settings: Settings, *, observer: StoreObserver | None = None) -> Storage:
    """The store; nothing is connected yet. Raises `Misconfigured` for one that cannot be made."""
    memory = MemoryStreams(
        high_water=settings.streams.high_water_bytes,
        keep_named=settings.streams.replay_seconds,
    )
    if settings.streams.adapter == "memory":
        return Storage(streams=memory)
    try:
        from mamba_adapters.redis.streams import RedisStreams
    except ImportError:
        raise Misconfigured("streams.adapter", 'is "redis", for which the extra redis must be installed') from None
    if settings.redis.url is None:
        raise Misconfigured("redis.url", 'required by streams.adapter = "redis"')
    password = settings.redis.password
    streams = RedisStreams(
        memory,
        url=settings.redis.url.get_secret_value(),
        password=None if password is None else password.get_secret_value(),
        prefix=settings.redis.prefix,
        longest_turn=settings.chat.total_timeout + _AFTER_A_TURN,
        keep_named=settings.streams.replay_seconds,
        observer=observer,
    )
    return Storage(streams=streams, connections=(streams,), probes=(streams.probe,))
