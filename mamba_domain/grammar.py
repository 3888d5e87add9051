"""The grammar of a turn as transition tables: what `events` says in prose, for tests to judge by.

Two machines run side by side: one knows where the turn is, the other how far each call has come. An event
without an entry in its table is out of place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TypeAlias

from mamba_domain.events import (
    ApprovalRequested,
    FileProduced,
    ReasoningClosed,
    ReasoningDelta,
    Restored,
    SourceFound,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCalled,
    ToolDenied,
    ToolErrored,
    ToolInputDelta,
    ToolInputInvalid,
    ToolInputStarted,
    ToolProgressed,
    ToolReturned,
    TurnCancelled,
    TurnEvent,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)

__all__ = ["GrammarError", "check"]


class GrammarError(Exception):
    """The grammar is broken at `index`. `event` is None where the end came instead of an event."""

    def __init__(self, index: int, event: TurnEvent | None, reason: str) -> None:
        self.index = index
        self.event = event
        self.reason = reason
        super().__init__(f"event {index}, {'the end' if event is None else type(event).__name__}: {reason}")


def check(events: Iterable[TurnEvent]) -> None:
    """Judge a whole turn. Raises `GrammarError` for its first fault."""
    turn = _Turn()
    count = 0
    for index, event in enumerate(events):
        reason = turn.read(event)
        if reason is not None:
            raise GrammarError(index, event, reason)
        count = index + 1
    if turn.phase is not _Phase.OVER:
        raise GrammarError(count, None, "the turn has no terminal event")


class _Phase(Enum):
    """Where a turn is."""

    NEW = "before the turn's start"
    STARTED = "right after the turn's start"
    RESUMED = "before the first step"
    STEP = "in a step"
    BETWEEN = "between steps"
    OVER = "after the end"


class _Call(Enum):
    """How far a call has come."""

    UNKNOWN = "was never begun"
    BEGUN = "is being written"
    MADE = "is made"
    ASKED = "waits for a person"
    SETTLED = "is settled or handed on"


_Event: TypeAlias = type[TurnEvent]

_OUTCOMES: tuple[_Event, ...] = (ToolReturned, ToolErrored, ToolDenied)
_OF_A_CALL: tuple[_Event, ...] = (
    ToolInputStarted,
    ToolInputDelta,
    ToolCalled,
    ToolInputInvalid,
    ToolProgressed,
    ApprovalRequested,
    *_OUTCOMES,
)
_CONTENT: tuple[_Event, ...] = (
    TextDelta,
    ReasoningDelta,
    ReasoningClosed,
    SourceFound,
    FileProduced,
    *_OF_A_CALL,
)
_EARLIER: tuple[_Event, ...] = (StepStarted, StepFinished, *_CONTENT)
_RUNNING = (_Phase.STARTED, _Phase.RESUMED, _Phase.BETWEEN)

_TURN: dict[tuple[_Phase, _Event], _Phase] = {
    (_Phase.NEW, TurnStarted): _Phase.STARTED,
    (_Phase.STARTED, Restored): _Phase.RESUMED,
    **{
        (phase, event): _Phase.RESUMED
        for phase in (_Phase.STARTED, _Phase.RESUMED)
        for event in (ToolProgressed, *_OUTCOMES)
    },
    **{(phase, StepStarted): _Phase.STEP for phase in _RUNNING},
    **{(_Phase.STEP, event): _Phase.STEP for event in _CONTENT},
    (_Phase.STEP, StepFinished): _Phase.BETWEEN,
    **{(phase, TurnFinished): _Phase.OVER for phase in _RUNNING},
    **{(phase, end): _Phase.OVER for phase in (*_RUNNING, _Phase.STEP) for end in (TurnFailed, TurnCancelled)},
}

_CALLS: dict[tuple[_Call, _Event], _Call] = {
    (_Call.UNKNOWN, ToolInputStarted): _Call.BEGUN,
    (_Call.UNKNOWN, ToolCalled): _Call.MADE,
    (_Call.UNKNOWN, ToolInputInvalid): _Call.SETTLED,
    (_Call.BEGUN, ToolInputDelta): _Call.BEGUN,
    (_Call.BEGUN, ToolCalled): _Call.MADE,
    (_Call.BEGUN, ToolInputInvalid): _Call.SETTLED,
    (_Call.MADE, ToolProgressed): _Call.MADE,
    (_Call.MADE, ApprovalRequested): _Call.ASKED,
    **{(_Call.MADE, outcome): _Call.SETTLED for outcome in _OUTCOMES},
}

# What an answer already held has been decided upon since; and it may be only partly known here.
_EARLIER_CALLS: dict[tuple[_Call, _Event], _Call] = {
    **_CALLS,
    **{
        (state, event): _Call.ASKED if event is ToolProgressed else _Call.SETTLED
        for state in (_Call.UNKNOWN, _Call.ASKED)
        for event in (ToolProgressed, *_OUTCOMES)
    },
}


class _Turn:
    """Both machines. `read` returns why an event is out of place, or None."""

    def __init__(self) -> None:
        self.phase = _Phase.NEW
        self._calls: dict[str, _Call] = {}

    def read(self, event: TurnEvent) -> str | None:
        after = _TURN.get((self.phase, type(event)))
        if after is None:
            return f"it cannot come {self.phase.value}"
        calls = _CALLS if self.phase is _Phase.STEP else _EARLIER_CALLS
        self.phase = after
        match event:
            case Restored(events=events):
                return self._restore(events)
            case StepStarted():
                self._hand_on()
            case StepFinished():
                if begun := [call_id for call_id, state in self._calls.items() if state is _Call.BEGUN]:
                    return f"call {begun[0]!r} {_Call.BEGUN.value}"
                self._hand_on()
            case _:
                return self._advance(event, calls)
        return None

    def _restore(self, events: Iterable[TurnEvent]) -> str | None:
        for event in events:
            if not isinstance(event, _EARLIER):
                return f"it cannot hold {type(event).__name__}"
            if (reason := self._advance(event, _EARLIER_CALLS)) is not None:
                return reason
        return None

    def _advance(self, event: TurnEvent, calls: Mapping[tuple[_Call, _Event], _Call]) -> str | None:
        call_id = getattr(event, "call_id", None)
        if call_id is None:
            return None
        before = self._calls.get(call_id, _Call.UNKNOWN)
        after = calls.get((before, type(event)))
        if after is None:
            return f"call {call_id!r} {before.value}"
        self._calls[call_id] = after
        return None

    def _hand_on(self) -> None:
        """What is still open is no longer this turn's business."""
        self._calls = dict.fromkeys(self._calls, _Call.SETTLED)
