"""Approvals that carry their own proof: an implementation of `mamba_domain.ports.approval_desk`.

A signature binds the question to principal, chat, approval, call, tool, input and expiry. It is also
remembered here: many releases of the AI SDK client drop it, and older ones do not know approvals at all and
are recognised by their call. Signed or remembered, a verdict passes the same check, and every approval is
used up by its first verdict.

The signed text is a list in canonical JSON. It resembles the one of AI SDK 7 but binds more, so signatures
are not interchangeable; clients treat them as opaque.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from time import time

from mamba_adapters.approvals.canonical import canonical_json
from mamba_adapters.approvals.keyring import Keyring
from mamba_adapters.approvals.tickets import TicketStore
from mamba_domain.approvals import ApprovalTicket, Verdict
from mamba_domain.errors import Code, Rejected
from mamba_domain.messages import JsonValue
from mamba_domain.tools import ToolCall, ToolContext

__all__ = ["SignedApprovals"]

_PURPOSE = "mamba-approval-1"


class SignedApprovals:
    """The desk. `lifetime` is how long a person may think, in seconds; `clock` tells seconds since the epoch."""

    def __init__(
        self,
        *,
        keyring: Keyring,
        tickets: TicketStore,
        lifetime: float = 3600.0,
        clock: Callable[[], float] = time,
    ) -> None:
        self._keyring = keyring
        self._tickets = tickets
        self._lifetime = lifetime
        self._clock = clock

    async def issue(self, call: ToolCall, context: ToolContext) -> ApprovalTicket:
        """Ask for a person's decision on a call."""
        approval_id = f"approval-{secrets.token_urlsafe(18)}"
        expires = int(self._clock() + self._lifetime)
        made = self._keyring.sign(*_bound(approval_id, expires, call, context))
        ticket = ApprovalTicket(approval_id=approval_id, signature=f"{expires}.{made}")
        await self._tickets.remember(_signature(approval_id), ticket.signature, seconds=self._lifetime)
        await self._tickets.remember(_place(call.call_id, context), approval_id, seconds=self._lifetime)
        return ticket

    async def redeem(self, verdicts: Sequence[Verdict], context: ToolContext) -> tuple[ToolCall, ...]:
        """Take decisions back."""
        calls: dict[str, tuple[ToolCall, int]] = {}
        for verdict in verdicts:
            approval_id, call, expires = await self._checked(verdict, context)
            if approval_id in calls:
                raise _refused("two verdicts for one approval")
            calls[approval_id] = call, expires
        for approval_id, (_, expires) in calls.items():
            if not await self._tickets.take(f"used {approval_id}", seconds=expires + 1 - self._clock()):
                raise _refused("the approval was used before, or the store of used ones is full")
        return tuple(call for call, _ in calls.values())

    async def _checked(self, verdict: Verdict, context: ToolContext) -> tuple[str, ToolCall, int]:
        """The approval that the verdict is about, its call and its expiry. Nothing is used up yet."""
        approval_id = verdict.approval_id
        if approval_id is None:
            approval_id = await self._tickets.recall(_place(verdict.call_id, context))
        if approval_id is None:
            raise _refused("no approval is pending for this call")
        signature = verdict.signature
        if signature is None:
            signature = await self._tickets.recall(_signature(approval_id))
        if signature is None:
            raise _refused("there is no signature and no pending approval")
        stamp, _, made = signature.partition(".")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise _refused("the signature has no expiry")
        expires = int(stamp)
        call = ToolCall(call_id=verdict.call_id, tool=verdict.tool, input=verdict.input)
        try:
            genuine = self._keyring.verify(made, *_bound(approval_id, expires, call, context))
        except (ValueError, RecursionError):
            raise _refused("the input is no JSON") from None
        if not genuine:
            raise _refused("the signature does not fit")
        if expires <= self._clock():
            raise _refused("the approval has expired")
        return approval_id, call, expires


def _bound(approval_id: str, expires: int, call: ToolCall, context: ToolContext) -> tuple[JsonValue, ...]:
    return (
        _PURPOSE,
        context.principal.subject,
        context.chat_id,
        approval_id,
        call.call_id,
        call.tool,
        call.input,
        expires,
    )


def _place(call_id: str, context: ToolContext) -> str:
    return f"call {canonical_json([context.principal.subject, context.chat_id, call_id])}"


def _signature(approval_id: str) -> str:
    return f"signature {approval_id}"


def _refused(detail: str) -> Rejected:
    return Rejected(Code.FORBIDDEN, "This approval is not valid, has expired or was used before.", detail=detail)
