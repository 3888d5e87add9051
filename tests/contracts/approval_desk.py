"""What every `ApprovalDesk` promises, as tests that each implementation runs: subclass and give a `desk` fixture."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mamba_domain.approvals import ApprovalTicket, Verdict
from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import Principal
from mamba_domain.ports.approval_desk import ApprovalDesk
from mamba_domain.tools import ToolCall, ToolContext

__all__ = ["CALL", "CONTEXT", "ApprovalDeskContract", "answer"]

CALL = ToolCall(call_id="call-1", tool="transfer", input={"to": "Ann", "amount": 10})
CONTEXT = ToolContext(principal=Principal(subject="alice"), chat_id="chat-1")


def answer(ticket: ApprovalTicket, call: ToolCall = CALL, *, approved: bool = True) -> Verdict:
    """What an honest client sends."""
    return Verdict(
        approval_id=ticket.approval_id,
        call_id=call.call_id,
        tool=call.tool,
        input=call.input,
        approved=approved,
        signature=ticket.signature,
    )


async def refused(desk: ApprovalDesk, *verdicts: Verdict, context: ToolContext = CONTEXT) -> bool:
    """Whether the desk refuses these verdicts, as it should."""
    with pytest.raises(Rejected) as refusal:
        await desk.redeem(verdicts, context)
    return refusal.value.code is Code.FORBIDDEN


class ApprovalDeskContract:
    """The suite."""

    async def test_a_verdict_is_redeemed_for_the_call_that_was_shown(self, desk: ApprovalDesk) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        assert await desk.redeem([answer(ticket)], CONTEXT) == (CALL,)

    async def test_no_verdicts_are_no_calls(self, desk: ApprovalDesk) -> None:
        assert await desk.redeem([], CONTEXT) == ()

    async def test_calls_come_back_in_the_order_of_their_verdicts(self, desk: ApprovalDesk) -> None:
        other = replace(CALL, call_id="call-2")
        first, second = await desk.issue(CALL, CONTEXT), await desk.issue(other, CONTEXT)
        assert await desk.redeem([answer(second, other), answer(first)], CONTEXT) == (other, CALL)

    async def test_a_verdict_without_its_signature_is_found_by_its_approval(self, desk: ApprovalDesk) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        assert await desk.redeem([replace(answer(ticket), signature=None)], CONTEXT) == (CALL,)

    async def test_a_verdict_without_an_approval_is_found_by_its_call(self, desk: ApprovalDesk) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        assert await desk.redeem([replace(answer(ticket), approval_id=None, signature=None)], CONTEXT) == (CALL,)

    async def test_keys_in_another_order_are_the_same_input(self, desk: ApprovalDesk) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        verdict = replace(answer(ticket), input={"amount": 10, "to": "Ann"})
        assert await desk.redeem([verdict], CONTEXT) == (CALL,)

    @pytest.mark.parametrize("approved", [True, False])
    async def test_a_verdict_is_redeemed_once(self, desk: ApprovalDesk, approved: bool) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        await desk.redeem([answer(ticket, approved=approved)], CONTEXT)
        assert await refused(desk, answer(ticket))

    async def test_two_verdicts_for_one_approval_are_refused(self, desk: ApprovalDesk) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        assert await refused(desk, answer(ticket), answer(ticket))

    async def test_a_refused_verdict_uses_up_no_other(self, desk: ApprovalDesk) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        assert await refused(desk, answer(ticket), replace(answer(ticket), approval_id="approval-nobody"))
        assert await desk.redeem([answer(ticket)], CONTEXT) == (CALL,)

    async def test_another_principal_is_refused(self, desk: ApprovalDesk) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        assert await refused(desk, answer(ticket), context=replace(CONTEXT, principal=Principal(subject="mallory")))

    @pytest.mark.parametrize("chat_id", ["chat-2", None])
    async def test_another_chat_is_refused(self, desk: ApprovalDesk, chat_id: str | None) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        assert await refused(desk, answer(ticket), context=replace(CONTEXT, chat_id=chat_id))

    @pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
    @pytest.mark.parametrize(
        "change",
        [
            {"call_id": "call-2"},
            {"tool": "delete"},
            {"input": {"to": "Mallory", "amount": 10}},
            {"input": {"to": "Ann", "amount": 10, "currency": "EUR"}},
            {"input": {"to": "Ann", "amount": True}},
            {"approval_id": "approval-nobody"},
        ],
        ids=str,
    )
    async def test_an_altered_verdict_is_refused(
        self, desk: ApprovalDesk, change: dict[str, object], signed: bool
    ) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        verdict = answer(ticket) if signed else replace(answer(ticket), signature=None)
        assert await refused(desk, replace(verdict, **change))  # type: ignore[arg-type]

    async def test_a_wrong_signature_is_refused_although_the_approval_is_pending(self, desk: ApprovalDesk) -> None:
        ticket = await desk.issue(CALL, CONTEXT)
        for signature in ("", "0", ticket.signature[:-1], ticket.signature + "A", "é"):
            assert await refused(desk, replace(answer(ticket), signature=signature))

    async def test_what_was_never_asked_is_refused(self, desk: ApprovalDesk) -> None:
        invented = Verdict(approval_id=None, call_id="call-1", tool="transfer", input={}, approved=True)
        assert await refused(desk, invented)
        assert await refused(desk, replace(invented, approval_id="approval-1", signature="9999999999.AAAA"))
