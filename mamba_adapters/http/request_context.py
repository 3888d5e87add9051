"""The outermost layer: a request id, the log context, the headers of every answer, and one access line at the end.

The access line is written when the answer has ended, not when it began: a stream's duration, outcome and tokens are known
only then. The path is logged without its query.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, MutableMapping
from typing import Any, Protocol

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mamba_domain.events import TurnCancelled, TurnFailed, TurnFinished

__all__ = ["RequestContext", "RequestObserver"]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_QUIET_PATHS = frozenset({"/health/live", "/health/ready"})
_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
"""What an answer that is no page says to a browser: show none of this, run none of this. Pages have policies of their own."""

log = structlog.stdlib.get_logger("mamba.access")


class RequestObserver(Protocol):
    """Is told of requests when they have ended. Methods return at once and never raise."""

    def request_ended(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is the pattern that matched, "none" where none did; `status` is 0 where nothing was answered."""
        ...

    def parts_ignored(self, *, kind: str, count: int) -> None:
        """A request had parts or fields that nobody reads; `kind` is one of few names."""
        ...


class RequestContext:
    """ASGI middleware; `app` is everything else. `varies_by_origin`: what is answered depends on the page that asks."""

    def __init__(
        self, app: ASGIApp, *, observer: RequestObserver | None = None, varies_by_origin: bool = False
    ) -> None:
        self._app = app
        self._observer = observer
        self._varies_by_origin = varies_by_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request its id, serve it, write its line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        request_id = state["request_id"] = _request_id(Headers(scope=scope))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0
        complete = False

        async def sending(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = state["status"] = message["status"]
                message["headers"] = self._headers(message.get("headers", ()), request_id)
            elif not message.get("more_body", False):
                complete = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            seconds = time.monotonic() - started
            _write_line(scope, status, complete, seconds)
            if self._observer is not None:
                _measure(self._observer, scope, status, seconds)

    def _headers(self, given: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
        """The answer's own headers, and those of every answer."""
        headers = [*given, (b"x-request-id", request_id.encode("ascii"))]
        named = {name for name, _ in headers}
        headers += [header for header in _SAFE if header[0] not in named]
        if self._varies_by_origin and not any(b"origin" in value.lower() for name, value in headers if name == b"vary"):
            headers.append((b"vary", b"Origin"))
        return headers


def _request_id(headers: Headers) -> str:
    """The caller's own id where it has one that is safe to repeat, else a new one."""
    given = headers.getlist("x-request-id")
    if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]):
        return given[0]
    return os.urandom(16).hex()


def _measure(observer: RequestObserver, scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    observer.request_ended(method=scope["method"], route=route, status=status, seconds=seconds)
    for kind, count in scope["state"].get("ignored", {}).items():
        observer.parts_ignored(kind=kind, count=count)


def _write_line(scope: Scope, status: int, complete: bool, seconds: float) -> None:
    state = scope["state"]
    fields: dict[str, Any] = {
        "method": scope["method"],
        "path": scope["path"][:512],
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
    }
    end = state.get("turn_end")
    if end is not None:
        fields["outcome"] = _outcome(end)
        fields["input_tokens"] = end.usage.input_tokens
        fields["output_tokens"] = end.usage.output_tokens
        if end.timings.first_output is not None:
            fields["ttft_ms"] = round(end.timings.first_output * 1000, 1)
    elif "problem" in state:
        fields["outcome"] = state["problem"]
    elif not complete:
        fields["outcome"] = "client_left"
    for name in ("model", "chat_id", "refused", "ignored"):
        if name in state:
            fields[name] = state[name]
    if "principal" in state:
        fields["principal"] = state["principal"].subject
    is_quiet = scope["path"] in _QUIET_PATHS or scope["method"] == "OPTIONS"
    write = log.debug if is_quiet else log.info
    write("request.ended", **fields)


def _outcome(end: TurnFinished | TurnFailed | TurnCancelled) -> str:
    match end:
        case TurnFinished(finish_reason=reason):
            return str(reason)
        case TurnFailed(code=code):
            return str(code)
        case TurnCancelled():
            return "stopped"
