"""What `/metrics` tells of a running server, of one process and of several."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from mamba_domain.errors import Code, ModelFailed
from tests.app.harness import Running, chat_body, running_app, settings
from tests.fakes.redis_server import RedisServer
from tests.fakes.scripted_model import ScriptedModel, call_script, text_script

CARD = ("generateCard", '{"title": "Oslo"}')


async def samples(app: Running) -> dict[str, float]:
    """Every sample by its name and labels, as the text writes them."""
    return parsed((await app.http.get("/metrics")).text)


def parsed(text: str) -> dict[str, float]:
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


async def until(app: Running, is_so: Callable[[Mapping[str, float]], bool]) -> Mapping[str, float]:
    """The samples as soon as something shows in them that happens beside the turns."""
    deadline = time.monotonic() + 10
    while not is_so(found := await samples(app)):
        assert time.monotonic() < deadline, "the metrics did not come to that"
        await asyncio.sleep(0.01)
    return found


def of(found: Mapping[str, float], name: str) -> dict[str, float]:
    """The samples of one metric by their labels."""
    return {key.removeprefix(name): value for key, value in found.items() if key.partition("{")[0] == name}


async def test_a_turn_is_counted_with_its_tokens_its_calls_and_its_times() -> None:
    model = ScriptedModel(call_script(("c1", *CARD)), text_script("Here ", "it ", "is."))
    async with running_app(settings(), model_for=lambda _: model) as app:
        await app.chat()
        found = await samples(app)
    turn = '{model="gpt-4o-mini",outcome="finished"}'
    assert of(found, "mamba_turns_total") == {turn: 1}
    assert of(found, "mamba_steps_total") == {'{model="gpt-4o-mini"}': 2}
    tokens = of(found, "mamba_tokens_total")
    assert tokens == {'{kind="input",model="gpt-4o-mini"}': 20, '{kind="output",model="gpt-4o-mini"}': 10}
    assert of(found, "mamba_tool_calls_total") == {'{outcome="returned",tool="generateCard"}': 1}
    assert of(found, "mamba_time_to_first_output_seconds_count") == {'{model="gpt-4o-mini"}': 1}
    assert of(found, "mamba_turn_duration_seconds_count") == {'{model="gpt-4o-mini"}': 1}
    assert found["mamba_delta_interval_seconds_count"] == 2
    assert found["mamba_turns_running"] == found["mamba_followers"] == 0
    assert of(found, "mamba_http_requests_total") == {'{method="POST",route="/api/chat",status="200"}': 1}


async def test_a_failure_is_counted_under_its_code() -> None:
    model = ScriptedModel([ModelFailed(Code.RATE_LIMITED)])
    async with running_app(settings(), model_for=lambda _: model) as app:
        await app.chat()
        found = await samples(app)
    assert of(found, "mamba_turns_total") == {'{model="gpt-4o-mini",outcome="RATE_LIMITED"}': 1}
    assert of(found, "mamba_http_requests_total") == {'{method="POST",route="/api/chat",status="429"}': 1}


async def test_what_runs_and_who_reads_it_is_seen_while_it_lasts() -> None:
    more = asyncio.Event()
    model = ScriptedModel([*text_script("One")[:1], more, *text_script(" two.")])
    async with running_app(settings(), model_for=lambda _: model) as app:
        async with app.http.stream("POST", "/api/chat", json=chat_body()) as answer:
            frames = answer.aiter_raw()
            while b"One" not in await anext(frames):
                pass
            during = await samples(app)
            more.set()
            async for _ in frames:
                pass
        after = await samples(app)
    assert (during["mamba_turns_running"], during["mamba_followers"]) == (1, 1)
    assert (after["mamba_turns_running"], after["mamba_followers"]) == (0, 0)


async def test_nothing_that_a_client_sends_becomes_a_label() -> None:
    async with running_app(settings({"chat.open_models": True})) as app:
        await app.chat(model="made-up-model")
        await app.http.get("/made/up/path")
        await app.http.request("BREW", "/api/chat")
        body = chat_body()
        body["made_up"] = 1
        body["messages"][0]["parts"].append({"type": "made-up-part"})
        await app.http.post("/api/chat", json=body)
        tools = [{"type": "function", "function": {"name": "made_up_tool", "parameters": {"type": "object"}}}]
        messages = [{"role": "user", "content": "Call made_up_tool"}]
        await app.http.post("/v1/chat/completions", json={"messages": messages, "tools": tools})
        text = (await app.http.get("/metrics")).text
    assert "made" not in text
    assert "BREW" not in text
    assert 'model="other"' in text
    assert 'route="none"' in text
    assert 'mamba_ignored_total{kind="part:unknown"} 1.0' in text


async def test_repairs_of_a_conversation_are_counted() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "generateCard", "arguments": "{}"}}
    dangling = {"role": "assistant", "content": "", "tool_calls": [call]}
    body = {"messages": [{"role": "user", "content": "Hi"}, dangling, {"role": "user", "content": "And?"}]}
    async with running_app(settings()) as app:
        await app.http.post("/api/chat", json=body)
        found = of(await samples(app), "mamba_history_repairs_total")
    assert sum(found.values()) >= 1


async def test_the_endpoint_is_counted_with_failures_retries_and_breaker() -> None:
    refused = {"openai.api_key": "sk-test", "openai.base_url": "http://127.0.0.1:9/v1", "openai.retry_wait": 0.001}
    async with running_app(settings({"model.adapter": "openai-chat", **refused})) as app:
        await asyncio.gather(*(app.chat(id=f"chat-{n}") for n in range(25)))
        found = await samples(app)
    assert of(found, "mamba_endpoint_failures_total")['{code="MODEL_UNAVAILABLE",endpoint="openai"}'] >= 20
    assert of(found, "mamba_endpoint_retries_total")['{endpoint="openai"}'] >= 1
    assert of(found, "mamba_endpoint_breaker_open") == {'{endpoint="openai"}': 1}


async def test_how_far_the_store_is_behind_is_measured_and_its_failures_are_counted() -> None:
    with RedisServer() as redis:
        values = {"streams.adapter": "redis", "redis.url": redis.url}
        async with running_app(settings(values)) as app:
            await app.chat()
            safe = await until(app, lambda found: found["mamba_store_lag_seconds_count"] >= 1)
            redis.kill()
            await app.http.post("/api/chat", json=chat_body(), headers={"idempotency-key": "again"})
            failed = await until(app, lambda found: len(of(found, "mamba_store_failures_total")) >= 1)
    assert 0 < safe["mamba_store_lag_seconds_sum"] < 60
    assert of(safe, "mamba_store_failures_total") == {}
    assert set(of(failed, "mamba_store_failures_total")) <= {
        f'{{operation="{it}"}}' for it in ("beat", "claim", "find", "write")
    }


async def test_an_outage_of_the_store_is_counted_for_as_long_as_it_lasts_whether_anybody_asks_or_not() -> None:
    def beats(found: Mapping[str, float]) -> float:
        return of(found, "mamba_store_failures_total").get('{operation="beat"}', 0)

    with RedisServer() as redis:
        values = {"streams.adapter": "redis", "redis.url": redis.url}
        async with running_app(settings(values)) as app:
            redis.kill()
            first = await until(app, lambda found: beats(found) >= 1)
            await until(app, lambda found: beats(found) > beats(first))


async def test_the_page_can_be_switched_off() -> None:
    async with running_app(settings({"server.metrics": False})) as app:
        assert (await app.http.get("/metrics")).status_code == 404


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="a worker is found by its parent in /proc")
def test_several_workers_are_added_up_and_a_dead_one_holds_nothing_open(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (server, port):
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:

            def ask(number: int) -> None:
                client.post("/api/chat", json=chat_body() | {"id": f"chat-{number}"}).raise_for_status()

            with ThreadPoolExecutor(6) as people:
                list(people.map(ask, range(6)))
            # A turn is counted after its last word, which is another process's by the time of the next request.
            scraped_until(port, lambda found: sum(of(found, "mamba_turns_total").values()) == 6)
            scraped_until(port, lambda found: found["mamba_turns_running"] == found["mamba_followers"] == 0)
            with client.stream("POST", "/api/chat", json=chat_body("Write a long story")) as answer:
                frames = answer.iter_raw()
                next(frames)
                scraped_until(port, lambda found: found["mamba_turns_running"] == found["mamba_followers"] == 1)
                for worker in children(server.pid):
                    os.kill(worker, signal.SIGKILL)
        after = scraped_until(port, lambda found: found["mamba_turns_running"] == found["mamba_followers"] == 0)
        assert sum(of(after, "mamba_turns_total").values()) == 6
    assert list(tmp_path.glob("mamba-metrics-*")) == []


@contextmanager
def two_workers(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`mamba-server serve --demo` with two workers, and its port."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("MAMBA_", "PROMETHEUS_"))},
        "MAMBA_SERVER__HOST": "127.0.0.1",
        "MAMBA_SERVER__PORT": "0",
        "MAMBA_SERVER__WORKERS": "2",
        "MAMBA_SERVER__DRAIN_DELAY": "0",
        "MAMBA_LOGGING__FORMAT": "json",
        "TMPDIR": str(folder),
    }
    command = [sys.executable, "-m", "mamba_app", "serve", "--demo", "--config-dir", str(folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = _port_of(server)
            # The first process names the port before one of the others listens on it.
            scraped_until(port, lambda found: "mamba_turns_running" in found)
            yield server, port
        finally:
            with suppress(ProcessLookupError):
                server.send_signal(signal.SIGTERM)
            server.communicate(timeout=30)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def scraped(port: int) -> dict[str, float]:
    return parsed(httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=20, trust_env=False).text)


def scraped_until(port: int, is_so: Callable[[Mapping[str, float]], bool]) -> Mapping[str, float]:
    """The samples once something shows in them; a worker that is being replaced may refuse meanwhile."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(httpx2.TransportError):
            found = scraped(port)
            if is_so(found):
                return found
        time.sleep(0.02)
    raise AssertionError("the workers' metrics did not come to that")


def _port_of(server: subprocess.Popen[str]) -> int:
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError("the server did not start")
