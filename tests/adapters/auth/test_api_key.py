"""Keys: who has one comes in, and nobody else."""

from __future__ import annotations

import hashlib

import pytest

from mamba_adapters.auth.api_key import ApiKey, ApiKeys, digest_of
from mamba_domain.errors import Code
from mamba_domain.identity import Credentials, Principal
from tests.contracts.authenticator import refusal

KEYS = {name: f"{name}-key-0123456789abcdef" for name in ("alice", "bob", "carol")}


@pytest.fixture
def keys() -> ApiKeys:
    return ApiKeys(
        [
            ApiKey(digest=digest_of(key), principal=Principal(subject=name, models=("small",)))
            for name, key in KEYS.items()
        ]
    )


@pytest.mark.parametrize("name", KEYS)
async def test_each_key_is_its_owner_by_either_header(keys: ApiKeys, name: str) -> None:
    for credentials in (Credentials(api_key=KEYS[name]), Credentials(bearer=KEYS[name])):
        assert await keys.authenticate(credentials) == Principal(subject=name, models=("small",))


async def test_the_same_key_in_both_headers_is_one_key(keys: ApiKeys) -> None:
    assert (await keys.authenticate(Credentials(api_key=KEYS["bob"], bearer=KEYS["bob"]))).subject == "bob"


async def test_two_keys_are_refused_even_where_both_are_right(keys: ApiKeys) -> None:
    assert (await refusal(keys, Credentials(api_key=KEYS["bob"], bearer=KEYS["alice"]))).code is Code.AUTH_INVALID


@pytest.mark.parametrize(
    "key",
    [
        KEYS["bob"].upper(),
        KEYS["bob"][:-1],
        KEYS["bob"] + "=",
        " " + KEYS["bob"],
        KEYS["bob"] + "\n",
        digest_of(KEYS["bob"]).hex(),
    ],
    ids=["case", "prefix", "padding", "space", "newline", "the digest itself"],
)
async def test_what_is_like_a_key_is_none(keys: ApiKeys, key: str) -> None:
    assert (await refusal(keys, Credentials(api_key=key))).code is Code.AUTH_INVALID


def test_the_digest_is_what_sha256sum_says() -> None:
    assert digest_of("k") == hashlib.sha256(b"k").digest()


def test_no_repr_shows_a_key(keys: ApiKeys) -> None:
    key = ApiKey(digest=digest_of("secret"), principal=Principal(subject="a"))
    shown = repr(key) + repr(Credentials(api_key="canary", bearer="canary")) + repr(keys)
    assert "canary" not in shown
    assert repr(digest_of("secret")) not in shown
