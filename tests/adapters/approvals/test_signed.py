"""Signed approvals keep the port's promises, and no forged, altered or repeated verdict passes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from mamba_adapters.approvals.keyring import Keyring
from mamba_adapters.approvals.signed import SignedApprovals
from mamba_adapters.approvals.tickets import MemoryTickets
from mamba_domain.approvals import ApprovalTicket, Verdict
from mamba_domain.errors import Code, Misconfigured, Rejected
from mamba_domain.identity import Principal
from mamba_domain.messages import JsonValue
from mamba_domain.tools import ToolCall
from tests.contracts.approval_desk import CALL, CONTEXT, ApprovalDeskContract, answer
from tests.fakes.approval_desk import FakeApprovals

SECRET, OLD_SECRET = "s" * 32, "o" * 32


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def desk_with(*secrets: str, tickets: MemoryTickets | None = None, clock: Clock | None = None) -> SignedApprovals:
    clock = clock or Clock()
    return SignedApprovals(
        keyring=Keyring(secrets or (SECRET,), setting="tools.secrets"),
        tickets=tickets or MemoryTickets(clock=clock),
        lifetime=600.0,
        clock=clock,
    )


class TestSignedApprovals(ApprovalDeskContract):
    @pytest.fixture
    def desk(self) -> SignedApprovals:
        return desk_with()


class TestFakeApprovals(ApprovalDeskContract):
    @pytest.fixture
    def desk(self) -> FakeApprovals:
        return FakeApprovals()


async def is_refused(desk: SignedApprovals, *verdicts: Verdict) -> bool:
    with pytest.raises(Rejected) as refusal:
        await desk.redeem(verdicts, CONTEXT)
    return refusal.value.code is Code.FORBIDDEN and "signature" not in refusal.value.public_message


async def test_another_process_with_the_secret_redeems_what_this_one_issued() -> None:
    ticket = await desk_with().issue(CALL, CONTEXT)
    assert await desk_with().redeem([answer(ticket)], CONTEXT) == (CALL,)


async def test_another_process_needs_the_signature() -> None:
    ticket = await desk_with().issue(CALL, CONTEXT)
    assert await is_refused(desk_with(), replace(answer(ticket), signature=None))
    assert await is_refused(desk_with(), replace(answer(ticket), signature=None, approval_id=None))


async def test_processes_that_share_a_store_redeem_a_verdict_once() -> None:
    tickets = MemoryTickets(clock=Clock())
    first, second = desk_with(tickets=tickets), desk_with(tickets=tickets)
    ticket = await first.issue(CALL, CONTEXT)
    await second.redeem([answer(ticket)], CONTEXT)
    assert await is_refused(first, answer(ticket))


async def test_a_verdict_counts_until_the_approval_expires() -> None:
    clock = Clock()
    desk = desk_with(clock=clock)
    first, second = await desk.issue(CALL, CONTEXT), await desk.issue(CALL, CONTEXT)
    clock.now += 599
    await desk.redeem([answer(first)], CONTEXT)
    clock.now += 1
    assert await is_refused(desk, answer(second))
    assert await is_refused(desk, replace(answer(second), signature=None))


async def test_a_used_verdict_stays_used_to_its_last_second() -> None:
    clock = Clock()
    desk = desk_with(clock=clock)
    ticket = await desk.issue(CALL, CONTEXT)
    await desk.redeem([answer(ticket)], CONTEXT)
    for _ in range(700):
        clock.now += 1
        assert await is_refused(desk, answer(ticket))


async def test_the_expiry_cannot_be_moved() -> None:
    clock = Clock()
    desk = desk_with(clock=clock)
    ticket = await desk.issue(CALL, CONTEXT)
    stamp, _, made = ticket.signature.partition(".")
    clock.now += 600
    for later in (str(int(stamp) + 1), f"0{stamp}9", "999999999999", "9" * 5000, "٩", "-1", "", "nan"):
        assert await is_refused(desk, replace(answer(ticket), signature=f"{later}.{made}"))


async def test_an_old_secret_verifies_and_only_the_first_one_signs() -> None:
    old = await desk_with(OLD_SECRET).issue(CALL, CONTEXT)
    assert await desk_with(SECRET, OLD_SECRET).redeem([answer(old)], CONTEXT) == (CALL,)
    assert await is_refused(desk_with(SECRET), answer(old))
    new = await desk_with(SECRET, OLD_SECRET).issue(CALL, CONTEXT)
    assert await desk_with(SECRET).redeem([answer(new)], CONTEXT) == (CALL,)


@pytest.mark.parametrize("secrets", [[], ["short"], ["s" * 31], ["s" * 32, ""]])
def test_missing_and_short_secrets_stop_the_start_without_being_shown(secrets: list[str]) -> None:
    with pytest.raises(Misconfigured) as refusal:
        Keyring(secrets, setting="tools.secrets")
    assert refusal.value.key == "tools.secrets"
    assert not any(secret in str(refusal.value) for secret in secrets if secret)


async def test_numbers_may_come_back_as_javascript_writes_them() -> None:
    desk = desk_with()
    call = replace(CALL, input={"amount": 10.0, "id": 9007199254740993, "rate": 1e21})
    ticket = await desk.issue(call, CONTEXT)
    shown: JsonValue = {"rate": 1e21, "id": 9007199254740992, "amount": 10}
    (redeemed,) = await desk.redeem([replace(answer(ticket, call), input=shown)], CONTEXT)
    assert redeemed.input == shown


def deep(depth: int) -> JsonValue:
    value: JsonValue = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [float("nan"), 10**400, deep(100_000)], ids=["nan", "huge", "deep"])
async def test_input_that_has_no_canonical_form_is_refused(value: JsonValue) -> None:
    desk = desk_with()
    ticket = await desk.issue(CALL, CONTEXT)
    assert await is_refused(desk, replace(answer(ticket), input=value))


# The attempts to forge a verdict, each against a desk that knows one pending approval and one that was used.


async def attempt_a_call_never_made(ticket: ApprovalTicket) -> Verdict:
    return replace(answer(ticket), approval_id="approval-invented", call_id="call-invented", signature=None)


async def attempt_edited_input(ticket: ApprovalTicket) -> Verdict:
    return replace(answer(ticket), input={"to": "Ann", "amount": 1_000_000})


async def attempt_another_tool(ticket: ApprovalTicket) -> Verdict:
    return replace(answer(ticket), tool="delete_account")


async def attempt_another_approval_id(ticket: ApprovalTicket) -> Verdict:
    return replace(answer(ticket), approval_id=ticket.approval_id + "x")


async def attempt_the_signature_of_another_approval(ticket: ApprovalTicket) -> Verdict:
    desk = desk_with()
    other = await desk.issue(replace(CALL, call_id="call-2"), CONTEXT)
    return replace(answer(ticket), signature=other.signature)


async def attempt_another_users(ticket: ApprovalTicket) -> Verdict:
    theirs = await desk_with().issue(CALL, replace(CONTEXT, principal=Principal(subject="bob")))
    return answer(theirs)


async def attempt_another_chats(ticket: ApprovalTicket) -> Verdict:
    return answer(await desk_with().issue(CALL, replace(CONTEXT, chat_id="chat-2")))


async def attempt_an_expired_one(ticket: ApprovalTicket) -> Verdict:
    clock = Clock()
    clock.now -= 600
    return answer(await desk_with(clock=clock).issue(CALL, CONTEXT))


async def attempt_a_truncated_signature(ticket: ApprovalTicket) -> Verdict:
    return replace(answer(ticket), signature=ticket.signature[:-4])


async def attempt_no_signature_and_nothing_pending(ticket: ApprovalTicket) -> Verdict:
    elsewhere = await desk_with().issue(CALL, CONTEXT)
    return replace(answer(elsewhere), signature=None)


async def attempt_a_secret_of_their_own(ticket: ApprovalTicket) -> Verdict:
    return answer(await desk_with("m" * 32).issue(CALL, CONTEXT))


async def attempt_fields_that_run_into_each_other(ticket: ApprovalTicket) -> Verdict:
    """Where fields are joined by newlines, one field can swallow the next."""
    call = ToolCall(call_id="call-1", tool="look\ntransfer", input=CALL.input)
    joined = await desk_with().issue(call, CONTEXT)
    return replace(answer(joined, call), call_id="call-1\nlook", tool="transfer")


async def attempt_the_newline_form_of_older_servers(ticket: ApprovalTicket) -> Verdict:
    digest = hashlib.sha256(json.dumps(CALL.input, sort_keys=True, separators=(",", ":")).encode()).digest()
    coded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    text = f"{ticket.approval_id}\n{CALL.call_id}\n{CALL.tool}\n{coded}"
    made = base64.urlsafe_b64encode(hmac.digest(b"guess", text.encode(), "sha256")).rstrip(b"=").decode()
    return replace(answer(ticket), signature=made)


ATTEMPTS = [
    attempt_a_call_never_made,
    attempt_edited_input,
    attempt_another_tool,
    attempt_another_approval_id,
    attempt_the_signature_of_another_approval,
    attempt_another_users,
    attempt_another_chats,
    attempt_an_expired_one,
    attempt_a_truncated_signature,
    attempt_no_signature_and_nothing_pending,
    attempt_a_secret_of_their_own,
    attempt_fields_that_run_into_each_other,
    attempt_the_newline_form_of_older_servers,
]


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.__name__)
async def test_a_forged_verdict_is_refused_and_spoils_nothing(attempt) -> None:  # type: ignore[no-untyped-def]
    desk = desk_with()
    ticket = await desk.issue(CALL, CONTEXT)
    assert await is_refused(desk, await attempt(ticket))
    assert await desk.redeem([answer(ticket)], CONTEXT) == (CALL,)


async def test_a_verdict_cannot_be_replayed() -> None:
    desk = desk_with()
    ticket = await desk.issue(CALL, CONTEXT)
    await desk.redeem([answer(ticket)], CONTEXT)
    assert await is_refused(desk, answer(ticket))
    assert await is_refused(desk, replace(answer(ticket), signature=None))
    assert await is_refused(desk, replace(answer(ticket), approval_id=None, signature=None))


async def test_who_declined_cannot_approve_afterwards() -> None:
    desk = desk_with()
    ticket = await desk.issue(CALL, CONTEXT)
    await desk.redeem([answer(ticket, approved=False)], CONTEXT)
    assert await is_refused(desk, answer(ticket, approved=True))


async def test_two_answers_to_one_question_are_refused_together() -> None:
    desk = desk_with()
    ticket = await desk.issue(CALL, CONTEXT)
    assert await is_refused(desk, answer(ticket, approved=False), answer(ticket, approved=True))
