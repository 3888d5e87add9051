"""The ports for whoever measures what turns run on: connections to providers, and the store of streams."""

from __future__ import annotations

from typing import Protocol

__all__ = ["EndpointObserver", "NoUpkeep", "StoreObserver"]


class EndpointObserver(Protocol):
    """Is told how connections to providers do. Methods return at once and never raise.

    `endpoint` is the connection's name, of which there are as many as the settings name.
    """

    def attempt_failed(self, *, endpoint: str, code: str) -> None:
        """An attempt to open an answer failed."""
        ...

    def attempt_repeated(self, *, endpoint: str) -> None:
        """There will be another one, after a wait."""
        ...

    def breaker_changed(self, *, endpoint: str, is_open: bool) -> None:
        """The endpoint is left alone from now on, or asked again."""
        ...


class StoreObserver(Protocol):
    """Is told how the store of streams does. Methods return at once and never raise."""

    def store_written(self, *, lag: float) -> None:
        """What was said `lag` seconds ago is safe now."""
        ...

    def store_failed(self, *, operation: str) -> None:
        """The store did not do what it was asked; `operation` is one of a few words."""
        ...


class NoUpkeep:
    """Measures nothing: an `EndpointObserver` and a `StoreObserver`."""

    def attempt_failed(self, *, endpoint: str, code: str) -> None:
        """Ignore."""

    def attempt_repeated(self, *, endpoint: str) -> None:
        """Ignore."""

    def breaker_changed(self, *, endpoint: str, is_open: bool) -> None:
        """Ignore."""

    def store_written(self, *, lag: float) -> None:
        """Ignore."""

    def store_failed(self, *, operation: str) -> None:
        """Ignore."""
