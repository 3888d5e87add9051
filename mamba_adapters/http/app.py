"""The ASGI application: every route and every layer around them, as values in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_adapters.http.authentication import Authentication
from mamba_adapters.http.problems import problem, problem_of
from mamba_adapters.http.request_context import RequestContext, RequestObserver
from mamba_domain.errors import Code, MambaError
from mamba_domain.ports.authenticator import Authenticator

__all__ = ["CrossOrigin", "build_app"]

_LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
_REQUEST_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
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
    """Pages of which other origins a browser lets read the answers. Origins are compared letter for letter."""

    origins: tuple[str, ...] = ()
    localhost: bool = False
    credentials: bool = False


def build_app(
    routes: Sequence[Route],
    *,
    open_routes: Sequence[Route] = (),
    authenticator: Authenticator,
    cross_origin: CrossOrigin | None = None,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
    observer: RequestObserver | None = None,
) -> Starlette:
    """Routes behind the request context; whatever fails becomes a problem document, which pages may read too.

    `routes` need credentials, and so does every address where there is no route; `open_routes` do not.
    """
    return Starlette(
        routes=[*open_routes, *routes],
        middleware=[
            *_cors(cross_origin or CrossOrigin()),
            Middleware(RequestContext, observer=observer),
            Middleware(Authentication, authenticator=authenticator, open_routes=open_routes),
        ],
        exception_handlers={MambaError: _mamba_error, HTTPException: _http_exception},
        lifespan=lifespan,
    )


def _cors(cross_origin: CrossOrigin) -> list[Middleware]:
    if not cross_origin.origins and not cross_origin.localhost:
        return []
    layer = Middleware(
        CORSMiddleware,
        allow_origins=cross_origin.origins,
        allow_origin_regex=_LOCALHOST if cross_origin.localhost else None,
        allow_credentials=cross_origin.credentials,
        allow_methods=("GET", "HEAD", "POST"),
        allow_headers=_REQUEST_HEADERS,
        expose_headers=_ANSWER_HEADERS,
        max_age=600,
    )
    return [layer]


async def _mamba_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MambaError)  # noqa: S101 - Starlette's signature is wider than the registration
    return problem_of(request, error)


async def _http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: no such route, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette's signature is wider than the registration
    detail = {404: "There is nothing here.", 405: "This method is not allowed here."}.get(error.status_code)
    return problem(request, Code.INVALID_REQUEST, detail=detail, status=error.status_code, headers=error.headers)
