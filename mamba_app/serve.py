"""`mamba-server serve`: settings in, a running server until a signal."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from types import FrameType

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mamba_adapters.config.secrets import secret_values
from mamba_adapters.config.settings import Settings
from mamba_adapters.http.guard import WireLimits
from mamba_adapters.telemetry.logging import configure_logging
from mamba_adapters.telemetry.workers import forget_worker, share_metrics
from mamba_app.composition import compose
from mamba_app.open_files import allow_open_files
from mamba_app.server import DrainingServer, server_config
from mamba_app.workers import run_workers
from mamba_domain.errors import Misconfigured

__all__ = ["serve", "warm_up"]

log = structlog.stdlib.get_logger("mamba.server")

_OPEN = "ANYBODY who can reach this address can use the model at your expense; set auth.mode to close it"
_BANNER = """
  ************************************************************************
  *  WARNING: auth.mode is "none" and this address is not a local one.   *
  *  ANYBODY who can reach it can use the model, at your expense.        *
  *  Close it:  MAMBA_AUTH__MODE=api_key  MAMBA_AUTH__API_KEY=<secret>   *
  *  Or listen only to this machine:  MAMBA_SERVER__HOST=127.0.0.1       *
  ************************************************************************

"""
"""On standard error as well, whatever level is logged: this has to be seen."""

_PAUSE = 0.2
"""Seconds between two looks for a moment without requests."""
_MISCONFIGURED = 2
_COULD_NOT_START = 3


def serve(settings: Settings, *, notes: Sequence[str] = ()) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    # The first process of a container ignores signals that it has no handler for.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    configure_logging(level=settings.logging.level, style=settings.logging.format, secrets=secret_values(settings))
    for note in notes:
        log.info("settings.note", note=note)
    with share_metrics() if settings.server.workers > 1 else nullcontext():
        return _serve(settings)


def _serve(settings: Settings) -> int:
    try:
        application = compose(settings)
    except Misconfigured as problem:
        sys.stderr.write(f"{problem.key}: {problem.reason}\n")
        return _MISCONFIGURED
    _say_what_this_is(settings)
    allow_open_files(settings)
    gc.set_threshold(20_000, 20, 20)
    starting = _Starting(application.asgi)
    config = server_config(
        starting,
        host=settings.server.host,
        port=settings.server.port,
        forwarded_allow_ips=settings.server.forwarded_allow_ips,
        limits=WireLimits(
            head_timeout=settings.server.head_timeout,
            body_timeout=settings.server.body_timeout,
            max_late_bytes=settings.server.max_body_bytes,
        ),
        cross_origin=application.cross_origin,
    )
    server = DrainingServer(
        config,
        drain_delay=settings.server.drain_delay,
        grace=settings.server.grace,
        stop_accepting_traffic=lambda: setattr(application.readiness, "ready", False),
        running_turns=lambda: len(application.supervisor),
        stop_turns=application.chat.stop_all,
        when_started=lambda: threading.Thread(
            target=warm_up, args=(application.warm_up, lambda: not server.server_state.tasks), daemon=True
        ).start(),
    )
    try:
        if settings.server.workers == 1:
            return _run(server, starting)
        # Once, for all of them.
        warm_up(application.warm_up)
        listener = config.bind_socket()
    except SystemExit:
        # uvicorn says why, and not where.
        log.error("server.not_listening", host=settings.server.host, port=settings.server.port)
        return _COULD_NOT_START
    return run_workers(settings.server.workers, listener, partial(_run, server, starting), when_over=forget_worker)


def warm_up(work: Callable[[], None], is_idle: Callable[[], bool] = lambda: True) -> None:
    """Do `work`, then exempt what is there from collections: they would walk it again and again, and stop every stream.

    That waits for a moment without requests: garbage among what is exempt is never freed.
    """
    work()
    while not is_idle():
        time.sleep(_PAUSE)
    gc.freeze()


def _run(
    server: DrainingServer, starting: _Starting, listener: socket.socket | None = None, orders: int | None = None
) -> int:
    if orders is not None:
        server.obey(orders)
    try:
        server.run([listener] if listener is not None else None)
    except SystemExit as error:
        if starting.problem is not None:
            sys.stderr.write(f"{starting.problem}\n")
            return _MISCONFIGURED
        return _COULD_NOT_START if error.code else 0
    return 0


class _Starting:
    """The application; a setting that turns out wrong while it starts is told as other wrong settings are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.problem: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, self._telling(send) if scope["type"] == "lifespan" else send)

    def _telling(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            error = sys.exc_info()[1]
            if message["type"] == "lifespan.startup.failed":
                if isinstance(error, Misconfigured):
                    self.problem = f"{error.key}: {error.reason}"
                    message = {**message, "message": self.problem}
                elif isinstance(error, asyncio.CancelledError):
                    # A signal has ended the start: nothing went wrong.
                    message = {**message, "message": ""}
            await send(message)

        return sending


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _say_what_this_is(settings: Settings) -> None:
    if settings.model.adapter == "demo":
        log.warning("model.demo", note="answers come from the built-in demo model, not from a language model")
    if (settings.tools.functions or settings.tools.mcp) and not settings.tools.secrets:
        log.warning(
            "tools.secrets_unset",
            note="approvals and tool outputs are signed with a secret of this process: a restart invalidates them",
        )
    if settings.auth.mode == "none" and not _is_loopback(settings.server.host):
        log.warning("auth.none", note=_OPEN, host=settings.server.host)
        sys.stderr.write(_BANNER)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
