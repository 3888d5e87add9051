"""One JSON value as plain text, for `useObject`: the page reads it while it grows.

The protocol has no end mark and no errors. What is no whole JSON value in the end, because the turn failed or the model
wrote something else, can only be cut off, by dropping the connection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from mamba_adapters.http.wire.text import TextEncoder
from mamba_domain.events import TurnEvent, TurnFinished

__all__ = ["ObjectEncoder"]


class ObjectEncoder:
    """The text of the answer, judged at its end."""

    media_type = "text/plain"
    headers: Mapping[str, str] = TextEncoder.headers
    keep_alive = b""
    is_document = False

    def __init__(self) -> None:
        self._text = TextEncoder()
        self._sent = bytearray()
        self.is_cut = False

    def encode(self, events: Sequence[TurnEvent]) -> bytes:
        """See `WireEncoder`."""
        text = self._text.encode(events)
        self._sent += text
        if events and isinstance(events[-1], TurnFinished):
            self.is_cut = not _is_json(self._sent)
        else:
            self.is_cut = self._text.is_cut
        return text


def _is_json(text: bytearray) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
