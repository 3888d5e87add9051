"""The API's description is true: it names every route, its examples run, and what comes back fits it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate
from pydantic import TypeAdapter, ValidationError

from mamba_adapters.http.openapi.chunks import UiMessageChunk
from mamba_adapters.http.openapi.document import openapi_document
from mamba_adapters.http.openapi.operations import OPERATIONS
from mamba_adapters.http.openapi.requests import SimpleChat, UiChat, UiLastMessageChat
from mamba_adapters.http.problems import STATUS
from mamba_adapters.http.wire.ai_sdk import AiSdkEncoder
from mamba_adapters.http.wire.profiles import COMPAT, FEATURES, Profile
from mamba_domain.events import TurnEvent
from tests.adapters.http.record_requests import FOLDER, RELEASES
from tests.adapters.http.turns import CANCELLED, EVERYTHING, FAILED
from tests.app.harness import chat_body, chunks_of, running_app, settings
from tests.fakes.scripted_model import ScriptedModel, text_script

CHUNK = TypeAdapter[Any](UiMessageChunk)
CHAT = TypeAdapter[Any](SimpleChat | UiChat | UiLastMessageChat)
PATHS = [path for operation in OPERATIONS for path in operation.paths]
DOCUMENT: dict[str, Any] = openapi_document(version="1.2.3", paths=PATHS, has_auth=True)
EXAMPLES = [
    (operation.paths[0], name, body) for operation in OPERATIONS for name, (_, body) in operation.examples.items()
]
PLAIN = [
    (operation.paths[0], operation)
    for operation in OPERATIONS
    if operation.method == "get" and "{" not in operation.paths[0]
]


def fits(value: Any, schema: dict[str, Any]) -> None:
    """Judge a value by a schema of the document."""
    jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


@pytest.mark.parametrize("has_auth", [True, False])
def test_the_document_is_valid(has_auth: bool) -> None:
    document: dict[str, Any] = openapi_document(version="1", paths=PATHS, has_auth=has_auth)
    validate(document)
    assert ("securitySchemes" in document["components"]) is has_auth


async def test_every_route_is_described_and_nothing_else() -> None:
    async with running_app(settings()) as app:
        served = (await app.http.get("/openapi.json")).json()
        inner = app.application.asgi
        routes = [route for route in getattr(inner, "routes", []) if route.include_in_schema]
    assert routes
    real = {
        (route.path.replace(":any}", "}"), method.lower())
        for route in routes
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {(path, method) for path, operations in served["paths"].items() for method in operations}
    assert described == real


async def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("path", "name", "body"), EXAMPLES, ids=lambda value: value if isinstance(value, str) else "")
async def test_an_example_runs(path: str, name: str, body: Any) -> None:
    content = DOCUMENT["paths"][path]["post"]
    fits(body, content["requestBody"]["content"]["application/json"]["schema"])
    async with running_app(settings()) as app:
        answer = await app.http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    media_type = answer.headers["content-type"].partition(";")[0]
    described = content["responses"]["200"]["content"][media_type]["schema"]
    if media_type == "application/json":
        fits(answer.json(), described)
    elif answer.headers.get("x-vercel-ai-ui-message-stream"):
        *chunks, end = chunks_of(answer.content)
        assert end == "[DONE]"
        for chunk in chunks:
            fits({"data": json.dumps(chunk)}, described)
            fits(chunk, described["properties"]["data"]["anyOf"][1]["contentSchema"])


@pytest.mark.parametrize(("path", "operation"), PLAIN, ids=[path for path, _ in PLAIN])
async def test_what_is_asked_without_a_body_answers_as_described(path: str, operation: Any) -> None:
    async with running_app(settings()) as app:
        answer = await app.http.get(path)
    media_type = answer.headers["content-type"].partition(";")[0]
    described = DOCUMENT["paths"][path]["get"]["responses"][str(answer.status_code)]["content"][media_type]["schema"]
    if media_type == "application/json":
        fits(answer.json(), described)


async def test_a_chat_that_is_busy_answers_as_described() -> None:
    more = asyncio.Event()
    model = ScriptedModel([*text_script("One")[:1], more, *text_script(" two.")])
    async with (
        running_app(settings({"chat.when_busy": "reject"}), model_for=lambda _: model) as app,
        app.http.stream("POST", "/api/chat", json=chat_body()) as first,
    ):
        frames = first.aiter_raw()
        while b"One" not in await anext(frames):
            pass
        answer, _ = await app.chat()
        more.set()
        async for _ in frames:
            pass
    described = DOCUMENT["paths"]["/api/chat"]["post"]["responses"][str(answer.status_code)]
    assert answer.status_code == 409
    fits(answer.json(), described["content"]["application/problem+json"]["schema"])


def test_every_status_of_a_failure_before_output_is_described() -> None:
    described = {int(status) for status in DOCUMENT["paths"]["/api/chat"]["post"]["responses"]}
    assert set(STATUS.values()) - described == {500}


async def test_a_problem_is_as_described() -> None:
    async with running_app(settings()) as app:
        answer = await app.http.post("/api/chat", json={"messages": []})
    described = DOCUMENT["paths"]["/api/chat"]["post"]["responses"][str(answer.status_code)]
    fits(answer.json(), described["content"]["application/problem+json"]["schema"])


@pytest.mark.parametrize("profile", [COMPAT, frozenset(FEATURES)], ids=["compat", "all"])
@pytest.mark.parametrize("end", [None, FAILED, CANCELLED], ids=["finished", "failed", "stopped"])
def test_every_chunk_that_is_sent_is_described(profile: Profile, end: TurnEvent | None) -> None:
    events = EVERYTHING if end is None else (*EVERYTHING[:-1], end)
    for chunk in chunks_of(AiSdkEncoder(replay=True, profile=profile).encode(events)):
        if chunk != "[DONE]":
            CHUNK.validate_python(chunk)


def test_a_field_that_is_not_described_is_noticed() -> None:
    with pytest.raises(ValidationError):
        CHUNK.validate_python({"type": "text-delta", "id": "1", "delta": "a", "more": 1})


@pytest.mark.parametrize("release", RELEASES)
def test_what_real_clients_send_is_described(release: str) -> None:
    for body in json.loads((FOLDER / f"{release}.json").read_text("utf-8")).values():
        CHAT.validate_python(body)
        fits(body, DOCUMENT["paths"]["/api/chat"]["post"]["requestBody"]["content"]["application/json"]["schema"])


MALFORMED = [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}], "stream_options": []}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}], "response_format": {}}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}], "tools": [{"function": {"name": ""}}]}),
    ("/api/chat", {"messages": [{"role": "tool", "content": "4"}]}),
    ("/api/chat", {"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
    ("/api/chat", {"messages": [{"role": "user", "content": "Hi"}], "temperature": 1.5}),
    ("/api/chat", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1.5}),
    ("/api/object", {"schemaName": "nobody"}),
    ("/api/object", {"prompt": "no schema"}),
    ("/agui", {"threadId": "t", "runId": "r", "messages": [{"role": "user", "content": "Hi"}], "tools": {}}),
]


@pytest.mark.parametrize(("path", "body"), MALFORMED)
async def test_what_is_refused_does_not_fit_the_document(path: str, body: Any) -> None:
    async with running_app(settings({"chat.temperature_max": 1.0})) as app:
        answer = await app.http.post(path, json=body)
        served = (await app.http.get("/openapi.json")).json()
    assert answer.status_code == 422
    shape = served["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator({**shape, "components": served["components"]}).validate(body)


async def test_a_whole_number_may_be_written_with_a_point() -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100.0}
    fits(body, DOCUMENT["paths"]["/chat"]["post"]["requestBody"]["content"]["application/json"]["schema"])
    model = ScriptedModel(text_script("Hi"))
    async with running_app(model_for=lambda _: model) as app:
        answer = await app.http.post("/chat", json=body)
    assert answer.status_code == 200
    assert [type(request.max_output_tokens) for request in model.requests] == [int]


async def test_a_chat_of_any_name_is_unknown_in_the_same_way() -> None:
    async with running_app(settings()) as app:
        found = [
            (await app.http.get("/chat/a%0Ab/stream")).status_code,
            (await app.http.post("/chat/a%0Ab/stop")).status_code,
            (await app.http.get("/v1/models/a%0Ab")).headers["content-type"],
        ]
    assert found == [204, 204, "application/json"]


async def test_a_header_that_the_document_excludes_is_refused() -> None:
    parameters = {
        parameter["name"]: parameter["schema"] for parameter in DOCUMENT["paths"]["/chat"]["post"]["parameters"]
    }
    async with running_app(settings()) as app:
        for name, value in (("X-Mamba-UI", "six"), ("Idempotency-Key", "two words")):
            assert not re.search(parameters[name]["pattern"], value)
            answer = await app.http.post("/chat", json=chat_body(), headers={name: value})
            assert answer.status_code == 400
        assert (await app.http.post("/chat?protocol=", json=chat_body())).status_code == 400
