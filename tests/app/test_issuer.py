"""Tokens of an OpenID Connect issuer, in the assembled application: found by discovery, renewed, and never anybody else's."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from mamba_adapters.config.settings import Settings
from tests.adapters.auth.identity_provider import IdentityProvider, identity_provider, jwk
from tests.adapters.auth.signing import AUDIENCE, signed
from tests.app.harness import Running, settings
from tests.app.process import server_process
from tests.app.serving import serving

FIRST, SECOND = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
METADATA = "/.well-known/openid-configuration"


def of_issuer(provider: IdentityProvider) -> Settings:
    return settings({"auth.mode": "jwt", "auth.issuer": provider.url, "auth.audience": AUDIENCE})


async def status(app: Running, provider: IdentityProvider, key: RSAKey, key_id: str | None = "k1") -> int:
    header = {"kid": key_id} if key_id is not None else {}
    token = signed("RS256", header=header, key=key, iss=provider.url)
    return (await app.http.get("/models", headers={"authorization": f"Bearer {token}"})).status_code


async def test_the_settings_of_an_issuer_are_all_that_is_needed() -> None:
    async with identity_provider(jwk(FIRST)) as provider, serving(of_issuer(provider)) as app:
        for _ in range(20):
            assert await status(app, provider, FIRST) == 200
        for key, key_id in ((SECOND, "k1"), (SECOND, "k2"), (FIRST, "k2"), (SECOND, None)):
            assert await status(app, provider, key, key_id) == 401
        assert provider.asked == {METADATA: 1, "/jwks": 1}


async def test_while_no_key_could_be_had_callers_are_told_to_come_back_and_the_process_is_well() -> None:
    async with identity_provider(jwk(FIRST)) as provider:
        provider.answer("/jwks", b"oops", status="503 Service Unavailable")
        async with serving(of_issuer(provider)) as app:
            token = signed("RS256", header={"kid": "k1"}, key=FIRST, iss=provider.url)
            refused = await app.http.get("/models", headers={"authorization": f"Bearer {token}"})
            assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
            assert refused.headers["retry-after"] == "5"
            assert (await app.http.get("/models")).status_code == 401
            for probe in ("/health/live", "/health/ready"):
                assert (await app.http.get(probe)).status_code == 200


async def test_the_log_names_the_issuer_that_cannot_be_had_and_tells_when_it_is_back(tmp_path: Path) -> None:
    async with identity_provider(jwk(FIRST)) as provider:
        provider.answer(METADATA, b"oops", status="503 Service Unavailable")
        values = {"auth.mode": "jwt", "auth.issuer": provider.url, "auth.audience": AUDIENCE}
        async with server_process(tmp_path, values) as server:
            (missed,) = await server.told("auth.keys_not_fetched")
            assert (missed["source"], missed["reason"], missed["known"]) == (provider.url, "status 503", 0)
            provider.raw.clear()
            (fetched,) = await server.told("auth.keys_fetched")
            assert (fetched["source"], fetched["known"]) == (provider.url, 1)


async def test_a_signal_while_the_issuer_is_asked_ends_the_start_without_a_fault(tmp_path: Path) -> None:
    async with identity_provider(jwk(FIRST)) as provider:
        provider.stalled.add(METADATA)
        values = {"auth.mode": "jwt", "auth.issuer": provider.url, "auth.audience": AUDIENCE}
        async with server_process(tmp_path, values, listens=False) as server:
            await asyncio.wait_for(provider.asking.wait(), 20)
            server.terminate()
            assert await server.ended() == 0
            assert [line for line in server.lines if line.get("level") == "error"] == []


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"issuer": "https://other.example"}, "another issuer, 'https://other.example'"),
        ({"jwks_uri": "http://127.0.0.1:1/jwks"}, "auth.jwks_url"),
    ],
    ids=["another issuer", "keys elsewhere"],
)
async def test_metadata_of_somebody_else_keep_the_process_from_starting(
    metadata: dict[str, str], told: str, tmp_path: Path
) -> None:
    async with identity_provider(jwk(FIRST)) as provider:
        provider.metadata |= metadata
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAMBA_", "OPENAI_"))}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "mamba_app", "serve", "--demo"),
            cwd=tmp_path,
            env={
                **inherited,
                "MAMBA_SERVER__HOST": "127.0.0.1",
                "MAMBA_SERVER__PORT": "0",
                "MAMBA_AUTH__MODE": "jwt",
                "MAMBA_AUTH__ISSUER": provider.url,
                "MAMBA_AUTH__AUDIENCE": AUDIENCE,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert error.decode().startswith("auth.issuer: ")
    assert told in error.decode()
    assert "Traceback" not in (out + error).decode()
