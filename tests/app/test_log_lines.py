"""The log of the assembled service: one JSON object a line, whoever is quoted in it, from whichever library."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog

from mamba_adapters.telemetry.logging import configure_logging
from tests.app.harness import Running, chat_body, settings
from tests.app.serving import serving
from tests.fakes.openai_server import FakeOpenAI, HttpReply, Reply, Text, tool_call

NASTY = "a\r\nb\x1b[2J\u2028\u202e\x85 {{x}}"
IN_A_URL = "a%0d%0ab%1b%5b2J%e2%80%a8%e2%80%ae%c2%85"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The logging of the process as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def records(written: str) -> list[dict[str, Any]]:
    """Every line; each is a record, to readers who know of more line breaks than one too."""
    assert written.split("\n")[:-1] == written.splitlines()
    return [json.loads(line) for line in written.splitlines()]


def texts(value: Any) -> Iterator[str]:
    """Every text in a record, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


async def raw(app: Running, request: bytes) -> bytes:
    """The answer to bytes that no client would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


async def test_the_access_line_names_the_chat_and_the_model_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", style="json")
    async with serving(settings({"models": [{"id": "first"}, {"id": "second"}]})) as app:
        await app.http.post("/api/chat", json=chat_body(id="c1"))
        await app.http.post("/api/chat", json=chat_body(id="c2", model="second"))
    lines = [line for line in records(capsys.readouterr().out) if line["event"] == "request.ended"]
    assert [(line["chat_id"], line["model"]) for line in lines] == [("c1", "first"), ("c2", "second")]


async def test_the_access_line_of_a_request_that_became_no_turn_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", style="json")
    async with serving(settings({"limits.turns_per_minute": 1})) as app:
        for body in (b"{", json.dumps(chat_body()).encode(), json.dumps(chat_body()).encode()):
            await app.http.post("/api/chat", content=body, headers={"content-type": "application/json"})
        await app.http.get("/nowhere")
    lines = [line for line in records(capsys.readouterr().out) if line["event"] == "request.ended"]
    assert [(line["status"], line["outcome"], line.get("refused")) for line in lines] == [
        (400, "INVALID_REQUEST", None),
        (200, "stop", None),
        (429, "RATE_LIMITED", "limits.turns_per_minute"),
        (404, "INVALID_REQUEST", None),
    ]


async def test_nobody_who_is_quoted_can_add_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="DEBUG", style="json")
    error = json.dumps({"error": {"message": NASTY, "type": NASTY, "code": NASTY}}).encode()
    async with FakeOpenAI() as upstream:
        values = {
            "model.adapter": "openai-chat",
            "openai.api_key": "sk-ours",
            "openai.base_url": upstream.base_url,
            "openai.max_attempts": 1,
            "chat.open_models": True,
            "logging.prompts": True,
        }
        async with serving(settings(values)) as app:
            upstream.script(
                [
                    Reply(steps=(Text(NASTY), *tool_call(0, NASTY, NASTY, NASTY))),
                    Reply(steps=(Text("done"),)),
                    HttpReply(status=400, body=error),
                    HttpReply(status=500, body=error),
                ]
            )
            for model, chat_id in (
                ("gpt-4o-mini", "c1"),
                ("gpt-4o-mini", "c2"),
                (NASTY, "c3"),
                ("m", "c4"),
                ("m", NASTY),
            ):
                await app.http.post("/api/chat", json=chat_body(NASTY, id=chat_id, model=model))
            await app.http.get(f"/{IN_A_URL}?token=t0k3n-in-a-query")
            for request_id in (b"a\x1bb", b"\xc2\x85", b"a" * 10_240, b"{{7*7}}"):
                answer = await raw(
                    app,
                    b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-request-id: "
                    + request_id
                    + b"\r\n\r\n",
                )
                assert request_id not in answer
            twice = b"x-request-id: one\r\nx-request-id: two\r\n"
            await raw(app, b"GET /models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" + twice + b"\r\n")
            await raw(app, b"NONSENSE \x1b\r\n\r\n")
    written = capsys.readouterr().out
    found = records(written)
    assert "t0k3n" not in written
    quoted = {line["event"] for line in found if any(NASTY in text for text in texts(line))}
    assert {"model.asked", "model.said"} <= quoted
    ended = [line for line in found if line["event"] == "request.ended"]
    assert {"one", "two"} & {line["request_id"] for line in ended} == set()
    assert all(re.fullmatch(r"[0-9a-f]{32}", line["request_id"]) for line in ended)
    assert [line["path"] for line in ended if "\u202e" in line["path"]] == ["/a\r\nb\x1b[2J\u2028\u202e\x85"]


def test_a_process_writes_json_from_its_first_line_to_its_last(tmp_path: Path) -> None:
    with served(tmp_path, MAMBA_LOGGING__LEVEL="DEBUG", MAMBA_LOGGING__FORMAT="json") as server:
        assert server.stdout is not None
        first: list[str] = []
        for line in server.stdout:
            first.append(line)
            if port := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                httpx2.get(f"http://127.0.0.1:{port[1]}/models", trust_env=False).raise_for_status()
                break
        server.send_signal(signal.SIGTERM)
        rest, _ = server.communicate(timeout=30)
    found = records("".join(first) + rest)
    assert {"mamba.access", "mamba.server", "uvicorn.error"} <= {line["logger"] for line in found}
    assert all({"event", "level", "timestamp"} <= set(line) for line in found)
    assert "Application shutdown complete." in {line["event"] for line in found}


def test_on_a_terminal_the_log_is_drawn_for_people_and_the_level_holds(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with served(tmp_path, stdout=theirs, MAMBA_LOGGING__LEVEL="WARNING") as server, open(ours, "rb", 0) as screen:
        os.close(theirs)
        drawn = b""
        while b"model.demo" not in drawn:
            drawn += screen.read(4096)
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    assert b"\x1b[" in drawn
    assert not drawn.startswith(b"{")
    assert b"[\x1b[36minfo" not in drawn
    assert b"Started server process" not in drawn


def served(folder: Path, *, stdout: int = subprocess.PIPE, **settings: str) -> subprocess.Popen[str]:
    """`mamba-server serve --demo` on a free port."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAMBA_", "OPENAI_"))}
    always = {"MAMBA_SERVER__HOST": "127.0.0.1", "MAMBA_SERVER__PORT": "0", "MAMBA_SERVER__DRAIN_DELAY": "0"}
    command = [sys.executable, "-m", "mamba_app", "serve", "--demo", "--config-dir", str(folder)]
    environment = {**kept, **always, **settings, "TERM": "xterm"}
    return subprocess.Popen(command, env=environment, stdout=stdout, text=True)
