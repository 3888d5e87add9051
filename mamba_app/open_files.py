"""How many files the process may have open: every stream takes two, and many machines give 1024 unless asked for more."""

from __future__ import annotations

import structlog

from mamba_adapters.config.settings import Settings

__all__ = ["allow_open_files"]

log = structlog.stdlib.get_logger("mamba.server")

_A_TURN = 2
"""The caller's connection, and the provider's."""
_OTHERS = 100


def allow_open_files(settings: Settings) -> None:
    """Ask for as many as `limits.max_turns` needs; where the process may not have them, the log says so."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.limits.max_turns * _A_TURN + _OTHERS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (ValueError, OSError):  # Some systems name a limit that they do not grant.
        allowed = soft
    if allowed < needed:
        log.warning("server.few_open_files", allowed=allowed, needed=needed, max_turns=settings.limits.max_turns)
