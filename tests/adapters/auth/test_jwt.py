"""Tokens: exactly those come in that the issuer made for this server, and that are still good."""

from __future__ import annotations

import base64
import json
import time
import warnings
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey, RSAKey

from mamba_adapters.auth.jwt import JwtAuthenticator
from mamba_adapters.auth.keys import ALGORITHMS, PublicKey, StaticKeys, keys_of_text, secret_key
from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import Credentials, Principal
from tests.adapters.auth.signing import AUDIENCE, ISSUER, NOW, SECRET, b64, claims, compact, key_of, signed

THREE = ("HS256", "RS256", "ES256")


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


@pytest.mark.parametrize("algorithm", THREE)
@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
async def test_what_an_issuer_may_do_is_accepted(algorithm: str, change: dict[str, Any]) -> None:
    assert isinstance(await outcome(authenticator(algorithm), signed(algorithm, **change)), Principal)


def each(name: str, *values: Any) -> dict[str, dict[str, Any]]:
    """A change a value: of a claim, or of a member of the header."""
    if name.startswith("header "):
        return {f"{name} {value!r}": {"header": {name.removeprefix("header "): value}} for value in values}
    return {f"{name} {value!r}": {name: value} for value in values}


BAD: dict[str, dict[str, Any]] = {
    **each("header alg", "none", "None", "NONE", "nOnE", " none", "none ", "none\0", "", ..., None, 1, True, ["HS256"]),
    **each("header alg", {"alg": "HS256"}, "hs256", "HS512"),
    **each("header crit", [], ["alg"], ["exp"], ["b64"], None, "exp"),
    **each("header b64", False, None, "true", 0, 1),
    **each("header typ", "JOSE", "dpop+jwt", "logout+jwt", 7, None, ["JWT"]),
    **each("header kid", 7, ["a"], {"a": 1}, True),
    **each("header x", "y" * 8000),
    **each("exp", ..., None, "9999999999", [NOW + 60], {}, True, float("nan"), 1e400, 10**3999, 1 << 60),
    **each("nbf", NOW + 600, "0", None, [0], True),
    **each("iat", NOW + 600, "0", None, {}, False),
    **each(
        "iss", ..., None, "", ISSUER[:-1], ISSUER + "/", ISSUER.upper(), " " + ISSUER, "https://id.example.org.evil/"
    ),
    **each("iss", [ISSUER], {"iss": ISSUER}, 7),
    **each("aud", ..., None, "", "Mamba", "mamba ", "mambo", "mamba,other", ["other"], [], [[AUDIENCE]], [AUDIENCE, 7]),
    **each("aud", {AUDIENCE: 1}, 7),
    **each("sub", ..., None, "", " ", 7, ["alice"], "a\nb", "a\u2028b", "x" * 300, "a\u202eb"),
}


@pytest.mark.parametrize("algorithm", THREE)
@pytest.mark.parametrize("change", BAD.values(), ids=range(len(BAD)))
async def test_what_no_issuer_of_ours_would_do_is_refused(algorithm: str, change: dict[str, Any]) -> None:
    assert await outcome(authenticator(algorithm), signed(algorithm, **change)) is Code.AUTH_INVALID


RAW: dict[str, tuple[str, str]] = {
    "alg twice": ('{"alg":"none","alg":"ALG"}', json.dumps(claims())),
    "alg twice, the other way round": ('{"alg":"ALG","alg":"none"}', json.dumps(claims())),
    "sub twice": ('{"alg":"ALG"}', json.dumps(claims())[:-1] + ',"sub":"admin"}'),
    "NaN": ('{"alg":"ALG"}', json.dumps(claims(exp=...))[:-1] + ',"exp":NaN}'),
    "Infinity": ('{"alg":"ALG"}', json.dumps(claims(exp=...))[:-1] + ',"exp":Infinity}'),
    "1e999": ('{"alg":"ALG"}', json.dumps(claims(exp=...))[:-1] + ',"exp":1e999}'),
    "5000 digits": ('{"alg":"ALG"}', json.dumps(claims(exp=...))[:-1] + ',"exp":' + "9" * 5000 + "}"),
    "deep claims": ('{"alg":"ALG"}', '{"a":' * 2000 + "1" + "}" * 2000),
    "deep header": ('{"alg":"ALG","a":' + "[" * 1400 + "]" * 1400 + "}", json.dumps(claims())),
    "a list of claims": ('{"alg":"ALG"}', json.dumps([claims()])),
    "claims that are a text": ('{"alg":"ALG"}', '"alice"'),
    "no claims": ('{"alg":"ALG"}', "null"),
    "a header that is a list": ('["ALG"]', json.dumps(claims())),
    "trailing garbage": ('{"alg":"ALG"}', json.dumps(claims()) + "x"),
    "a byte order mark": ('{"alg":"ALG"}', "\ufeff" + json.dumps(claims())),
    "half a character": ('{"alg":"ALG"}', json.dumps(claims(sub="\ud83d"), ensure_ascii=False)),
    "no JSON": ("alg=ALG", "sub=alice"),
}


@pytest.mark.parametrize("algorithm", THREE)
@pytest.mark.parametrize(("header", "payload"), RAW.values(), ids=RAW)
async def test_json_that_can_be_read_in_two_ways_is_refused(algorithm: str, header: str, payload: str) -> None:
    token = compact(header.replace("ALG", algorithm), payload, algorithm, key_of(algorithm))
    assert await outcome(authenticator(algorithm), token) is Code.AUTH_INVALID


@pytest.mark.parametrize("algorithm", THREE)
async def test_a_token_whose_signature_was_touched_is_refused(algorithm: str) -> None:
    head, body, signature = signed(algorithm).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    forged = b64(json.dumps(claims(sub="admin")))
    for token in (
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature}.",
        f"{head}.{body}.{signature}.x",
        f"{head}.{body}.{b64(raw[:-1])}",
        f"{head}.{body}.{b64(bytes(len(raw)))}",
        f"{head}.{body}.{b64(raw[::-1])}",
        f"{head}.{body}.{b64(bytes([raw[0] ^ 1]) + raw[1:])}",
        f"{head}.{forged}.{signature}",
        f"{head}..{signature}",
        f".{body}.{signature}",
        f"{head}.{body}.{signature}==",
        f"{head}.{body}\n.{signature}",
        f" {head}.{body}.{signature}",
        f"{head}.{body}.{signature}\n",
        f"{head}.{body}.{signature}" + "A" * 20_000,
        f"{b64(json.dumps({'alg': 'none'}))}.{body}.",
        json.dumps({"payload": body, "protected": head, "signature": signature}),
    ):
        assert await outcome(authenticator(algorithm), token) is Code.AUTH_INVALID, token[:80]


def _public_forms(algorithm: str) -> list[bytes]:
    """A public key in all the forms in which a confused server may take it for the secret of an HMAC."""
    key = key_of(algorithm)
    assert isinstance(key, RSAKey | ECKey)
    forms = [key.as_pem(private=False), key.as_der(private=False), json.dumps(key.as_dict(private=False)).encode()]
    forms += [str(value).encode() for value in key.as_dict(private=False).values()]
    return [*forms, *(form.strip() for form in forms), b"", b"\0" * 32, b"secret"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_public_key_is_never_the_secret_of_an_hmac(algorithm: str) -> None:
    for form in _public_forms(algorithm):
        for allowed in ((algorithm,), (algorithm, "HS256")):
            forged = _hmac_token(form)
            assert await outcome(authenticator(algorithm, algorithms=allowed), forged) is Code.AUTH_INVALID


def _hmac_token(secret: bytes) -> str:
    import hashlib
    import hmac

    signing = f"{b64(json.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{b64(json.dumps(claims()))}"
    return f"{signing}.{b64(hmac.digest(secret, signing.encode(), hashlib.sha256))}"


@pytest.mark.parametrize("secret", [b"", b"secret", b"\0", SECRET[:-1].encode(), SECRET.upper().encode()])
async def test_no_other_secret_signs_for_the_issuer(secret: bytes) -> None:
    assert await outcome(authenticator("HS256"), _hmac_token(secret)) is Code.AUTH_INVALID


@pytest.mark.parametrize("other", ["RS384", "RS512", "PS256"])
async def test_the_right_key_with_an_algorithm_that_is_not_allowed_is_refused(other: str) -> None:
    token = signed(other, key=key_of("RS256"))
    assert await outcome(authenticator("RS256"), token) is Code.AUTH_INVALID


@pytest.mark.parametrize("algorithm", THREE)
async def test_a_key_that_the_token_brings_along_counts_for_nothing(algorithm: str) -> None:
    mine = RSAKey.generate_key(2048)
    for header in ({"jwk": mine.as_dict(private=False)}, {"x5c": ["MIIB"]}, {"jku": "http://127.0.0.1:1/jwks"}):
        token = signed("RS256", header=dict(header), key=mine)
        assert await outcome(authenticator(algorithm, algorithms=(algorithm, "RS256")), token) is Code.AUTH_INVALID


async def test_signatures_of_ecdsa_that_fit_every_key_are_refused() -> None:
    head, body, _ = signed("ES256").split(".")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for r, s in ((0, 0), (0, 1), (1, 0), (order, order), (order, 1)):
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        assert await outcome(authenticator("ES256"), f"{head}.{body}.{b64(signature)}") is Code.AUTH_INVALID
    der = b"\x30\x06\x02\x01\x01\x02\x01\x01"
    assert await outcome(authenticator("ES256"), f"{head}.{body}.{b64(der)}") is Code.AUTH_INVALID


async def test_encrypted_tokens_are_refused_before_anything_is_computed() -> None:
    key = OctKey.import_key(SECRET[:32])
    nested = jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM", "cty": "JWT"}, signed("HS256"), key)
    bomb = f"{b64(json.dumps({'alg': 'PBES2-HS256+A128KW', 'enc': 'A128GCM', 'p2c': 10**9, 'p2s': 'x'}))}.a.b.c.d"
    for token in (nested, bomb):
        begun = time.perf_counter()
        assert await outcome(authenticator("HS256"), token) is Code.AUTH_INVALID
        assert time.perf_counter() - begun < 0.1


async def test_only_a_token_that_is_right_in_all_else_is_called_expired() -> None:
    judge = authenticator("RS256")
    late: dict[str, Any] = {"exp": NOW - 600}
    assert await outcome(judge, signed("RS256", **late)) is Code.AUTH_EXPIRED
    assert await outcome(judge, signed("RS256", **late, aud="other")) is Code.AUTH_INVALID
    assert await outcome(judge, signed("RS256", **late, iss="other")) is Code.AUTH_INVALID
    assert await outcome(judge, signed("RS256", **late, key=RSAKey.generate_key(2048))) is Code.AUTH_INVALID


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
