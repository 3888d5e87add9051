"""Pages of other origins: exactly those that the operator named, errors included."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2
import pytest

from mamba_adapters.config.problems import ConfigurationError
from mamba_adapters.config.settings import Settings
from mamba_domain.identity import Credentials, Principal
from tests.app.entrances import ALICE, closed_settings
from tests.app.harness import chat_body, running_app, settings
from tests.app.serving import serving
from tests.app.wire import wire
from tests.fakes.scripted_model import ScriptedModel, text_script

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


@pytest.mark.parametrize("origin", ["https://app.example.org", "https://evil.example.org"])
async def test_a_page_may_also_read_why_its_request_never_became_one(origin: str) -> None:
    async with wire(settings({"cors.origins": ["https://app.example.org"]})) as server:
        answer = await server.ask(
            f"GET /models HTTP/1.1\r\nhost: x\r\norigin: {origin}\r\ncookie: ".encode() + b"x" * 70_000 + b"\r\n\r\n"
        )
    assert answer.status == 431
    assert answer.headers.get("access-control-allow-origin") == (origin if "app" in origin else None)
    assert answer.headers["vary"] == "Origin"
    assert ("x-request-id" in answer.headers.get("access-control-expose-headers", "")) is ("app" in origin)


async def test_without_a_setting_no_other_origin_may_read_anything() -> None:
    async with running_app() as app:
        response = await app.http.get("/models", headers={"origin": "http://localhost:3000"})
        assert "access-control-allow-origin" not in response.headers


ORIGIN = "https://app.example.org"


def _strict(values: Mapping[str, object] | None = None) -> Settings:
    return closed_settings("api_key", {"cors.origins": [ORIGIN], **(values or {})})


async def test_every_kind_of_answer_can_be_read_by_a_page_that_may() -> None:
    model = ScriptedModel([RuntimeError("boom")], text_script("a"))
    limits = {"limits.turns_per_minute": 2}
    async with serving(_strict(limits), model_for=lambda _: model) as app:
        as_json = {"origin": ORIGIN, "content-type": "application/json", **ALICE["api_key"]}
        asked: list[tuple[int, httpx2.Response]] = [
            (401, await app.http.post("/api/chat", json=chat_body(), headers={"origin": ORIGIN})),
            (404, await app.http.get("/nope", headers=as_json)),
            (405, await app.http.put("/api/chat", headers=as_json)),
            (415, await app.http.post("/api/chat", content=b"x", headers={**as_json, "content-type": "text/plain"})),
            (400, await app.http.post("/api/chat", content=b"{", headers=as_json)),
            (422, await app.http.post("/api/chat", content=b"{}", headers=as_json)),
            (413, await app.http.post("/api/chat", content=b" " * (4 << 20) + b"{}", headers=as_json)),
            (500, await app.http.post("/api/chat", json=chat_body(), headers=as_json)),
            (200, await app.http.post("/api/chat", json=chat_body(), headers=as_json)),
            (429, await app.http.post("/api/chat", json=chat_body(), headers=as_json)),
            (200, await app.http.get("/health/live", headers=as_json)),
        ]
    for status, response in asked:
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert response.headers.get_list("vary") == ["Origin"]
        exposed = response.headers["access-control-expose-headers"]
        assert {"x-request-id", "retry-after"} <= set(exposed.split(", "))
        assert "access-control-allow-credentials" not in response.headers


async def test_a_failure_that_nobody_foresaw_can_be_read_too() -> None:
    class Broken:
        async def authenticate(self, credentials: Credentials) -> Principal:
            raise RuntimeError("a secret")

    async with serving(_strict(), authenticator=Broken()) as app:
        response = await app.http.get("/models", headers={"origin": ORIGIN})
    assert response.status_code == 500
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert "secret" not in response.text


async def test_a_preflight_needs_no_credentials_and_grants_what_pages_send() -> None:
    wanted = "authorization,content-type,idempotency-key,user-agent,x-api-key,x-mamba-ui,x-request-id"
    asking = {"origin": ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": wanted}
    async with serving(_strict()) as app:
        for path in ("/api/chat", "/models", "/nope"):
            response = await app.http.request("OPTIONS", path, headers=asking)
            assert response.status_code == 200
            assert response.headers["access-control-allow-origin"] == ORIGIN
            assert set(wanted.split(",")) <= set(response.headers["access-control-allow-headers"].lower().split(", "))
            assert "x-request-id" in response.headers


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"access-control-request-method": "DELETE"},
        {"access-control-request-headers": "x-evil"},
    ],
)
async def test_a_preflight_that_is_not_granted_is_a_problem(change: dict[str, str]) -> None:
    asking = {"origin": ORIGIN, **PREFLIGHT, **change}
    async with serving(_strict()) as app:
        response = await app.http.request("OPTIONS", "/api/chat", headers=asking)
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"
    if "origin" in change:
        assert "access-control-allow-origin" not in response.headers


async def test_answers_vary_by_origin_whoever_asks_so_that_no_cache_mixes_them_up() -> None:
    async with serving(_strict()) as app:
        for headers in ({}, {"origin": "https://evil.example"}, {"origin": ORIGIN}):
            for path in ("/health/live", "/models", "/"):
                response = await app.http.get(path, headers=headers)
                assert "origin" in response.headers["vary"].lower()


async def test_every_origin_may_be_allowed_and_then_nobody_is_named() -> None:
    async with serving(settings({"cors.origins": ["*"]})) as app:
        response = await app.http.get("/models", headers={"origin": "https://anywhere.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers


async def test_a_named_origin_may_send_cookies_where_the_operator_says_so() -> None:
    async with serving(_strict({"cors.credentials": True})) as app:
        response = await app.http.get("/health/live", headers={"origin": ORIGIN, "cookie": "a=b"})
        other = await app.http.get("/health/live", headers={"origin": "https://evil.example", "cookie": "a=b"})
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "app.example.org",
        "https://app.example.org/",
        "https://app.example.org/page",
        "https://App.example.org",
        "HTTPS://app.example.org",
        "https://app.example.org:443",
        "http://app.example.org:80",
        "https://*.example.org",
        "https://app.example.org:",
        "https://app.example.org?x",
        "https://user@app.example.org",
        " https://app.example.org",
        "https://app.example.org\n",
        "https://bücher.example",
    ],
)
def test_an_origin_that_no_browser_would_send_keeps_the_server_from_starting(origin: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings({"cors.origins": [origin]})
    assert "cors.origins" in str(caught.value)


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3000", "https://app.example.org:8443", "http://[::1]:5173", "capacitor://localhost", "*"],
)
def test_an_origin_as_browsers_send_it_is_taken(origin: str) -> None:
    assert settings({"cors.origins": [origin]}).cors.origins == (origin,)


def test_every_page_with_the_visitors_cookies_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings({"cors.origins": ["https://app.example.org", "*"], "cors.credentials": True})
    assert "cors.origins" in str(caught.value)
