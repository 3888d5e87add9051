"""One chat turn through the assembled service, over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import FinishReason, ModelFinished, TextDelta, Usage
from tests.app.harness import Running, chat_body, chunks_of, running_app, settings, text_of
from tests.fakes.openai_server import FakeOpenAI, Reply, say
from tests.fakes.scripted_model import ScriptedModel, text_script

AWKWARD = ["line\n", "data: x\n\n", "[DONE]", "\u2028", "\U0001f600", "\x00", "tab\t", '"\\', "é", " "]


@pytest.fixture
async def demo() -> AsyncIterator[Running]:
    async with running_app() as app:
        yield app


@pytest.mark.parametrize("path", ["/chat/completions", "/chat", "/api/chat"])
async def test_every_chat_route_answers_a_whole_stream(demo: Running, path: str) -> None:
    response, chunks = await demo.chat(path=path)
    assert response.status_code == 200
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["content-type"].startswith("text/event-stream")
    assert chunks[0]["type"] == "start"
    assert chunks[1] == {"type": "start-step"}
    assert chunks[-2]["type"] == "finish"
    assert chunks[-2]["messageMetadata"]["usage"]["outputTokens"] > 0
    assert chunks[-1] == "[DONE]"
    assert text_of(chunks)


async def test_the_simple_shape_is_answered_too(demo: Running) -> None:
    response = await demo.http.post("/chat", json={"messages": [{"role": "user", "content": "Hi"}]})
    assert text_of(chunks_of(response.content))


async def test_every_answer_has_an_id_of_its_own(demo: Running) -> None:
    ids = {(await demo.chat())[1][0]["messageId"] for _ in range(3)}
    assert len(ids) == 3


async def test_an_answer_that_is_continued_keeps_its_id() -> None:
    model = ScriptedModel(text_script("more"))
    answer = {"id": "a1", "role": "assistant", "parts": [{"type": "step-start"}, {"type": "text", "text": "one"}]}
    body = chat_body("Hi", messageId="a1")
    body["messages"].append(answer)
    async with running_app(model_for=lambda _: model) as app:
        response = await app.http.post("/api/chat", json=body)
    chunks = chunks_of(response.content)
    assert chunks[0]["messageId"] == "a1"
    assert chunks[1] == {"type": "start-step"}
    assert text_of(chunks) == "more"


async def test_text_passes_from_the_upstream_to_the_client_byte_for_byte() -> None:
    words = [AWKWARD[n % len(AWKWARD)] + str(n) for n in range(500)]
    async with FakeOpenAI() as upstream, running_app(_towards(upstream)) as app:
        upstream.script([Reply(steps=say(*words))])
        _, chunks = await app.chat()
    assert text_of(chunks) == "".join(words)


async def test_a_failure_before_any_output_is_an_http_status() -> None:
    model = ScriptedModel([ModelFailed(Code.RATE_LIMITED, detail="secret detail", retry_after=7)])
    async with running_app(model_for=lambda _: model) as app:
        response, _ = await app.chat()
        assert response.status_code == 429
        assert response.headers["retry-after"] == "7"
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["code"] == "RATE_LIMITED"
        assert problem["request_id"] == response.headers["x-request-id"]
        assert "secret" not in response.text


async def test_plain_text_is_what_a_client_gets_that_asks_for_it() -> None:
    model = ScriptedModel([ModelFailed(Code.MODEL_UNAVAILABLE)])
    async with running_app(model_for=lambda _: model) as app:
        response = await app.http.post("/api/chat", json=chat_body(), headers={"accept": "text/plain"})
    assert response.text == "The model is not available right now. Please try again in a moment."


async def test_a_failure_after_output_ends_the_stream_with_an_error() -> None:
    model = ScriptedModel([(TextDelta(text="par"),), ModelFailed(Code.MODEL_ERROR, detail="secret")])
    async with running_app(model_for=lambda _: model) as app:
        response, chunks = await app.chat()
    assert response.status_code == 200
    assert text_of(chunks) == "par"
    assert [c if isinstance(c, str) else c["type"] for c in chunks[-4:]] == [
        "text-end",
        "message-metadata",
        "error",
        "[DONE]",
    ]
    assert "secret" not in response.text


async def test_after_the_commit_time_the_head_is_sent_and_a_failure_is_an_error_chunk() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([gate, ModelFailed(Code.MODEL_TIMEOUT)])
    configuration = settings({"chat.commit_after": 0.05, "streams.keep_alive_seconds": 0.05})
    async with (
        running_app(configuration, model_for=lambda _: model) as app,
        app.http.stream("POST", "/api/chat", json=chat_body()) as response,
    ):
        assert response.status_code == 200
        content = b""
        async for data in response.aiter_raw():
            content += data
            if b": keep-alive" in content:
                gate.set()
    assert chunks_of(content)[-2] == {
        "type": "error",
        "errorText": "The model took too long to answer. Please try again.",
    }


async def test_a_client_that_leaves_before_the_first_output_ends_the_model_call() -> None:
    never = asyncio.Event()
    model = ScriptedModel([never])
    async with running_app(model_for=lambda _: model) as app:
        await _leave_early(app, after=b"")
        await _until(lambda: not model.open_streams and not len(app.application.supervisor))


async def test_a_client_that_leaves_in_the_middle_ends_the_model_call() -> None:
    never = asyncio.Event()
    model = ScriptedModel([(TextDelta(text="one"),), never])
    async with running_app(model_for=lambda _: model) as app:
        await _leave_early(app, after=b"one")
        await _until(lambda: not model.open_streams and not len(app.application.supervisor))


async def test_a_client_that_leaves_closes_the_upstream_connection() -> None:
    async with FakeOpenAI() as upstream, running_app(_towards(upstream)) as app:
        await _leave_early(app, after=b"text-delta", model="ok-n2000-p20")
        (received,) = await upstream.received(1)
        await asyncio.wait_for(received.ended.wait(), 5)
        assert received.aborted


async def test_deltas_that_come_fast_are_merged_and_those_that_come_slowly_are_not() -> None:
    fast = ScriptedModel([*((TextDelta(text=str(n)),) for n in range(10)), (_finish(),)])
    async with running_app(settings({"streams.merge_ms": 1000}), model_for=lambda _: fast) as app:
        _, chunks = await app.chat()
    deltas = [chunk["delta"] for chunk in chunks if isinstance(chunk, dict) and chunk["type"] == "text-delta"]
    assert "".join(deltas) == "0123456789"
    assert len(deltas) < 10


@pytest.mark.parametrize("given", ["req-1", "00000000-0000-4000-8000-000000000000"])
async def test_a_request_id_is_taken_over(demo: Running, given: str) -> None:
    response = await demo.http.get("/health/live", headers={"x-request-id": given})
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "{{x}}", "x" * 200, "é"])
async def test_a_request_id_that_is_not_safe_is_replaced(demo: Running, given: str) -> None:
    response = await demo.http.get("/health/live", headers=[(b"x-request-id", given.encode())])
    assert len(response.headers["x-request-id"]) == 32


@pytest.mark.parametrize("chat_id", ["unknown", "with%2Fslash", "..%2f", "%00", "x" * 300])
async def test_there_is_nothing_to_follow_or_stop_in_an_unknown_chat(demo: Running, chat_id: str) -> None:
    assert (await demo.http.get(f"/api/chat/{chat_id}/stream")).status_code == 204
    assert (await demo.http.post(f"/api/chat/{chat_id}/stop")).status_code == 204


async def test_models_are_what_is_configured() -> None:
    configuration = settings(
        {
            "models": [
                {"id": "gpt-4o-mini", "description": "Small"},
                {"id": "big", "provider": "acme", "context_window": 8},
            ]
        }
    )
    async with running_app(configuration) as app:
        listed = (await app.http.get("/models")).json()["models"]
        assert [card["id"] for card in listed] == ["openai/gpt-4o-mini", "acme/big"]
        assert listed[0]["description"] == "Small"
        for name in ("big", "acme/big"):
            assert (await app.chat(model=name))[0].status_code == 200
        response, _ = await app.chat(model="nope")
        assert (response.status_code, response.json()["code"]) == (404, "MODEL_NOT_FOUND")


async def test_health_tells_ready_from_not_ready(demo: Running) -> None:
    assert (await demo.http.get("/health/live")).status_code == 200
    assert (await demo.http.get("/health/ready")).status_code == 200
    assert (await demo.http.get("/health")).json()["status"] == "healthy"
    demo.application.readiness.ready = False
    assert (await demo.http.get("/health/live")).status_code == 200
    assert (await demo.http.get("/health/ready")).status_code == 503
    assert (await demo.http.get("/health")).status_code == 503


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"messages": [NaN]}', "application/json", 400),
        (b"[]", "application/json", 422),
        (b"{}", "application/json", 422),
        (b'{"messages": []}', "application/json", 422),
        (b'{"messages": [{"role": "user", "content": 7}]}', "application/json", 422),
        (b'{"messages": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json; charset=utf-16", 415),
        (b"x" * (4 * 1024 * 1024 + 1), "application/json", 413),
    ],
)
async def test_bad_bodies_are_refused_with_a_problem(
    demo: Running, content: bytes, content_type: str, status: int
) -> None:
    response = await demo.http.post("/api/chat", content=content, headers={"content-type": content_type})
    assert response.status_code == status
    problem = response.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert len(response.content) <= 2048


async def test_a_problem_names_the_place(demo: Running) -> None:
    response = await demo.http.post("/api/chat", json={"messages": [{"role": "user", "content": 7}], "temperature": 9})
    detail = response.json()["detail"]
    assert "/messages/0/content" in detail
    assert "/temperature" in detail


async def test_unknown_paths_and_methods_are_problems(demo: Running) -> None:
    assert (await demo.http.get("/nope")).json()["status"] == 404
    refused = await demo.http.put("/api/chat")
    assert refused.status_code == 405
    assert "POST" in refused.headers["allow"]


def _towards(upstream: FakeOpenAI):  # type: ignore[no-untyped-def]
    return settings(
        {
            "model.adapter": "openai-chat",
            "openai.api_key": "sk-test",
            "openai.base_url": upstream.base_url,
            "chat.open_models": True,
        }
    )


def _finish() -> ModelFinished:
    return ModelFinished(finish_reason=FinishReason.STOP, usage=Usage(input_tokens=1, output_tokens=1))


async def _leave_early(app: Running, *, after: bytes, **more: object) -> None:
    """Ask over a bare socket, and close it once the answer holds `after`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
    body = json.dumps(chat_body(**more)).encode()  # type: ignore[arg-type]
    head = (
        f"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    seen = b""
    while after and after not in seen:
        seen += await asyncio.wait_for(reader.read(65536), 5)
    if not after:
        await _until(lambda: app.application.chat.running_turns == 1)
    writer.close()


async def _until(condition) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)
