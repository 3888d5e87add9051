"""Who comes in: nobody without credentials, anywhere but at the two probes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.types import Message

from mamba_app.composition import compose
from tests.adapters.auth.signing import NOW, signed
from tests.app.entrances import ALICE, CLOSED, closed_settings, routes_of
from tests.app.harness import chat_body, settings
from tests.app.serving import serving
from tests.app.wire import wire
from tests.fakes.scripted_model import ScriptedModel, text_script

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
PROBES = {"/health/live", "/health/ready"}
PAGES = {"/", "/playground/x", "/docs", "/docs/x", "/redoc", "/openapi.json"}


def addresses(asgi: Any) -> list[str]:
    """An address of each route, its parameters filled in."""
    return sorted({re.sub(r"\{[^}]*\}", "x", route.path) for route in routes_of(asgi)})


@pytest.mark.parametrize("mode", CLOSED)
async def test_every_route_refuses_every_method_without_credentials_except_the_probes(mode: str) -> None:
    model = ScriptedModel()
    async with serving(closed_settings(mode), model_for=lambda _: model) as app:
        paths = addresses(app.application.asgi)
        assert PROBES | PAGES | {"/chat", "/models", "/metrics", "/health", "/v1/models", "/agui"} <= set(paths)
        for path in paths:
            for method in METHODS:
                response = await app.http.request(method, path)
                is_open = path in PROBES and method in ("GET", "HEAD")
                assert response.status_code == (200 if is_open else 401), (method, path)
        assert model.requests == []


@pytest.mark.parametrize("mode", ["none", *CLOSED])
async def test_every_route_lets_in_who_is_known(mode: str) -> None:
    async with serving(closed_settings(mode)) as app:
        for path in addresses(app.application.asgi):
            if path == "/health/stream":
                continue
            for method in ("GET", "POST"):
                response = await app.http.request(method, path, headers=ALICE[mode])
                assert response.status_code not in (401, 403), (method, path)


NEAR_MISSES = (
    "/nope",
    "/chat/",
    "//chat",
    "//health/live",
    "/health/live/",
    "/health//live",
    "/HEALTH/LIVE",
    "/Health/live",
    "/health/live/x",
    "/health/live;x",
    "/health/live%00",
    "/health/live%20",
    "/health/live%0a",
    "/health/live%2f",
    "/health%2flive/..",
    "/./health/live",
    "/chat/../health/live",
    "/chat/..%2fhealth/live",
    "/health/live/../../models",
    "/health/live/%2e%2e/%2e%2e/models",
    "/%2e/models",
    "/models%2f",
    "/models?/health/live",
    "/models?path=/health/live",
    "/metrics/",
    "/docs/",
    "/playground",
    "/openapi.json/",
    "/favicon.ico",
    "/robots.txt",
    "/.well-known/openid-configuration",
)


@pytest.mark.parametrize("mode", CLOSED)
async def test_no_other_way_to_write_an_address_gets_past(mode: str) -> None:
    tricks = (
        b"x-original-url: /health/live\r\nx-rewrite-url: /health/live\r\nx-http-method-override: GET\r\n"
        b"x-forwarded-for: 127.0.0.1\r\nx-forwarded-prefix: /health\r\nx-forwarded-host: localhost\r\n"
    )
    async with wire(closed_settings(mode)) as server:
        for path in NEAR_MISSES:
            for method in ("GET", "POST"):
                head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n".encode()
                answer = await server.ask(head + tricks + b"\r\n")
                assert answer.status == 401, (method, path)


async def test_an_open_address_that_is_written_otherwise_is_the_same_address() -> None:
    async with wire(closed_settings("api_key")) as server:
        answer = await server.ask(b"GET /health/%6cive?x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert answer.status == 200


async def test_an_address_with_a_slash_too_many_is_no_address_and_nobody_is_sent_elsewhere() -> None:
    async with wire() as server:
        for path in ("/models/", "/api/chat/", "/docs/", "/health/live/"):
            answer = await server.ask(
                f"GET {path} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n".encode()
            )
            assert answer.status == 404
            assert "location" not in answer.headers


@pytest.mark.parametrize("mode", ["none", *CLOSED])
async def test_a_websocket_is_closed_before_anything_looks_at_it(mode: str) -> None:
    application = compose(closed_settings(mode))
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    for path in ("/chat", "/health/live", "/nope"):
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "headers": [],
            "query_string": b"",
        }
        await application.asgi({**scope, "scheme": "ws", "subprotocols": [], "root_path": ""}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}] * 3


async def test_the_pages_are_closed_unless_the_operator_opens_them_and_then_only_they_are_open() -> None:
    async with serving(closed_settings("api_key", {"auth.open_playground": True})) as app:
        for path in addresses(app.application.asgi):
            response = await app.http.get(path)
            assert (response.status_code != 401) is (path in PROBES | PAGES), path


JWT_KINDS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "none": ({}, "AUTH_REQUIRED"),
    "another scheme": ({"authorization": "Basic YTpi"}, "AUTH_REQUIRED"),
    "a key where tokens are asked for": ({"x-api-key": "alices-key-8f3c1d5e7a90b2"}, "AUTH_REQUIRED"),
    "no token": ({"authorization": "Bearer"}, "AUTH_INVALID"),
    "two words": ({"authorization": "Bearer a b"}, "AUTH_INVALID"),
    "nonsense": ({"authorization": "Bearer nonsense"}, "AUTH_INVALID"),
    "of another audience": ({"authorization": f"Bearer {signed('HS256', aud='other')}"}, "AUTH_INVALID"),
    "from the future": ({"authorization": f"Bearer {signed('HS256', nbf=NOW + 9999)}"}, "AUTH_INVALID"),
    "without end": ({"authorization": f"Bearer {signed('HS256', exp=...)}"}, "AUTH_INVALID"),
    "expired": ({"authorization": f"Bearer {signed('HS256', exp=NOW - 9999)}"}, "AUTH_EXPIRED"),
}


@pytest.mark.parametrize(("headers", "code"), JWT_KINDS.values(), ids=JWT_KINDS)
async def test_a_refusal_tells_which_scheme_is_wanted_and_nothing_about_the_reason(
    headers: Mapping[str, str], code: str
) -> None:
    async with serving(closed_settings("jwt")) as app:
        response = await app.http.post("/api/chat", json=chat_body(), headers=headers)
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem = response.json()
    assert problem.pop("request_id") == response.headers["x-request-id"]
    detail = {
        "AUTH_REQUIRED": "Authentication is required.",
        "AUTH_INVALID": "The credentials are not valid.",
        "AUTH_EXPIRED": "The credentials have expired.",
    }[code]
    assert problem == {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": detail, "code": code}
    challenge = 'Bearer error="invalid_token"' if code != "AUTH_REQUIRED" else "Bearer"
    assert response.headers["www-authenticate"] == challenge


async def test_a_known_caller_without_a_scope_is_forbidden() -> None:
    async with serving(closed_settings("jwt", {"auth.required_scopes": ["chat"]})) as app:
        refused = await app.http.get("/models", headers=ALICE["jwt"])
        token = signed("HS256", scope="other chat")
        assert (await app.http.get("/models", headers={"authorization": f"Bearer {token}"})).status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'


KEY = "alices-key-8f3c1d5e7a90b2"
PAIRS: Mapping[str, tuple[bytes, int]] = {
    "the key": (b"x-api-key: KEY", 200),
    "as a bearer token": (b"authorization: Bearer KEY", 200),
    "whatever the scheme's case": (b"authorization: bEARER KEY", 200),
    "in both headers": (b"x-api-key: KEY\r\nauthorization: Bearer KEY", 200),
    "beside another scheme": (b"x-api-key: KEY\r\nauthorization: Basic YTpi", 200),
    "with spaces around": (b"x-api-key:   KEY  ", 200),
    "disagreeing": (b"x-api-key: KEY\r\nauthorization: Bearer other", 401),
    "disagreeing, the other way round": (b"x-api-key: other\r\nauthorization: Bearer KEY", 401),
    "two keys of two callers": (b"x-api-key: KEY\r\nauthorization: Bearer bobs-key-1b2d4f6a8c0e9735", 401),
    "a header twice": (b"x-api-key: KEY\r\nx-api-key: KEY", 401),
    "a scheme twice": (b"authorization: Bearer KEY\r\nauthorization: Bearer KEY", 401),
    "two in one header": (b"x-api-key: KEY, KEY", 401),
    "an empty key": (b"x-api-key:", 401),
    "an empty key beside a right one": (b"x-api-key:\r\nauthorization: Bearer KEY", 401),
    "without its scheme": (b"authorization: KEY", 401),
    "another scheme": (b"authorization: Token KEY", 401),
    "a tab behind the scheme": (b"authorization: Bearer\tKEY", 401),
    "two words": (b"authorization: Bearer KEY x", 401),
    "in capitals": (b"x-api-key: ALICES-KEY-8F3C1D5E7A90B2", 401),
    "shortened": (b"x-api-key: alices-key-8f3c1d5e7a90b", 401),
    "padded": (b"x-api-key: KEY=", 401),
    "quoted": (b'x-api-key: "KEY"', 401),
    "no ASCII": (b"x-api-key: KEY\xe9", 401),
    "a text of 60 000": (b"x-api-key: " + b"k" * 60_000, 401),
    "in a cookie": (b"cookie: x-api-key=KEY; authorization=KEY", 401),
    "another header": (b"api-key: KEY\r\nx_api_key: KEY", 401),
}


@pytest.mark.parametrize(("headers", "status"), PAIRS.values(), ids=PAIRS)
async def test_a_key_counts_in_two_headers_that_agree_and_nowhere_else(headers: bytes, status: int) -> None:
    request = b"GET /models?api_key=KEY&access_token=KEY HTTP/1.1\r\nhost: x\r\nconnection: close\r\nHEADERS\r\n\r\n"
    async with wire(closed_settings("api_key")) as server:
        answer = await server.ask(request.replace(b"HEADERS", headers).replace(b"KEY", KEY.encode()))
    assert answer.status == status


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer nonsense", "Basic x", "nonsense"])
async def test_where_nobody_is_asked_for_credentials_whatever_is_presented_is_no_hindrance(header: str) -> None:
    async with serving(settings()) as app:
        response = await app.http.get("/models", headers={"authorization": header, "x-api-key": "a b"})
    assert response.status_code == 200


async def test_a_digest_in_the_settings_opens_for_its_key_and_not_for_itself() -> None:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    configuration = settings({"auth.mode": "api_key", "auth.api_keys": [{"name": "alice", "sha256": digest}]})
    async with serving(configuration) as app:
        assert (await app.http.get("/models", headers={"x-api-key": KEY})).status_code == 200
        assert (await app.http.get("/models", headers={"x-api-key": digest})).status_code == 401


async def test_the_one_key_of_the_simplest_settings_opens() -> None:
    model = ScriptedModel(text_script("hello"))
    async with serving(settings({"auth.mode": "api_key", "auth.api_key": KEY}), model_for=lambda _: model) as app:
        assert (await app.http.post("/api/chat", json=chat_body())).status_code == 401
        answer = await app.http.post("/api/chat", json=chat_body(), headers={"x-api-key": KEY})
        assert answer.status_code == 200
        assert answer.content.endswith(b"[DONE]\n\n")


async def test_the_models_of_a_caller_are_all_that_there_is_for_it() -> None:
    model = ScriptedModel(text_script("a"), text_script("b"), text_script("c"))
    configuration = settings(
        {
            "auth.mode": "api_key",
            "auth.api_keys": [{"name": "alice", "key": KEY, "models": ["small", "openai/tiny"]}],
            "models": [{"id": "big"}, {"id": "small"}, {"id": "tiny"}],
            "chat.open_models": True,
            "chat.title_model": "big",
        }
    )
    async with serving(configuration, model_for=lambda _: model) as app:
        app.http.headers["x-api-key"] = KEY
        listed = [card["id"] for card in (await app.http.get("/models")).json()["models"]]
        assert listed == ["openai/small", "openai/tiny"]
        assert [card["id"] for card in (await app.http.get("/v1/models")).json()["data"]] == ["small", "tiny"]
        assert (await app.http.get("/v1/models/big")).status_code == 404
        for name in ("big", "openai/big", "Big", "unlisted", "openai/unlisted", "small/../big", "", "x" * 10_000):
            for path in ("/api/chat", "/v1/chat/completions", "/completion"):
                body = (
                    {**chat_body(), "prompt": "x"}
                    if path != "/v1/chat/completions"
                    else {"messages": [{"role": "user", "content": "x"}]}
                )
                refused = await app.http.post(path, json={**body, "model": name})
                assert refused.status_code == 404, (path, name[:20])
        title = await app.http.post("/title/generate", json={"userMessage": "x", "conversationId": "c"})
        assert title.json() == {"title": "", "useFallback": True}
        assert model.requests == []
        for asked in (None, "tiny", "openai/small"):
            assert (await app.http.post("/api/chat", json=chat_body(model=asked))).status_code == 200
        assert [request.model for request in model.requests] == ["small", "tiny", "small"]
