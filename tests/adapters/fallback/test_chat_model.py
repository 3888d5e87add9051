"""Which model answers when the one that was asked for cannot."""

from __future__ import annotations

import pytest

from mamba_adapters.fallback.chat_model import Fallback, FallbackModel
from mamba_domain.errors import Code, ModelFailed, Rejected
from mamba_domain.events import TextDelta
from mamba_domain.messages import TextPart, UserMessage
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import Placement, ToolSpec
from tests.fakes.scripted_model import Script, ScriptedModel, text_script

DOWN = ModelFailed(Code.MODEL_UNAVAILABLE)
SPEC = ToolSpec(name="one", description="One.", input_schema={}, placement=Placement.SERVER)
REQUEST = ModelRequest(model="first", messages=(UserMessage(parts=(TextPart(text="Hi"),)),), tools=(SPEC,))


def models(*scripts: Script) -> tuple[FallbackModel, list[ScriptedModel]]:
    made = [ScriptedModel(script) for script in scripts]
    first, *others = made
    fallbacks = [
        Fallback(id=f"other-{n}", model=model, upstream_model=f"upstream-{n}", supports_tools=n == 0)
        for n, model in enumerate(others)
    ]
    return FallbackModel(first, fallbacks), made


async def said_by(model: FallbackModel) -> str:
    async with model.stream(REQUEST) as batches:
        return "".join([e.text async for batch in batches for e in batch if isinstance(e, TextDelta)])


async def test_the_model_that_was_asked_for_answers_where_it_can() -> None:
    model, (first, second) = models(text_script("Me."), text_script("Not me."))
    assert await said_by(model) == "Me."
    assert first.requests == [REQUEST]
    assert second.requests == []


async def test_the_others_are_asked_in_order_under_their_own_names() -> None:
    model, (_, second, third) = models([DOWN], [DOWN], text_script("Me."))
    assert await said_by(model) == "Me."
    assert second.requests[0].model == "upstream-0"
    assert second.requests[0].tools == (SPEC,)
    assert third.requests[0].model == "upstream-1"
    assert third.requests[0].messages == REQUEST.messages


async def test_who_stands_in_is_told_once_it_answers() -> None:
    told: list[str] = []
    made = [ScriptedModel(script) for script in ([DOWN], [DOWN], text_script("Me."))]
    others = [Fallback(id=f"other-{n}", model=model, upstream_model="x") for n, model in enumerate(made[1:])]
    assert await said_by(FallbackModel(made[0], others, stood_in=told.append)) == "Me."
    assert told == ["other-1"]


async def test_a_model_that_takes_no_tools_is_offered_none() -> None:
    model, (_, _, third) = models([DOWN], [DOWN], text_script("Me."))
    await said_by(model)
    assert third.requests[0].tools == ()


async def test_where_all_fail_the_first_failure_is_told() -> None:
    first = ModelFailed(Code.RATE_LIMITED, retry_after=7)
    model, _ = models([first], [DOWN], [DOWN])
    with pytest.raises(ModelFailed) as caught:
        await said_by(model)
    assert caught.value is first


async def test_what_is_the_callers_fault_stays_with_the_caller() -> None:
    model, (_, second) = models([Rejected(Code.CONTEXT_TOO_LONG)], text_script("Not me."))
    with pytest.raises(Rejected):
        await said_by(model)
    assert second.requests == []


async def test_once_something_was_said_nobody_else_goes_on() -> None:
    model, (first, second) = models([(TextDelta(text="Hel"),), DOWN], text_script("Not me."))
    with pytest.raises(ModelFailed):
        await said_by(model)
    assert second.requests == []
    assert first.open_streams == 0


async def test_leaving_closes_the_model_that_answers() -> None:
    model, (_, second) = models([DOWN], text_script("One.", "Two."))
    async with model.stream(REQUEST) as batches:
        await anext(batches)
        assert second.open_streams == 1
    assert second.open_streams == 0
