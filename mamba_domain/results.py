"""Puts results that came late where the conversation wants them."""

from __future__ import annotations

from collections.abc import Sequence

from mamba_domain.messages import Message, ToolMessage, ToolResultPart
from mamba_domain.trust import calls_of

__all__ = ["place_results"]


def place_results(messages: Sequence[Message], results: Sequence[ToolResultPart]) -> tuple[Message, ...]:
    """The conversation with each result behind the last step that made its call.

    A result joins the results that the step has already, and takes the place of one for the same call.
    Results without a call come last.
    """
    placed = list(messages)
    for result in results:
        position = _step_of(result.call_id, placed)
        if position is None:
            placed.append(ToolMessage(results=(result,)))
            continue
        behind = placed[position + 1] if position + 1 < len(placed) else None
        if isinstance(behind, ToolMessage):
            kept = tuple(old for old in behind.results if old.call_id != result.call_id)
            placed[position + 1] = ToolMessage(results=(*kept, result))
        else:
            placed.insert(position + 1, ToolMessage(results=(result,)))
    return tuple(placed)


def _step_of(call_id: str, messages: Sequence[Message]) -> int | None:
    for position in range(len(messages) - 1, -1, -1):
        if any(call.call_id == call_id for call in calls_of((messages[position],))):
            return position
    return None
