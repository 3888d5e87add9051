"""Every way in which an upstream can fail, through the assembled service, for both of OpenAI's APIs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel, ConfigDict

from mamba_adapters.tools.functions import FunctionTool, tool
from mamba_adapters.tools.registry import Registry
from tests.app.harness import Running, settings, text_of
from tests.app.serving import serving
from tests.fakes.openai_server import (
    FAULTS,
    FORBIDDEN,
    POISON,
    UNREACHABLE,
    Api,
    Expect,
    FakeOpenAI,
    Fault,
    Received,
)

ADAPTERS: dict[Api, str] = {"chat": "openai-chat", "responses": "openai-responses"}
ROWS = [
    pytest.param(api, fault, id=f"{api}-{fault.name}")
    for fault in FAULTS.values()
    for api in ADAPTERS
    if api in fault.apis and fault.expected(api).kind != "degraded"
]
BOUNDS: dict[str, dict[str, float]] = {
    "first event": {"openai.first_event_timeout": 0.3},
    "idle": {"chat.idle_timeout": 0.4},
    "total": {"chat.total_timeout": 0.6},
}
OURS = ("Error", "Exception", "Traceback", "aiohttp", "httpx", "openai.", "mamba_")
"""What only the inside of this service could say."""


class Place(BaseModel):
    """Where."""

    model_config = ConfigDict(extra="forbid")
    city: str


class Weather:
    """A tool that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    @property
    def tool(self) -> FunctionTool:
        @tool(name="get_weather", description="Tells the weather.")
        async def get_weather(place: Place) -> str:
            self.asked.append(place.model_dump())
            return "Mild."

        return get_weather


@asynccontextmanager
async def service(
    api: Api, base_url: str, values: Mapping[str, object] | None = None, **ports: Any
) -> AsyncIterator[Running]:
    """The service in front of an upstream, with little patience."""
    configuration = settings(
        {
            "model.adapter": ADAPTERS[api],
            "openai.api_key": "sk-ours",
            "openai.base_url": base_url,
            "openai.retry_wait": 0.02,
            "openai.connect_timeout": 0.3,
            "openai.first_event_timeout": 5.0,
            "chat.open_models": True,
            "chat.idle_timeout": 3.0,
            "chat.total_timeout": 20.0,
            "chat.max_steps": 3,
            "streams.ui_profile": "6.0.326",
            **(values or {}),
        }
    )
    async with serving(configuration, **ports) as app:
        yield app


@pytest.mark.parametrize(("api", "fault"), ROWS)
async def test_a_fault_ends_as_the_catalogue_says(
    api: Api, fault: Fault, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    expect = fault.expected(api)
    caplog.set_level("INFO")
    weather = Weather()
    tools = Registry(tools={"test": [weather.tool]})
    values = BOUNDS.get(expect.bound or "", {})
    async with FakeOpenAI() as upstream, service(api, upstream.base_url, values, tools=tools) as app:
        for number in range(expect.rounds):
            before = len(upstream.requests)
            async with asyncio.timeout(10):
                response, chunks = await app.chat(model=fault.model)
            received = upstream.requests[before:]
            check_attempts(expect, received)
            check_answer(expect, response, chunks)
            check_calls(expect, chunks, weather, received)
            assert POISON not in response.text, f"round {number}"
            told = json.dumps([chunk for chunk in chunks if not _is_tool_input(chunk)]) if chunks else response.text
            assert not [word for word in (*FORBIDDEN, *OURS) if word in told]
        await upstream.quiet()
        assert not upstream.journal.trapped
        assert app.application.chat.running_turns == 0
    out, err = capsys.readouterr()
    logged = f"{out} {err} {caplog.text}"
    assert not [word for word in (*FORBIDDEN, "sk-ours") if word in logged]


@pytest.mark.parametrize("api", ADAPTERS)
@pytest.mark.parametrize("name", UNREACHABLE)
async def test_an_upstream_that_is_not_reached_is_told_honestly(api: Api, name: str) -> None:
    unreachable = UNREACHABLE[name]
    async with unreachable.base_url() as base_url, service(api, base_url) as app:
        response, _ = await app.chat()
    check_status(unreachable.expect, response)


def check_attempts(expect: Expect, received: list[Received]) -> None:
    """How often the first step was asked, and when."""
    first = [each for each in received if not _has_results(each)] if expect.kind.startswith("tool_") else received
    least, most = expect.attempts
    if expect.bound != "steps":
        assert least <= len(first) <= most
    for one, following in pairwise(first):
        wait = following.started_at - one.started_at
        assert wait >= expect.min_wait - 0.01
        assert wait <= (expect.max_wait or 10.0)


def check_answer(expect: Expect, response: httpx2.Response, chunks: list[Any]) -> None:
    """Status or stream, as the kind of outcome wants it."""
    if expect.kind == "status":
        check_status(expect, response)
        return
    assert response.status_code == 200
    ending = check_stream(chunks)
    text = text_of(chunks)
    match expect.kind:
        case "complete":
            assert text == expect.text
            assert ending in expect.finishes
        case "complete_or_error":
            assert ending == "error" or (text == expect.text and ending in expect.finishes)
        case "error_after_prefix":
            assert (text, ending) == (expect.text, "error")
        case "survives":
            assert text.startswith(expect.text)
        case "bounded":
            assert text.startswith(expect.text)
            assert ending == "error"
        case "tool_never":
            assert ending in expect.finishes
        case "tool_refused" | "tool_once":
            assert text == expect.text or ending == "error"


def check_calls(expect: Expect, chunks: list[Any], weather: Weather, received: list[Received]) -> None:
    """What was executed, and what was shown of it."""
    shown = {c["toolCallId"]: c["input"] for c in _of(chunks, "tool-input-available")}
    refused = {c["toolCallId"] for c in _of(chunks, "tool-input-error")}
    match expect.kind:
        case "tool_refused":
            assert weather.asked == []
            assert refused
            assert any(_has_results(each) for each in received)
        case "tool_never":
            assert weather.asked == []
        case "tool_once":
            assert weather.asked == [each for call, each in shown.items() if call not in refused]
            assert shown or refused
        case "tool_bounded":
            limit = {"steps": 3, "calls": 16, "arguments": 0}[expect.bound or ""]
            assert len(weather.asked) == limit


def check_status(expect: Expect, response: httpx2.Response) -> None:
    """A failure before any output."""
    assert response.status_code in expect.statuses
    problem = response.json()
    assert problem["code"] in expect.codes
    assert (response.headers["content-type"], problem["status"]) == ("application/problem+json", response.status_code)
    if expect.retry_after:
        assert int(response.headers["retry-after"]) >= 1


def check_stream(chunks: list[Any]) -> str:
    """The protocol's rules for a whole stream; the finish reason, or "error"."""
    assert chunks[0]["type"] == "start"
    assert chunks[-1] == "[DONE]"
    kinds = [chunk["type"] for chunk in chunks[:-1]]
    endings = [chunk for chunk in chunks[:-1] if chunk["type"] in ("finish", "error", "abort")]
    assert len(endings) == 1
    assert chunks[-2] is endings[0]
    for part in ("text", "reasoning"):
        assert kinds.count(f"{part}-start") == kinds.count(f"{part}-end")
    settled = {c["toolCallId"] for c in chunks[:-1] if c["type"].startswith(("tool-output-", "tool-input-error"))}
    assert {c["toolCallId"] for c in _of(chunks, "tool-input-start")} <= settled
    ending = endings[0]
    return "error" if ending["type"] == "error" else str(ending["finishReason"])


def _of(chunks: list[Any], kind: str) -> list[Any]:
    return [chunk for chunk in chunks if isinstance(chunk, dict) and chunk["type"] == kind]


def _is_tool_input(chunk: Any) -> bool:
    """Its words are the model's own: they are shown."""
    return isinstance(chunk, dict) and chunk["type"].startswith("tool-input-")


def _has_results(received: Received) -> bool:
    return "call_output" in json.dumps(received.body) or '"role": "tool"' in json.dumps(received.body)
