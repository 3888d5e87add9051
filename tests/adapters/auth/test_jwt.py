"""Tokens: exactly those come in that the issuer made for this server, and that are still good."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey

from mamba_adapters.auth.jwt import JwtAuthenticator
from mamba_adapters.auth.keys import ALGORITHMS, PublicKey, StaticKeys, keys_of_text, secret_key
from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import Credentials, Principal
from tests.adapters.auth.attacks import KINDS, attacks
from tests.adapters.auth.identity_provider import identity_provider
from tests.adapters.auth.signing import AUDIENCE, ISSUER, NOW, SECRET, key_of, signed

REFUSED = Code.AUTH_INVALID


def public(algorithm: str) -> list[PublicKey]:
    if algorithm == "HS256":
        return [secret_key(SECRET)]
    return keys_of_text(key_of(algorithm).as_pem(private=False))  # type: ignore[union-attr]


def authenticator(algorithm: str, **options: Any) -> JwtAuthenticator:
    defaults: dict[str, Any] = {
        "algorithms": (algorithm,),
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "clock": lambda: NOW,
    }
    return JwtAuthenticator(StaticKeys(public(algorithm)), **(defaults | options))


async def outcome(authenticator: JwtAuthenticator, token: str) -> Principal | Code:
    try:
        return await authenticator.authenticate(Credentials(bearer=token))
    except Rejected as error:
        return error.code


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
async def test_a_good_token_of_each_algorithm_is_its_subject(algorithm: str) -> None:
    assert await outcome(authenticator(algorithm), signed(algorithm)) == Principal(subject="alice")


GOOD: dict[str, dict[str, Any]] = {
    "no typ": {"header": {"typ": ...}},
    "typ at+jwt": {"header": {"typ": "at+JWT"}},
    "b64 true": {"header": {"b64": True}},
    "a member that nobody knows": {"header": {"cat": "cl_B7d4PD111AAA", "nonce": "x"}},
    "a long header": {"header": {"x": "y" * 2000}},
    "a key id": {"header": {"kid": "../../dev/null"}},
    "keys that the token brings": {"header": {"jku": "https://evil.example/jwks", "x5u": "https://evil.example/x"}},
    "several audiences": {"aud": ["other", AUDIENCE]},
    "a fraction of a second": {"exp": NOW + 60.5},
    "expired within the leeway": {"exp": NOW - 20},
    "not yet, within the leeway": {"nbf": NOW + 20, "iat": NOW + 20},
    "no iat": {"iat": ...},
}


@pytest.mark.parametrize("algorithm", KINDS)
@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
async def test_what_an_issuer_may_do_is_accepted(algorithm: str, change: dict[str, Any]) -> None:
    assert isinstance(await outcome(authenticator(algorithm), signed(algorithm, **change)), Principal)


@pytest.mark.parametrize("algorithm", KINDS)
async def test_what_no_issuer_of_ours_would_do_is_refused_for_one_reason_and_asks_nobody(algorithm: str) -> None:
    async with identity_provider() as trap:
        attempts = dict(attacks(algorithm, trap=trap.url))
        for allowed in ((algorithm,), KINDS):
            judge = authenticator(algorithm, algorithms=allowed)
            wrong = {
                name: told for name, token in attempts.items() if (told := await outcome(judge, token)) is not REFUSED
            }
            assert wrong == {}
        assert len(attempts) > 140
        assert not trap.asked


@pytest.mark.parametrize("algorithm", KINDS)
async def test_a_token_of_another_algorithm_with_the_right_key_is_refused(algorithm: str) -> None:
    judge = authenticator(algorithm)
    for other in sorted(ALGORITHMS - {algorithm, "EdDSA" if algorithm == "Ed25519" else ""}):
        assert await outcome(judge, signed(other, key=key_of(other))) is REFUSED, other
    if algorithm in ("RS256", "PS256"):
        for other in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
            if other != algorithm:
                assert await outcome(judge, signed(other, key=key_of(algorithm))) is REFUSED, other


async def test_only_a_token_that_is_right_in_all_else_is_called_expired() -> None:
    judge = authenticator("RS256")
    late: dict[str, Any] = {"exp": NOW - 600}
    assert await outcome(judge, signed("RS256", **late)) is Code.AUTH_EXPIRED
    assert await outcome(judge, signed("RS256", **late, aud="other")) is Code.AUTH_INVALID
    assert await outcome(judge, signed("RS256", **late, iss="other")) is Code.AUTH_INVALID
    assert await outcome(judge, signed("RS256", **late, key=RSAKey.generate_key(2048))) is Code.AUTH_INVALID


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"aud": "other"}, "aud is not auth.audience"),
        ({"aud": ...}, "aud is missing"),
        ({"iss": "other"}, "iss is not auth.issuer"),
        ({"sub": ...}, "sub is missing"),
        ({"nbf": NOW + 600}, "nbf lies ahead of this machine's clock"),
        ({"iat": NOW + 600}, "iat lies ahead of this machine's clock"),
    ],
)
async def test_the_log_is_told_which_claim_is_wrong(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        await authenticator("RS256").authenticate(Credentials(bearer=signed("RS256", **change)))
    assert caught.value.detail == reason


async def test_issuer_and_audience_are_not_looked_at_where_the_operator_says_so() -> None:
    judge = authenticator("HS256", issuer=None, audience=None)
    assert await outcome(judge, signed("HS256", iss=..., aud=...)) == Principal(subject="alice")


@pytest.mark.parametrize(
    ("given", "scopes"),
    [
        ({"scope": "a b"}, {"a", "b"}),
        ({"scp": ["a", "b"]}, {"a", "b"}),
        ({"scp": "a", "scope": "b"}, {"a", "b"}),
        ({"scope": ["a", 7, None]}, {"a"}),
        ({"scope": {"a": 1}}, set()),
        ({"scope": 7}, set()),
    ],
)
async def test_scopes_are_read_in_the_forms_that_issuers_use(given: dict[str, Any], scopes: set[str]) -> None:
    found = await outcome(authenticator("HS256"), signed("HS256", **given))
    assert isinstance(found, Principal)
    assert found.scopes == scopes


async def test_a_token_without_a_required_scope_is_forbidden() -> None:
    judge = authenticator("HS256", required_scopes=("chat", "read"))
    assert await outcome(judge, signed("HS256", scope="chat")) is Code.FORBIDDEN
    assert isinstance(await outcome(judge, signed("HS256", scope="read chat more")), Principal)


@pytest.mark.parametrize(
    ("given", "models"),
    [
        ({}, None),
        ({"models": ["small"]}, ("small",)),
        ({"models": "small big"}, ("small", "big")),
        ({"models": []}, ()),
        ({"models": 7}, ()),
        ({"scope": "model:small chat model:big"}, ("big", "small")),
        ({"scope": "model:big", "models": ["small"]}, ("small", "big")),
    ],
)
async def test_models_come_from_a_claim_or_from_scopes(given: dict[str, Any], models: tuple[str, ...] | None) -> None:
    found = await outcome(authenticator("HS256"), signed("HS256", **given))
    assert isinstance(found, Principal)
    assert found.models == models


def test_a_key_file_may_hold_a_key_in_any_of_the_usual_forms() -> None:
    key = key_of("RS256")
    assert isinstance(key, RSAKey)
    one = key.as_dict(private=False)
    for text in (key.as_pem(private=False), json.dumps(one).encode(), json.dumps({"keys": [one]}).encode()):
        assert "RS256" in keys_of_text(text)[0].algorithms


def _weak_key() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return RSAKey.generate_key(1024).as_pem(private=False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (lambda: key_of("RS256").as_pem(private=True), "private key"),  # type: ignore[union-attr]
        (_weak_key, "too weak"),
        (lambda: json.dumps(key_of("RS256").as_dict(private=True)).encode(), "no public key"),
        (lambda: json.dumps({"keys": [OctKey.import_key(SECRET).as_dict(private=True)]}).encode(), "no public key"),
        (lambda: b"{", "not valid JSON"),
        (lambda: b'{"keys": {}}', "no JWK set"),
        (lambda: b"hello", "neither"),
        (lambda: b"", "neither"),
    ],
)
def test_a_key_file_that_cannot_be_meant_is_refused(text: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        keys_of_text(text())
