"""What is told of an endpoint's health, and what that costs the endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mamba_adapters.openai.chat_completions import ChatCompletionsModel
from mamba_adapters.openai.client import new_client
from mamba_adapters.openai.endpoint import Endpoint
from mamba_adapters.openai.health import EndpointProbe
from mamba_adapters.openai.retry import RetryPolicy
from mamba_domain.errors import ModelFailed
from mamba_domain.messages import TextPart, UserMessage
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.ports.health import Health, HealthResult
from tests.fakes.openai_server import FAULTS, MODELS, FakeOpenAI, HttpReply

MODEL_LIST_FAULTS = [f"fault-{fault.name}" for fault in FAULTS.values() if fault.apis == {"models"}]


@pytest.fixture
async def upstream() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as upstream:
        yield upstream


@pytest.fixture
async def endpoint(upstream: FakeOpenAI) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(lambda: new_client(api_key="x", base_url=upstream.base_url), name="here")
    yield endpoint
    await endpoint.aclose()


async def talk(endpoint: Endpoint, model: str = "ok") -> None:
    request = ModelRequest(model=model, messages=(UserMessage(parts=(TextPart(text="Hi"),)),))
    chat = ChatCompletionsModel(endpoint, retry=RetryPolicy(max_attempts=1))
    async with chat.stream(request) as batches:
        async for _ in batches:
            """Whatever it says."""


async def test_without_traffic_the_model_list_is_asked_for_once(upstream: FakeOpenAI, endpoint: Endpoint) -> None:
    probe = EndpointProbe(endpoint)
    assert probe.name == "here"
    first, *others = await asyncio.gather(*(probe.check() for _ in range(20)))
    assert first.status is Health.HEALTHY
    assert first.latency is not None
    assert all(other == first for other in others)
    assert [received.path for received in upstream.requests] == ["/v1/models"]


async def test_what_is_known_is_not_asked_again_until_it_is_stale(upstream: FakeOpenAI, endpoint: Endpoint) -> None:
    probe = EndpointProbe(endpoint, fresh=0.0)
    await probe.check()
    await probe.check()
    assert len(upstream.requests) == 2


async def test_with_traffic_nothing_is_asked_and_the_latency_is_that_of_real_calls(
    upstream: FakeOpenAI, endpoint: Endpoint
) -> None:
    await talk(endpoint, "ok-w100")
    result = await EndpointProbe(endpoint).check()
    assert result.status is Health.HEALTHY
    assert result.latency is not None
    assert 0.0 < result.latency < 5.0
    assert [received.path for received in upstream.requests] == ["/v1/chat/completions"]


@pytest.mark.parametrize("fault", MODEL_LIST_FAULTS)
async def test_an_endpoint_that_does_not_answer_well_is_degraded(
    upstream: FakeOpenAI, endpoint: Endpoint, fault: str
) -> None:
    upstream.script([fault], model=MODELS)
    async with asyncio.timeout(1):
        result = await EndpointProbe(endpoint, timeout=0.2).check()
    assert result == HealthResult(status=Health.DEGRADED)


async def test_a_list_that_is_too_long_is_none(upstream: FakeOpenAI, endpoint: Endpoint) -> None:
    upstream.script([HttpReply(status=200, body=b"[" + b" " * (9 << 20) + b"]")], model=MODELS)
    assert (await EndpointProbe(endpoint).check()).status is Health.DEGRADED


async def test_an_endpoint_without_a_model_list_is_there_all_the_same(upstream: FakeOpenAI, endpoint: Endpoint) -> None:
    upstream.script([HttpReply(status=404)], model=MODELS)
    assert (await EndpointProbe(endpoint).check()).status is Health.HEALTHY


async def test_a_key_that_is_refused_is_told_at_once_until_a_call_is_answered(
    upstream: FakeOpenAI, endpoint: Endpoint
) -> None:
    probe = EndpointProbe(endpoint)
    await talk(endpoint)
    upstream.script([HttpReply(status=401)])
    with pytest.raises(ModelFailed):
        await talk(endpoint)
    assert (await probe.check()).status is Health.DEGRADED
    upstream.script([])
    await talk(endpoint)
    assert (await probe.check()).status is Health.HEALTHY


async def test_an_endpoint_that_is_left_alone_is_degraded_and_not_asked(
    upstream: FakeOpenAI, endpoint: Endpoint
) -> None:
    failures = await asyncio.gather(*(talk(endpoint, "fault-503") for _ in range(20)), return_exceptions=True)
    assert all(isinstance(failure, ModelFailed) for failure in failures)
    asked = len(upstream.requests)
    assert (await EndpointProbe(endpoint).check()).status is Health.DEGRADED
    assert len(upstream.requests) == asked
