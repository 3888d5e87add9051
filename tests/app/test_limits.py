"""How much callers may take: places, turns a minute, tokens a day; and that every place comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest

from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import TextDelta, Usage
from tests.app.entrances import ALICE, BOB, closed_settings
from tests.app.harness import Running, chat_body, settings
from tests.app.serving import serving
from tests.fakes.redis_server import RedisServer
from tests.fakes.scripted_model import ScriptedModel, text_script

WIRES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/api/chat", chat_body()),
    "completion": ("/completion", {"prompt": "Hello"}),
    "openai": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello"}], "stream": True}),
    "agui": ("/agui", {"threadId": "t", "runId": "r", "messages": [{"id": "1", "role": "user", "content": "Hello"}]}),
}
TITLE: dict[str, Any] = {"userMessage": "Hello", "conversationId": "c"}


def endless(text: str = "one") -> list[Any]:
    """An answer that begins and does not end by itself."""
    return [(TextDelta(text=text),), asyncio.Event()]


@asynccontextmanager
async def turn_running(app: Running, headers: Any = None, **more: Any) -> AsyncIterator[httpx2.Response]:
    """A turn whose answer has begun; leaving this leaves the answer."""
    body = chat_body(**{"id": None, **more})
    async with app.http.stream("POST", "/api/chat", json=body, headers=headers) as response:
        lines = response.aiter_lines()
        async for line in lines:
            if "text-delta" in line:
                break
        yield response
        await lines.aclose()  # type: ignore[attr-defined]


async def idle(app: Running) -> None:
    """Wait until no turn is running, and what they took is counted."""
    async with asyncio.timeout(5):
        while len(app.application.supervisor):  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(("path", "body"), WIRES.values(), ids=WIRES)
async def test_a_full_process_refuses_with_503_and_says_when_to_come_back(path: str, body: Any) -> None:
    model = ScriptedModel(endless(), text_script("later"))
    async with serving(settings({"limits.max_turns": 1}), model_for=lambda _: model) as app:
        async with turn_running(app):
            refused = await app.http.post(path, json=body)
            assert refused.status_code == 503
            for probe in ("/health/live", "/health/ready", "/models", "/health"):
                assert (await app.http.get(probe)).status_code == 200
        problem = refused.json()
        assert problem.get("error", problem)["code"] == "OVERLOADED"
        assert refused.headers["retry-after"] == "1"
        assert (refused.headers["ratelimit-limit"], refused.headers["ratelimit-remaining"]) == ("1", "0")
        await idle(app)
        assert (await app.http.post(path, json=body)).status_code == 200
        assert len(model.requests) == 2


async def test_a_full_process_does_not_even_read_the_request() -> None:
    model = ScriptedModel(endless())
    async with serving(settings({"limits.max_turns": 1}), model_for=lambda _: model) as app, turn_running(app):
        refused = await app.http.post("/api/chat", content=b"{", headers={"content-type": "application/json"})
        assert refused.status_code == 503


async def test_one_caller_has_a_share_of_the_places_and_others_are_not_touched() -> None:
    model = ScriptedModel(endless(), endless(), endless())
    configuration = closed_settings("api_key", {"limits.turns_per_caller": 2})
    async with serving(configuration, model_for=lambda _: model) as app, AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(turn_running(app, ALICE["api_key"]))
        for _ in range(20):
            refused = await app.http.post("/api/chat", json=chat_body(id=None), headers=ALICE["api_key"])
            assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
            assert refused.headers["retry-after"] == "1"
            assert "2 answers" in refused.json()["detail"]
        await stack.enter_async_context(turn_running(app, BOB["api_key"]))
        assert len(model.requests) == 3


async def test_a_caller_begins_so_many_turns_a_minute_and_is_told_how_many_are_left() -> None:
    model = ScriptedModel(*[text_script("a")] * 3)
    configuration = closed_settings("api_key", {"limits.turns_per_minute": 2})
    async with serving(configuration, model_for=lambda _: model) as app:
        for left in ("1", "0"):
            answer = await app.http.post("/api/chat", json=chat_body(), headers=ALICE["api_key"])
            assert answer.status_code == 200
            assert (answer.headers["ratelimit-limit"], answer.headers["ratelimit-remaining"]) == ("2", left)
            assert 50 <= int(answer.headers["ratelimit-reset"]) <= 60
        refused = await app.http.post("/api/chat", json=chat_body(), headers=ALICE["api_key"])
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert 50 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit-remaining"] == "0"
        assert (await app.http.get("/models", headers=ALICE["api_key"])).status_code == 200
        assert (await app.http.post("/api/chat", json=chat_body(), headers=BOB["api_key"])).status_code == 200


async def test_a_request_that_is_refused_for_what_it_says_costs_no_turn() -> None:
    model = ScriptedModel(text_script("a"))
    async with serving(settings({"limits.turns_per_minute": 1}), model_for=lambda _: model) as app:
        for body in ({}, chat_body(model="nope"), chat_body(temperature=99), {"messages": "x"}):
            assert (await app.http.post("/api/chat", json=body)).status_code in (404, 422)
        assert (await app.http.post("/api/chat", json=chat_body())).status_code == 200
        assert (await app.http.post("/api/chat", json=chat_body())).status_code == 429


async def test_the_tokens_of_a_day_are_those_that_the_provider_counted() -> None:
    model = ScriptedModel(*[text_script("a", usage=Usage(input_tokens=30, output_tokens=20))] * 2)
    configuration = closed_settings("api_key", {"limits.tokens_per_day": 100})
    async with serving(configuration, model_for=lambda _: model) as app:
        for _ in range(2):
            assert (await app.http.post("/api/chat", json=chat_body(), headers=ALICE["api_key"])).status_code == 200
        refused = await app.http.post("/api/chat", json=chat_body(), headers=ALICE["api_key"])
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 86_400
        assert "tomorrow" in refused.json()["detail"]
        title = await app.http.post("/title/generate", json=TITLE, headers=ALICE["api_key"])
        assert title.json()["useFallback"] is True
        assert len(model.requests) == 2


@pytest.mark.parametrize("leaving", [True, False], ids=["left", "stopped"])
async def test_an_answer_that_was_cut_short_counts_as_far_as_it_came(leaving: bool) -> None:
    model = ScriptedModel(endless("x" * 4000), text_script("never"))
    async with serving(settings({"limits.tokens_per_day": 900}), model_for=lambda _: model) as app:
        async with turn_running(app, id="chat-1"):
            if not leaving:
                assert (await app.http.post("/api/chat/chat-1/stop")).status_code == 204
                await idle(app)
        await idle(app)
        assert (await app.http.post("/api/chat", json=chat_body())).status_code == 429


async def test_titles_count_too() -> None:
    model = ScriptedModel(text_script("Bread", usage=Usage(input_tokens=60, output_tokens=5)), text_script("never"))
    async with serving(settings({"limits.tokens_per_day": 65}), model_for=lambda _: model) as app:
        assert (await app.http.post("/title/generate", json=TITLE)).json()["title"] == "Bread"
        assert (await app.http.post("/api/chat", json=chat_body())).status_code == 429


async def _finishes(app: Running) -> None:
    assert (await app.http.post("/api/chat", json=chat_body())).status_code == 200


async def _fails_at_once(app: Running) -> None:
    assert (await app.http.post("/api/chat", json=chat_body())).status_code == 502


async def _fails_midway(app: Running) -> None:
    answer = await app.http.post("/api/chat", json=chat_body())
    assert '"type":"error"' in answer.text


async def _is_left(app: Running) -> None:
    async with turn_running(app):
        pass


async def _is_left_before_it_begins(app: Running) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        await app.http.post("/api/chat", json=chat_body(), timeout=0.1)


async def _is_stopped(app: Running) -> None:
    async with turn_running(app, id="chat-1"):
        await app.http.post("/api/chat/chat-1/stop")
        await idle(app)


async def _is_never_begun(app: Running) -> None:
    assert (await app.http.post("/api/chat", json=chat_body(model="nope"))).status_code == 404


async def _is_named_twice(app: Running) -> None:
    for question, status in (("a", 200), ("a", 200), ("b", 422)):
        answer = await app.http.post("/api/chat", json=chat_body(question), headers={"idempotency-key": "k"})
        assert answer.status_code == status


async def _is_a_title(app: Running) -> None:
    assert (await app.http.post("/title/generate", json=TITLE)).json()["title"] == "a"


async def _is_a_title_that_fails(app: Running) -> None:
    assert (await app.http.post("/title/generate", json=TITLE)).json()["title"] == ""


Ending = Callable[[Running], Awaitable[None]]
ENDINGS: dict[str, tuple[Ending, Any]] = {
    "finished": (_finishes, text_script("a")),
    "failed at once": (_fails_at_once, [ModelFailed(Code.MODEL_ERROR)]),
    "failed midway": (_fails_midway, [(TextDelta(text="a"),), ModelFailed(Code.MODEL_ERROR)]),
    "failed in a way that nobody thought of": (_fails_midway, [(TextDelta(text="a"),), RuntimeError("boom")]),
    "left": (_is_left, endless()),
    "left before it began": (_is_left_before_it_begins, [asyncio.Event()]),
    "stopped": (_is_stopped, endless()),
    "never begun": (_is_never_begun, None),
    "asked again by name": (_is_named_twice, text_script("a")),
    "a title": (_is_a_title, text_script("a")),
    "a title that failed": (_is_a_title_that_fails, [RuntimeError("boom")]),
}


@pytest.mark.parametrize(("ending", "script"), ENDINGS.values(), ids=ENDINGS)
async def test_the_place_comes_back_however_a_turn_ends(ending: Ending, script: Any) -> None:
    rounds = 3
    model = ScriptedModel(*([script] * rounds if script is not None else []), text_script("last"))
    configuration = settings({"limits.max_turns": 1, "limits.turns_per_caller": 1, "chat.commit_after": 0.01})
    async with serving(configuration, model_for=lambda _: model) as app:
        for number in range(rounds):
            if ending is _is_named_twice and number:
                continue
            await ending(app)
            await idle(app)
        assert (await app.http.post("/api/chat", json=chat_body())).status_code == 200


async def test_the_place_comes_back_where_a_busy_chat_refuses() -> None:
    model = ScriptedModel(endless(), text_script("a"))
    configuration = settings({"limits.max_turns": 2, "chat.when_busy": "reject"})
    async with serving(configuration, model_for=lambda _: model) as app:
        async with turn_running(app, id="chat-1"):
            for _ in range(5):
                assert (await app.http.post("/api/chat", json=chat_body())).status_code == 409
            assert (await app.http.post("/api/chat", json=chat_body(id="chat-2"))).status_code == 200
        await idle(app)


async def test_processes_that_share_redis_count_together() -> None:
    with RedisServer() as redis:
        values = {
            "limits.storage": "redis",
            "redis.url": redis.url,
            "limits.turns_per_minute": 3,
            "limits.tokens_per_day": 100,
        }
        script = text_script("a", usage=Usage(input_tokens=30, output_tokens=20))
        async with AsyncExitStack() as stack:
            apps = [
                await stack.enter_async_context(
                    serving(closed_settings("api_key", values), model_for=lambda _: ScriptedModel(script, script))
                )
                for _ in range(2)
            ]
            for app in apps:
                answer = await app.http.post("/api/chat", json=chat_body(), headers=ALICE["api_key"])
                assert answer.status_code == 200
                await idle(app)
            for app in apps:
                refused = await app.http.post("/api/chat", json=chat_body(), headers=ALICE["api_key"])
                assert refused.status_code == 429
                answer = await app.http.post("/api/chat", json=chat_body(), headers=BOB["api_key"])
                assert answer.status_code == 200
            redis.kill()
            answer = await apps[0].http.post("/api/chat", json=chat_body(), headers=ALICE["api_key"])
            assert answer.status_code == 200
