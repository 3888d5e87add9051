"""Coming back to an answer, stopping it, and what becomes of it when nobody listens: the assembled service, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest

from mamba_domain.events import FinishReason, ModelFinished, TextDelta
from tests.app.harness import Running, chat_body, chunks_of, running_app, settings, text_of
from tests.fakes.scripted_model import Script, ScriptedModel, text_script

ROUTES = ["/chat/completions", "/chat", "/api/chat"]
STREAM = "/api/chat/chat-1/stream"
STOP = "/api/chat/chat-1/stop"


class Paused:
    """A model that has said "one " and says the rest when told to."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.model = ScriptedModel(self.script(), *(text_script("another") for _ in range(3)))

    def script(self) -> Script:
        end = ModelFinished(finish_reason=FinishReason.STOP, usage=None)
        return [(TextDelta(text="one "),), self.go_on, (TextDelta(text="two"), end)]


@asynccontextmanager
async def paused(values: Mapping[str, object] | None = None) -> AsyncIterator[tuple[Running, Paused]]:
    said = Paused()
    async with running_app(settings({"streams.merge_ms": 0, **(values or {})}), model_for=lambda _: said.model) as app:
        yield app, said


async def begun(app: Running, path: str = "/api/chat", **more: Any) -> None:
    """Ask, hear the first word, and lose the connection."""
    async with app.http.stream("POST", path, json=chat_body(**more)) as answer:
        async for piece in answer.aiter_bytes():
            if b"one " in piece:
                return
    raise AssertionError("the answer ended early")


async def ended(said: Paused) -> None:
    """The model is not read any more."""
    async with asyncio.timeout(10):
        while said.model.open_streams:  # noqa: ASYNC110 - a fake has no event for this
            await asyncio.sleep(0.005)


async def whole(app: Running, path: str = STREAM) -> httpx2.Response:
    async with asyncio.timeout(10):
        return await app.http.get(path)


@pytest.mark.parametrize("path", ROUTES)
async def test_an_answer_is_followed_from_its_first_event(path: str) -> None:
    async with paused({"streams.on_disconnect": "linger"}) as (app, said):
        await begun(app, path)
        async with app.http.stream("GET", f"{path}/chat-1/stream") as again:
            assert again.status_code == 200
            assert again.headers["x-vercel-ai-ui-message-stream"] == "v1"
            said.go_on.set()
            content = await again.aread()
        chunks = chunks_of(content)
        assert chunks[0]["type"] == "start"
        assert text_of(chunks) == "one two"
        assert chunks[-1] == "[DONE]"
        assert (await whole(app, f"{path}/chat-1/stream")).status_code == 204


async def test_an_answer_that_ended_meanwhile_is_there_once() -> None:
    async with paused({"streams.on_disconnect": "continue"}) as (app, said):
        await begun(app)
        said.go_on.set()
        await ended(said)
        assert text_of(chunks_of((await whole(app)).content)) == "one two"
        assert (await whole(app)).status_code == 204


async def test_there_is_nothing_to_follow_where_nothing_runs_or_all_was_read() -> None:
    async with running_app() as app:
        assert (await whole(app, "/api/chat/unknown/stream")).status_code == 204
        await app.chat()
        answer = await whole(app)
        assert (answer.status_code, answer.content) == (204, b"")


async def test_leaving_ends_the_turn_where_that_is_the_policy() -> None:
    async with paused({"streams.on_disconnect": "cancel"}) as (app, said):
        await begun(app)
        await ended(said)
        assert (await whole(app)).status_code == 204


async def test_a_turn_lingers_for_so_long_and_no_longer() -> None:
    async with paused({"streams.on_disconnect": "linger", "streams.linger_seconds": 0.2}) as (app, said):
        await begun(app)
        await ended(said)
        assert (await whole(app)).status_code == 204


async def test_several_followers_each_see_all_of_it_once() -> None:
    async with paused({"streams.on_disconnect": "continue"}) as (app, said):
        await begun(app)
        async with AsyncExitStack() as stack:
            followers = [await stack.enter_async_context(app.http.stream("GET", STREAM)) for _ in range(5)]
            said.go_on.set()
            answers = [await follower.aread() for follower in followers]
        assert [text_of(chunks_of(answer)) for answer in answers] == ["one two"] * 5


async def test_a_stop_ends_every_follower_and_may_come_twice() -> None:
    async with paused({"streams.on_disconnect": "continue"}) as (app, said):
        await begun(app)
        async with app.http.stream("GET", STREAM) as following:
            pieces = following.aiter_bytes()
            await anext(pieces)
            assert (await app.http.post(STOP)).status_code == 204
            rest = b"".join([piece async for piece in pieces])
        assert b'"abort"' in rest
        assert rest.endswith(b"data: [DONE]\n\n")
        await ended(said)
        assert (await app.http.post(STOP)).status_code == 204
        assert (await whole(app)).status_code == 204


async def test_a_continuation_keeps_the_id_of_its_message() -> None:
    question = chat_body()["messages"][0]
    begun_answer = {"id": "a1", "role": "assistant", "parts": [{"type": "text", "text": "Before."}]}
    async with paused({"streams.on_disconnect": "linger"}) as (app, said):
        await begun(app, messages=[question, begun_answer])
        said.go_on.set()
        chunks = chunks_of((await whole(app)).content)
        assert chunks[0]["messageId"] == "a1"
        assert text_of(chunks).endswith("one two")


async def test_a_new_message_takes_the_place_of_a_running_answer() -> None:
    async with paused({"streams.on_disconnect": "continue", "chat.when_busy": "replace"}) as (app, said):
        await begun(app)
        async with app.http.stream("GET", STREAM) as former:
            _, chunks = await app.chat("And now?")
            assert text_of(chunks) == "another"
            rest = await former.aread()
        assert b"two" not in rest
        assert rest.endswith(b"data: [DONE]\n\n")
        await ended(said)


async def test_a_new_message_is_refused_where_the_running_answer_is_spared() -> None:
    async with paused({"streams.on_disconnect": "linger", "chat.when_busy": "reject"}) as (app, said):
        await begun(app)
        refused, _ = await app.chat("And now?")
        assert refused.status_code == 409
        assert refused.json()["code"] == "INVALID_REQUEST"
        said.go_on.set()
        assert text_of(chunks_of((await whole(app)).content)) == "one two"


async def test_two_chats_do_not_meet() -> None:
    async with paused({"streams.on_disconnect": "linger"}) as (app, said):
        await begun(app)
        _, chunks = await app.chat(id="chat-2")
        assert text_of(chunks) == "another"
        said.go_on.set()
        assert text_of(chunks_of((await whole(app)).content)) == "one two"
