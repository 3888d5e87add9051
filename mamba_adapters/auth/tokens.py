"""Reads and verifies signed JSON Web Tokens in their compact form (RFC 7515, RFC 7519, RFC 8725) with joserfc 1.8.

joserfc refuses header members that it does not know, which RFC 7515 section 4 tells to ignore and some issuers send. It lets
pass duplicate members, an empty `crit` and any `typ`. So the header and the claims are read here first, strictly, and joserfc
judges the signature with that one algorithm and a key that was chosen for it. A key is never taken from the token itself.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.jwk import Key

from mamba_domain.messages import JsonObject

__all__ = ["BadToken", "Unverified", "read_token", "verify"]

_LONGEST = 16 * 1024
_LONGEST_HEADER = 4096
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


class BadToken(Exception):
    """A token that proves nothing. The reason is a text of ours, for the log."""

    def __init__(self, reason: str, *, expired: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.expired = expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Unverified:
    """A well-formed token whose signature nobody has looked at yet."""

    text: str
    algorithm: str
    key_id: str | None
    claims: JsonObject


class _AnyName(jws.JWSRegistry):
    """joserfc's registry with our size limit, and without the warning that it gives each time for the name EdDSA."""

    max_header_length = _LONGEST_HEADER

    def get_alg(self, name: str) -> Any:
        """The algorithm; which names are allowed was settled before."""
        return self.algorithms[name]


_REGISTRY = _AnyName(strict_check_header=False)


def read_token(text: str, *, algorithms: frozenset[str]) -> Unverified:
    """Take a token apart. Raises `BadToken` for everything that no issuer of ours would send."""
    if len(text) > _LONGEST:
        raise BadToken("too long")
    if not _COMPACT.fullmatch(text):
        raise BadToken("not a signed token")
    head, body, _ = text.split(".")
    if len(head) > _LONGEST_HEADER:
        raise BadToken("header too long")
    header = _json_object(head, "header")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise BadToken("algorithm not allowed")
    if "crit" in header or header.get("b64", True) is not True:
        raise BadToken("critical extension")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise BadToken("not an access token")
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise BadToken("key id is no text")
    return Unverified(text=text, algorithm=algorithm, key_id=key_id, claims=_json_object(body, "claims"))


def verify(token: Unverified, keys: Sequence[Key]) -> JsonObject:
    """The claims, now that one of the keys vouches for them. Raises `BadToken`."""
    for key in keys:
        try:
            jws.deserialize_compact(token.text, key, algorithms=[token.algorithm], registry=_REGISTRY)
        except Exception:  # noqa: S112 - whatever bytes of a stranger make a library raise, they prove nothing
            continue
        return token.claims
    raise BadToken("bad signature" if keys else "unknown key")


def _json_object(segment: str, what: str) -> JsonObject:
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadToken(f"{what} not readable") from None
    if not isinstance(value, dict):
        raise BadToken(f"{what} not an object")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate member")
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(name)
