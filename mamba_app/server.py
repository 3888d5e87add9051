"""Runs the application under uvicorn, and ends it in an order that cuts nobody off.

SIGTERM: not ready at once, still accepting for `drain_delay` while load balancers notice, then the listener closes and
running streams may finish until `grace` has passed since the signal; the rest end with an honest error. A second signal is
final. The exit status is 0.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from mamba_adapters.http.peer import PeerProtocol

__all__ = ["DrainingServer", "server_config"]

_LAST_WORDS = 1.0
"""Seconds for the error frames to leave once the grace period is over."""


def server_config(app: ASGIApp, *, host: str, port: int, forwarded_allow_ips: str) -> uvicorn.Config:
    """How this service runs uvicorn."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PeerProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=bool(forwarded_allow_ips),
        forwarded_allow_ips=forwarded_allow_ips,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=None,
        backlog=2048,
    )


class DrainingServer(uvicorn.Server):
    """uvicorn's server with the order of ending above. Times are in seconds since the first signal."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        drain_delay: float,
        grace: float,
        stop_accepting_traffic: Callable[[], None],
        stop_turns: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._drain_delay = drain_delay
        self._grace = grace
        self._stop_accepting_traffic = stop_accepting_traffic
        self._stop_turns = stop_turns
        self._signalled: float | None = None
        config.timeout_graceful_shutdown = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, the second one is the end."""
        if self._signalled is None:
            self._signalled = time.monotonic()
            self._stop_accepting_traffic()
        else:
            self.should_exit = True
            self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether the listener is to be closed."""
        if self._signalled is not None and (self._idle() or time.monotonic() - self._signalled >= self._drain_delay):
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Let streams finish until the grace period is over, then have each say that it was cut."""
        ending = asyncio.create_task(self._end_of_grace(), name="end of grace")
        try:
            await super().shutdown()
        finally:
            ending.cancel()

    async def _end_of_grace(self) -> None:
        since = self._signalled if self._signalled is not None else time.monotonic()
        await asyncio.sleep(max(0.0, since + self._grace - time.monotonic()))
        self._stop_turns()
        await asyncio.sleep(_LAST_WORDS)
        self.force_exit = True

    def _idle(self) -> bool:
        return self._drain_delay <= 0
