"""OpenAI's own wire, by its own Python package and as bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import FinishReason, ReasoningDelta, TextDelta, ToolInputStarted
from mamba_domain.messages import (
    AssistantMessage,
    SystemMessage,
    TextPart,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
    UserMessage,
)
from mamba_domain.tools import Placement
from tests.app.harness import Running, chunks_of, running_app, settings
from tests.fakes.scripted_model import Script, ScriptedModel, call_script, text_script
from tests.fakes.tool_registry import FakeTool, FakeTools, returning

BROKEN = ModelFailed(Code.MODEL_ERROR)
USER: ChatCompletionMessageParam = {"role": "user", "content": "Weather in Oslo?"}
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@asynccontextmanager
async def client_of(
    *scripts: Script, tools: FakeTools | None = None
) -> AsyncIterator[tuple[AsyncOpenAI, ScriptedModel, Running]]:
    """OpenAI's client for the service, with a model that gives these answers."""
    model = ScriptedModel(*scripts)
    async with (
        running_app(settings(), model_for=lambda _: model, tools=tools or FakeTools()) as app,
        AsyncOpenAI(base_url=f"{app.url}/v1", api_key="any", max_retries=0, timeout=10) as client,
    ):
        yield client, model, app


async def test_the_official_client_streams_with_usage() -> None:
    async with client_of(((ReasoningDelta(text="Hm."),), *text_script("Hel", "lo"))) as (client, _, _app):
        stream = await client.chat.completions.create(
            model="gpt-4o-mini", messages=[USER], stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].id.startswith("chatcmpl-")
    assert {chunk.model for chunk in chunks} == {"gpt-4o-mini"}
    *said, last = chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in said) == "Hello"
    assert said[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in said] == [None] * (len(said) - 1) + ["stop"]
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (10, 5, 15)


async def test_the_official_client_calls_a_tool_and_brings_its_result() -> None:
    calls = call_script(("c1", "weather", '{"city": "Oslo"}'), ("c2", "weather", '{"city": "Rome"}'))
    async with client_of(calls, text_script("Cold.")) as (client, model, _):
        messages = [USER]
        async with client.chat.completions.stream(model="gpt-4o-mini", messages=messages, tools=[WEATHER]) as stream:
            answer = (await stream.get_final_completion()).choices[0]
        assert answer.finish_reason == "tool_calls"
        assert answer.message.tool_calls is not None
        assert [(call.id, call.function.name) for call in answer.message.tool_calls] == [
            ("c1", "weather"),
            ("c2", "weather"),
        ]
        assert json.loads(answer.message.tool_calls[1].function.arguments) == {"city": "Rome"}
        called: Any = answer.message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"})
        messages += [
            called,
            {"role": "tool", "tool_call_id": "c1", "content": "4"},
            {"role": "tool", "tool_call_id": "c2", "content": "19"},
        ]
        whole = await client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    assert whole.choices[0].message.content == "Cold."
    assert [spec.name for spec in model.requests[0].tools] == ["weather"]
    assert model.requests[0].tools[0].placement is Placement.CLIENT
    assert model.requests[1].tools == ()
    assert model.requests[1].messages[1:] == (
        AssistantMessage(
            parts=(
                ToolCallPart(call_id="c1", tool="weather", input={"city": "Oslo"}),
                ToolCallPart(call_id="c2", tool="weather", input={"city": "Rome"}),
            )
        ),
        ToolMessage(
            results=(
                ToolResultPart(call_id="c1", tool="weather", output="4"),
                ToolResultPart(call_id="c2", tool="weather", output="19"),
            )
        ),
    )


async def test_tools_of_the_server_run_inside_and_stay_hidden() -> None:
    tools = FakeTools(
        FakeTool(name="inside", steps=returning("secret")),
        FakeTool(name="card", placement=Placement.DISPLAY),
        FakeTool(name="page", placement=Placement.CLIENT),
        FakeTool(name="weather", steps=returning("never")),
    )
    first = ((TextDelta(text="Wait."),), *call_script(("c0", "nowhere", "{}"), ("c1", "inside", "{}")))
    async with client_of(first, call_script(("c2", "weather", "{}")), tools=tools) as (client, model, app):
        answer = await client.chat.completions.create(model="gpt-4o-mini", messages=[USER], tools=[WEATHER])
        assert app.application.chat.running_turns == 0
    assert sorted(spec.name for spec in model.requests[0].tools) == ["inside", "weather"]
    message = answer.choices[0].message
    assert message.content == "Wait."
    assert [call.id for call in message.tool_calls or ()] == ["c2"]
    assert [call.tool for call in tools.carried_out] == ["inside"]
    assert answer.usage is not None
    assert answer.usage.total_tokens == 30


async def test_a_call_that_needs_consent_is_shown_and_answered_like_a_clients_own() -> None:
    tools = FakeTools(FakeTool(name="pay", approval=True, steps=returning("paid")))
    for said, is_paid in (("yes", True), ("There is no such tool.", False)):
        async with client_of(call_script(("c1", "pay", "{}")), text_script("Done."), tools=tools) as (client, model, _):
            asked = await client.chat.completions.create(model="gpt-4o-mini", messages=[USER])
            (call,) = asked.choices[0].message.tool_calls or []
            assert asked.choices[0].finish_reason == "tool_calls"
            shown: Any = {"role": "assistant", "tool_calls": [call.model_dump()]}
            result: ChatCompletionMessageParam = {"role": "tool", "tool_call_id": call.id, "content": said}
            await client.chat.completions.create(model="gpt-4o-mini", messages=[USER, shown, result])
        last = model.requests[1].messages[-1]
        assert isinstance(last, ToolMessage)
        (told,) = last.results
        assert (told.output == "paid") == is_paid
    assert len(tools.carried_out) == 1


async def test_several_steps_of_text_are_one_message_with_gaps() -> None:
    first = ((TextDelta(text="Wait."),), *call_script(("c1", "inside", "{}")))
    tools = FakeTools(FakeTool(name="inside"))
    async with client_of(first, text_script("Done."), tools=tools) as (client, _, _app):
        answer = await client.chat.completions.create(model="gpt-4o-mini", messages=[USER])
    assert answer.choices[0].message.content == "Wait.\n\nDone."
    assert answer.choices[0].finish_reason == "stop"


async def test_instructions_limits_and_a_schema_reach_the_model() -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"city": {"type": "string"}}}
    async with client_of(text_script("{}"), text_script("{}")) as (client, model, _):
        await client.chat.completions.create(
            model="openai/gpt-4o-mini",
            messages=[{"role": "developer", "content": "Be brief."}, USER],
            temperature=0.5,
            max_completion_tokens=7,
            seed=1,
            response_format={"type": "json_schema", "json_schema": {"name": "place", "schema": schema}},
        )
        await client.chat.completions.create(
            model="gpt-4o-mini", messages=[USER], response_format={"type": "json_object"}
        )
    first, second = model.requests
    assert first.messages == (
        SystemMessage(text="Be brief."),
        UserMessage(parts=(TextPart(text="Weather in Oslo?"),)),
    )
    assert (first.temperature, first.max_output_tokens) == (0.5, 7)
    assert first.response_schema == {"title": "place", **schema}
    assert second.response_schema == {"type": "object"}


@pytest.mark.parametrize(
    ("reason", "told"),
    [(FinishReason.LENGTH, "length"), (FinishReason.CONTENT_FILTER, "content_filter"), (FinishReason.OTHER, "stop")],
)
async def test_the_reason_to_stop_is_told_in_openais_words(reason: FinishReason, told: str) -> None:
    async with client_of(text_script("Hel", finish_reason=reason)) as (client, _, _app):
        answer = await client.chat.completions.create(model="gpt-4o-mini", messages=[USER])
    assert answer.choices[0].finish_reason == told


async def test_failures_are_the_official_clients_own_exceptions() -> None:
    async with client_of([BROKEN], [(TextDelta(text="Hel"),), BROKEN], [(TextDelta(text="Hel"),), BROKEN]) as (
        client,
        _,
        _app,
    ):
        with pytest.raises(openai.NotFoundError, match="The model does not exist"):
            await client.chat.completions.create(model="nope", messages=[USER])
        with pytest.raises(openai.APIStatusError, match="could not answer") as before:
            await client.chat.completions.create(model="gpt-4o-mini", messages=[USER], stream=True)
        stream = await client.chat.completions.create(model="gpt-4o-mini", messages=[USER], stream=True)
        heard = [await anext(stream) for _ in range(2)]
        with pytest.raises(openai.APIError, match="could not answer"):
            await anext(stream)
        with pytest.raises(openai.APIStatusError, match="could not answer") as whole:
            await client.chat.completions.create(model="gpt-4o-mini", messages=[USER])
    assert (before.value.status_code, whole.value.status_code) == (502, 502)
    assert heard[-1].choices[0].delta.content == "Hel"


@pytest.mark.parametrize(
    "more",
    [
        {"n": 2},
        {"tool_choice": "required"},
        {"tools": [{"type": "code_interpreter"}]},
        {"tools": "all"},
        {"tools": [{"type": "function", "function": {"name": "two words"}}]},
        {"response_format": {"type": "xml"}},
        {"stream": "yes"},
        {"temperature": "hot"},
        {"messages": []},
    ],
)
async def test_what_cannot_be_honoured_is_refused_in_openais_shape(more: dict[str, Any]) -> None:
    async with running_app() as app:
        response = await app.http.post("/v1/chat/completions", json={"messages": [USER], **more})
    assert response.status_code == 422
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "INVALID_REQUEST")
    assert next(iter(more)) in error["message"]


async def test_parameters_that_only_shape_the_answer_are_ignored() -> None:
    more = {"n": 1, "seed": 1, "top_p": 0.5, "logit_bias": {"1": 2}, "stop": ["x"], "user": "me", "frobnicate": True}
    async with running_app() as app:
        response = await app.http.post("/v1/chat/completions", json={"messages": [USER], **more})
    assert response.status_code == 200


async def test_without_tool_choice_nothing_may_be_called() -> None:
    tools = FakeTools(FakeTool(name="inside"))
    async with client_of(text_script("No."), tools=tools) as (client, model, _):
        await client.chat.completions.create(model="gpt-4o-mini", messages=[USER], tools=[WEATHER], tool_choice="none")
    assert model.requests[0].tools == ()


async def test_models_are_listed_and_found() -> None:
    two = settings({"models": [{"id": "gpt-4o-mini"}, {"id": "gpt-4o", "provider": "azure"}]})
    async with (
        running_app(two) as app,
        AsyncOpenAI(base_url=f"{app.url}/v1", api_key="any", max_retries=0) as client,
    ):
        assert [model.id async for model in client.models.list()] == ["gpt-4o-mini", "gpt-4o"]
        found = await client.models.retrieve("azure/gpt-4o")
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("gpt-5")
    assert (found.id, found.owned_by, found.object) == ("gpt-4o", "azure", "model")


async def test_the_turn_of_a_client_that_left_before_the_whole_answer_is_stopped() -> None:
    never = asyncio.Event()
    async with client_of([(TextDelta(text="Hel"), ToolInputStarted(call_id="c", tool="x")), never]) as (_, model, app):
        with pytest.raises(httpx2.ReadTimeout):
            await app.http.post("/v1/chat/completions", json={"messages": [USER]}, timeout=0.3)
        await app.application.supervisor.drain(5)
        assert app.application.chat.running_turns == 0
    assert (len(model.requests), model.open_streams) == (1, 0)


async def test_a_stream_without_usage_says_nothing_of_it() -> None:
    async with running_app() as app:
        response = await app.http.post("/v1/chat/completions", json={"messages": [USER], "stream": True})
    chunks = chunks_of(response.content)
    assert chunks[-1] == "[DONE]"
    assert not any("usage" in chunk for chunk in chunks[:-1])
