"""Plain text, for `TextStreamChatTransport` and everything else that wants the words alone.

The protocol has no end mark, no ids and no errors. An answer that fails after its first word can only be cut off, which the
delivery does by dropping the connection; it never looks complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mamba_domain.events import TextDelta, TurnEvent

__all__ = ["TextEncoder"]

_HEADERS = MappingProxyType({"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"})


class TextEncoder:
    """The text of the answer, as it comes."""

    media_type = "text/plain"
    headers: Mapping[str, str] = _HEADERS
    keep_alive = b""
    cuts_on_failure = True

    def encode(self, events: Sequence[TurnEvent]) -> bytes:
        """See `WireEncoder`."""
        return "".join(event.text for event in events if isinstance(event, TextDelta)).encode("utf-8", "replace")
