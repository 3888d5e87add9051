"""Makes tokens, whole and broken, as an issuer or an attacker would."""

from __future__ import annotations

import base64
import json
import time
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

__all__ = ["AUDIENCE", "ISSUER", "NOW", "SECRET", "b64", "claims", "compact", "key_of", "signed"]

ISSUER = "https://id.example.org/"
AUDIENCE = "mamba"
NOW = int(time.time())
SECRET = "a-secret-of-the-issuer-0123456789abcdef"


@cache
def key_of(algorithm: str) -> Key:
    """The issuer's private key for an algorithm, made once."""
    if algorithm.startswith("HS"):
        return OctKey.import_key(SECRET)
    if algorithm.startswith(("RS", "PS")):
        return RSAKey.generate_key(2048)
    if algorithm.startswith("ES"):
        return ECKey.generate_key({"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[algorithm])
    return OKPKey.generate_key("Ed25519")


def claims(**changes: Any) -> dict[str, Any]:
    """Claims that are right, with changes; `...` leaves a claim out."""
    right = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": NOW + 36_000, "iat": NOW}
    return {name: value for name, value in (right | changes).items() if value is not ...}


def signed(algorithm: str, *, header: Mapping[str, Any] | None = None, key: Key | None = None, **changes: Any) -> str:
    """A token over `claims(**changes)`, signed as its header says; a header member `...` is left out."""
    members = {"alg": algorithm, "typ": "JWT", **(header or {})}
    members = {name: value for name, value in members.items() if value is not ...}
    return compact(json.dumps(members), json.dumps(claims(**changes)), algorithm, key or key_of(algorithm))


def compact(header: str | bytes, payload: str | bytes, algorithm: str, key: Key) -> str:
    """A token over these very bytes, whatever they are."""
    head, body = b64(header), b64(payload)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signature = jws.JWSRegistry.algorithms[algorithm].sign(f"{head}.{body}".encode(), key)
    return f"{head}.{body}.{b64(signature)}"


def b64(value: str | bytes) -> str:
    """base64url without padding."""
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
