"""Tells other processes that this one lives, and notices when the server has lost what it held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from redis.exceptions import RedisError

from mamba_adapters.redis.link import Command, Link, Unavailable
from mamba_domain.ports.health import Health, HealthResult
from mamba_domain.ports.upkeep import StoreObserver

__all__ = ["BEAT", "LIFE", "Lease", "RedisProbe"]

BEAT: Final = 0.7
"""Seconds between two signs of life."""
LIFE: Final = 3.5
"""Seconds after the last one when the process counts as dead."""
_LIFE_MS: Final = int(LIFE * 1000)


class Lease:
    """A key that expires unless it is renewed. `lost` is called when it had vanished between two beats.

    `also` gives commands that are to be carried out with a beat. A beat that fails is counted: it is what still fails while
    nobody writes and nobody asks, so that an outage lasts as long in the metrics as in truth.
    """

    def __init__(
        self,
        link: Link,
        key: str,
        *,
        lost: Callable[[], None],
        also: Callable[[], Sequence[Command]],
        observer: StoreObserver,
    ) -> None:
        self._link = link
        self._key = key
        self._lost = lost
        self._also = also
        self._observer = observer
        self._held = False

    async def keep(self) -> None:
        """Renew it for ever."""
        while True:
            await self.renew()
            await asyncio.sleep(BEAT)

    async def renew(self) -> None:
        """One beat. A full server refuses to set a key and still prolongs one."""
        asked = time.monotonic()
        commands: list[Command] = [
            ("PEXPIRE", self._key, _LIFE_MS),
            ("SET", self._key, b"", "PX", _LIFE_MS),
            *self._also(),
        ]
        try:
            existed, *replies = await self._link.send(commands)
        except Unavailable:
            self._link.latency = None
            self._observer.store_failed(operation="beat")
            return
        if isinstance(replies[0], RedisError):
            self._link.latency = None
            self._observer.store_failed(operation="beat")
        else:
            self._link.latency = time.monotonic() - asked
        if self._held and existed == 0:
            self._lost()
        self._held = True

    async def give_up(self) -> None:
        """The process ends."""
        await self._link.ask(("DEL", self._key), within=0.2)


class RedisProbe:
    """A `HealthProbe` that asks nothing: the beats tell."""

    name = "redis"

    def __init__(self, link: Link) -> None:
        self._link = link

    async def check(self) -> HealthResult:
        """See the port."""
        latency = self._link.latency
        if latency is None or not self._link.is_well:
            return HealthResult(status=Health.DEGRADED)
        return HealthResult(status=Health.HEALTHY, latency=latency)
