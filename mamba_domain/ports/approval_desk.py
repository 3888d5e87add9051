"""The port to whoever remembers which calls wait for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mamba_domain.approvals import ApprovalTicket, Verdict
from mamba_domain.tools import ToolCall, ToolContext

__all__ = ["ApprovalDesk"]


class ApprovalDesk(Protocol):
    """Issues approvals and takes each back once.

    - A verdict is redeemed at most once, by the principal and in the chat that it was issued for, before it
      expires, and only for the very call, tool and input that was shown. Everything else raises `Rejected`
      (FORBIDDEN).
    - All or none: where one verdict of several is refused, none of them is used up.
    - A client that lost the signature, or names no approval, is served as long as the desk remembers the
      ticket.
    """

    async def issue(self, call: ToolCall, context: ToolContext) -> ApprovalTicket:
        """Ask for a person's decision on a call."""
        ...

    async def redeem(self, verdicts: Sequence[Verdict], context: ToolContext) -> tuple[ToolCall, ...]:
        """Take decisions back, approved or not; the calls in question, in this order, as they were shown."""
        ...
