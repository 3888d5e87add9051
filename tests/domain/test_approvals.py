"""Clients without approvals answer as if the call were theirs: only a clear yes counts."""

from __future__ import annotations

import pytest

from mamba_domain.approvals import DENIED, Verdict, denial, emulated_verdict
from mamba_domain.messages import JsonValue, ToolCallPart

CALL = ToolCallPart(call_id="c", tool="transfer", input={"amount": 10})


@pytest.mark.parametrize(
    "output",
    [True, {"approved": True}, {"approved": True, "by": "Ann"}, "yes", "Yes.", "YES, go on", "yes\n"],
)
def test_a_clear_yes_approves(output: JsonValue) -> None:
    verdict = emulated_verdict(CALL, output)
    assert verdict.approved
    assert (verdict.approval_id, verdict.signature) == (None, None)
    assert (verdict.call_id, verdict.tool, verdict.input) == ("c", "transfer", {"amount": 10})


@pytest.mark.parametrize(
    "output",
    [
        False,
        {"approved": False},
        {"approved": "yes"},
        {"approved": 1},
        "no",
        "No, yes",
        "yesterday",
        "",
        1,
        None,
        ["yes"],
    ],
)
def test_everything_else_declines(output: JsonValue) -> None:
    assert not emulated_verdict(CALL, output).approved


def test_the_words_of_a_refusal_are_its_reason() -> None:
    assert emulated_verdict(CALL, "No, too much.") == Verdict(
        approval_id=None,
        call_id="c",
        tool="transfer",
        input={"amount": 10},
        approved=False,
        reason="No, too much.",
    )


def test_a_model_reads_why_if_there_is_a_reason() -> None:
    assert denial(None) == DENIED
    assert denial("Too much.") == f"{DENIED} Too much."
