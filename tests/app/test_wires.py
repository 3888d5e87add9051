"""Every wire of the assembled service, as bytes on a socket."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import httpx2
import pytest

from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import FinishReason, ModelFinished, TextDelta
from mamba_domain.messages import FilePart, SystemMessage, TextPart, ToolMessage, UserMessage
from mamba_domain.tools import Placement
from tests.app.harness import Running, chunks_of, running_app, settings
from tests.fakes.scripted_model import Script, ScriptedModel, call_script, text_script
from tests.fakes.tool_registry import FakeTool, FakeTools, returning

BROKEN = ModelFailed(Code.MODEL_ERROR)
CUT: Script = ((TextDelta(text="Hel"),), BROKEN)
SIMPLE: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def scripted(*scripts: Script, tools: FakeTools | None = None) -> dict[str, Any]:
    """Keywords of `running_app`: a model that gives these answers."""
    model = ScriptedModel(*scripts)
    return {"model_for": lambda _: model, "tools": tools or FakeTools()}


def lines(text: str) -> list[tuple[str, Any]]:
    """The lines of a data stream."""
    return [(line[:1], json.loads(line[2:])) for line in text.split("\n") if line]


async def test_the_data_stream_for_release_4() -> None:
    tools = FakeTools(FakeTool(name="good", steps=returning({"n": 1})))
    async with running_app(**scripted(call_script(("c1", "good", "{}")), text_script("Done."), tools=tools)) as app:
        response = await app.http.post("/api/chat?protocol=ai-sdk-v4", json=SIMPLE)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-vercel-ai-data-stream"] == "v1"
    told = lines(response.text)
    assert [code for code, _ in told] == ["f", "b", "c", "9", "a", "8", "e", "f", "0", "e", "8", "d"]
    assert told[4][1] == {"toolCallId": "c1", "result": {"n": 1}}
    assert told[-1][1] == {"finishReason": "stop", "usage": {"promptTokens": 20, "completionTokens": 10}}


async def test_release_4_is_kept_alive_with_empty_lines() -> None:
    go = asyncio.Event()
    script: Script = [(TextDelta(text="Hel"),), go, (ModelFinished(finish_reason=FinishReason.STOP),)]
    quick = settings({"streams.keep_alive_seconds": 0.02, "chat.commit_after": 0.01})
    async with (
        running_app(quick, **scripted(script)) as app,
        app.http.stream("POST", "/api/chat?protocol=ai-sdk-v4", json=SIMPLE) as response,
    ):
        async for piece in response.aiter_raw():
            if piece == b"\n":
                go.set()
        assert response.is_closed
    assert go.is_set()


async def test_release_4_asks_for_a_running_turn_with_the_chat_in_the_query() -> None:
    go = asyncio.Event()
    script: Script = [(TextDelta(text="Hel"),), go, (ModelFinished(finish_reason=FinishReason.STOP),)]
    async with running_app(**scripted(script)) as app:
        async with app.http.stream("POST", "/api/chat", json={**SIMPLE, "id": "c 1"}) as first:
            begun = first.aiter_raw()
            await anext(begun)
            async with app.http.stream("GET", "/api/chat?chatId=c%201") as second:
                pieces = second.aiter_raw()
                start = await anext(pieces)
                go.set()
                rest = b"".join([piece async for piece in pieces])
        nothing = await app.http.get("/api/chat?chatId=c%201")
        no_chat = await app.http.get("/api/chat")
    assert [code for code, _ in lines((start + rest).decode())] == ["f", "0", "e", "8", "d"]
    assert (nothing.status_code, nothing.content) == (200, b"")
    assert (no_chat.status_code, no_chat.headers["allow"]) == (405, "POST")


async def test_plain_text_has_a_gap_between_steps() -> None:
    scripts = [((TextDelta(text="Wait."),), *call_script(("c1", "good", "{}"))), text_script("Do", "ne.")]
    async with running_app(**scripted(*scripts, tools=FakeTools(FakeTool(name="good")))) as app:
        response = await app.http.post("/api/chat?protocol=text", json=SIMPLE)
    assert (response.text, response.headers["content-type"]) == ("Wait.\n\nDone.", "text/plain; charset=utf-8")


@pytest.mark.parametrize("path", ["/api/chat?protocol=text", "/completion?protocol=text", "/object"])
async def test_an_answer_in_text_that_fails_is_cut_and_not_ended(path: str, caplog: pytest.LogCaptureFixture) -> None:
    body = {**SIMPLE, "prompt": "Hi", "schema": CITY}
    async with running_app(**scripted(CUT)) as app:
        with pytest.raises(httpx2.RemoteProtocolError):
            await app.http.post(path, json=body)
    told = [record for record in caplog.records if record.name.startswith("uvicorn")]
    assert [record.getMessage() for record in told if record.levelno >= logging.ERROR] == []


async def test_a_failure_in_text_before_the_first_word_is_an_http_status() -> None:
    async with running_app(**scripted([BROKEN])) as app:
        response = await app.http.post("/api/chat?protocol=text", json=SIMPLE)
    assert (response.status_code, response.json()["code"]) == (502, "MODEL_ERROR")


async def test_an_unknown_protocol_is_refused_before_anything_runs() -> None:
    async with running_app(**scripted()) as app:
        for path in ("/api/chat", "/api/completion"):
            response = await app.http.post(f"{path}?protocol=morse", json={**SIMPLE, "prompt": "Hi"})
            assert response.status_code == 400
            assert response.json()["detail"] == "The protocol is not known; these are: ai-sdk, ai-sdk-v4, text."


@pytest.mark.parametrize("path", ["/completion", "/api/completion"])
async def test_a_completion_answers_the_prompt_without_tools(path: str) -> None:
    model = ScriptedModel(text_script("Hello"))
    async with running_app(model_for=lambda _: model, tools=FakeTools(FakeTool(name="good"))) as app:
        response = await app.http.post(path, json={"prompt": "Greet.", "temperature": 0.5, "page": {"x": 1}})
    chunks = chunks_of(response.content)
    assert [chunk["delta"] for chunk in chunks[:-1] if chunk["type"] == "text-delta"] == ["Hello"]
    (request,) = model.requests
    assert request.messages == (UserMessage(parts=(TextPart(text="Greet."),)),)
    assert (request.tools, request.temperature) == ((), 0.5)


@pytest.mark.parametrize("body", [{}, {"prompt": 3}, {"messages": []}])
async def test_a_completion_needs_a_prompt(body: dict[str, Any]) -> None:
    async with running_app() as app:
        response = await app.http.post("/completion", json=body)
    assert (response.status_code, response.json()["detail"]) == (422, "/prompt: must be a text")


async def post_object(app: Running, body: Any, query: str = "") -> httpx2.Response:
    return await app.http.post(f"/object{query}", json=body)


async def test_an_object_is_the_text_of_one_json_value() -> None:
    model = ScriptedModel(text_script('{"city":', ' "Oslo"}'))
    async with running_app(model_for=lambda _: model, tools=FakeTools(FakeTool(name="good"))) as app:
        response = await post_object(app, {"prompt": "Where?", "schema": CITY})
    assert response.json() == {"city": "Oslo"}
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    (request,) = model.requests
    assert (request.response_schema, request.tools) == (CITY, ())
    assert request.messages == (UserMessage(parts=(TextPart(text="Where?"),)),)


async def test_an_object_that_is_no_json_in_the_end_is_cut() -> None:
    async with running_app(**scripted(text_script('{"city": "Os', finish_reason=FinishReason.LENGTH))) as app:
        with pytest.raises(httpx2.RemoteProtocolError):
            await post_object(app, {"prompt": "Where?", "schema": CITY})


@pytest.mark.parametrize(
    ("body", "query", "asked"),
    [
        ("Where?", "?schema=city", "Where?"),
        ({"schemaName": "city", "messages": [{"role": "user", "content": "Where?"}]}, "", "Where?"),
        ({"prompt": "Where?", "schemaName": "city"}, "?schema=other", "Where?"),
        ({"schemaName": "city", "country": "Norway"}, "", '{"country":"Norway"}'),
        (["Oslo", "Rome"], "?schema=city", '["Oslo","Rome"]'),
    ],
)
async def test_the_schema_is_named_and_the_rest_is_the_prompt(body: Any, query: str, asked: str) -> None:
    model = ScriptedModel(text_script("{}"))
    named = settings({"objects.schemas": [{"name": "city", "json_schema": CITY}, {"name": "other", "json_schema": {}}]})
    async with running_app(named, model_for=lambda _: model) as app:
        response = await post_object(app, body, query)
        unnamed = await post_object(app, {"prompt": "Where?"})
    assert response.text == "{}"
    (request,) = model.requests
    assert request.response_schema == CITY
    assert request.messages == (UserMessage(parts=(TextPart(text=asked),)),)
    assert unnamed.status_code == 422
    assert "(city, other)" in unnamed.json()["detail"]


async def test_the_only_schema_need_not_be_named_and_the_demo_fills_it() -> None:
    async with running_app(settings({"objects.schemas": [{"name": "city", "json_schema": CITY}]})) as app:
        response = await post_object(app, "A place by the sea")
        wrong = await post_object(app, {"prompt": "Where?", "schema": "city"})
    assert list(response.json()) == ["city"]
    assert (wrong.status_code, wrong.json()["detail"]) == (422, "/schema: must be a JSON Schema: an object")


async def test_a_profile_is_chosen_by_setting_header_or_proof() -> None:
    denied = {
        "id": "a1",
        "role": "assistant",
        "parts": [{"type": "tool-x", "toolCallId": "c0", "state": "output-denied", "input": {}, "approval": {}}],
    }
    user = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": "Hi"}]}
    for values, headers, history, is_known in (
        ({}, {}, [], False),
        ({}, {"X-Mamba-UI": "6.0.12"}, [], True),
        ({"streams.ui_profile": "6.0.12"}, {}, [], True),
        ({"streams.ui_profile": "6.0.12"}, {"X-Mamba-UI": "5.0.0"}, [], False),
        ({}, {}, [denied], True),
    ):
        async with running_app(settings(values), **scripted(text_script("Hello"))) as app:
            body = {"trigger": "submit-message", "messages": [*history, user]}
            response = await app.http.post("/api/chat", json=body, headers=headers)
        finish = chunks_of(response.content)[-2]
        assert ("finishReason" in finish) == is_known, (values, headers)


async def test_an_agui_run_with_a_tool_of_the_page_and_one_of_the_server() -> None:
    tools = FakeTools(
        FakeTool(name="good", steps=returning({"n": 1})), FakeTool(name="page", placement=Placement.CLIENT)
    )
    calls = call_script(("c1", "good", "{}"), ("c2", "jump", '{"to": "top"}'))
    model = ScriptedModel(calls, text_script("Done."))
    declared = [{"name": "jump", "description": "Jumps.", "parameters": {"type": "object"}}]
    first = {
        "threadId": "t1",
        "runId": "r1",
        "state": {},
        "messages": [{"id": "u1", "role": "user", "content": "Go"}],
        "tools": declared,
        "context": [{"description": "Page", "value": "home"}],
        "forwardedProps": {"temperature": 0.5},
    }
    async with running_app(model_for=lambda _: model, tools=tools) as app:
        events = chunks_of((await app.http.post("/agui", json=first)).content)
        results = [event for event in events if event["type"] == "TOOL_CALL_RESULT"]
        parent = next(event["parentMessageId"] for event in events if event["type"] == "TOOL_CALL_START")
        history = [
            *first["messages"],
            {
                "id": parent,
                "role": "assistant",
                "toolCalls": [
                    {"id": "c1", "type": "function", "function": {"name": "good", "arguments": "{}"}},
                    {"id": "c2", "type": "function", "function": {"name": "jump", "arguments": '{"to": "top"}'}},
                ],
            },
            {"id": results[0]["messageId"], "role": "tool", "toolCallId": "c1", "content": results[0]["content"]},
            {"id": "m9", "role": "tool", "toolCallId": "c2", "content": "jumped"},
        ]
        again = chunks_of((await app.http.post("/agui", json={**first, "runId": "r2", "messages": history})).content)
    assert [event["toolCallId"] for event in results] == ["c1"]
    assert [event["type"] for event in again] == [
        "RUN_STARTED",
        "STEP_STARTED",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "STEP_FINISHED",
        "RUN_FINISHED",
    ]
    assert (again[-1]["threadId"], again[-1]["runId"]) == ("t1", "r2")
    asked, followed = model.requests
    assert asked.messages[0] == SystemMessage(text="Page: home")
    assert sorted(spec.name for spec in asked.tools) == ["good", "jump"]
    assert asked.temperature == 0.5
    last = followed.messages[-1]
    assert isinstance(last, ToolMessage)
    assert [result.output for result in last.results] == [{"n": 1}, "jumped"]


async def test_an_agui_message_may_have_media_and_results_of_other_servers() -> None:
    inline = {"type": "data", "value": "iVBORw0KGgo=", "mimeType": "image/png"}
    remote = {"type": "url", "value": "https://example.org/cat.png"}
    history = [
        {"id": "u1", "role": "user", "content": "Go"},
        {
            "id": "a1",
            "role": "assistant",
            "content": "Wait.",
            "toolCalls": [
                {"id": name, "type": "function", "function": {"name": "page", "arguments": "{}"}}
                for name in ("c1", "c2")
            ],
        },
        {"id": "json.c1.made-up", "role": "tool", "toolCallId": "c1", "content": "{no json"},
        {"id": "m1", "role": "tool", "toolCallId": "c2", "content": "It is gone.", "error": "gone"},
        {"id": "m2", "role": "reasoning", "content": "Hm."},
        {
            "id": "u2",
            "role": "user",
            "content": [
                {"type": "text", "text": "And these?"},
                {"type": "image", "source": inline},
                {"type": "image", "source": remote},
                {"type": "binary", "mimeType": "image/png", "data": "iVBORw0KGgo=", "filename": "dot.png"},
                {"type": "hologram"},
            ],
        },
    ]
    model = ScriptedModel(text_script("Well."))
    async with running_app(model_for=lambda _: model, tools=FakeTools()) as app:
        response = await app.http.post("/agui", json={"threadId": "t", "runId": "r", "messages": history})
    assert response.status_code == 200
    *_, results, asked = model.requests[0].messages
    assert isinstance(results, ToolMessage)
    assert [(result.output, result.failed) for result in results.results] == [
        ("{no json", False),
        ("It is gone.", True),
    ]
    assert isinstance(asked, UserMessage)
    pixel = "data:image/png;base64,iVBORw0KGgo="
    assert asked.parts == (
        TextPart(text="And these?"),
        FilePart(media_type="image/png", url=pixel),
        FilePart(media_type="image/*", url="https://example.org/cat.png"),
        FilePart(media_type="image/png", url=pixel, filename="dot.png"),
    )


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        ([{"name": "a"}, {"name": "a"}], "has two tools of one name"),
        ([{"name": "a", "parameters": []}], "must have a JSON Schema, an object, as parameters"),
        ([{"name": f"t{n}"} for n in range(129)], "has 129 tools; at most 128 are allowed"),
    ],
)
async def test_declared_tools_that_a_model_would_refuse_are_refused(tools: list[Any], reason: str) -> None:
    async with running_app() as app:
        body = {"threadId": "t", "runId": "r", "messages": SIMPLE["messages"], "tools": tools}
        response = await app.http.post("/agui", json=body)
    assert (response.status_code, response.json()["detail"]) == (422, f"/tools: {reason}")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"threadId": "t"}, "/runId: must be a text"),
        ({"threadId": "t", "runId": "r", "messages": []}, "/messages: must be a list of at least one message"),
        ({"threadId": "t", "runId": "r", "tools": [3]}, "/tools: must have an object for each tool"),
    ],
)
async def test_a_run_input_that_is_none_is_refused(body: dict[str, Any], detail: str) -> None:
    async with running_app() as app:
        response = await app.http.post("/agui", json=body)
    assert (response.status_code, response.json()["detail"]) == (422, detail)
