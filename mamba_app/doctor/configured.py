"""Examines what the settings name: providers with their keys and models, Redis, an issuer's keys, a collector, and
cross-origin pages.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence, Set
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from mamba_adapters.config.settings import ModelEntry, Settings
from mamba_adapters.telemetry.tracing_setup import collector_takes_spans, wanted_exporter
from mamba_app.composition import compose
from mamba_app.doctor.findings import Report, clock, counted, failed, is_local, passed, warned
from mamba_app.doctor.running import cross_origin
from mamba_app.providers import Connection, providers
from mamba_domain.errors import Code, Misconfigured, ModelFailed

__all__ = ["examine_settings"]

_PATIENCE = 10.0
"""Seconds for one answer of a provider."""
_COLLECTOR_PATIENCE = 3.0
"""Seconds in which the exporter may try again."""


async def examine_settings(
    settings: Settings, *, origin: str | None, report: Report, env: Mapping[str, str] = os.environ
) -> None:
    """Report what is found. Sends each provider one request for its models, and nothing that costs tokens."""
    try:
        application = compose(settings)
        reachable = providers(settings, env=env)
    except Misconfigured as problem:
        report(failed("settings", f"{problem.key} {problem.reason}", "The server would not start"))
        return
    report(passed("settings", "the server would start"))
    try:
        for connection in reachable.connections:
            await _provider(connection, settings, report)
        if not reachable.connections:
            report(passed("models", "no provider is asked: the answers are made by this process"))
    finally:
        await reachable.close()
    if "redis" in (settings.streams.adapter, settings.limits.storage):
        await _redis(settings, report)
    await _access(settings, report)
    await _tracing(env, report)
    if origin is not None:
        transport = httpx2.ASGITransport(app=application.asgi)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await cross_origin(client, origin, {}, report)


async def _provider(connection: Connection, settings: Settings, report: Report) -> None:
    """Key, models and clock, by one request for the list; one more for each model that is not in it."""
    from mamba_adapters.openai.errors import KeyRefused, from_openai
    from mamba_adapters.openai.health import model_list

    endpoint, entries = connection.endpoint, connection.entries
    subject = f"provider {endpoint.name}"
    try:
        async with asyncio.timeout(_PATIENCE):
            listed = await model_list(endpoint)
    except Exception as raised:
        error = from_openai(raised)
        if isinstance(error, KeyRefused):
            report(failed(subject, "the key is refused", f"Set {_key_of(entries)} to a key that is good there"))
        elif error.code is Code.MODEL_NOT_FOUND:
            fact = "it answers, and lists no models"
            report(warned(subject, fact, f"Nothing wrong for many servers; else look at {_address_of(entries)}"))
        elif error.code in (Code.MODEL_UNAVAILABLE, Code.MODEL_TIMEOUT):
            report(
                failed(
                    subject,
                    "it cannot be reached",
                    f"Look at {_address_of(entries)}, DNS, and the way out of this network",
                )
            )
        else:
            report(failed(subject, f"it does not answer as expected ({error.code})", f"Look at {_address_of(entries)}"))
        return
    models = _listed(listed.content)
    if models is None:
        report(failed(subject, "it answers something else than a list of models", f"Look at {_address_of(entries)}"))
        return
    report(passed(subject, "reachable, and the key is good" if _has_key(entries, settings) else "reachable"))
    for entry in entries:
        await _model(connection, entry, models, report)
    if (found := clock(listed.headers, of=endpoint.name)) is not None:
        report(found)


def _listed(content: bytes) -> Set[object] | None:
    """The ids in a list of models; None where it is something else."""
    from mamba_adapters.openai.decoding import parse_payload

    try:
        payload: Any = parse_payload(content)
        return {model.get("id") for model in payload["data"]}
    except (ModelFailed, KeyError, TypeError, AttributeError):
        return None


async def _model(connection: Connection, entry: ModelEntry, listed: Set[object], report: Report) -> None:
    subject, name = f"model {entry.id}", entry.upstream_model or entry.id
    if entry.api_version is None and (name in listed or await _is_known(connection, name)):
        report(passed(subject, f"{connection.endpoint.name} knows it"))
    elif entry.api_version is not None or _is_azure(entry):
        # Azure lists what could be deployed, not what is.
        report(warned(subject, "Azure does not list deployments", "Ask it something"))
    else:
        advice = "Set openai.model or models to names that the provider lists"
        report(failed(subject, f"{connection.endpoint.name} does not know it", advice))


async def _is_known(connection: Connection, name: str) -> bool:
    """Fine-tuned models and aliases stand in no list."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await connection.endpoint.client.get(f"/models/{quote(name, safe=':')}", cast_to=object)
    except Exception:
        return False
    return True


def _is_azure(entry: ModelEntry) -> bool:
    return (urlsplit(entry.base_url or "").hostname or "").endswith(".azure.com")


async def _redis(settings: Settings, report: Report) -> None:
    from mamba_adapters.redis.examination import trouble_of

    assert settings.redis.url is not None  # noqa: S101 - the settings are refused without
    password = settings.redis.password
    trouble = await trouble_of(
        settings.redis.url.get_secret_value(),
        password=None if password is None else password.get_secret_value(),
        prefix=settings.redis.prefix,
    )
    match trouble:
        case None:
            report(passed("redis", "keys and streams can be written"))
        case ("password", _):
            report(failed("redis", "the password is refused", "Look at redis.password and redis.url"))
        case ("unreachable", cause):
            report(failed("redis", f"it cannot be reached ({cause})", "Look at redis.url, and whether it runs"))
        case (_, cause):
            advice = "Look at its memory, its role and the user's rights"
            report(failed("redis", f"a command is refused ({cause})", advice))


async def _access(settings: Settings, report: Report) -> None:
    auth = settings.auth
    match auth.mode:
        case "none" if is_local(settings.server.host):
            report(passed("access", "everybody on this machine is let in"))
        case "none":
            report(warned("access", "everybody is let in", "Set auth.mode, or server.host to 127.0.0.1"))
        case "api_key":
            report(passed("access", counted(len(auth.api_keys) + (auth.api_key is not None), "API key")))
        case "jwt" if auth.jwt_secret is not None or auth.jwt_key_file is not None:
            report(passed("access", "tokens, judged by a key of the settings"))
        case "jwt":
            await _issuer(settings, report)
        case factory:
            report(passed("access", f"judged by {factory}"))


async def _issuer(settings: Settings, report: Report) -> None:
    """The way of the server itself to the keys, with an ear at what it fetches."""
    from mamba_adapters.auth.fetching import DocumentClient
    from mamba_adapters.auth.issuer import IssuerKeys, Unreachable
    from mamba_adapters.auth.keys import keys_of_text

    auth = settings.auth
    last = b""
    trouble = ""
    async with DocumentClient() as client:

        async def fetch(url: str) -> bytes:
            nonlocal last, trouble
            try:
                last = await client(url)
            except Unreachable as error:
                trouble = str(error)
                raise
            return last

        try:
            async with IssuerKeys(fetch, issuer=auth.issuer, url=auth.jwks_url):
                """One fetch is all that is wanted."""
        except Misconfigured as problem:
            report(failed("issuer", f"{problem.key}: {problem.reason}", "The server would not start"))
            return
    name = "auth.jwks_url" if auth.jwks_url is not None else "auth.issuer"
    if trouble:
        report(
            failed("issuer", f"its keys cannot be fetched ({trouble})", f"Look at {name}; no token is accepted without")
        )
        return
    try:
        count = len(keys_of_text(last))
    except ValueError:
        count = 0
    if count:
        report(passed("issuer", counted(count, "key")))
    else:
        report(failed("issuer", "what it serves is no set of usable keys", f"Look at {name}"))


async def _tracing(env: Mapping[str, str], report: Report) -> None:
    match wanted_exporter(env):
        case None:
            report(passed("tracing", "off: no variable of OpenTelemetry asks for it"))
        case "console":
            report(passed("tracing", "spans go to standard output"))
        case "otlp":
            if await asyncio.to_thread(collector_takes_spans, _COLLECTOR_PATIENCE):
                report(passed("tracing", "the collector takes spans"))
                return
            advice = (
                "Look at OTEL_EXPORTER_OTLP_ENDPOINT, as in http://collector:4318, and at OTEL_EXPORTER_OTLP_HEADERS"
            )
            report(failed("tracing", "the collector takes no spans", advice))


def _has_key(entries: Sequence[ModelEntry], settings: Settings) -> bool:
    return any(
        entry.api_key is not None or entry.api_key_env is not None
        if entry.has_own_connection
        else settings.openai.api_key is not None
        for entry in entries
    )


def _key_of(entries: Sequence[ModelEntry]) -> str:
    """The setting that holds the key of these models' connection."""
    (first, *_) = entries
    if not first.has_own_connection:
        return "openai.api_key"
    return first.api_key_env or f"api_key of the model {first.id}"


def _address_of(entries: Sequence[ModelEntry]) -> str:
    (first, *_) = entries
    return f"base_url of the model {first.id}" if first.base_url is not None else "openai.base_url"
