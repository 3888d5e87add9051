"""No mode starts without its keys, and no key that can be guessed is taken; reasons name settings and no values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from mamba_adapters.config.load import load
from mamba_adapters.config.problems import ConfigurationError
from mamba_adapters.config.secrets import secret_values
from tests.app.harness import settings

KEY = "4f9a1c7e2b8d6035"
SECRET = "4f9a1c7e2b8d60354f9a1c7e2b8d6035"
TOKENS = {"auth.mode": "jwt", "auth.issuer": "https://id.example.org/", "auth.audience": "mamba"}
STATIC = {**TOKENS, "auth.jwt_secret": SECRET}


def problems(values: Mapping[str, object]) -> dict[str, str]:
    """What keeps the server from starting: the reason by key."""
    try:
        settings(values)
    except ConfigurationError as error:
        return {problem.key: problem.reason for problem in error.problems}
    return {}


def keys(*entries: Mapping[str, object], **more: object) -> dict[str, object]:
    return {"auth.mode": "api_key", "auth.api_keys": list(entries), **more}


WRONG: dict[str, tuple[Mapping[str, object], str]] = {
    "no key": ({"auth.mode": "api_key"}, "auth.api_key"),
    "an empty key": ({"auth.mode": "api_key", "auth.api_key": ""}, "auth.api_key"),
    "a key of spaces": ({"auth.mode": "api_key", "auth.api_key": " " * 20}, "auth.api_key"),
    "a key with a line feed": ({"auth.mode": "api_key", "auth.api_key": KEY + "\n"}, "auth.api_key"),
    "a short key": ({"auth.mode": "api_key", "auth.api_key": KEY[:-1]}, "auth.api_key"),
    "a key of one character": ({"auth.mode": "api_key", "auth.api_key": "a" * 40}, "auth.api_key"),
    "changeme": ({"auth.mode": "api_key", "auth.api_key": "changeme"}, "auth.api_key"),
    "Change-Me in a long text": ({"auth.mode": "api_key", "auth.api_key": "Change-Me-0123456789abc"}, "auth.api_key"),
    "a template": ({"auth.mode": "api_key", "auth.api_key": "<put-your-key-here-0123>"}, "auth.api_key"),
    "a variable": ({"auth.mode": "api_key", "auth.api_key": "${MAMBA_API_KEY_0123456}"}, "auth.api_key"),
    "an entry without key": (keys({"name": "a"}), "auth.api_keys[0]"),
    "an entry with both": (keys({"name": "a", "key": KEY, "sha256": "1" * 64}), "auth.api_keys[0]"),
    "an entry without name": (keys({"key": KEY}), "auth.api_keys[0].name"),
    "a name that breaks lines": (keys({"name": "a\nb", "key": KEY}), "auth.api_keys[0].name"),
    "a short key in the list": (keys({"name": "a", "key": "tiny-key"}), "auth.api_keys[0].key"),
    "no digest": (keys({"name": "a", "sha256": "abc"}), "auth.api_keys[0].sha256"),
    "the digest of nothing": (
        keys({"name": "a", "sha256": hashlib.sha256(b"").hexdigest()}),
        "auth.api_keys[0].sha256",
    ),
    "the digest of the documentation": (keys({"name": "a", "sha256": "0" * 64}), "auth.api_keys[0].sha256"),
    "a key twice": (keys({"name": "a", "key": KEY}, {"name": "b", "key": KEY}), "auth.api_keys[1]"),
    "a key and its digest": (
        keys({"name": "a", "key": KEY}, {"name": "b", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}),
        "auth.api_keys[1]",
    ),
    "a key that is the default's": (keys({"name": "a", "key": KEY}, **{"auth.api_key": KEY}), "auth.api_keys[0]"),
    "a name twice": (keys({"name": "a", "key": KEY}, {"name": "a", "key": KEY[::-1]}), "auth.api_keys[1].name"),
    "the default's name": (keys({"name": "default", "key": KEY}, **{"auth.api_key": SECRET}), "auth.api_keys[0].name"),
    "a short secret of approvals": ({"tools.secrets": [SECRET, SECRET[:-1]]}, "tools.secrets[1]"),
    "a placeholder of a secret of approvals": ({"tools.secrets": ["your-secret-" + SECRET]}, "tools.secrets[0]"),
    "no such mode": ({"auth.mode": "apikey"}, "auth.mode"),
    "a mode with a space": ({"auth.mode": "jwt "}, "auth.mode"),
    "tokens without issuer": ({**STATIC, "auth.issuer": None}, "auth.issuer"),
    "tokens without audience": ({**STATIC, "auth.audience": None}, "auth.audience"),
    "tokens without audience, of an issuer": ({**TOKENS, "auth.audience": None}, "auth.audience"),
    "tokens without keys": ({**TOKENS, "auth.check_issuer": False, "auth.issuer": None}, "auth.jwks_url"),
    "a short secret": ({**STATIC, "auth.jwt_secret": SECRET[:-1]}, "auth.jwt_secret"),
    "a secret of one character": ({**STATIC, "auth.jwt_secret": "s" * 64}, "auth.jwt_secret"),
    "a placeholder of a secret": ({**STATIC, "auth.jwt_secret": "your-secret-" + SECRET}, "auth.jwt_secret"),
    "two kinds of keys": ({**STATIC, "auth.jwks_url": "https://id.example.org/jwks"}, "auth.jwks_url"),
    "keys over http": ({**TOKENS, "auth.jwks_url": "http://id.example.org/jwks"}, "auth.jwks_url"),
    "keys from a file address": ({**TOKENS, "auth.jwks_url": "file:///etc/passwd"}, "auth.jwks_url"),
    "an issuer over http": ({**TOKENS, "auth.issuer": "http://id.example.org"}, "auth.issuer"),
    "an issuer that is no address": ({**TOKENS, "auth.issuer": "me"}, "auth.issuer"),
    "a public algorithm with a secret": ({**STATIC, "auth.algorithms": ["HS256", "RS256"]}, "auth.algorithms"),
    "HS256 with public keys": ({**TOKENS, "auth.algorithms": ["RS256", "HS256"]}, "auth.algorithms"),
    "alg none": ({**TOKENS, "auth.algorithms": ["none"]}, "auth.algorithms[0]"),
    "an algorithm in small letters": ({**TOKENS, "auth.algorithms": ["rs256"]}, "auth.algorithms[0]"),
}


@pytest.mark.parametrize(("values", "key"), WRONG.values(), ids=WRONG)
def test_what_would_leave_a_door_open_keeps_the_server_from_starting(values: Mapping[str, object], key: str) -> None:
    found = problems(values)
    assert key in found
    told = " ".join(found.values())
    for secret in (KEY, SECRET, "changeme", "Change-Me", "tiny-key", "your-secret"):
        assert secret not in told


RIGHT: dict[str, Mapping[str, object]] = {
    "nobody asked": {},
    "secrets of approvals": {"tools.secrets": [SECRET, SECRET[::-1]]},
    "one key": {"auth.mode": "api_key", "auth.api_key": KEY},
    "several": keys(
        {"name": "a", "key": KEY, "scopes": ["x"], "models": ["gpt-4o-mini"]},
        {"name": "b", "sha256": hashlib.sha256(b"another").hexdigest()},
        **{"auth.api_key": SECRET},
    ),
    "a secret": STATIC,
    "an issuer": TOKENS,
    "an issuer of a loopback address": {**TOKENS, "auth.issuer": "http://127.0.0.1:9000"},
    "an address of keys": {**TOKENS, "auth.issuer": "any-name", "auth.jwks_url": "https://id.example.org/jwks"},
    "a file": {**TOKENS, "auth.jwt_key_file": "key.pem"},
    "checks switched off by name": {
        "auth.mode": "jwt",
        "auth.jwt_secret": SECRET,
        "auth.check_issuer": False,
        "auth.check_audience": False,
    },
}


@pytest.mark.parametrize("values", RIGHT.values(), ids=RIGHT)
def test_what_is_whole_is_taken(values: Mapping[str, object]) -> None:
    assert problems(values) == {}


@pytest.mark.parametrize("values", RIGHT.values(), ids=RIGHT)
def test_no_repr_of_the_settings_shows_a_key(values: Mapping[str, object]) -> None:
    found = settings(values)
    shown = repr(found) + str(found) + repr(found.model_dump()) + found.model_dump_json()
    assert KEY not in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    "values",
    [
        {"auth.api_key": KEY},
        {"auth.api_keys": [{"name": "a", "key": KEY}]},
        {"auth.jwt_secret": SECRET},
        {"auth.issuer": "https://id.example.org/"},
        {"cors.origins": ["*"]},
    ],
)
def test_what_does_not_protect_although_it_looks_so_is_noted(values: Mapping[str, object]) -> None:
    loaded = load(directory=Path(__file__).parent, env={}, overrides={"model.adapter": "demo", **values})
    assert any('auth.mode = "none"' in note for note in loaded.notes)


def test_the_password_inside_an_address_is_a_secret_by_itself() -> None:
    found = settings({"redis.url": "redis://user:p%40ssw0rd@127.0.0.1:6379/0"})
    assert {"p%40ssw0rd", "p@ssw0rd"} <= set(secret_values(found, {}))
