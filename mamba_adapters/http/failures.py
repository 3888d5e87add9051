"""The process boundary of a request: whatever is raised and was not foreseen becomes a problem, and a line in the log."""

from __future__ import annotations

import structlog
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from mamba_adapters.http.handover import take_over
from mamba_adapters.http.problems import problem, problem_of
from mamba_domain.errors import Code, MambaError

__all__ = ["Failures"]

log = structlog.stdlib.get_logger("mamba.access")


class Failures:
    """ASGI middleware. It stands inside of the layers that add headers, so that failures have them too.

    The request context, outside, tells by `status` in the request's state that the answer began. What is raised later is
    passed on: the connection has to be cut then. Answers that were handed over are given from here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and answer what fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        try:
            await self._app(scope, receive, send)
            answer = take_over(scope)
            if answer is not None:
                await answer(scope, receive, send)
        except ClientDisconnect:
            """It left while its body was being read; the access line says so."""
        except MambaError as error:
            if "status" not in state:
                await problem_of(HTTPConnection(scope), error)(scope, receive, send)
        except Exception:
            log.exception("request.failed", path=scope["path"][:512])
            if "status" in state:
                raise
            await problem(HTTPConnection(scope), Code.INTERNAL)(scope, receive, send)
