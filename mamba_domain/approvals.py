"""A person's say over a call: what is asked, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from mamba_domain.messages import JsonValue, ToolCallPart

__all__ = ["DENIED", "ApprovalTicket", "Verdict", "denial", "emulated_verdict"]

DENIED = "The user declined this call."
"""What a model reads about a call that a person refused; a history that says so needs no proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalTicket:
    """A pending question. The signature binds it to caller, chat, call, tool, input and expiry."""

    approval_id: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An answer as a client sent it: nothing in it is to be trusted before it is redeemed.

    Without an `approval_id`, as from clients that know no approvals, the question is found by its call.
    """

    approval_id: str | None
    call_id: str
    tool: str
    input: JsonValue
    approved: bool
    reason: str | None = None
    signature: str | None = None


def denial(reason: str | None) -> str:
    """What a model reads about a refused call."""
    return f"{DENIED} {reason}" if reason else DENIED


def emulated_verdict(call: ToolCallPart, output: JsonValue) -> Verdict:
    """The answer of a client without approvals, which took the question for a call of its own to carry out.

    Approved is what says so without doubt: true, `{"approved": true}`, or a text whose first word is yes.
    """
    reason: str | None = None
    match output:
        case bool(approved) | {"approved": bool(approved)}:
            pass
        case str(text):
            approved = text.lower().startswith("yes") and not text[3:4].isalnum()
            reason = text
        case _:
            approved = False
    return Verdict(
        approval_id=None,
        call_id=call.call_id,
        tool=call.tool,
        input=call.input,
        approved=approved,
        reason=reason,
    )
