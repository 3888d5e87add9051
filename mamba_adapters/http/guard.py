"""uvicorn's protocol on httptools, with an end to a client's patience-testing: deadlines, limits, and no request in two readings.

uvicorn 0.54 waits for ever for a head or a body, and httptools 0.9 takes heads of any size. llhttp refuses most of what two
parsers could read differently (both framings, two lengths, folded headers, bare line feeds); the rest is refused here. What is
refused is answered once, and the connection ends.

A connection has one timer at most. It is set where something may be late, and moved only when it fires; nothing happens in
here while an answer is being sent.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any

import httptools
import orjson
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from mamba_adapters.http.peer import PeerProtocol
from mamba_domain.errors import Code

__all__ = ["GuardedProtocol", "WireLimits", "guarded_by"]

log = structlog.stdlib.get_logger("mamba.access")

_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")
_SOON = 0.001
_FRAMING = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLimits:
    """What a request may take on the wire; times are in seconds.

    `head_timeout` counts from the connection for its first request, else from the head's first byte. `linger` is how long a
    client that is still sending may take to notice that it was answered. `max_late_bytes`: of a body that nobody waits for;
    as much as a body may have, since most clients send all of theirs before they look at the answer.
    """

    head_timeout: float = 10.0
    body_timeout: float = 30.0
    linger: float = 5.0
    max_head_bytes: int = 64 * 1024
    max_headers: int = 100
    max_target_bytes: int = 8 * 1024
    max_late_bytes: int = 4 * 1024 * 1024


def guarded_by(
    limits: WireLimits, headers_for: Callable[[str], Mapping[str, str]] = lambda _: {}
) -> type[GuardedProtocol]:
    """The protocol with other limits; uvicorn takes a class and makes the connections itself.

    `headers_for` an origin are what lets its pages read a refusal.
    """
    return type("GuardedProtocol", (GuardedProtocol,), {"_limits": limits, "_headers_for": staticmethod(headers_for)})


class _Refusal(Exception):
    """A request that gets no further. The reason is for the client and the log."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class _Phase(Enum):
    """Where the parser is: between requests, in a head, or in a body."""

    IDLE = 0
    HEAD = 1
    BODY = 2


class _CloseDelimitedCycle(RequestResponseCycle):
    """An answer for HTTP/1.0, which knows no chunks: it ends with the connection."""

    async def send(self, message: Any) -> None:
        """Write the body as it is."""
        self.chunked_encoding = False
        self.expected_content_length = 0 if self.scope["method"] == "HEAD" else len(message.get("body", b""))
        await super().send(message)


class GuardedProtocol(PeerProtocol):
    """One connection. Its limits are the class's: see `guarded_by`."""

    # Together with uvicorn's own they would be too many for a small dict.
    __slots__ = (
        "_body_parsed",
        "_body_received",
        "_deadline",
        "_framing",
        "_has_cycle",
        "_head_bytes",
        "_head_size",
        "_is_refused",
        "_is_replaying",
        "_late_bytes",
        "_phase",
        "_timer",
    )

    _limits = WireLimits()
    _headers_for: Callable[[str], Mapping[str, str]] = staticmethod(lambda _: {})

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._phase = _Phase.IDLE
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        self._is_refused = False
        self._has_cycle = False
        self._is_replaying = False
        self._framing = b""
        self._head_bytes = 0
        self._head_size = 0
        self._body_received = 0
        self._body_parsed = 0
        self._late_bytes = 0

    # What comes from the socket

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection on which nothing comes is closed in time."""
        super().connection_made(transport)
        self._expect_within(self._limits.head_timeout)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is late any more."""
        self._deadline = None
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and refuse what is wrong or too much."""
        self._unset_keepalive_if_required()
        if self._is_refused:
            return
        if self._phase is _Phase.BODY:
            self._body_received += len(data)
        else:
            self._head_bytes += len(data)
            if self._deadline is None and not self._is_answering:
                self._expect_within(self._limits.head_timeout)
        try:
            self._feed(data)
            if self._phase is not _Phase.BODY and self._head_bytes > self._limits.max_head_bytes:
                raise _Refusal(431, "The head of the request is too large.")
            if self._body_received > self._limits.max_head_bytes + _FRAMING * self._body_parsed:
                raise _Refusal(400, "The body of the request is not framed well.")
        except _Refusal as refusal:
            self._refuse(refusal)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, _Refusal) else _Refusal(400, "The request is not valid HTTP."))
        self._arm()

    # What comes from the parser

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._is_replaying:
            return
        super().on_message_begin()
        self._phase = _Phase.HEAD
        self._has_cycle = False
        self._head_size = 0
        self._body_received = self._body_parsed = self._late_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        if self._is_replaying:
            return
        super().on_url(url)
        if len(self.url) > self._limits.max_target_bytes:
            raise _Refusal(414, "The target of the request is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what comes after the body is no header of ours."""
        if self._is_replaying or self._phase is _Phase.BODY:
            return
        if len(self.headers) >= self._limits.max_headers:
            raise _Refusal(431, "The request has too many headers.")
        self._head_size += len(name) + len(value) + 4
        super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        """The head is whole: judge it, and hand the request to the application."""
        if self._is_replaying:
            self._is_replaying = False
            return
        version = self.parser.get_http_version()
        line = len(self.parser.get_method()) + len(self.url) + len("  HTTP/1.1\r\n")
        if line + self._head_size + 2 > self._limits.max_head_bytes:
            raise _Refusal(431, "The head of the request is too large.")
        self._framing = _framing_of(self.url, self.headers, version)
        if version == "1.0":
            self.expect_100_continue = False
        self._phase = _Phase.BODY
        self._head_bytes = 0
        self._expect_within(self._limits.body_timeout)
        super().on_headers_complete()
        self._has_cycle = True
        if version == "1.0":
            self.cycle.__class__ = _CloseDelimitedCycle

    def on_body(self, body: bytes) -> None:
        """A part of the body. What comes after the answer is dropped, up to a limit, and then not taken any more."""
        self._body_parsed += len(body)
        if self.cycle.response_complete:
            self._late_bytes += len(body)
            if self._late_bytes > self._limits.max_late_bytes:
                self.flow.pause_reading()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._framing and self.parser.should_upgrade():
            return
        self._phase = _Phase.IDLE
        self._deadline = None
        super().on_message_complete()

    # What comes from the application

    def on_response_complete(self) -> None:
        """The answer is out. What its client still sends of the request, or has begun of the next, must come soon."""
        super().on_response_complete()
        if self.transport.is_closing() or self._is_answering:
            return
        if self._phase is _Phase.BODY:
            self._expect_within(self._limits.linger)
            self._arm()
        elif self._phase is _Phase.HEAD:
            self._expect_within(self._limits.head_timeout)
            self._arm()

    @property
    def _is_answering(self) -> bool:
        """Whether the application still owes an answer."""
        # uvicorn annotates away that there is no cycle at first.
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def _feed(self, data: bytes) -> None:
        """Parse. An offer to change the protocol is not taken up, and the parser, which stops there, is replaced."""
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stop:
                rest = data[stop.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                self._is_replaying = self._phase is _Phase.BODY
                data = (b"POST / HTTP/1.1\r\n" + self._framing + b"\r\n\r\n" if self._is_replaying else b"") + rest
                if not data:
                    return

    # What is late

    def _expect_within(self, seconds: float) -> None:
        self._deadline = self.loop.time() + seconds

    def _arm(self) -> None:
        """See that the timer fires at the deadline or before it; then it looks again."""
        if self._deadline is None:
            self._disarm()
            return
        if self.transport.is_closing():
            return
        if self._timer is not None:
            if self._timer.when() <= self._deadline + _SOON:
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(self._deadline, self._wake)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._timer = None
        if self._deadline is None or self.transport.is_closing():
            return
        if self.loop.time() >= self._deadline - _SOON:
            self._deadline = None
            self._too_late()
        self._arm()

    def _too_late(self) -> None:
        if self._is_refused:
            self.transport.abort()
        elif self._phase is _Phase.BODY:
            if not self._is_answering:
                self.transport.abort()
            elif self.flow.read_paused or self.pipeline:
                self._expect_within(self._limits.body_timeout)
            else:
                self._refuse(_Refusal(408, "The body of the request did not come in time."))
        elif self._is_answering:
            self._expect_within(self._limits.head_timeout)
        elif self._head_bytes or self._phase is _Phase.HEAD:
            self._refuse(_Refusal(408, "The head of the request did not come in time."))
        else:
            self.transport.close()

    # What is refused

    def _refuse(self, refusal: _Refusal) -> None:
        """Answer and close, unless an earlier request of the connection is still being answered: then close after that."""
        log.info(
            "request.refused",
            status=refusal.status,
            reason=refusal.reason,
            client=self.client[0] if self.client else "",
        )
        self._is_refused = True
        self._deadline = None
        if not self._is_answering:
            self._answer(refusal)
        elif not self._has_cycle:
            self.cycle.keep_alive = False
        elif self.cycle.response_started or self.pipeline:
            self.transport.abort()
        else:
            self._answer(refusal)
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _answer(self, refusal: _Refusal) -> None:
        """A problem document (RFC 9457), and the end of our side: who still sends can read it before the connection goes."""
        # There are none where not even a line was read.
        origin = next((value for name, value in self.headers or () if name == b"origin"), None)
        readable = {} if origin is None else self._headers_for(origin.decode("latin-1"))
        self.transport.write(_problem(refusal, readable))
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._expect_within(self._limits.linger)
        else:
            self.transport.close()


def _framing_of(target: bytes, headers: list[tuple[bytes, bytes]], version: str) -> bytes:
    """How the body is framed, as a header line; empty for no body. Raises `_Refusal` for a head with two readings."""
    if version not in ("1.0", "1.1"):
        raise _Refusal(400, "The version of HTTP is not supported.")
    if not target.startswith(b"/") or b"#" in target:
        raise _Refusal(400, "The target of the request must be a path.")
    hosts = 0
    framing = b""
    for name, value in headers:
        if name == b"host":
            hosts += 1
            if hosts > 1 or not _HOST.fullmatch(value):
                raise _Refusal(400, "The Host header is not valid.")
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked" or version == "1.0":
                raise _Refusal(400, "The transfer coding is not supported.")
            framing = b"transfer-encoding: chunked"
        elif name == b"content-length" and value.strip(b"0"):
            framing = b"content-length: " + value
    if not hosts and version == "1.1":
        raise _Refusal(400, "The Host header is missing.")
    return framing


def _problem(refusal: _Refusal, headers: Mapping[str, str]) -> bytes:
    request_id = uuid.uuid4().hex
    code = Code.PAYLOAD_TOO_LARGE if refusal.status in (414, 431) else Code.INVALID_REQUEST
    phrase = HTTPStatus(refusal.status).phrase
    body = orjson.dumps(
        {
            "type": "about:blank",
            "title": phrase,
            "status": refusal.status,
            "detail": refusal.reason,
            "code": code.value,
            "request_id": request_id,
        }
    )
    more = "".join(f"{name.lower()}: {value}\r\n" for name, value in headers.items())
    head = (
        f"HTTP/1.1 {refusal.status} {phrase}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n"
        f"x-request-id: {request_id}\r\nconnection: close\r\n{more}\r\n"
    )
    return head.encode("latin-1") + body
