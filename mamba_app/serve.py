"""`mamba-server serve`: settings in, a running server until a signal."""

from __future__ import annotations

import gc
import ipaddress
import sys
from collections.abc import Sequence

import structlog

from mamba_adapters.config.settings import Settings
from mamba_adapters.telemetry.logging import configure_logging
from mamba_app.composition import compose
from mamba_app.server import DrainingServer, server_config
from mamba_domain.errors import Misconfigured

__all__ = ["serve"]

log = structlog.stdlib.get_logger("mamba.server")

_MISCONFIGURED = 2
_COULD_NOT_START = 3


def serve(settings: Settings, *, notes: Sequence[str] = ()) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    configure_logging(level=settings.logging.level, style=settings.logging.format)
    for note in notes:
        log.info("settings.note", note=note)
    try:
        application = compose(settings)
    except Misconfigured as problem:
        sys.stderr.write(f"{problem.key}: {problem.reason}\n")
        return _MISCONFIGURED
    _say_what_this_is(settings)
    server = DrainingServer(
        server_config(
            application.asgi,
            host=settings.server.host,
            port=settings.server.port,
            forwarded_allow_ips=settings.server.forwarded_allow_ips,
        ),
        drain_delay=settings.server.drain_delay,
        grace=settings.server.grace,
        stop_accepting_traffic=lambda: setattr(application.readiness, "ready", False),
        stop_turns=application.chat.stop_all,
    )
    _spare_the_collector()
    try:
        server.run()
    except SystemExit:
        return _COULD_NOT_START
    return 0


def _say_what_this_is(settings: Settings) -> None:
    if settings.model.adapter == "demo":
        log.warning("model.demo", note="answers come from the built-in demo model, not from a language model")
    if settings.tools.functions and not settings.tools.secrets:
        log.warning(
            "tools.secrets_unset",
            note="approvals and tool outputs are signed with a secret of this process: a restart invalidates them",
        )
    if not _is_loopback(settings.server.host):
        log.warning(
            "auth.none",
            note="ANYBODY who can reach this address can use the model at your expense; set auth.mode to close it",
            host=settings.server.host,
        )


def _spare_the_collector() -> None:
    """What start-up made lives as long as the process: a full collection that walks it stops every stream for 50 ms."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
