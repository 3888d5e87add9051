"""Writes what operators need to know of turns to the log: failures with their cause, repairs, tool outcomes.

Prompts and answers are written only where the operator asked for them.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from mamba_domain.catalog import ModelCard
from mamba_domain.errors import Code, MambaError
from mamba_domain.events import ModelFinished, Terminal, TurnFailed
from mamba_domain.messages import (
    AssistantMessage,
    AssistantPart,
    FilePart,
    Message,
    ReasoningPart,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserPart,
)
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.ports.observer import NullObserver

__all__ = ["TurnLog"]

log = structlog.stdlib.get_logger("mamba.turn")

_LONGEST = 8192


class TurnLog(NullObserver):
    """A `TurnObserver`, and where the supervisor tells what escaped. `prompts`: whether what was said is written."""

    def __init__(self, *, prompts: bool = False) -> None:
        self._prompts = prompts

    def model_called(self, *, model: ModelCard, request: ModelRequest) -> None:
        """What is new to the model: the messages since its last answer. The others stand in earlier lines."""
        if self._prompts:
            asked = [_message(message) for message in _latest(request.messages)]
            log.info("model.asked", model=model.id, messages=asked)

    def model_answered(
        self, *, said: Sequence[AssistantPart], finished: ModelFinished, first_output: float, interval: float | None
    ) -> None:
        """What came back."""
        if self._prompts:
            log.info("model.said", parts=[_part(part) for part in said], finish_reason=finished.finish_reason.value)

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


def _latest(messages: Sequence[Message]) -> Sequence[Message]:
    answers = [place for place, message in enumerate(messages) if isinstance(message, AssistantMessage)]
    return messages[answers[-1] + 1 :] if answers else messages


def _message(message: Message) -> dict[str, object]:
    match message:
        case SystemMessage(text=text):
            return {"role": "system", "text": text[:_LONGEST]}
        case ToolMessage(results=results):
            outputs = [{"tool": result.tool, "output": result.output, "failed": result.failed} for result in results]
            return {"role": "tool", "results": outputs}
        case AssistantMessage(parts=parts):
            return {"role": "assistant", "parts": [_part(part) for part in parts]}
        case _:
            return {"role": "user", "parts": [_part(part) for part in message.parts]}


def _part(part: UserPart | AssistantPart) -> object:
    """Text at most 8192 characters long; of a file only its type and name."""
    match part:
        case TextPart(text=text):
            return text[:_LONGEST]
        case ReasoningPart(text=text):
            return {"reasoning": text[:_LONGEST]}
        case FilePart(media_type=media_type, filename=filename):
            return {"file": filename or "", "media_type": media_type}
        case _:
            return {"tool": part.tool, "input": part.input}
