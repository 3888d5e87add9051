"""Places in a stream, as numbers that do not depend on how its deltas are merged.

A delta is as long as its text, every other event counts one. A reader whose place is 1200 can therefore go on in a copy of
the stream that was written anew and is divided otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mamba_domain.events import ReasoningDelta, TextDelta, ToolInputDelta, TurnEvent

__all__ = ["after", "length", "pieces"]

_DELTAS = (TextDelta, ReasoningDelta, ToolInputDelta)


def length(events: Sequence[TurnEvent]) -> int:
    """How far it is from the first to behind the last."""
    return sum(len(event.text) if isinstance(event, _DELTAS) else 1 for event in events)


def after(events: Sequence[TurnEvent], place: int) -> list[TurnEvent]:
    """The events without what lies before a place."""
    left: list[TurnEvent] = []
    for event in events:
        size = len(event.text) if isinstance(event, _DELTAS) else 1
        if place <= 0:
            left.append(event)
        elif place < size and isinstance(event, _DELTAS):
            left.append(replace(event, text=event.text[place:]))
        place -= size
    return left


def pieces(events: Sequence[TurnEvent], chars: int) -> Iterator[Sequence[TurnEvent]]:
    """The events in pieces of about so many characters of deltas, so that no entry becomes huge."""
    start = total = 0
    for index, event in enumerate(events):
        if isinstance(event, _DELTAS):
            total += len(event.text)
        if total >= chars:
            yield events[start : index + 1]
            start, total = index + 1, 0
    if start < len(events):
        yield events[start:]
