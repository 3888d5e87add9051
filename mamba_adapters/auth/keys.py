"""Keys that verify tokens: which algorithm each is for, and how it is read from a secret, a PEM text or a JWK set (RFC 7517).

A key serves the algorithms of its own kind only, so that no public key is ever taken for the secret of an HMAC. From a JWK set
only public signature keys are taken; what is unknown, too weak or secret there is passed over.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

__all__ = ["ALGORITHMS", "KeySource", "PublicKey", "StaticKeys", "keys_of_text", "secret_key"]

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_ED25519 = frozenset({"Ed25519", "EdDSA"})
_SYMMETRIC = frozenset({"HS256"})
_LEAST_RSA_BITS = 2048
_MOST_KEYS = 100
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

ALGORITHMS = _SYMMETRIC | _RSA | frozenset(_CURVES.values()) | _ED25519
"""Every algorithm that can be allowed. EdDSA is the older name of Ed25519."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that verifies, under the id that its issuer gave it."""

    key_id: str | None
    key: Key = field(repr=False)
    algorithms: frozenset[str]


class KeySource(Protocol):
    """Where the keys come from.

    - `candidates` gives the keys that a token with this id and algorithm may have been signed with, none for an unknown id.
    - Raises `Rejected` (OVERLOADED) when there are no keys to be had at the moment.
    """

    async def candidates(self, key_id: str | None, algorithm: str) -> Sequence[Key]:
        """The keys to try."""
        ...


class StaticKeys:
    """Keys that the operator named. They were not chosen by id, so a token's id says nothing."""

    def __init__(self, keys: Sequence[PublicKey]) -> None:
        self._keys = tuple(keys)

    async def candidates(self, key_id: str | None, algorithm: str) -> Sequence[Key]:
        """Every key of that algorithm."""
        return [it.key for it in self._keys if algorithm in it.algorithms]


def secret_key(secret: str) -> PublicKey:
    """The key of HMAC signatures."""
    return PublicKey(key_id=None, key=OctKey.import_key(secret), algorithms=_SYMMETRIC)


def keys_of_text(text: bytes) -> list[PublicKey]:
    """The public keys in a PEM text, a certificate, a JWK or a JWK set. Raises ValueError, in words for the operator."""
    if text.lstrip().startswith(b"{"):
        return _keys_of_json(text)
    if b"PRIVATE" in text:
        raise ValueError("holds a private key; the server needs the public one")
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            with _own_judgement():
                key: Key = kind.import_key(text)
        except Exception:  # noqa: S112 - each library has errors of its own for a key of another kind
            continue
        algorithms = _algorithms(key)
        if not algorithms:
            raise ValueError("holds a key that is too weak, or of a kind that signs no tokens")
        return [PublicKey(key_id=None, key=key, algorithms=algorithms)]
    raise ValueError("holds neither a PEM public key nor a JWK set")


def _keys_of_json(text: bytes) -> list[PublicKey]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is not valid JSON") from None
    entries = document.get("keys", [document] if "kty" in document else None) if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("is no JWK set")
    found = list(_usable(entries[:_MOST_KEYS]))
    if not found:
        raise ValueError("holds no public key that signs tokens")
    return found


def _usable(entries: list[Any]) -> Iterator[PublicKey]:
    kinds: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    for entry in entries:
        if not isinstance(entry, dict) or _SECRET_MEMBERS & entry.keys() or entry.get("use", "sig") != "sig":
            continue
        operations = entry.get("key_ops", ["verify"])
        family = entry.get("kty")
        kind = kinds.get(family) if isinstance(family, str) else None
        key_id = entry.get("kid")
        if kind is None or not isinstance(operations, list) or "verify" not in operations:
            continue
        if key_id is not None and not isinstance(key_id, str):
            continue
        try:
            with _own_judgement():
                key: Key = kind.import_key({name: value for name, value in entry.items() if name != "alg"})
            algorithms = _algorithms(key)
        except Exception:  # noqa: S112 - an entry that the library cannot read is no key of ours
            continue
        if "alg" in entry:
            named = frozenset({entry["alg"]}) if isinstance(entry["alg"], str) else frozenset()
            algorithms &= _ED25519 if named & _ED25519 else named
        if algorithms:
            yield PublicKey(key_id=key_id, key=key, algorithms=algorithms)


@contextmanager
def _own_judgement() -> Iterator[None]:
    """Weak keys are refused here, where joserfc would warn of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        yield


def _algorithms(key: Key) -> frozenset[str]:
    """What a key may verify; nothing where it is too weak."""
    if isinstance(key, RSAKey):
        return _RSA if key.raw_value.key_size >= _LEAST_RSA_BITS else frozenset()
    curve = key.get("crv")
    if isinstance(key, ECKey):
        return frozenset({_CURVES[curve]}) if isinstance(curve, str) and curve in _CURVES else frozenset()
    if isinstance(key, OKPKey) and curve == "Ed25519":
        return _ED25519
    return frozenset()
