"""The three modes of authentication, as settings and as what a caller presents in each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from mamba_adapters.config.settings import Settings
from tests.adapters.auth.signing import AUDIENCE, ISSUER, SECRET, signed
from tests.app.harness import settings

__all__ = ["ALICE", "BOB", "CLOSED", "closed_settings", "routes_of"]

_KEYS = {"alice": "alices-key-8f3c1d5e7a90b2", "bob": "bobs-key-1b2d4f6a8c0e9735"}

CLOSED: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "api_key": {
            "auth.mode": "api_key",
            "auth.api_keys": [{"name": name, "key": key} for name, key in _KEYS.items()],
        },
        "jwt": {
            "auth.mode": "jwt",
            "auth.jwt_secret": SECRET,
            "auth.issuer": ISSUER,
            "auth.audience": AUDIENCE,
        },
    }
)
"""The settings of each mode that asks for credentials."""

ALICE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "none": {},
        "api_key": {"x-api-key": _KEYS["alice"]},
        "jwt": {"authorization": f"Bearer {signed('HS256', sub='alice')}"},
    }
)
"""What Alice presents, by mode."""

BOB: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "none": {},
        "api_key": {"authorization": f"Bearer {_KEYS['bob']}"},
        "jwt": {"authorization": f"Bearer {signed('HS256', sub='bob')}"},
    }
)
"""What Bob presents, by mode."""


def closed_settings(mode: str, values: Mapping[str, object] | None = None) -> Settings:
    """Settings of a mode: "none", "api_key" or "jwt"."""
    return settings({**CLOSED.get(mode, {}), **(values or {})})


def routes_of(asgi: Any) -> list[Route]:
    """Every route that an assembled application serves, whatever is wrapped around it."""
    while not isinstance(asgi, Starlette):
        asgi = asgi.app
    found = [route for route in asgi.routes if isinstance(route, Route)]
    assert len(found) == len(asgi.routes), "a route of another kind has to be looked at by these tests too"
    return found
