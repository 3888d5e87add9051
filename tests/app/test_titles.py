"""The title routes: a title, or word that the page has to do without."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from tests.app.harness import Running, settings
from tests.app.serving import serving
from tests.fakes.openai_server import CANARY, FAULTS, Api, FakeOpenAI, Reply, say
from tests.fakes.scripted_model import ScriptedModel, text_script

ADAPTERS: dict[Api, str] = {"chat": "openai-chat", "responses": "openai-responses"}
NO_TITLE = {"title": "", "useFallback": True}
FAULTY = [
    pytest.param(api, fault, id=f"{api}-{fault.name}")
    for fault in FAULTS.values()
    for api in ADAPTERS
    if api in fault.apis and not fault.name.startswith(("tool-", "429-retry-after-", "500-stalled"))
]


def towards(upstream: FakeOpenAI, api: Api = "chat", **values: object) -> Any:
    return settings(
        {
            "model.adapter": ADAPTERS[api],
            "openai.api_key": "sk-test",
            "openai.base_url": upstream.base_url,
            "openai.max_attempts": 2,
            "openai.retry_wait": 0.01,
            **values,
        }
    )


async def ask(app: Running, message: object = "How do I bake bread?", path: str = "/title/generate") -> Any:
    body = {"userMessage": message, "conversationId": "c1"}
    return await app.http.post(path, json=body)


@pytest.mark.parametrize("path", ["/title/generate", "/generate-title"])
async def test_a_title_is_given_at_both_paths(path: str) -> None:
    model = ScriptedModel(text_script('"Baking ', 'bread"\n'))
    async with serving(settings(), model_for=lambda _: model) as app:
        response = await ask(app, path=path)
    assert response.status_code == 200
    assert response.json() == {"title": "Baking bread", "useFallback": False}
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"


async def test_the_demo_model_names_conversations_too() -> None:
    async with serving(settings()) as app:
        told = (await ask(app)).json()
    assert told["useFallback"] is False
    assert "bread" in told["title"].lower()


@pytest.mark.parametrize("api", ADAPTERS)
async def test_the_model_of_the_settings_is_asked(api: Api) -> None:
    async with FakeOpenAI() as upstream:
        models = [{"id": "big"}, {"id": "small", "upstream_model": "tiny"}]
        values = {"models": models, "chat.title_model": "small", "chat.system_prompt": "You are a pirate."}
        async with serving(towards(upstream, api, **values)) as app:
            upstream.script([Reply(steps=say("Baking bread"))])
            assert (await ask(app)).json()["title"] == "Baking bread"
        (received,) = upstream.requests
        assert received.model == "tiny"
        assert "pirate" not in json.dumps(received.body)
        assert "tools" not in (received.body if isinstance(received.body, dict) else {})


@pytest.mark.parametrize(("api", "fault"), FAULTY)
async def test_no_fault_of_an_upstream_is_a_failure_of_a_page(api: Api, fault: Any) -> None:
    async with FakeOpenAI() as upstream:
        async with serving(towards(upstream, api, **{"chat.title_timeout": 0.15})) as app:
            upstream.script([f"fault-{fault.name}"])
            began = time.monotonic()
            response = await ask(app)
            assert time.monotonic() - began < 2.0
        assert response.status_code == 200
        told = response.json()
        assert told["useFallback"] is (told["title"] == "")
        assert len(told["title"]) <= 80
        assert told["title"].isprintable()
        assert CANARY not in response.text
        await upstream.quiet()


async def test_a_model_that_takes_too_long_is_not_waited_for() -> None:
    never = asyncio.Event()
    model = ScriptedModel([never])
    async with serving(settings({"chat.title_timeout": 0.05}), model_for=lambda _: model) as app:
        assert (await ask(app)).json() == NO_TITLE
    assert model.open_streams == 0


async def test_a_model_that_breaks_in_an_unknown_way_is_no_failure_either() -> None:
    model = ScriptedModel([RuntimeError("a bug")])
    async with serving(settings(), model_for=lambda _: model) as app:
        response = await ask(app)
    assert (response.status_code, response.json()) == (200, NO_TITLE)
    assert "bug" not in response.text


async def test_without_a_message_there_is_no_title() -> None:
    async with serving(settings()) as app:
        assert (await ask(app, "  ")).json() == NO_TITLE


async def test_whoever_may_not_use_the_model_for_titles_gets_none() -> None:
    values = {
        "models": [{"id": "a"}, {"id": "b"}],
        "chat.title_model": "b",
        "auth.mode": "api_key",
        "auth.api_keys": [{"name": "ann", "key": "4f9a1c7e2b8d6035", "models": ["a"]}],
    }
    async with serving(settings(values)) as app:
        app.http.headers["authorization"] = "Bearer 4f9a1c7e2b8d6035"
        assert (await ask(app, "Hello")).json() == NO_TITLE


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 422), (b"{}", 422), (b'{"userMessage": 7}', 422), (b'{"userMessage": null}', 422)],
)
async def test_a_body_that_asks_for_nothing_is_refused(body: bytes, status: int) -> None:
    async with serving(settings()) as app:
        response = await app.http.post("/title/generate", content=body, headers={"content-type": "application/json"})
    assert response.status_code == status
    assert response.json()["status"] == status


async def test_a_client_that_leaves_ends_the_call() -> None:
    async with FakeOpenAI() as upstream, serving(towards(upstream)) as app:
        upstream.script(["fault-stall-before-headers"])
        _, writer = await asyncio.open_connection("127.0.0.1", app.port)
        body = b'{"userMessage": "Hello"}'
        head = (
            f"POST /generate-title HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        )
        writer.write(f"{head}\r\n\r\n".encode() + body)
        (received,) = await upstream.received()
        writer.close()
        async with asyncio.timeout(1):
            await received.ended.wait()
        assert received.aborted
        assert len(upstream.requests) == 1
