"""`mamba-server doctor`: each fault is found, told by name, and nothing is made up where all is well."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from mamba_adapters.config.settings import Settings
from mamba_app.doctor.configured import examine_settings
from mamba_app.doctor.findings import Finding, clock
from mamba_app.doctor.paced import Reading, judged
from mamba_app.doctor.running import examine_server
from tests.adapters.auth.identity_provider import identity_provider, jwk
from tests.adapters.telemetry.collector import collecting
from tests.app.harness import running_app, settings
from tests.app.hops import Hop, buffering, cutting, hop, packing
from tests.fakes.openai_server import FakeOpenAI, HttpReply, RawReply, Unframed
from tests.fakes.openai_server.server import MODELS
from tests.fakes.redis_server import RedisServer

KEY = "a-key-of-the-doctor"
ORIGIN = "https://app.example.org"


async def examined(url: str, *, origin: str | None = None, token: str | None = None) -> list[str]:
    """The findings about a server, each cut off before its advice."""
    found: list[Finding] = []
    await examine_server(url, origin=origin, token=token, report=found.append)
    return lines(found)


async def judged_settings(configured: Settings, *, origin: str | None = None, env: Mapping[str, str] = {}) -> list[str]:
    found: list[Finding] = []
    await examine_settings(configured, origin=origin, report=found.append, env=env)
    return lines(found)


def lines(found: list[Finding]) -> list[str]:
    assert all(finding.advice for finding in found if finding.level != "PASS")
    assert all("\n" not in str(finding) for finding in found)
    return [f"{finding.level} {finding.subject}: {finding.fact}" for finding in found]


def about(found: list[str], subject: str) -> list[str]:
    return [line for line in found if line.split(": ")[0].endswith(f" {subject}")]


async def test_a_server_that_is_well_passes_on_every_line() -> None:
    protected = {"auth.mode": "api_key", "auth.api_key": KEY, "cors.origins": [ORIGIN]}
    async with running_app(settings(protected)) as app:
        found = await examined(app.url, origin=ORIGIN, token=KEY)
    subjects = [line.split(": ")[0] for line in found]
    assert subjects == [f"PASS {it}" for it in ("reach", "clock", "ready", "access", "health", "cors", "stream")]


async def test_what_a_hop_does_to_a_stream_is_told_apart() -> None:
    gzip = (("content-encoding", "gzip"),)
    kinds = {
        "PASS stream: 10 events came": Hop(),
        "FAIL stream: held back": Hop(body=buffering),
        "FAIL stream: held back: ": Hop(body=packing(at_once=False), adds=gzip),
        "WARN stream: compressed on the way (gzip)": Hop(body=packing(at_once=True), adds=gzip),
        "FAIL stream: cut after ": Hop(body=cutting(after=3)),
    }

    async def through(kind: Hop, url: str) -> list[str]:
        async with hop(url, kind) as address:
            return about(await examined(address), "stream")

    async with running_app(settings()) as app:
        found = await asyncio.gather(*(through(kind, app.url) for kind in kinds.values()))
    for expected, told in zip(kinds, found, strict=True):
        assert len(told) == 1, told
        assert told[0].startswith(expected)


@pytest.mark.parametrize(
    ("kind", "subject", "expected"),
    [
        (Hop(withholds=frozenset({"authorization"})), "access", "FAIL access: the credentials of MAMBA_DOCTOR_TOKEN"),
        (Hop(status=lambda path: 307), "reach", "FAIL reach: redirected (307)"),
        (Hop(status=lambda path: 404), "reach", "FAIL reach: somebody else answers (status 404)"),
        (Hop(drops=frozenset({"x-request-id"})), "request id", "WARN request id: not passed on"),
        (Hop(withholds=frozenset({"x-request-id"})), "request id", "WARN request id: not passed on"),
        (Hop(status=lambda path: 401 if path == "/models" else None), "access", "FAIL access: a hop asks"),
        (Hop(status=lambda path: 401 if path == "/api/chat" else None), "cors", "FAIL cors: the preflight gets 401"),
        (Hop(adds=(("access-control-allow-origin", "*"),)), "cors", "FAIL cors: allowed twice"),
        (Hop(drops=frozenset({"access-control-allow-headers"})), "cors", "FAIL cors: the request's headers"),
        (Hop(drops=frozenset({"access-control-expose-headers"})), "cors", "WARN cors: pages may not read"),
    ],
)
async def test_what_else_a_hop_does_is_told(kind: Hop, subject: str, expected: str) -> None:
    # The stream is refused, so that nobody waits for it: this test is not about it.
    protected = {"auth.mode": "api_key", "auth.api_key": KEY, "cors.origins": [ORIGIN]}
    async with running_app(settings(protected)) as app, hop(app.url, kind) as address:
        found = await examined(address, origin=ORIGIN, token=KEY if subject == "access" else None)
    assert [line for line in about(found, subject) if line.startswith(expected)], found


async def test_a_page_that_may_not_ask_is_told_what_to_set() -> None:
    async with running_app(settings({"auth.mode": "api_key", "auth.api_key": KEY})) as app:
        found = await examined(app.url, origin=ORIGIN)
    assert about(found, "cors") == [f"FAIL cors: pages of {ORIGIN} may not ask"]
    assert about(found, "access") == ["PASS access: credentials are needed"]
    assert about(found, "stream") == ["WARN stream: not examined"]


async def test_a_server_that_starts_or_ends_is_not_ready() -> None:
    async with running_app(settings({"auth.mode": "api_key", "auth.api_key": KEY})) as app:
        app.application.readiness.ready = False
        found = await examined(app.url)
    assert about(found, "ready") == ["FAIL ready: it takes no traffic (status 503)"]


async def test_nobody_there_ends_the_examination() -> None:
    assert await examined("http://127.0.0.1:9") == ["FAIL reach: there is no connection (ConnectError)"]


@pytest.mark.parametrize("url", ["localhost:8000", "http://", "http://[::1", "ftp://a", "http://a:99999", ""])
async def test_what_is_no_url_is_told(url: str) -> None:
    assert await examined(url) == ["FAIL reach: this is no http or https URL"]


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (Reading(), "FAIL stream: it brought no event"),
        (Reading([0.1, 0.2], expected=2, is_whole=True), "PASS stream: 2 events came"),
        (Reading([90.1, 90.2], expected=2, is_whole=True), "PASS stream: 2 events came"),
        (Reading([2.0, 1.0], expected=2, is_whole=True), "FAIL stream: held back: events came up to 1.0 s late"),
        (Reading([0.1], expected=2, seconds=1.5), "FAIL stream: cut after 1.5 s, with 1 of 2 events"),
    ],
)
def test_delays_are_judged_against_each_other_and_not_by_two_clocks(reading: Reading, expected: str) -> None:
    (first, *_) = judged(reading)
    assert str(first).startswith(expected)


def test_a_clock_is_compared_with_the_date_of_an_answer() -> None:
    assert clock({}, of="the server") is None
    assert clock({"date": "no date"}, of="the server") is None
    behind = clock({"date": formatdate(4_102_444_800, usegmt=True)}, of="the server")
    assert behind is not None
    assert behind.level == "WARN"
    assert "behind that of the server" in behind.fact


async def test_a_provider_that_is_well_knows_its_models() -> None:
    async with FakeOpenAI() as upstream:
        found = await judged_settings(at(upstream, **{"openai.model": "gpt-4o-mini"}))
        unknown = await judged_settings(at(upstream, **{"openai.model": "gpt-none"}))
        asked = {request.headers.get("authorization") for request in upstream.requests}
    assert about(found, "openai") == ["PASS provider openai: reachable, and the key is good"]
    assert about(found, "gpt-4o-mini") == ["PASS model gpt-4o-mini: openai knows it"]
    assert about(unknown, "gpt-none") == ["FAIL model gpt-none: openai does not know it"]
    assert asked == {"Bearer sk-doctor"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            HttpReply(status=401, body=b'{"error": {"message": "Incorrect key sk-doc"}}'),
            "FAIL provider openai: the key",
        ),
        (HttpReply(status=404), "WARN provider openai: it answers, and lists no models"),
        (HttpReply(status=503), "FAIL provider openai: it cannot be reached"),
        (HttpReply(status=418), "FAIL provider openai: it does not answer as expected (MODEL_ERROR)"),
        (HttpReply(status=200, body=b"<html>"), "FAIL provider openai: it answers something else"),
        (RawReply(steps=(Unframed(b"nonsense"),)), "FAIL provider openai: it cannot be reached"),
    ],
    ids=["401", "404", "503", "418", "html", "nonsense"],
)
async def test_a_provider_that_is_not_well_is_told_without_its_words(answer: Any, expected: str) -> None:
    async with FakeOpenAI() as upstream:
        upstream.script([answer], model=MODELS)
        found = await judged_settings(at(upstream))
    (told,) = about(found, "openai")
    assert told.startswith(expected)
    assert "sk-doc" not in repr(found)


async def test_redis_is_asked_to_write() -> None:
    values = {"streams.adapter": "redis"}
    with RedisServer("--requirepass", "open-sesame") as redis:
        good = await judged_settings(settings({**values, "redis.url": redis.url, "redis.password": "open-sesame"}))
        wrong = await judged_settings(settings({**values, "redis.url": redis.url, "redis.password": "sesame-open"}))
    gone = await judged_settings(settings({**values, "redis.url": "redis://127.0.0.1:9/0"}))
    assert about(good, "redis") == ["PASS redis: keys and streams can be written"]
    assert about(wrong, "redis") == ["FAIL redis: the password is refused"]
    assert about(gone, "redis")[0].startswith("FAIL redis: it cannot be reached")


async def test_the_keys_of_an_issuer_are_fetched_as_the_server_does() -> None:
    key = RSAKey.generate_key(2048, private=True)
    async with identity_provider(jwk(key)) as provider:
        tokens = {"auth.mode": "jwt", "auth.issuer": provider.url, "auth.audience": "mamba"}
        good = await judged_settings(settings(tokens))
        provider.metadata["issuer"] = "https://elsewhere.example"
        foreign = await judged_settings(settings(tokens))
        named = {**tokens, "auth.jwks_url": provider.jwks_url}
        provider.answer("/jwks", b"<html>")
        page = await judged_settings(settings(named))
        provider.answer("/jwks", b"", status="500 No")
        broken = await judged_settings(settings(named))
    assert about(good, "issuer") == ["PASS issuer: 1 key"]
    assert about(foreign, "issuer")[0].startswith("FAIL issuer: auth.issuer: the metadata")
    assert about(page, "issuer") == ["FAIL issuer: what it serves is no set of usable keys"]
    assert about(broken, "issuer") == ["FAIL issuer: its keys cannot be fetched (status 500)"]


async def test_a_collector_is_sent_an_export(monkeypatch: pytest.MonkeyPatch) -> None:
    off = await judged_settings(settings())
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        good = await judged_settings(settings(), env=os.environ)
    gone = await judged_settings(settings(), env=os.environ)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://")
    none = await judged_settings(settings(), env=os.environ)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    console = await judged_settings(settings(), env=os.environ)
    assert about(off, "tracing") == ["PASS tracing: off: no variable of OpenTelemetry asks for it"]
    assert about(good, "tracing") == ["PASS tracing: the collector takes spans"]
    assert about(gone, "tracing") == about(none, "tracing") == ["FAIL tracing: the collector takes no spans"]
    assert about(console, "tracing") == ["PASS tracing: spans go to standard output"]


async def test_pages_are_judged_by_the_settings_too() -> None:
    assert about(await judged_settings(settings(), origin=ORIGIN), "cors")[0].startswith("FAIL cors")
    allowed = settings({"cors.origins": [ORIGIN]})
    assert about(await judged_settings(allowed, origin=ORIGIN), "cors") == [f"PASS cors: pages of {ORIGIN} may ask"]


def test_the_command_exits_with_1_where_something_failed(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAMBA_", "OPENAI_"))}
    command = [sys.executable, "-m", "mamba_app", "doctor", "--config-dir", str(tmp_path)]
    ill = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert ill.returncode == 1
    assert ill.stdout.startswith("FAIL settings: openai.api_key")
    well = environment | {"MAMBA_MODEL__ADAPTER": "demo", "MAMBA_SERVER__HOST": "127.0.0.1"}
    done = subprocess.run(command, env=well, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "4 passed, 0 warnings, 0 failed")


def at(upstream: FakeOpenAI, **values: Any) -> Settings:
    """Settings with this provider."""
    openai = {"openai.api_key": "sk-doctor", "openai.base_url": upstream.base_url}
    return settings({"model.adapter": "openai-chat", **openai, **values})
