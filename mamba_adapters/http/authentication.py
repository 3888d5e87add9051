"""Lets nobody pass without a principal, except to the routes that were handed over as open.

It stands before the router, so that a route which nobody thought of, and an address where nothing is, are closed as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from starlette.requests import HTTPConnection
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mamba_adapters.http.problems import problem_of
from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import Credentials, Principal
from mamba_domain.ports.authenticator import Authenticator

__all__ = ["Authentication", "read_credentials"]

_BEARER = re.compile(rb"bearer +([!-~]+)", re.IGNORECASE)
_VISIBLE = re.compile(rb"[!-~]+")
_POLICY_VIOLATION = 1008
_CHALLENGES = {
    Code.AUTH_REQUIRED: "Bearer",
    Code.AUTH_INVALID: 'Bearer error="invalid_token"',
    Code.AUTH_EXPIRED: 'Bearer error="invalid_token"',
    Code.FORBIDDEN: 'Bearer error="insufficient_scope"',
}
"""RFC 6750 section 3: an error is named only where credentials came."""


class Authentication:
    """ASGI middleware. It puts the principal into the request's state; WebSockets are refused."""

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, open_routes: Sequence[Route] = ()) -> None:
        self._app = app
        self._authenticator = authenticator
        self._open_routes = tuple(open_routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate, then pass on."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        if scope["type"] == "http" and not self._is_open(scope):
            state: dict[str, Any] = scope.setdefault("state", {})
            try:
                state["principal"] = await self._principal(scope)
            except Rejected as error:
                state["refused"] = error.detail
                headers = {"www-authenticate": _CHALLENGES[error.code]} if error.code in _CHALLENGES else {}
                await problem_of(HTTPConnection(scope), error, headers=headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _principal(self, scope: Scope) -> Principal:
        """Whoever lets everybody in does not mind what is presented, or how badly."""
        try:
            credentials = read_credentials(scope)
        except Rejected as unreadable:
            try:
                return await self._authenticator.authenticate(Credentials())
            except Rejected:
                raise unreadable from None
        return await self._authenticator.authenticate(credentials)

    def _is_open(self, scope: Scope) -> bool:
        """Starlette's patterns let a line feed pass at the end of a path; here it is no part of an open address."""
        if not scope["path"].isprintable():
            return False
        for route in self._open_routes:  # noqa: SIM110  a generator is slow here
            if route.matches(scope)[0] is Match.FULL:
                return True
        return False


def read_credentials(scope: Scope) -> Credentials:
    """What the request's headers present. Raises `Rejected` (AUTH_INVALID) for what can be read in two ways.

    Another scheme than Bearer presents nothing that could be judged here, and counts as nothing.
    """
    given: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in (b"authorization", b"x-api-key"):
            if name in given:
                raise Rejected(Code.AUTH_INVALID, detail="header twice")
            given[name] = value
    api_key, authorization = given.get(b"x-api-key"), given.get(b"authorization", b"")
    if api_key is not None and not _VISIBLE.fullmatch(api_key):
        raise Rejected(Code.AUTH_INVALID, detail="not a key")
    bearer = _BEARER.fullmatch(authorization)
    if bearer is None and authorization[:7].lower() in (b"bearer", b"bearer "):
        raise Rejected(Code.AUTH_INVALID, detail="not a token")
    return Credentials(
        api_key=api_key.decode("ascii") if api_key is not None else None,
        bearer=bearer[1].decode("ascii") if bearer is not None else None,
    )
