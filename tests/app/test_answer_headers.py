"""What every answer tells a browser, and what none tells anybody."""

from __future__ import annotations

import json
import re

import pytest

from mamba_domain.errors import Code, ModelFailed
from tests.app.entrances import ALICE, closed_settings, routes_of
from tests.app.harness import chat_body, settings
from tests.app.serving import serving
from tests.app.wire import wire
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.scripted_model import ScriptedModel, text_script

PAGES = {"/", "/docs", "/redoc"}
TELLING = {"server", "x-powered-by", "via", "x-aspnet-version", "set-cookie", "openai-organization", "x-served-by"}


async def test_every_answer_tells_browsers_to_take_it_for_nothing_else() -> None:
    async with serving(closed_settings("api_key")) as app:
        for route in routes_of(app.application.asgi):
            path = re.sub(r"\{[^}]*\}", "x", route.path)
            if path == "/health/stream":
                continue
            for method in ("GET", "POST", "OPTIONS"):
                for headers in ({}, ALICE["api_key"]):
                    response = await app.http.request(method, path, headers=headers)
                    told = response.headers
                    assert told["x-content-type-options"] == "nosniff"
                    assert told["referrer-policy"] == "no-referrer"
                    assert told["cross-origin-resource-policy"] == "same-origin"
                    assert told["x-request-id"]
                    policies = told.get_list("content-security-policy")
                    assert len(policies) == 1
                    assert "default-src 'none'" in policies[0]
                    assert "frame-ancestors 'none'" in policies[0]
                    is_page = path in PAGES and response.headers["content-type"].startswith("text/html")
                    assert ("script-src 'self'" in policies[0]) is is_page, path
                    assert not TELLING & set(told), path
                    assert "mamba" not in str(told).lower()


async def test_an_answer_that_streams_tells_it_too() -> None:
    async with serving(settings(), model_for=lambda _: ScriptedModel(text_script("a"))) as app:
        response = await app.http.post("/api/chat", json=chat_body())
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nope HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 404),
        (b"PUT /api/chat HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 405),
        (b"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", 415),
        (b"GET /models HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    ],
)
async def test_every_refusal_is_a_problem_document(request_bytes: bytes, status: int) -> None:
    async with wire() as server:
        answer = await server.ask(request_bytes)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not TELLING & set(answer.headers)
    problem = json.loads(answer.body)
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert len(answer.body) < 1024


@pytest.mark.parametrize("failure", [RuntimeError("canary"), ModelFailed(Code.MODEL_ERROR, detail="canary")])
async def test_a_failure_says_nothing_of_what_happened(failure: Exception) -> None:
    async with serving(settings(), model_for=lambda _: ScriptedModel([failure])) as app:
        response = await app.http.post("/api/chat", json=chat_body())
    assert response.status_code in (500, 502)
    assert response.headers["content-type"] == "application/problem+json"
    assert "canary" not in response.text + str(response.headers)


async def test_nothing_of_the_providers_head_reaches_the_caller_and_nothing_of_the_callers_reaches_the_provider() -> (
    None
):
    async with FakeOpenAI() as upstream:
        configuration = closed_settings(
            "api_key",
            {"model.adapter": "openai-chat", "openai.api_key": "sk-ours", "openai.base_url": upstream.base_url},
        )
        async with serving(configuration) as app:
            headers = {
                **ALICE["api_key"],
                "cookie": "canary=1",
                "openai-organization": "canary",
                "x-forwarded-for": "1",
            }
            response = await app.http.post("/api/chat", json=chat_body(), headers=headers)
            assert response.status_code == 200
            (received,) = await upstream.received(1)
    assert not TELLING & set(response.headers)
    assert "canary" not in str(received.headers)
    assert ALICE["api_key"]["x-api-key"] not in str(received.headers)
    assert received.headers["authorization"] == "Bearer sk-ours"
