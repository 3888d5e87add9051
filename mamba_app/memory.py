"""Gives memory back to the machine when a rush of streams is over.

What a stream needed is free as soon as it has ended, and the next one takes it. But the interpreter keeps free objects of
its own kinds until a full collection, and the C library keeps pages until it is asked: the process would stay as large as
its busiest moment.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import structlog

__all__ = ["Tidying", "give_back"]

log = structlog.stdlib.get_logger("mamba.server")

_RUSH = 64
"""Requests at the same time from which it is worth the while."""
_QUIET = 2.0
"""Seconds for which few are left."""


class Tidying:
    """Looks now and then; calls `tidy` once for each rush, when at most an eighth of its requests has been left for a while."""

    def __init__(self, tidy: Callable[[], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tidy = tidy
        self._clock = clock
        self._most = 0
        self._quiet_since: float | None = None

    def look(self, requests: int) -> None:
        """`requests` is how many run now."""
        self._most = max(self._most, requests)
        if self._most < _RUSH or requests > self._most // 8:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = self._clock()
        elif self._clock() - self._quiet_since >= _QUIET:
            self._most = requests
            self._quiet_since = None
            self._tidy()


def give_back() -> None:
    """Collect, and return free pages: some milliseconds, during which nothing else runs."""
    import ctypes

    started = time.perf_counter()
    gc.collect()
    # Only the GNU C library has it; others return pages by themselves.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    log.debug("memory.tidied", duration_ms=round((time.perf_counter() - started) * 1000, 1))
