"""Secrets stay where they were put: not in the log, not in an answer, not in what the command line prints."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog

from mamba_adapters.config.secrets import secret_values
from mamba_adapters.telemetry.logging import configure_logging
from mamba_app.config_commands import print_config
from tests.adapters.auth.signing import AUDIENCE, ISSUER, signed
from tests.app.harness import chat_body, settings
from tests.app.serving import serving
from tests.fakes.openai_server import CANARY, FakeOpenAI

LIBRARIES = ("httpx2", "httpcore2", "openai", "aiohttp", "sse_starlette", "uvicorn", "redis", "asyncio", "limits")
FAULTS = ("fault-401", "fault-500", "fault-429", "fault-400", "fault-garbage-headers", "fault-error-event")

SECRETS: Mapping[str, str] = {
    "openai.api_key": "sk-canary-openai-7d21f0",
    "auth.api_key": "canary-api-key-0c9e51aa37",
    "auth.jwt_secret": "canary-hmac-secret-5be1f3c7d9a0426688",
    "redis.password": "canary-redis-password",
    "tools.secrets": "canary-approval-secret-91f27ab3e5d86c40",
    "models.api_key": "canary-other-provider-key",
}
PROMPT = "canary prompt of a person"


def forms(secret: str) -> Iterator[str]:
    """A secret as it may be written down."""
    yield secret
    yield json.dumps(secret)[1:-1]
    raw = secret.encode()
    yield raw.hex()
    for lead in range(3):
        whole = base64.b64encode(b"\0" * lead + raw).decode()
        yield whole[4 if lead else 0 : len(whole) // 4 * 4 - 4]


def values(upstream: FakeOpenAI, mode: str) -> dict[str, object]:
    found: dict[str, object] = {
        "logging.level": "DEBUG",
        "openai.api_key": SECRETS["openai.api_key"],
        "openai.base_url": upstream.base_url,
        "openai.max_attempts": 2,
        "openai.retry_wait": 0.01,
        "redis.url": "redis://127.0.0.1:1/0",
        "redis.password": SECRETS["redis.password"],
        "tools.secrets": [SECRETS["tools.secrets"]],
        "models": [
            {"id": "gpt-4o-mini", "adapter": "openai-chat"},
            *({"id": name, "adapter": "openai-chat"} for name in FAULTS),
            {
                "id": "other",
                "adapter": "openai-responses",
                "base_url": upstream.base_url,
                "api_key": SECRETS["models.api_key"],
            },
        ],
        "auth.mode": mode,
    }
    if mode == "api_key":
        return {**found, "auth.api_key": SECRETS["auth.api_key"]}
    return {
        **found,
        "auth.jwt_secret": SECRETS["auth.jwt_secret"],
        "auth.issuer": ISSUER,
        "auth.audience": AUDIENCE,
    }


def token(**claims: Any) -> str:
    from joserfc.jwk import OctKey

    return signed("HS256", key=OctKey.import_key(SECRETS["auth.jwt_secret"]), **claims)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    yield
    root.handlers, root.level = handlers, level
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)
    structlog.reset_defaults()


async def _everything(http: httpx2.AsyncClient, credentials: Mapping[str, str]) -> list[httpx2.Response]:
    """What a client may do well and badly, all of it with credentials."""
    answers = [
        await http.get(path, headers=credentials) for path in ("/health", "/openapi.json", "/models", "/metrics")
    ]
    (presented,) = credentials.values()
    answers.append(await http.get(f"/models?api_key={presented.split()[-1]}&token=x", headers=credentials))
    answers.append(await http.get("/models", headers={"authorization": "Bearer " + SECRETS["auth.api_key"] + "x"}))
    answers.append(await http.get("/models", headers={**credentials, "x-api-key": "wrong-canary-key"}))
    answers += [
        await http.post("/api/chat", json=chat_body(PROMPT, model=name), headers=credentials)
        for name in ("gpt-4o-mini", "other", "nope", *FAULTS)
    ]
    for path in ("/title/generate", "/completion", "/v1/chat/completions"):
        body = {"userMessage": PROMPT, "prompt": PROMPT, "messages": [{"role": "user", "content": PROMPT}]}
        answers.append(await http.post(path, json=body, headers=credentials))
    answers.append(await http.post("/api/chat", content=PROMPT, headers=credentials))
    return answers


@pytest.mark.parametrize("mode", ["api_key", "jwt"])
async def test_no_secret_is_told_even_with_every_logger_on(mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeOpenAI() as upstream:
        configured = settings(values(upstream, mode))
        configure_logging(level="DEBUG", style="json", secrets=secret_values(configured, {}))
        for name in LIBRARIES:
            logging.getLogger(name).setLevel(logging.DEBUG)
        presented = SECRETS["auth.api_key"] if mode == "api_key" else token()
        async with serving(configured) as app:
            answers = await _everything(app.http, {"authorization": f"Bearer {presented}"})
            if mode == "jwt":
                late = {"authorization": f"Bearer {token(exp=1)}"}
                assert (await app.http.get("/models", headers=late)).json()["code"] == "AUTH_EXPIRED"
        logged = capsys.readouterr().out
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert {401, 404, 415, 502} <= {answer.status_code for answer in answers}
    for line in logged.splitlines():
        json.loads(line)
    assert "request.ended" in logged
    told = logged + "".join(answer.text + str(answer.headers.raw) for answer in answers) + repr(configured)
    for name, secret in {**SECRETS, "presented": presented, "wrong": "wrong-canary-key"}.items():
        for form in forms(secret):
            assert form not in told, name
    assert CANARY not in "".join(answer.text for answer in answers)


async def test_what_people_say_is_not_logged_unless_the_operator_wants_it(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeOpenAI() as upstream:
        configured = settings(values(upstream, "api_key"))
        configure_logging(level="DEBUG", style="json", secrets=secret_values(configured, {}))
        async with serving(configured) as app:
            await _everything(app.http, {"x-api-key": SECRETS["auth.api_key"]})
        logged = capsys.readouterr().out
    assert "request.ended" in logged
    assert PROMPT not in logged
    assert CANARY not in logged


async def test_the_command_that_prints_the_settings_masks_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeOpenAI() as upstream:
        for mode in ("api_key", "jwt"):
            overrides = values(upstream, mode)
            assert print_config(directory=tmp_path, env={}, overrides=overrides) == 0
            assert print_config(directory=tmp_path, env={}, overrides={**overrides, "auth.mode": "canary-x"}) == 2
    printed = capsys.readouterr()
    assert "auth.api_key" in printed.out
    for name, secret in SECRETS.items():
        for form in forms(secret):
            assert form not in printed.out + printed.err, name
