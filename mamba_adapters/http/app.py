"""The ASGI application: every route and every layer around them, as values in one place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_adapters.http.problems import problem, problem_of
from mamba_adapters.http.request_context import RequestContext
from mamba_domain.errors import Code, MambaError

__all__ = ["build_app"]


def build_app(
    routes: list[Route], *, lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None
) -> Starlette:
    """Routes behind the request context; whatever fails becomes a problem document."""
    return Starlette(
        routes=routes,
        middleware=[Middleware(RequestContext)],
        exception_handlers={MambaError: _mamba_error, HTTPException: _http_exception},
        lifespan=lifespan,
    )


async def _mamba_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MambaError)  # noqa: S101 - Starlette's signature is wider than the registration
    return problem_of(request, error)


async def _http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: no such route, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette's signature is wider than the registration
    detail = {404: "There is nothing here.", 405: "This method is not allowed here."}.get(error.status_code)
    return problem(request, Code.INVALID_REQUEST, detail=detail, status=error.status_code, headers=error.headers)
