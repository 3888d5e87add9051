"""Several providers behind one server: who is asked, with what, and who answers instead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mamba_adapters.config.load import load
from mamba_adapters.config.problems import ConfigurationError
from mamba_app.providers import providers
from mamba_domain.errors import Misconfigured
from tests.app.harness import Running, settings, text_of
from tests.app.serving import serving
from tests.fakes.openai_server import MODELS, TEXT, FakeOpenAI, Reply, say

Entries = Sequence[Mapping[str, object]]


@asynccontextmanager
async def service(first: FakeOpenAI, models: Entries, **values: object) -> AsyncIterator[Running]:
    """The service with `first` as the connection of the section openai."""
    configuration = settings(
        {
            "model.adapter": "openai-chat",
            "openai.api_key": "sk-first",
            "openai.base_url": first.base_url,
            "openai.retry_wait": 0.01,
            "models": list(models),
            **values,
        }
    )
    async with serving(configuration) as app:
        yield app


@asynccontextmanager
async def two_upstreams() -> AsyncIterator[tuple[FakeOpenAI, FakeOpenAI]]:
    async with FakeOpenAI() as first, FakeOpenAI() as second:
        yield first, second


async def test_each_model_is_asked_over_its_own_connection_api_and_name() -> None:
    async with two_upstreams() as (first, second):
        models: Entries = [
            {"id": "plain"},
            {"id": "thinker", "adapter": "openai-responses", "upstream_model": "o9", "reasoning_summary": "auto"},
            {"id": "keyed", "base_url": second.base_url, "api_key": "sk-second", "upstream_model": "deployed"},
            {"id": "local", "provider": "ollama", "base_url": second.base_url},
            {"id": "cloud", "provider": "azure", "base_url": second.base_url, "api_key": "k", "api_version": "v1"},
            {"id": "toy", "adapter": "demo"},
        ]
        async with service(first, models) as app:
            for entry in models:
                assert text_of((await app.chat(model=entry["id"], max_tokens=3))[1])
        assert [(each.path, each.model) for each in first.requests] == [
            ("/v1/chat/completions", "plain"),
            ("/v1/responses", "o9"),
        ]
        thinking: Any = first.requests[1].body
        assert thinking["reasoning"] == {"summary": "auto"}
        assert [(each.path, each.model) for each in second.requests] == [
            ("/v1/chat/completions", "deployed"),
            ("/v1/chat/completions", "local"),
            ("/v1/chat/completions?api-version=v1", "cloud"),
        ]
        assert {each.headers["authorization"] for each in first.requests} == {"Bearer sk-first"}
        keyed, local, cloud = second.requests
        assert keyed.headers["authorization"] == "Bearer sk-second"
        assert "authorization" not in local.headers
        assert (cloud.headers["api-key"], cloud.headers.get("authorization")) == ("k", None)


async def test_reasoning_comes_back_to_the_model_that_thought_it_and_to_no_other() -> None:
    async with FakeOpenAI() as upstream:
        models: Entries = [{"id": "a"}, {"id": "b"}]
        async with service(upstream, models, **{"model.adapter": "openai-responses"}) as app:
            upstream.script(["fault-reasoning"])
            _, chunks = await app.chat(model="a")
            (closed,) = [c for c in chunks if isinstance(c, dict) and c["type"] == "reasoning-end"]
            sealed = closed["providerMetadata"]
            answer = {
                "id": "a1",
                "role": "assistant",
                "parts": [
                    {"type": "step-start"},
                    {"type": "reasoning", "text": "Let me think.", "providerMetadata": sealed},
                    {"type": "text", "text": TEXT},
                ],
            }
            asked = {"id": "u2", "role": "user", "parts": [{"type": "text", "text": "And?"}]}
            for model in ("a", "b"):
                await app.chat(messages=[asked, answer, asked], model=model)
        inputs: list[Any] = [each.body["input"] for each in upstream.requests[1:] if isinstance(each.body, dict)]
        kinds = [[item.get("type", item.get("role")) for item in items] for items in inputs]
        assert kinds == [["user", "reasoning", "assistant", "user"], ["user", "assistant", "user"]]
        assert inputs[0][1] == {
            "type": "reasoning",
            "id": "rs_c0ffee00",
            "summary": [{"type": "summary_text", "text": "Let me think."}],
            "encrypted_content": "Z2VoZWlt",
        }


@pytest.mark.parametrize("fault", ["fault-503", "fault-401", "fault-429-retry-after-s", "fault-200-html"])
async def test_another_model_answers_where_the_first_one_cannot(fault: str) -> None:
    async with two_upstreams() as (first, second):
        models: Entries = [
            {"id": "first", "fallback": ["ollama/second"]},
            {"id": "second", "provider": "ollama", "base_url": second.base_url, "upstream_model": "little"},
        ]
        async with service(first, models) as app:
            first.script([fault])
            response, chunks = await app.chat()
        assert (response.status_code, text_of(chunks)) == (200, TEXT)
        assert [each.model for each in second.requests] == ["little"]


@pytest.mark.parametrize("fault", ["fault-400", "fault-400-context", "fault-reset-midstream"])
async def test_no_other_model_goes_on_with_an_answer_or_a_bad_request(fault: str) -> None:
    async with two_upstreams() as (first, second):
        models: Entries = [{"id": "first", "fallback": ["second"]}, {"id": "second", "base_url": second.base_url}]
        async with service(first, models) as app:
            first.script([fault])
            await app.chat()
        assert (len(first.requests), len(second.requests)) == (1, 0)


async def test_a_model_that_is_not_listed_is_asked_of_the_first_ones_provider() -> None:
    async with two_upstreams() as (first, second):
        models: Entries = [{"id": "first", "fallback": ["second"]}, {"id": "second", "base_url": second.base_url}]
        async with service(first, models, **{"chat.open_models": True}) as app:
            await app.chat(model="unlisted")
        assert [each.model for each in first.requests] == ["unlisted"]


async def test_health_tells_of_each_connection_once_and_costs_little() -> None:
    async with two_upstreams() as (first, second):
        models: Entries = [
            {"id": "a"},
            {"id": "b", "adapter": "openai-responses"},
            {"id": "c", "base_url": second.base_url},
            {"id": "d", "provider": "acme", "base_url": second.base_url, "api_key": "k"},
        ]
        second.script(["fault-models-503"], model=MODELS)
        async with service(first, models) as app:
            await app.chat(model="a")
            health, *_ = [await app.http.get("/health") for _ in range(3)]
            for _ in range(3):
                assert (await app.http.get("/health/live")).status_code == 200
                assert (await app.http.get("/health/ready")).status_code == 200
        assert health.status_code == 200
        told = health.json()
        assert told["status"] == "degraded"
        assert {name: check["status"] for name, check in told["checks"].items()} == {
            "openai": "healthy",
            "openai-2": "degraded",
            "acme": "degraded",
        }
        assert told["checks"]["openai"]["latency_ms"] > 0
        assert "CANARY" not in health.text
        assert [each.path for each in first.requests] == ["/v1/chat/completions"]
        assert [each.path for each in second.requests] == ["/v1/models"] * 2


async def test_a_key_is_taken_from_the_variable_that_the_settings_name() -> None:
    async with FakeOpenAI() as upstream:
        upstream.script([Reply(steps=say("Hi"))])
        configuration = load(
            env={"ACME_KEY": "sk-acme"},
            overrides={
                "model.adapter": "openai-chat",
                "models": [{"id": "m", "base_url": upstream.base_url, "api_key_env": "ACME_KEY"}],
            },
        ).settings
        made = providers(configuration, env={"ACME_KEY": "sk-acme"})
        async with serving(configuration, model_for=made.model_for) as app:
            await app.chat()
        await made.close()
        assert upstream.requests[0].headers["authorization"] == "Bearer sk-acme"
        with pytest.raises(Misconfigured, match="ACME_KEY"):
            providers(configuration, env={})


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        ([{"id": "a", "fallback": ["b"]}], "a fallback is not the id of another entry"),
        ([{"id": "a", "fallback": ["a"]}], "a fallback is not the id of another entry"),
        ([{"id": "a", "api_key": "x", "api_key_env": "X"}], "both api_key and api_key_env"),
        ([{"id": "a", "base_url": "ftp://a"}], "is not a usable URL"),
        ([{"id": "a", "adapter": "openai"}], "names no adapter"),
        ([{"id": "a", "api_key_env": "NOT_THERE"}], "names a variable that is not set"),
        ([{"id": "a"}], "required by model.adapter"),
    ],
)
def test_entries_that_make_no_sense_stop_the_start(models: list[dict[str, object]], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        load(env={}, overrides={"model.adapter": "openai-chat", "models": models})


def test_no_key_of_ours_is_needed_where_every_model_has_its_own_connection() -> None:
    models = [{"id": "a", "base_url": "http://127.0.0.1:1/v1"}, {"id": "b", "adapter": "demo"}]
    assert load(env={}, overrides={"model.adapter": "openai-chat", "models": models}).settings.models


def test_a_factory_that_cannot_be_found_is_the_operators_to_mend() -> None:
    with pytest.raises(Misconfigured):
        providers(settings({"model.adapter": "tests.nowhere:model"}))
