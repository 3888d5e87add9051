"""Keys from an issuer: fetched seldom, renewed in time, and kept while the issuer is ill."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from mamba_adapters.auth.fetching import DocumentClient
from mamba_adapters.auth.issuer import IssuerKeys
from mamba_domain.errors import Code, Misconfigured, Rejected
from tests.adapters.auth.identity_provider import IdentityProvider, identity_provider, jwk

FIRST, SECOND = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
JWKS = "/jwks"
METADATA = "/.well-known/openid-configuration"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def keys_of(provider: IdentityProvider, *, timeout: float = 3.0, **options: Any) -> AsyncIterator[IssuerKeys]:
    place: dict[str, Any] = {"url": provider.jwks_url} if not options.keys() & {"issuer", "url"} else {}
    async with DocumentClient(timeout=timeout) as client, IssuerKeys(client, **place, **options) as keys:
        yield keys


async def found(keys: IssuerKeys, key_id: str | None) -> int:
    return len(await keys.candidates(key_id, "RS256"))


async def test_keys_are_found_through_the_issuers_metadata() -> None:
    async with identity_provider(jwk(FIRST)) as provider, keys_of(provider, issuer=provider.url) as keys:
        assert await found(keys, "k1") == 1
        assert provider.asked == {METADATA: 1, JWKS: 1}


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"jwks_uri": "http://127.0.0.1:1/jwks"},
        {"jwks_uri": "https://127.0.0.1/jwks"},
        {"jwks_uri": None},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_metadata_of_somebody_else_keep_the_server_from_starting(metadata: dict[str, Any]) -> None:
    async with identity_provider(jwk(FIRST)) as provider:
        provider.metadata |= metadata
        with pytest.raises(Misconfigured) as caught:
            async with keys_of(provider, issuer=provider.url):
                pass
        assert caught.value.key == "auth.issuer"
        assert provider.asked[JWKS] == 0


async def test_a_known_key_never_costs_a_fetch() -> None:
    async with identity_provider(jwk(FIRST)) as provider, keys_of(provider) as keys:
        for _ in range(500):
            assert await found(keys, "k1") == 1
        assert provider.asked[JWKS] == 1


async def test_a_flood_of_unknown_key_ids_costs_one_fetch_in_its_time() -> None:
    clock = Clock()
    async with identity_provider(jwk(FIRST)) as provider, keys_of(provider, clock=clock) as keys:
        for number in range(500):
            assert await found(keys, f"unknown-{number}") == 0
        assert provider.asked[JWKS] == 1
        clock.now += 30
        for number in range(500):
            assert await found(keys, f"unknown-{number}") == 0
        assert provider.asked[JWKS] == 2


async def test_a_new_key_is_found_when_its_id_is_first_seen() -> None:
    clock = Clock()
    async with identity_provider(jwk(FIRST)) as provider, keys_of(provider, clock=clock) as keys:
        provider.keys = [jwk(FIRST), jwk(SECOND, "k2")]
        clock.now += 30
        assert await found(keys, "k2") == 1
        assert await found(keys, "k1") == 1


async def test_a_key_that_was_dropped_serves_no_longer_than_the_lifetime() -> None:
    async with identity_provider(jwk(FIRST)) as provider, keys_of(provider, lifetime=0.1) as keys:
        provider.keys = [jwk(SECOND, "k2")]
        provider.asking.clear()
        await asyncio.wait_for(provider.asking.wait(), 5)
        async with asyncio.timeout(5):
            while await found(keys, "k1"):  # noqa: ASYNC110 - the fetch that is under way has no event for us
                await asyncio.sleep(0.005)
        assert await found(keys, "k2") == 1


async def test_a_crowd_at_a_cold_start_causes_one_fetch() -> None:
    async with identity_provider(jwk(FIRST)) as provider, DocumentClient() as client:
        keys = IssuerKeys(client, url=provider.jwks_url)
        assert await asyncio.gather(*(found(keys, "k1") for _ in range(100))) == [1] * 100
        assert provider.asked[JWKS] == 1


def _sick(provider: IdentityProvider, how: str) -> None:
    small = json.dumps({"keys": []}).encode()
    match how:
        case "error":
            provider.answer(JWKS, b"oops", status="500 Internal Server Error")
        case "redirect":
            provider.answer(JWKS, b"", status="302 Found", headers=f"location: {provider.url}/other\r\n")
        case "garbage":
            provider.raw[JWKS] = b"\x00\xff garbage\r\n\r\n"
        case "html":
            provider.answer(JWKS, b"<html>sign in</html>")
        case "empty":
            provider.answer(JWKS, b"")
        case "no keys":
            provider.answer(JWKS, small)
        case "a list":
            provider.answer(JWKS, b"[]")
        case "deep":
            provider.answer(JWKS, b"[" * 100_000)
        case "huge":
            provider.answer(JWKS, b" " * 10_000_000 + small)
        case "stall":
            provider.stalled.add(JWKS)
        case _:
            raise AssertionError(how)


SICKNESSES = ("error", "redirect", "garbage", "html", "empty", "no keys", "a list", "deep", "huge", "stall")


@pytest.mark.parametrize("how", SICKNESSES)
async def test_while_the_issuer_is_ill_the_known_keys_serve_on(how: str) -> None:
    clock = Clock()
    async with identity_provider(jwk(FIRST)) as provider, keys_of(provider, clock=clock, timeout=0.2) as keys:
        _sick(provider, how)
        clock.now += 600
        assert await found(keys, "unknown") == 0
        assert provider.asked[JWKS] == 2
        assert await found(keys, "k1") == 1
        assert provider.asked["/other"] == 0
        clock.now += 3600
        with pytest.raises(Rejected) as caught:
            await keys.candidates("k1", "RS256")
        assert caught.value.code is Code.OVERLOADED
        assert caught.value.retry_after


async def test_while_a_fetch_stalls_nobody_with_a_known_key_waits() -> None:
    clock = Clock()
    async with identity_provider(jwk(FIRST)) as provider, keys_of(provider, clock=clock) as keys:
        provider.stalled.add(JWKS)
        provider.asking.clear()
        clock.now += 60
        unlucky = asyncio.create_task(keys.candidates("unknown", "RS256"))
        await asyncio.wait_for(provider.asking.wait(), 5)
        assert await found(keys, "k1") == 1
        assert not unlucky.done()
        provider.stall.set()
        assert await unlucky == []


async def test_an_issuer_that_is_down_at_the_start_is_asked_again() -> None:
    clock = Clock()
    async with identity_provider(jwk(FIRST)) as provider:
        _sick(provider, "error")
        async with keys_of(provider, clock=clock) as keys:
            for _ in range(50):
                with pytest.raises(Rejected):
                    await keys.candidates("k1", "RS256")
            assert provider.asked[JWKS] == 1
            provider.raw.clear()
            clock.now += 5
            assert await found(keys, "k1") == 1


async def test_what_is_no_public_signature_key_is_passed_over() -> None:
    odd: list[Any] = [
        7,
        {},
        {"kty": "XYZ", "kid": "k1"},
        {"kty": ["RSA"], "kid": "k1"},
        {"kty": {}, "kid": "k1"},
        {"kty": "oct", "k": "AAAA", "kid": "k1"},
        {"kty": "RSA", "kid": "k1", "n": "!", "e": "AQAB"},
        jwk(SECOND, "k1", use="enc"),
        jwk(SECOND, "k1", key_ops=["encrypt"]),
        jwk(SECOND, "k1", alg="RS512"),
        jwk(SECOND, "k1", alg=7),
        {**SECOND.as_dict(private=True), "kid": "k1"},
        {**jwk(SECOND), "kid": 7},
    ]
    async with identity_provider(*odd, jwk(FIRST, x_unknown=1, exp=1)) as provider, keys_of(provider) as keys:
        (key,) = await keys.candidates("k1", "RS256")
        assert key.as_dict(private=False)["n"] == FIRST.as_dict(private=False)["n"]


async def test_two_keys_of_one_id_are_both_tried() -> None:
    async with identity_provider(jwk(FIRST), jwk(SECOND)) as provider, keys_of(provider) as keys:
        assert await found(keys, "k1") == 2


async def test_without_an_id_there_must_be_one_key_only() -> None:
    async with identity_provider(jwk(FIRST, None)) as provider, keys_of(provider) as keys:
        assert await found(keys, None) == 1
        assert await found(keys, "k1") == 0
    async with identity_provider(jwk(FIRST), jwk(SECOND, "k2")) as provider, keys_of(provider) as keys:
        assert await found(keys, None) == 0
