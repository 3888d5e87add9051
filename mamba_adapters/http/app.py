"""The ASGI application: every route and every layer around them, as values in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_adapters.http.authentication import Authentication
from mamba_adapters.http.cross_origin import CrossOrigin, cross_origin_layers
from mamba_adapters.http.failures import Failures
from mamba_adapters.http.problems import problem, problem_of
from mamba_adapters.http.request_context import RequestContext, RequestObserver
from mamba_domain.errors import Code, MambaError
from mamba_domain.ports.authenticator import Authenticator

__all__ = ["build_app"]


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
    origins = cross_origin_layers(cross_origin or CrossOrigin())
    app = Starlette(
        routes=[*open_routes, *routes],
        middleware=[
            Middleware(RequestContext, observer=observer, varies_by_origin=bool(origins)),
            *origins,
            Middleware(Failures),
            Middleware(Authentication, authenticator=authenticator, open_routes=open_routes),
        ],
        exception_handlers={MambaError: _mamba_error, HTTPException: _http_exception},
        lifespan=lifespan,
    )
    # A redirect would be made from the Host header, which the client chose.
    app.router.redirect_slashes = False
    return app


async def _mamba_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MambaError)  # noqa: S101 - Starlette's signature is wider than the registration
    return problem_of(request, error)


async def _http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: no such route, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette's signature is wider than the registration
    detail = {404: "There is nothing here.", 405: "This method is not allowed here."}.get(error.status_code)
    return problem(request, Code.INVALID_REQUEST, detail=detail, status=error.status_code, headers=error.headers)
