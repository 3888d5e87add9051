"""An `ApprovalDesk` that keeps its tickets in a dictionary and signs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from mamba_domain.approvals import ApprovalTicket, Verdict
from mamba_domain.errors import Code, Rejected
from mamba_domain.tools import ToolCall, ToolContext

__all__ = ["FakeApprovals"]


class FakeApprovals:
    """The desk. `pending` maps approval ids to what was asked."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.pending: dict[str, tuple[ToolCall, ToolContext]] = {}

    async def issue(self, call: ToolCall, context: ToolContext) -> ApprovalTicket:
        """Ask for a person's decision on a call."""
        approval_id = f"approval-{next(self._numbers)}"
        self.pending[approval_id] = (call, context)
        return ApprovalTicket(approval_id=approval_id, signature=f"signature of {approval_id}")

    async def redeem(self, verdicts: Sequence[Verdict], context: ToolContext) -> tuple[ToolCall, ...]:
        """Take decisions back."""
        found = [self._found(verdict, context) for verdict in verdicts]
        if len({approval_id for approval_id, _ in found}) < len(found):
            raise Rejected(Code.FORBIDDEN)
        return tuple(self.pending.pop(approval_id)[0] for approval_id, _ in found)

    def _found(self, verdict: Verdict, context: ToolContext) -> tuple[str, ToolCall]:
        shown = ToolCall(call_id=verdict.call_id, tool=verdict.tool, input=verdict.input)
        for approval_id, (call, asked) in self.pending.items():
            if (
                verdict.approval_id in (approval_id, None)
                and verdict.signature in (f"signature of {approval_id}", None)
                and call == shown
                and _owner(asked) == _owner(context)
            ):
                return approval_id, call
        raise Rejected(Code.FORBIDDEN)


def _owner(context: ToolContext) -> tuple[str, str | None]:
    return context.principal.subject, context.chat_id
