"""What every wire is: domain events in, bytes out, with no I/O and no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mamba_adapters.http.wire.profiles import Profile
from mamba_domain.events import TurnEvent

__all__ = ["WireEncoder", "WireFactory"]


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
    def is_document(self) -> bool:
        """Whether the answer is one document, of which nothing is sent before the turn has ended."""
        ...

    @property
    def is_cut(self) -> bool:
        """Whether the turn ended in a way that the wire has no word for: the connection must be dropped, not ended."""
        ...

    def encode(self, events: Sequence[TurnEvent]) -> bytes:
        """The events as whole frames."""
        ...


class WireFactory(Protocol):
    """Makes an encoder for one reader; an encoder's class is one.

    `replay`: the reader starts from nothing and is also told what was `Restored`. `profile`: what an AI SDK client is known
    to understand.
    """

    def __call__(self, *, replay: bool, profile: Profile) -> WireEncoder:
        """A new encoder."""
        ...
