"""The settings of `docs/production.md`, letter for letter but for the hosts, in two servers that share a Redis.

Port and drain delay are set by variables, as tests need them.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import yaml
from joserfc.jwk import RSAKey

from tests.adapters.auth.identity_provider import identity_provider, jwk
from tests.adapters.auth.signing import signed
from tests.adapters.telemetry.collector import Collector, collecting
from tests.app.harness import chat_body, chunks_of, text_of
from tests.app.process import ServerProcess, client_of, environment_of
from tests.architecture.sources import ROOT
from tests.fakes.openai_server import MODELS, FakeOpenAI, HttpReply, Reply, Text, Until, say
from tests.fakes.redis_server import RedisServer

PAGE = (ROOT / "docs" / "production.md").read_text("utf-8")
PASSWORD = "a-password-of-redis"
KEY = RSAKey.generate_key(2048)
HOSTS = {
    "id": "https://id.example.org/",
    "vllm": "https://models.example.org/v1",
    "redis": "redis://redis.example.org:6379/0",
}
"""What the page names in place of the reader's own."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a server of the page has around it. `environment` and `directory` are those of the page's reader."""

    openai: FakeOpenAI
    vllm: FakeOpenAI
    collector: Collector
    token: str
    environment: Mapping[str, str]
    directory: Path

    @asynccontextmanager
    async def server(self) -> AsyncIterator[tuple[ServerProcess, httpx2.AsyncClient]]:
        """`mamba-server serve`, and a client that has signed in."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mamba_app", "serve"),
            cwd=self.directory,
            env={**self.environment, "MAMBA_SERVER__PORT": "0", "MAMBA_SERVER__DRAIN_DELAY": "0"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        server = ServerProcess(process)
        try:
            await server.listening(2)
            async with client_of(server) as client:
                client.headers["authorization"] = f"Bearer {self.token}"
                yield server, client
        finally:
            await server.end()


def environment(values: Mapping[str, str]) -> dict[str, str]:
    """The variables that the page exports, with these values; it exports no other."""
    (exports,) = (block for block in blocks("sh") if block.startswith("export "))
    assert set(re.findall(r"^export (\w+)=", exports, re.MULTILINE)) == set(values)
    clean = {name: value for name, value in environment_of({}).items() if not name.startswith(("OTEL_", "VLLM_"))}
    return {**clean, **values}


def settings_file(hosts: Mapping[str, str]) -> str:
    """The page's settings, with these hosts in place of its own."""
    (text,) = blocks("toml")
    for name, url in hosts.items():
        assert text.count(f'"{HOSTS[name]}"') == 1
        text = text.replace(f'"{HOSTS[name]}"', f'"{url}"')
    return text


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with identity_provider(jwk(KEY)) as provider, FakeOpenAI() as openai, FakeOpenAI() as vllm:
        with RedisServer("--requirepass", PASSWORD) as redis, collecting() as collector:
            hosts = {"id": provider.url, "vllm": vllm.base_url, "redis": redis.url}
            (tmp_path / "settings.toml").write_text(settings_file(hosts), "utf-8")
            yield World(
                openai=openai,
                vllm=vllm,
                collector=collector,
                token=signed("RS256", header={"kid": "k1"}, key=KEY, iss=provider.url),
                environment=environment(
                    {
                        "OPENAI_API_KEY": "sk-of-openai",
                        "VLLM_API_KEY": "key-of-vllm",
                        "MAMBA_REDIS__PASSWORD": PASSWORD,
                        "MAMBA_TOOLS__SECRETS": '["4f9a1c7e2b8d60354f9a1c7e2b8d6035"]',
                        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                    }
                )
                | {"OPENAI_BASE_URL": openai.base_url},
                directory=tmp_path,
            )


async def test_the_settings_of_the_page_are_a_service_that_has_it_all(world: World) -> None:
    gate = asyncio.Event()
    async with world.server() as (one, here), world.server() as (two, there):
        anonymous = await here.get("/models", headers={"authorization": ""})
        assert (anonymous.status_code, anonymous.json()["code"]) == (401, "AUTH_REQUIRED")
        listed = (await here.get("/models")).json()["models"]
        assert [model["id"] for model in listed] == ["openai/gpt-4o-mini", "vllm/qwen3"]

        world.openai.script([Reply(steps=(Text("One "), Until(gate), Text("and two.")))])
        async with here.stream("POST", "/api/chat", json=chat_body()) as asked:
            assert b"One " in b"".join([data async for data in _until(asked, b"One ")])
        async with there.stream("GET", "/api/chat/chat-1/stream") as again:
            assert again.status_code == 200
            gate.set()
            assert text_of(chunks_of(await again.aread())) == "One and two."

        world.openai.script([HttpReply(status=401)])
        world.vllm.script([Reply(steps=say("Another ", "speaks."))])
        answer = await there.post("/api/chat", json=chat_body(id="chat-2"))
        assert text_of(chunks_of(answer.content)) == "Another speaks."
        (stood_in,) = world.vllm.requests
        assert stood_in.model == "Qwen/Qwen3-32B"
        assert stood_in.headers["authorization"] == "Bearer key-of-vllm"
        (told,) = await two.told("model.fell_back")
        assert told["to"] == "qwen3"

        assert (await here.get("/metrics", headers={"authorization": ""})).status_code == 401
        for client in (here, there):
            finished = 'mamba_turns_total{model="gpt-4o-mini",outcome="finished"} 1.0'
            assert finished in (await client.get("/metrics")).text.splitlines()
        assert 'mamba_fallbacks_total{by="qwen3",model="gpt-4o-mini"} 1.0' in (await there.get("/metrics")).text
        health = (await there.get("/health")).json()
        assert health["checks"]["redis"]["status"] == "healthy"

        for server in (one, two):
            server.terminate()
        assert [await server.ended(within=30) for server in (one, two)] == [0, 0]
    turns = [span for span in world.collector.spans if span.name == "invoke_agent mamba-server"]
    assert {span.attributes["gen_ai.conversation.id"] for span in turns} == {"chat-1", "chat-2"}
    calls = [span for span in world.collector.spans if span.name == "chat gpt-4o-mini"]
    assert [span.attributes.get("gen_ai.response.model") for span in calls].count("qwen3") == 1
    assert world.collector.service == "mamba-server"


async def _until(answer: httpx2.Response, text: bytes) -> AsyncIterator[bytes]:
    """What comes, up to this."""
    async for data in answer.aiter_bytes():
        yield data
        if text in data:
            return


async def test_the_doctor_finds_nothing_wrong_with_the_page(world: World) -> None:
    world.vllm.script([HttpReply(status=200, body=b'{"data": [{"id": "Qwen/Qwen3-32B"}]}')], model=MODELS)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mamba_app", "doctor", "--origin", "https://app.example.org"),
        cwd=world.directory,
        env=dict(world.environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    found = [line.split(":")[0] for line in out.decode().splitlines()]
    assert process.returncode == 0, out.decode()
    for subject in ("provider openai", "provider vllm", "redis", "issuer", "tracing", "cors"):
        assert f"PASS {subject}" in found, out.decode()


def test_prometheus_gets_its_token_for_the_audience_of_the_server() -> None:
    (text,) = blocks("yaml")
    (job,) = yaml.safe_load(text)["scrape_configs"]
    assert job["oauth2"]["endpoint_params"]["audience"] == "mamba"
    assert job["oauth2"]["token_url"].startswith(HOSTS["id"])
    assert set(job["oauth2"]) == {"client_id", "client_secret_file", "token_url", "endpoint_params"}
