"""The calls that a model is writing in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mamba_domain.events import ToolCallCompleted, ToolInputDelta, ToolInputStarted, TurnEvent

__all__ = ["Draft", "Drafts"]

_LONGEST_ID = 128


@dataclass(slots=True)
class Draft:
    """A call as the model wrote it. `arguments` is None until it is complete; `refusal`: why it must not."""

    call_id: str
    tool: str
    dynamic: bool
    size: int = 0
    arguments: str | None = None
    refusal: str | None = None


class Drafts:
    """Collects a step's calls. Ids are unique within the turn: one that the model used before is replaced."""

    def __init__(
        self,
        *,
        is_dynamic: Callable[[str], bool],
        max_calls: int,
        max_argument_bytes: int,
        used_ids: frozenset[str],
    ) -> None:
        self._is_dynamic = is_dynamic
        self._max_calls = max_calls
        self._max_argument_bytes = max_argument_bytes
        self._used_ids = set(used_ids)
        self._open: dict[str, Draft] = {}
        self._order: list[Draft] = []

    def started(self, event: ToolInputStarted) -> Sequence[TurnEvent]:
        """A model begins a call; what to tell the readers."""
        repeated = event.call_id in self._open
        draft = Draft(self._unique(event.call_id), event.tool, self._is_dynamic(event.tool))
        if repeated:
            draft.refusal = "The call repeats the id of another call and was not executed."
        elif len(self._order) >= self._max_calls:
            draft.refusal = f"Only {self._max_calls} calls are allowed in one step."
        self._open[event.call_id] = draft
        self._order.append(draft)
        return (ToolInputStarted(call_id=draft.call_id, tool=draft.tool, dynamic=draft.dynamic),)

    def argued(self, event: ToolInputDelta) -> Sequence[TurnEvent]:
        """More argument text; what to tell the readers. Past the size limit they are told nothing more."""
        draft = self._open.get(event.call_id)
        if draft is None:
            return ()
        draft.size += _bytes(event.text)
        if draft.size > self._max_argument_bytes:
            draft.refusal = self._too_long
            return ()
        if draft.call_id == event.call_id:
            return (event,)
        return (ToolInputDelta(call_id=draft.call_id, text=event.text),)

    def completed(self, event: ToolCallCompleted) -> None:
        """The model finished a call's arguments. Nothing runs yet: the step may still be cut off.

        Arguments that are too long are not kept, and nobody is told them.
        """
        draft = self._open.get(event.call_id)
        if draft is None:
            return
        if _bytes(event.arguments) > self._max_argument_bytes:
            draft.refusal = self._too_long
        else:
            draft.arguments = event.arguments

    def take(self) -> list[Draft]:
        """The step is over: its calls in the model's order; a new step begins."""
        taken, self._order, self._open = self._order, [], {}
        return taken

    @property
    def _too_long(self) -> str:
        return f"The arguments are longer than {self._max_argument_bytes} bytes."

    def _unique(self, call_id: str) -> str:
        stem = call_id if call_id and call_id.isprintable() and len(call_id) <= _LONGEST_ID else "call"
        unique, n = stem, 1
        while unique in self._used_ids:
            n += 1
            unique = f"{stem}-{n}"
        self._used_ids.add(unique)
        return unique


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
