"""A seal holds for exactly the outcome that it was given for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mamba_adapters.approvals.keyring import Keyring
from mamba_adapters.approvals.seals import HmacSeals
from mamba_domain.identity import Principal
from mamba_domain.messages import JsonValue
from mamba_domain.tools import ToolCall, ToolContext

CALL = ToolCall(call_id="call-1", tool="weather", input={"city": "Rome"})
CONTEXT = ToolContext(principal=Principal(subject="alice"), chat_id="chat-1")
OUTPUT: JsonValue = {"sky": "clear", "degrees": 20.0, "station": 9007199254740993}


def seals_with(*secrets: str) -> HmacSeals:
    return HmacSeals(keyring=Keyring(secrets, setting="tools.secrets"))


SEALS = seals_with("s" * 32)


def sealed(output: JsonValue = OUTPUT, *, failed: bool = False) -> str:
    seal = SEALS.seal(CALL, output=output, failed=failed, context=CONTEXT)
    assert seal is not None
    return seal


def test_a_seal_holds_in_another_process_and_another_chat_of_the_same_caller() -> None:
    elsewhere = replace(CONTEXT, chat_id="chat-2")
    assert seals_with("s" * 32).verify(sealed(), CALL, output=OUTPUT, failed=False, context=elsewhere)


def test_a_seal_holds_for_what_a_browser_makes_of_the_output() -> None:
    returned = json.loads('{"station": 9007199254740992, "degrees": 20, "sky": "clear"}')
    assert SEALS.verify(sealed(), CALL, output=returned, failed=False, context=CONTEXT)


@pytest.mark.parametrize("secrets", [("n" * 32, "s" * 32), ("s" * 32, "n" * 32)])
def test_a_seal_holds_as_long_as_its_secret_is_kept(secrets: tuple[str, ...]) -> None:
    assert seals_with(*secrets).verify(sealed(), CALL, output=OUTPUT, failed=False, context=CONTEXT)
    assert not seals_with("n" * 32).verify(sealed(), CALL, output=OUTPUT, failed=False, context=CONTEXT)


@pytest.mark.parametrize(
    "call",
    [replace(CALL, call_id="call-2"), replace(CALL, tool="news"), replace(CALL, input={"city": "Oslo"})],
)
def test_a_seal_does_not_hold_for_another_call(call: ToolCall) -> None:
    assert not SEALS.verify(sealed(), call, output=OUTPUT, failed=False, context=CONTEXT)


def test_a_seal_does_not_hold_for_another_caller() -> None:
    other = replace(CONTEXT, principal=Principal(subject="bob"))
    assert not SEALS.verify(sealed(), CALL, output=OUTPUT, failed=False, context=other)


@pytest.mark.parametrize("output", [{"sky": "clear"}, "clear", None, float("nan"), 10**400])
def test_a_seal_does_not_hold_for_another_output(output: JsonValue) -> None:
    assert not SEALS.verify(sealed(), CALL, output=output, failed=False, context=CONTEXT)


def test_a_failure_cannot_pass_for_an_output_nor_the_reverse() -> None:
    assert not SEALS.verify(sealed("text"), CALL, output="text", failed=True, context=CONTEXT)
    assert not SEALS.verify(sealed("text", failed=True), CALL, output="text", failed=False, context=CONTEXT)


@pytest.mark.parametrize("seal", ["", "x", "é", "\ud83d", sealed()[:-1], sealed() + "A"])
def test_what_is_no_seal_does_not_hold(seal: str) -> None:
    assert not SEALS.verify(seal, CALL, output=OUTPUT, failed=False, context=CONTEXT)


def test_what_has_no_canonical_form_gets_no_seal() -> None:
    assert SEALS.seal(CALL, output=float("nan"), failed=False, context=CONTEXT) is None
