"""Writes what operators need to know of turns to the log: failures with their cause, repairs, tool outcomes."""

from __future__ import annotations

import structlog

from mamba_domain.errors import Code, MambaError
from mamba_domain.events import Terminal, TurnFailed

__all__ = ["TurnLog"]

log = structlog.stdlib.get_logger("mamba.turn")


class TurnLog:
    """A `TurnObserver`, and where the supervisor tells what escaped."""

    def turn_ended(self, *, model: str, end: Terminal, steps: int, cause: BaseException | None) -> None:
        """A turn that ended well is told by the request's access line."""
        if not isinstance(end, TurnFailed):
            return
        detail = cause.detail if isinstance(cause, MambaError) else ""
        fields = {"code": str(end.code), "model": model, "steps": steps, "detail": detail}
        if end.code is Code.INTERNAL:
            log.error("turn.failed", **fields, exc_info=cause)
        else:
            log.warning("turn.failed", **fields, cause=type(cause).__name__)

    def history_repaired(self, *, rule: str, count: int) -> None:
        """A client sent a conversation that no model would have accepted."""
        log.info("history.repaired", rule=rule, count=count)

    def tool_ended(self, *, tool: str, outcome: str, seconds: float) -> None:
        """A call was settled."""
        log.info("tool.ended", tool=tool, outcome=outcome, duration_ms=round(seconds * 1000, 1))

    def work_failed(self, *, name: str, error: BaseException) -> None:
        """Something escaped a background task: a bug."""
        log.error("work.failed", name=name, exc_info=error)
