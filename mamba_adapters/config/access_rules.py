"""What the settings of `auth` and `limits` must be together: no mode without its keys, no secret that can be guessed.

Reasons name keys of the settings, never their values.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import SecretStr

from mamba_adapters.config.rules import Lack
from mamba_adapters.config.settings import Auth, Settings

__all__ = ["access_lacks"]

_LEAST_KEY = 16
_LEAST_SECRET = 32
_LEAST_VARIETY = 4
_PLACEHOLDERS = ("changeme", "replaceme", "placeholder", "yourapikey", "yoursecret", "<", ">", "${")
_DEFAULT_NAME = "default"
_GUESSED = frozenset(
    {
        "0" * 64,
        *(hashlib.sha256(word.encode()).hexdigest() for word in ("", "\n", "changeme", "password", "secret", "test")),
    }
)
"""Digests that tutorials and typing errors produce; of any other, nobody can tell the strength of the key."""


def access_lacks(settings: Settings) -> Iterator[Lack]:
    """What keeps the server from starting."""
    if settings.limits.storage == "redis" and settings.redis.url is None:
        yield Lack(key="redis.url", because="limits.storage", reason='required by limits.storage = "redis"')
    if settings.cors.credentials and "*" in settings.cors.origins:
        yield Lack(
            key="cors.origins",
            because="cors.credentials",
            reason='must name the origins: with cors.credentials = true, "*" would let every page act for its visitor',
        )
    for place, secret in enumerate(settings.tools.secrets):
        yield from _weak(f"tools.secrets[{place}]", secret, _LEAST_SECRET)
    match settings.auth.mode:
        case "api_key":
            yield from _keys(settings.auth)
        case "jwt":
            yield from _tokens(settings.auth)
        case "none":
            return


def _keys(auth: Auth) -> Iterator[Lack]:
    if auth.api_key is None and not auth.api_keys:
        yield _lack(
            "auth.api_key", 'this or auth.api_keys is required by auth.mode = "api_key"; MAMBA_AUTH__API_KEY sets it'
        )
    names = [_DEFAULT_NAME] if auth.api_key is not None else []
    digests: list[str] = []
    if auth.api_key is not None:
        yield from _weak("auth.api_key", auth.api_key, _LEAST_KEY)
        digests.append(_digest(auth.api_key))
    for place, entry in enumerate(auth.api_keys):
        where = f"auth.api_keys[{place}]"
        if (entry.key is None) == (entry.sha256 is None):
            yield _lack(where, "needs either key or sha256, and not both")
            continue
        if entry.key is not None:
            yield from _weak(f"{where}.key", entry.key, _LEAST_KEY)
        digest = entry.sha256 or _digest(entry.key)
        if digest in _GUESSED:
            yield _lack(
                f"{where}.sha256", "is the digest of a placeholder; make a key of its own, as openssl rand -hex 32 does"
            )
        if digest in digests:
            yield _lack(where, "has the same key as an entry before it")
        if entry.name in names:
            yield _lack(f"{where}.name", "is the name of another key")
        digests.append(digest)
        names.append(entry.name)


def _tokens(auth: Auth) -> Iterator[Lack]:
    if auth.check_issuer and auth.issuer is None:
        yield _lack("auth.issuer", 'required by auth.mode = "jwt"; only auth.check_issuer = false does without')
    if auth.check_audience and auth.audience is None:
        yield _lack("auth.audience", 'required by auth.mode = "jwt"; only auth.check_audience = false does without')
    named = [name for name in ("jwt_secret", "jwt_key_file", "jwks_url") if getattr(auth, name) is not None]
    if len(named) > 1:
        yield _lack(f"auth.{named[1]}", f"tokens are verified by one kind of key, and auth.{named[0]} is set too")
    elif not named and auth.issuer is None and not auth.check_issuer:
        yield _lack(
            "auth.jwks_url", "this, auth.jwt_secret, auth.jwt_key_file or auth.issuer is required to verify tokens"
        )
    for key, url in (("auth.jwks_url", auth.jwks_url), ("auth.issuer", auth.issuer if not named else None)):
        if url is not None and not _is_safe(url):
            yield _lack(key, "keys are fetched from there, so it must be an https URL, or one of a loopback address")
    if auth.jwt_secret is not None:
        yield from _weak("auth.jwt_secret", auth.jwt_secret, _LEAST_SECRET)
    symmetric = [name for name in auth.algorithms if name == "HS256"]
    if auth.algorithms and auth.jwt_secret is not None and len(symmetric) < len(auth.algorithms):
        yield _lack("auth.algorithms", 'must be ["HS256"] or empty where auth.jwt_secret is set')
    if symmetric and auth.jwt_secret is None:
        yield _lack("auth.algorithms", "HS256 needs auth.jwt_secret, and goes with no public key")


def _weak(key: str, secret: SecretStr, least: int) -> Iterator[Lack]:
    value = secret.get_secret_value()
    plain = value.lower().replace("-", "").replace("_", "")
    if any(word in plain for word in _PLACEHOLDERS):
        yield _lack(key, "is a placeholder; make a secret of its own, as openssl rand -hex 32 does")
    elif len(value) < least:
        yield _lack(
            key, f"is shorter than {least} characters and could be guessed; openssl rand -hex 32 makes a better one"
        )
    elif len(set(value)) < _LEAST_VARIETY:
        yield _lack(key, "repeats a few characters and could be guessed; openssl rand -hex 32 makes a better one")


def _digest(secret: SecretStr | None) -> str:
    return hashlib.sha256(secret.get_secret_value().encode()).hexdigest() if secret is not None else ""


def _is_safe(url: str) -> bool:
    """Whether nobody on the way can put keys of his own into the answer."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "https":
            return bool(parts.hostname)
        return parts.scheme == "http" and (
            parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
        )
    except ValueError:
        return False


def _lack(key: str, reason: str) -> Lack:
    return Lack(key=key, because="auth.mode", reason=reason)
