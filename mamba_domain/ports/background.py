"""The port to whatever runs a turn beside the request that asked for it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Protocol

__all__ = ["Background", "Running"]


class Running(Protocol):
    """A unit of work under way."""

    def cancel(self) -> object:
        """Ask it to stop; it ends a little later. Asking twice, or after the end, does nothing."""
        ...


class Background(Protocol):
    """Runs work that must outlive a request, and ends it when the process ends.

    - `start` returns at once and holds a strong reference until the work is over.
    - An exception that escapes the work is logged, never lost, and never ends other work.
    """

    def start(self, work: Coroutine[object, object, None], *, name: str) -> Running:
        """Begin."""
        ...
