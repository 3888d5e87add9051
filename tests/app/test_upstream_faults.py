"""Every way in which an upstream can fail, through the assembled service, for both of OpenAI's APIs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel, ConfigDict

from mamba_adapters.tools.functions import FunctionTool, tool
from mamba_adapters.tools.registry import Registry
from tests.app.described import check_described
from tests.app.harness import Running, chat_body, settings, text_of
from tests.app.serving import serving
from tests.fakes.openai_server import (
    FAULTS,
    FORBIDDEN,
    POISON,
    TEXT,
    UNREACHABLE,
    Api,
    Expect,
    FakeOpenAI,
    FakeOpenAIProcess,
    Fault,
    Received,
)

ROOT = Path(__file__).parents[2]
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
NUMBERS = count()
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
            "openai.max_attempts": 2,
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
            check_described(response, chunks)
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


@pytest.mark.parametrize("api", ADAPTERS)
async def test_an_outage_is_not_made_worse_and_its_end_is_noticed(api: Api) -> None:
    async with FakeOpenAI() as upstream, service(api, upstream.base_url) as app:
        upstream.script(["fault-503"])
        requests = 0
        refused_at_once = 0.0
        while not refused_at_once:
            began = time.monotonic()
            answers = await asyncio.gather(*(app.chat(id=str(n)) for n in range(10)))
            requests += 10
            assert {response.status_code for response, _ in answers} == {503}
            assert all(response.headers["retry-after"] == "1" for response, _ in answers)
            if len(upstream.requests) < requests:
                refused_at_once = time.monotonic() - began
        assert refused_at_once < 1.0
        before = len(upstream.requests)
        await asyncio.gather(*(app.chat(id=str(n)) for n in range(20)))
        assert len(upstream.requests) <= before + 1
        upstream.script([])
        ended = time.monotonic()
        while (await app.chat())[0].status_code != 200:
            assert time.monotonic() - ended < 2.0
        answers = await asyncio.gather(*(app.chat(id=str(n)) for n in range(10)))
        assert {response.status_code for response, _ in answers} == {200}


@pytest.mark.parametrize("api", ADAPTERS)
@pytest.mark.parametrize(
    ("model", "heard"),
    [
        ("fault-429-retry-after-s", b""),
        ("fault-stall-before-headers", b""),
        ("fault-stall-after-headers", b""),
        ("fault-stall-midstream", b"text-delta"),
        ("ok-n100000-p1", b"text-delta"),
    ],
    ids=["backing off", "no head", "no event", "stalled", "speaking"],
)
async def test_a_client_that_leaves_ends_the_upstream_call_at_once(api: Api, model: str, heard: bytes) -> None:
    async with FakeOpenAI() as upstream, service(api, upstream.base_url) as app:
        leave = await asking(app, model, heard)
        (received,) = await upstream.received()
        if model == "fault-429-retry-after-s":
            await received.ended.wait()
        left_at = time.monotonic()
        leave()
        async with asyncio.timeout(2):
            await received.ended.wait()
            await app.application.supervisor.drain(2)
        assert time.monotonic() - left_at < 0.5
        assert len(upstream.requests) == 1
        assert upstream.journal.open_streams == 0
        assert app.application.chat.running_turns == 0


async def test_three_attempts_are_made_and_no_more() -> None:
    values = {"openai.max_attempts": 3}
    async with FakeOpenAI() as upstream, service("chat", upstream.base_url, values) as app:
        response, _ = await app.chat(model="fault-500")
        assert (response.status_code, len(upstream.requests)) == (503, 3)
        upstream.script(["fault-500", "fault-reset-before-headers", "ok"])
        _, chunks = await app.chat()
        assert text_of(chunks) == TEXT


async def test_others_are_answered_beside_a_flooding_stream() -> None:
    async with FakeOpenAI() as upstream, service("chat", upstream.base_url) as app:
        flood = asyncio.create_task(app.chat(model="fault-flood", id="flood"))
        await upstream.received(1)
        beside = await asyncio.gather(*(app.chat(id=str(n)) for n in range(20)))
        await flood
    assert [text_of(chunks) for _, chunks in beside] == [TEXT] * 20


@pytest.mark.parametrize("status", ["401", "403"])
async def test_a_refused_key_is_told_to_the_operator_once_a_minute(
    status: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeOpenAI() as upstream, service("chat", upstream.base_url) as app:
        for _ in range(5):
            response, _ = await app.chat(model=f"fault-{status}")
            assert response.status_code == 502
    assert (capsys.readouterr().out + caplog.text).count("endpoint.key_refused") == 1


def test_no_word_of_an_upstream_reaches_log_or_client_even_at_debug(tmp_path: Path) -> None:
    """The service as a process, as an operator runs it."""
    names = ["500", "502-html", "401", "400", "429-quota", "error-event", "error-event-first", "garbage-headers"]
    names += ["200-json", "redirect-trap", "malformed-json", "500-stalled-body", "events-after-done", "tool-bad-json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAMBA_", "OPENAI_"))}
    with FakeOpenAIProcess() as upstream, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment |= {
            "MAMBA_SERVER__HOST": "127.0.0.1",
            "MAMBA_SERVER__PORT": str(port),
            "MAMBA_SERVER__DRAIN_DELAY": "0",
            "MAMBA_LOGGING__LEVEL": "DEBUG",
            "MAMBA_CHAT__OPEN_MODELS": "true",
            "MAMBA_OPENAI__RETRY_WAIT": "0.01",
            "OPENAI_API_KEY": "sk-ours-and-nobody-elses",
            "OPENAI_BASE_URL": upstream.base_url,
        }
        command = [sys.executable, "-m", "mamba_app", "serve"]
        with (
            (tmp_path / "log").open("w+") as log,
            subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT) as process,
        ):
            try:
                answers = asyncio.run(_ask_all(port, names))
            finally:
                process.terminate()
                assert process.wait(10) == 0
            log.seek(0)
            written = log.read()
    assert "endpoint.key_refused" in written
    assert all(json.loads(line) for line in written.splitlines())
    for word in (*FORBIDDEN, "sk-ours"):
        assert word not in written
        assert word not in answers


async def _ask_all(port: int, names: list[str]) -> str:
    """What a client gets to read for each fault, heads and bodies."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
        async with asyncio.timeout(20):
            while True:
                try:
                    await client.get("/health/live")
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
                else:
                    break
        asked = (client.post("/api/chat", json=chat_body(model=f"fault-{name}", id=name)) for name in names)
        answers = await asyncio.gather(*asked, client.get("/health"))
    return "".join(f"{answer.headers} {answer.text}" for answer in answers)


async def asking(app: Running, model: str, heard: bytes) -> Callable[[], None]:
    """Ask over a bare socket and listen until `heard`; how to leave."""
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
    body = json.dumps(chat_body(model=model)).encode()
    head = (
        f"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    seen = b""
    async with asyncio.timeout(5):
        while heard not in seen:
            seen += await reader.read(65536)
    return writer.close


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
