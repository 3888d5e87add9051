"""`Idempotency-Key` over a real socket: the same request twice is one turn."""

from __future__ import annotations

import asyncio

import pytest

from tests.app.harness import chat_body, chunks_of, running_app, settings, text_of
from tests.app.test_resume import begun, ended, paused
from tests.fakes.scripted_model import ScriptedModel, text_script

NAMED = {"idempotency-key": "7f9c"}


async def test_the_same_request_is_answered_by_the_same_turn() -> None:
    model = ScriptedModel(text_script("once"))
    async with running_app(settings(), model_for=lambda _: model) as app:
        answers = [await app.http.post("/api/chat", json=chat_body(), headers=NAMED) for _ in range(3)]
        assert len({answer.content for answer in answers}) == 1
        assert text_of(chunks_of(answers[0].content)) == "once"
        assert len(model.requests) == 1


async def test_requests_at_the_same_time_are_one_turn() -> None:
    model = ScriptedModel(text_script("once"))
    async with running_app(settings(), model_for=lambda _: model) as app:
        asking = [app.http.post("/api/chat", json=chat_body(), headers=NAMED) for _ in range(10)]
        answers = await asyncio.gather(*asking)
        assert [text_of(chunks_of(answer.content)) for answer in answers] == ["once"] * 10
        assert len(model.requests) == 1


async def test_asking_again_joins_a_running_turn_that_lost_its_reader() -> None:
    async with paused() as (app, said):
        async with app.http.stream("POST", "/api/chat", json=chat_body(), headers=NAMED) as answer:
            await anext(answer.aiter_bytes())
        said.go_on.set()
        again = await app.http.post("/api/chat", json=chat_body(), headers=NAMED)
        assert text_of(chunks_of(again.content)) == "one two"
        assert len(said.model.requests) == 1


async def test_a_name_is_not_given_to_another_request() -> None:
    model = ScriptedModel(text_script("once"))
    async with running_app(settings(), model_for=lambda _: model) as app:
        await app.http.post("/api/chat", json=chat_body(), headers=NAMED)
        other = await app.http.post("/api/chat", json=chat_body("Something else"), headers=NAMED)
        assert other.status_code == 422
        assert other.headers["content-type"] == "application/problem+json"
        assert len(model.requests) == 1


@pytest.mark.parametrize("name", ["x" * 256, "", "a b"])
async def test_a_name_is_short_and_visible(name: str) -> None:
    async with running_app() as app:
        answer = await app.http.post("/api/chat", json=chat_body(), headers={"idempotency-key": name})
        assert answer.status_code == 400


async def test_without_a_name_each_request_is_a_turn() -> None:
    async with paused({"streams.on_disconnect": "cancel"}) as (app, said):
        await begun(app)
        await ended(said)
        _, chunks = await app.chat()
        assert text_of(chunks) == "another"
