"""Plain text, for `TextStreamChatTransport` and everything else that wants the words alone.

The protocol has no end mark, no ids and no errors. An answer that fails after its first word can only be cut off, by
dropping the connection; it never looks complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from mamba_adapters.http.wire.json_text import utf8
from mamba_adapters.http.wire.profiles import COMPAT, Profile
from mamba_domain.events import Restored, StepStarted, TextDelta, TurnEvent, TurnFailed

__all__ = ["TextEncoder"]

_HEADERS = MappingProxyType({"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"})


_BETWEEN_STEPS = "\n\n"


class TextEncoder:
    """The text of the answer, as it comes. `replay` is for readers that start from nothing."""

    media_type = "text/plain"
    headers: Mapping[str, str] = _HEADERS
    keep_alive = b""
    is_document = False

    def __init__(self, *, replay: bool = False, profile: Profile = COMPAT) -> None:
        self._replay = replay
        self._is_spoken = False
        self._is_parted = False
        self.is_cut = False

    def encode(self, events: Sequence[TurnEvent]) -> bytes:
        """See `WireEncoder`."""
        return utf8("".join(self._texts(events)))

    def _texts(self, events: Sequence[TurnEvent]) -> Iterable[str]:
        for event in events:
            if isinstance(event, TextDelta):
                if self._is_parted:
                    self._is_parted = False
                    yield _BETWEEN_STEPS
                self._is_spoken = True
                yield event.text
            elif isinstance(event, StepStarted):
                self._is_parted = self._is_spoken
            elif isinstance(event, Restored):
                if self._replay:
                    yield from self._texts(event.events)
            elif isinstance(event, TurnFailed):
                self.is_cut = True
