"""Runs the application under uvicorn, and ends it in an order that cuts nobody off.

SIGTERM: not ready at once, still accepting for `drain_delay` while load balancers notice, then the listener closes and
running turns may finish until `grace` has passed since the signal; the rest end with an honest error. SIGINT, which a
person sends, skips the delay. A second signal is final. The exit status is 0, and 1 where the end had to be forced.

A worker hears of a signal from the first process. Where a terminal or a service manager sends it to every process, it comes
twice, and still counts once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType

import structlog
import uvicorn
from starlette.types import ASGIApp

from mamba_adapters.http.cross_origin import CrossOrigin, refusal_headers
from mamba_adapters.http.guard import WireLimits, guarded_by
from mamba_app.ending import end_process
from mamba_app.memory import Tidying, give_back

__all__ = ["DrainingServer", "server_config"]

log = structlog.stdlib.get_logger("mamba.server")

_LAST_WORDS = 0.5
"""Seconds for the error frames to leave once the grace period is over."""
_CLOSING = 0.3
"""Seconds after that in which the application may close what it holds."""
_AT_THE_LATEST = 0.95
"""Seconds after the grace period, or after a second signal, when the process ends whatever still holds it."""
_TICK = 0.02


def server_config(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    forwarded_allow_ips: str,
    limits: WireLimits | None = None,
    cross_origin: CrossOrigin | None = None,
) -> uvicorn.Config:
    """How this service runs uvicorn."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=guarded_by(limits or WireLimits(), refusal_headers(cross_origin or CrossOrigin())),
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
        running_turns: Callable[[], int],
        stop_turns: Callable[[], None],
        when_started: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._drain_delay = drain_delay
        self._grace = grace
        self._stop_accepting_traffic = stop_accepting_traffic
        self._running_turns = running_turns
        self._stop_turns = stop_turns
        self._when_started = when_started
        self._signalled: float | None = None
        self._heard_from: set[str] = set()
        self._starting: asyncio.Task[object] | None = None
        self._owns_process = False
        self._tidying = Tidying(give_back)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal. The process is this server's: it is ended in time even if something blocks it."""
        self._owns_process = True
        super().run(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, the second one is the end."""
        self._told_to_end(sig, "signal")

    def obey(self, orders: int) -> None:
        """Take signals from another process, too: as bytes of this pipe, whose end is that process's end."""
        threading.Thread(target=self._read_orders, args=(orders,), name="orders", daemon=True).start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """A signal that comes meanwhile ends the start: nobody was promised anything yet."""
        if self._signalled is not None:
            self.should_exit = True
            return
        this = self._starting = asyncio.current_task()
        try:
            await super().startup(sockets)
        except asyncio.CancelledError:
            if this is None or self._signalled is None:
                raise
            this.uncancel()
        finally:
            self._starting = None
        self.should_exit = self.should_exit or self._signalled is not None
        if self.started:
            self._when_started()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether the listener is to be closed, and whether a rush is over."""
        if self._signalled is not None and time.monotonic() - self._signalled >= self._drain_delay:
            self.should_exit = True
        self._tidying.look(len(self.server_state.tasks))
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let turns finish until the grace period is over, then have each say that it was cut."""
        self._stop_accepting_traffic()
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        log.info("server.draining", connections=len(self.server_state.connections), turns=self._running_turns())
        end_of_grace = (self._signalled or time.monotonic()) + self._grace
        await self._idle_by(end_of_grace)
        if not self._is_idle():
            log.warning("server.cutting", connections=len(self.server_state.connections), turns=self._running_turns())
            self._stop_turns()
            await self._idle_by(time.monotonic() + _LAST_WORDS, come_what_may=True)
            self._drop_the_rest()
        if not self.force_exit:
            await self._close_application(max(_CLOSING, end_of_grace - time.monotonic()))

    def _read_orders(self, orders: int) -> None:
        while order := os.read(orders, 1):
            self._told_to_end(order[0], "order")
        self._told_to_end(signal.SIGTERM, "order")

    def _told_to_end(self, sig: int, source: str) -> None:
        if source in self._heard_from:
            self.should_exit = self.force_exit = True
            self._end_process_after(_AT_THE_LATEST, status=1)
            return
        self._heard_from.add(source)
        if self._signalled is not None:
            return
        self._signalled = time.monotonic()
        if sig == signal.SIGINT:
            self._drain_delay = 0.0
        self._stop_accepting_traffic()
        self._end_process_after(max(self._grace, self._drain_delay) + _AT_THE_LATEST, status=0)
        if self._starting is not None:
            self._starting.get_loop().call_soon_threadsafe(self._give_up_starting)

    async def _idle_by(self, deadline: float, *, come_what_may: bool = False) -> None:
        """Wait until nothing is under way, until the deadline, or, unless it is given no say, until a second signal."""
        # uvicorn has no event for its connections and tasks.
        while not self._is_idle() and (come_what_may or not self.force_exit) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_TICK)

    def _give_up_starting(self) -> None:
        if self._starting is not None:
            self._starting.cancel()

    def _is_idle(self) -> bool:
        return not (self.server_state.connections or self.server_state.tasks or self._running_turns())

    def _drop_the_rest(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()

    async def _close_application(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.lifespan.shutdown()
        except TimeoutError:
            log.warning("server.not_closed", note="the application did not close what it holds in time")

    def _end_process_after(self, seconds: float, *, status: int) -> None:
        """A thread that blocks, a tool's for one, would hold the interpreter's own exit for ever."""
        if self._owns_process:
            timer = threading.Timer(seconds, end_process, (status,))
            timer.daemon = True
            timer.start()
