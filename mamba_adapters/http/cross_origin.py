"""Which pages of other origins may read answers: Starlette's CORS layer, with refusals like all others of this server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mamba_adapters.http.problems import problem
from mamba_domain.errors import Code

__all__ = ["CrossOrigin", "cross_origin_layers", "refusal_headers"]

_LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
_REQUEST_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-api-key",
    "x-mamba-ui",
    "x-request-id",
)
_ANSWER_HEADERS = (
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "x-request-id",
    "x-vercel-ai-data-stream",
    "x-vercel-ai-ui-message-stream",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossOrigin:
    """Pages of which other origins a browser lets read the answers. Origins are compared letter for letter; "*" is all."""

    origins: tuple[str, ...] = ()
    localhost: bool = False
    credentials: bool = False


def cross_origin_layers(allowed: CrossOrigin) -> list[Middleware]:
    """The layer, to stand outside of all that may refuse; none where no other origin is allowed."""
    if not allowed.origins and not allowed.localhost:
        return []
    return [Middleware(_CrossOriginPages, allowed=allowed)]


def refusal_headers(allowed: CrossOrigin) -> Callable[[str], Mapping[str, str]]:
    """For an answer that no layer sees, since its request never became one: what lets a page of that origin read it."""
    if not allowed.origins and not allowed.localhost:
        return lambda _: {}
    pages = _CrossOriginPages(_nothing, allowed=allowed)

    def headers_for(origin: str) -> Mapping[str, str]:
        if not pages.is_allowed_origin(origin):
            return {"Vary": "Origin"}
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **pages.simple_headers}

    return headers_for


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """No application."""


class _CrossOriginPages(CORSMiddleware):
    def __init__(self, app: ASGIApp, *, allowed: CrossOrigin) -> None:
        super().__init__(
            app,
            allow_origins=allowed.origins,
            allow_origin_regex=_LOCALHOST if allowed.localhost else None,
            allow_credentials=allowed.credentials,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_ANSWER_HEADERS,
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Starlette's layer, but for a preflight that it would refuse."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a preflight that is not granted."""
        headers = Headers(scope=scope)
        if scope["method"] != "OPTIONS" or not {"origin", "access-control-request-method"} <= set(headers.keys()):
            return None
        granted = self.preflight_response(request_headers=headers)
        if granted.status_code < 400:
            return None
        kept = {name: value for name, value in granted.headers.items() if name.startswith("access-control-")}
        detail = "This page's origin, or what it wants to send, is not allowed."
        return problem(HTTPConnection(scope), Code.FORBIDDEN, detail=detail, headers=kept)
