"""What every wire is: domain events in, bytes out, with no I/O and no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mamba_domain.events import TurnEvent

__all__ = ["WireEncoder"]


class WireEncoder(Protocol):
    """Encodes one stream for one reader, deterministically.

    `media_type` and `headers` describe the response; `keep_alive` is what may be sent between any two encodings while
    nothing happens. After a terminal event, `encode` has written the wire's end marker.
    """

    @property
    def media_type(self) -> str:
        """The response's content type."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers beside the content type."""
        ...

    @property
    def keep_alive(self) -> bytes:
        """A harmless sign of life."""
        ...

    @property
    def cuts_on_failure(self) -> bool:
        """Whether the wire has no word for a failure, so that the connection must be dropped instead of ended."""
        ...

    def encode(self, events: Sequence[TurnEvent]) -> bytes:
        """The events as whole frames."""
        ...
