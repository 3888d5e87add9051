from __future__ import annotations

import asyncio

import pytest

from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import TextDelta
from mamba_domain.messages import TextPart, UserMessage
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import Placement, ToolSpec
from tests.contracts.chat_model import Case, ChatModelContract, Situation
from tests.fakes.scripted_model import Script, ScriptedModel, call_script, text_script

REQUEST = ModelRequest(
    model="m",
    messages=(UserMessage(parts=(TextPart(text="Hello"),)),),
    tools=(ToolSpec(name="look", description="", input_schema={}, placement=Placement.SERVER),),
)


class ScriptedProvider:
    """Scripts for each situation, as many as one test may play."""

    def __init__(self) -> None:
        self._models: list[ScriptedModel] = []

    def case(self, situation: Situation) -> Case:
        model = ScriptedModel(*[self._script(situation)] * 5)
        self._models.append(model)
        return Case(model, REQUEST)

    async def released(self) -> None:
        assert [model.open_streams for model in self._models if model.open_streams] == []

    def _script(self, situation: Situation) -> Script:
        broken = ModelFailed(Code.MODEL_ERROR)
        match situation:
            case Situation.ANSWER:
                return text_script("Hello ", "there")
            case Situation.CALL:
                return call_script(("c1", "look", "{}"))
            case Situation.TWO_CALLS:
                return call_script(("c1", "look", "{}"), ("c2", "look", '{"far": true}'))
            case Situation.FAIL_AT_ONCE:
                return (broken,)
            case Situation.FAIL_MIDWAY:
                return ((TextDelta(text="Hel"),), broken)
            case Situation.NEVER_END:
                return ((TextDelta(text="Hel"),), asyncio.Event())


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


class TestScriptedModel(ChatModelContract):
    """The fake keeps the port's promises."""


async def test_it_keeps_the_requests_in_order() -> None:
    model = ScriptedModel(text_script("a"), text_script("b"))
    for _ in range(2):
        async with model.stream(REQUEST):
            pass
    assert model.requests == [REQUEST, REQUEST]


async def test_a_call_without_a_script_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="no script"):
        async with ScriptedModel().stream(REQUEST):
            pass


async def test_it_waits_where_the_script_says_so() -> None:
    gate = asyncio.Event()
    model = ScriptedModel((gate, *text_script("now")))
    async with model.stream(REQUEST) as batches:
        waiting = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        assert not waiting.done()
        gate.set()
        assert await waiting == (TextDelta(text="now"),)
