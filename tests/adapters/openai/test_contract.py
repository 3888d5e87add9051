"""Both APIs as `ChatModel`s, against an upstream on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mamba_adapters.openai.chat_completions import ChatCompletionsModel
from mamba_adapters.openai.client import new_client
from mamba_adapters.openai.endpoint import Endpoint
from mamba_adapters.openai.responses import ResponsesModel
from mamba_adapters.openai.retry import RetryPolicy
from mamba_domain.messages import TextPart, UserMessage
from mamba_domain.ports.chat_model import ChatModel, ModelRequest
from mamba_domain.tools import Placement, ToolSpec
from tests.contracts.chat_model import Case, ChatModelContract, Provider, Situation
from tests.fakes.openai_server import FakeOpenAI, Reply, say, tool_call

TOOL = ToolSpec(
    name="get_weather",
    description="Tells the weather.",
    input_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    placement=Placement.SERVER,
)
NAMES = {
    Situation.ANSWER: "ok",
    Situation.CALL: "tool",
    Situation.TWO_CALLS: "two",
    Situation.FAIL_AT_ONCE: "fault-503",
    Situation.FAIL_MIDWAY: "fault-reset-midstream",
    Situation.NEVER_END: "ok-n100000-p20",
}


class Upstream:
    """The provider: an adapter, and the fake behind it."""

    def __init__(self, fake: FakeOpenAI, model: ChatModel) -> None:
        self._fake = fake
        self._model = model
        calls = (*tool_call(0, "c0", "get_weather", '{"city":', '"Oslo"}'), *tool_call(1, "c1", "get_weather", "{}"))
        fake.script([Reply(steps=(*say("Let me see."), *calls), finish="tool_calls")], model="two")

    def case(self, situation: Situation) -> Case:
        request = ModelRequest(
            model=NAMES[situation],
            messages=(UserMessage(parts=(TextPart(text="Hello"),)),),
            tools=(TOOL,) if situation in (Situation.CALL, Situation.TWO_CALLS) else (),
        )
        return Case(self._model, request)

    async def released(self) -> None:
        await self._fake.quiet(timeout=2)


@pytest.fixture(params=[ChatCompletionsModel, ResponsesModel])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    async with FakeOpenAI() as fake:
        client = new_client(api_key="sk-test", base_url=fake.base_url)
        yield Upstream(fake, request.param(Endpoint(lambda: client), retry=RetryPolicy(base=0.01)))
        await client.close()
        await asyncio.sleep(0)


class TestOpenAIModels(ChatModelContract):
    """The port's promises."""
