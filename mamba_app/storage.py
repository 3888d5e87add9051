"""Makes the stream store that the settings choose."""

from __future__ import annotations

import importlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from mamba_adapters.config.settings import Settings
from mamba_adapters.streams.memory import MemoryStreams
from mamba_domain.chat import Streams
from mamba_domain.errors import Misconfigured
from mamba_domain.ports.health import HealthProbe
from mamba_domain.ports.upkeep import StoreObserver

__all__ = ["Storage", "storage"]

_PROMISED = ("open", "claim", "release", "running", "resumable", "follow", "followers", "attend", "stop", "hang_up")
_BEFORE_ITS_READER = 30.0
"""Seconds for which an answer is kept at least that ended without a reader."""
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
    if settings.streams.adapter not in ("memory", "redis"):
        return _made_by(settings.streams.adapter)
    keep_unread = max(_BEFORE_ITS_READER, settings.streams.linger_seconds)
    memory = MemoryStreams(
        high_water=settings.streams.high_water_bytes,
        keep_unread=keep_unread,
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
        keep_unread=keep_unread,
        observer=observer,
    )
    return Storage(streams=streams, connections=(streams,), probes=(streams.probe,))


def _made_by(path: str) -> Storage:
    """The store that a factory named by `package.module:name` makes; it is entered where it can be."""
    module_name, _, attribute = path.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise Misconfigured("streams.adapter", f"{path} cannot be imported") from error
    streams = factory()
    lacking = [name for name in _PROMISED if not callable(getattr(streams, name, None))]
    if lacking:
        raise Misconfigured("streams.adapter", f"{path} makes no store: it has no {lacking[0]}")
    connections = (streams,) if isinstance(streams, AbstractAsyncContextManager) else ()
    return Storage(streams=streams, connections=connections)
