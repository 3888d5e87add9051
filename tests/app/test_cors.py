"""Pages of other origins: exactly those that the operator named, errors included."""

from __future__ import annotations

import pytest

from tests.app.harness import chat_body, running_app, settings

PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type, x-mamba-ui"}


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://app.example.org", True),
        ("https://evil-app.example.org", False),
        ("https://app.example.org.evil.org", False),
        ("http://app.example.org", False),
        ("https://app.example.org:8443", False),
        ("null", False),
        ("http://localhost:3000", False),
    ],
)
async def test_only_a_named_origin_may_read_answers(origin: str, allowed: bool) -> None:
    async with running_app(settings({"cors.origins": ["https://app.example.org"]})) as app:
        preflight = await app.http.request("OPTIONS", "/api/chat", headers={"origin": origin, **PREFLIGHT})
        answer = await app.http.post("/api/chat", json=chat_body(), headers={"origin": origin})
        refusal = await app.http.post("/api/chat", json={}, headers={"origin": origin})
    expected = origin if allowed else None
    for response in (preflight, answer, refusal):
        assert response.headers.get("access-control-allow-origin") == expected
    assert (preflight.status_code == 200) is allowed
    assert refusal.status_code == 422
    if allowed:
        assert "origin" in answer.headers["vary"].lower()
        assert "x-request-id" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:5173"])
async def test_development_pages_from_localhost_may_be_allowed_as_a_whole(origin: str) -> None:
    async with running_app(settings({"cors.localhost": True})) as app:
        assert (await app.http.get("/models", headers={"origin": origin})).headers[
            "access-control-allow-origin"
        ] == origin
        other = await app.http.get("/models", headers={"origin": "http://localhost.evil.org"})
        assert "access-control-allow-origin" not in other.headers


async def test_without_a_setting_no_other_origin_may_read_anything() -> None:
    async with running_app() as app:
        response = await app.http.get("/models", headers={"origin": "http://localhost:3000"})
        assert "access-control-allow-origin" not in response.headers
