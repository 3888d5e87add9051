"""joserfc 1.8: tokens that it takes by itself and should not, and some that it refuses and should take."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import errors, jws, jwt
from joserfc.jwk import OctKey

from tests.adapters.auth.signing import SECRET, claims, compact

KEY = OctKey.import_key(SECRET)


def token(header: str, payload: str | None = None) -> str:
    return compact(header, json.dumps(claims()) if payload is None else payload, "HS256", KEY)


@pytest.mark.parametrize(
    "header",
    [
        '{"alg": "HS256", "typ": "dpop+jwt"}',
        '{"alg": "HS256", "kid": "a", "kid": "b"}',
        '{"alg": "none", "alg": "HS256"}',
        '{"alg": "HS256", "crit": []}',
    ],
    ids=["another type", "a member twice", "two algorithms", "nothing critical"],
)
def test_it_takes_a_header_that_no_issuer_should_send(header: str) -> None:
    assert jws.deserialize_compact(token(header), KEY, algorithms=["HS256"]).payload


def test_it_asks_for_no_claim_by_itself() -> None:
    decoded = jwt.decode(token('{"alg": "HS256"}', '{"sub": "a"}'), KEY, algorithms=["HS256"])
    jwt.JWTClaimsRegistry().validate(decoded.claims)


@pytest.mark.parametrize("extra", [{"cat": "a"}, {"nonce": "a"}], ids=["Clerk", "Entra"])
def test_it_refuses_members_that_known_issuers_add(extra: dict[str, Any]) -> None:
    with pytest.raises(errors.UnsupportedHeaderError):
        jws.deserialize_compact(token(json.dumps({"alg": "HS256", **extra})), KEY, algorithms=["HS256"])


def test_it_raises_what_is_no_error_of_its_own() -> None:
    with pytest.raises(TypeError):
        jws.deserialize_compact(token('{"alg": "HS256", "crit": null}'), KEY, algorithms=["HS256"])
