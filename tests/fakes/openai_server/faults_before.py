"""Faults before anything of the answer has come: statuses, heads, and connections that give nothing."""

import time
from email.utils import formatdate
from typing import Final

from .asked import Api, Asked
from .fault_spec import Maker, Spec, always
from .http1 import head
from .phrases import CANARY, FAKE_KEY, SENTENCE
from .replies import Answer, HttpReply, RawReply, Reply
from .steps import Close, Failure, Frame, Hang, Repeat, Reset, Unframed, say
from .wire import DONE, dump, error_object

__all__ = ["BEFORE", "MODEL_LIST"]

_JUNK = f"x{CANARY}".encode() * 100
_HTML = f"<html><title>502</title><body><h1>Bad gateway</h1>cloudflare {CANARY}</body></html>".encode()
_SSE_HEAD = head(200, ("content-type", "text/event-stream; charset=utf-8"), ("transfer-encoding", "chunked"))


def _error(status: int, code: str | None, kind: str, message: str, *headers: tuple[str, str]) -> HttpReply:
    return HttpReply(status=status, headers=headers, body=dump({"error": error_object(code, kind, message)}))


def _limited(*headers: tuple[str, str]) -> HttpReply:
    return _error(429, "rate_limit_exceeded", "requests", "Rate limit reached for gpt-4o-mini.", *headers)


def _broken(status: int, *headers: tuple[str, str]) -> Maker:
    return always(_error(status, None, "server_error", "The server had an error.", *headers))


def _refused(status: int, code: str | None, message: str, kind: str = "invalid_request_error") -> Maker:
    return always(_error(status, code, kind, message))


def _raw(*steps: Unframed | Repeat | Hang | Close | Reset) -> Maker:
    return always(RawReply(steps=steps))


def _limited_until_a_date(asked: Asked) -> Answer:
    return _limited(("retry-after", formatdate(time.time() + 2, usegmt=True)))


def _redirect_to_trap(asked: Asked) -> Answer:
    return HttpReply(status=307, headers=(("location", f"{asked.trap}/v1/{CANARY}"),))


def _redirect_to_itself(asked: Asked) -> Answer:
    return HttpReply(status=307, headers=(("location", asked.url),))


def _late_close(asked: Asked) -> Answer:
    return RawReply(steps=(Close(),)) if asked.nth > 1 else Reply(steps=say(*SENTENCE))


def _stream_of(*frames: bytes) -> Maker:
    return always(Reply(steps=tuple(map(Frame, frames)), opening=False, finish=None))


_HUGE_HEADERS = b"".join(f"x-{n}: {CANARY}{'h' * 8192}\r\n".encode() for n in range(200))

BEFORE: Final[dict[str, Spec]] = {
    # Rate limits
    "429": Spec("rate limited, without a word about when to return", always(_limited())),
    "429-slow-down": Spec("rate limited by load", _refused(429, "slow_down", "Slow down.", "requests")),
    "429-retry-after-s": Spec("asks for one second", always(_limited(("retry-after", "1")))),
    "429-retry-after-date": Spec("asks to wait until a date one to two seconds ahead", _limited_until_a_date),
    "429-retry-after-ms": Spec(
        "asks for 300 ms; the seconds beside it ask for more and count for less",
        always(_limited(("retry-after-ms", "300"), ("retry-after", "15"))),
    ),
    "429-retry-after-bad": Spec("asks to wait until it makes no sense", always(_limited(("retry-after", "soon")))),
    "429-retry-after-huge": Spec("asks to wait a day", always(_limited(("retry-after", "86400")))),
    "429-quota": Spec(
        "the account has no money left",
        _refused(429, "insufficient_quota", "You exceeded your current quota.", "insufficient_quota"),
    ),
    # Trouble at the upstream
    "500": Spec("internal error", _broken(500)),
    "502": Spec("bad gateway", _broken(502)),
    "502-html": Spec(
        "a proxy's page instead of JSON", always(HttpReply(status=502, body=_HTML, content_type="text/html"))
    ),
    "503": Spec("overloaded", _broken(503)),
    "520": Spec("a proxy's own status", _broken(520)),
    "529": Spec("overloaded, in a status of no standard", _broken(529)),
    "500-empty": Spec("an error without a body", always(HttpReply(status=500, content_type=None))),
    "500-endless-body": Spec(
        "an error whose body never ends",
        _raw(
            Unframed(head(500, ("content-type", "application/json"), ("transfer-encoding", "chunked"))),
            Repeat((Unframed(f"{len(_JUNK):x}\r\n".encode() + _JUNK + b"\r\n"),)),
        ),
    ),
    "500-stalled-body": Spec(
        "an error whose body stops in the middle",
        _raw(
            Unframed(head(500, ("content-type", "application/json"), ("content-length", "5000"))),
            Unframed(f'{{"error":{{"message":"{CANARY}'.encode()),
            Hang(),
        ),
    ),
    "500-no-retry": Spec("an error that forbids another attempt", _broken(500, ("x-should-retry", "false"))),
    "408": Spec("the upstream timed out on the request", _refused(408, None, "Request timed out.")),
    "504": Spec("the upstream's gateway timed out", _broken(504)),
    # Refusals
    "401": Spec(
        "the service's key is wrong",
        _refused(401, "invalid_api_key", f"Incorrect API key provided: {FAKE_KEY}*************1234."),
    ),
    "403": Spec("the service's project may not use the model", _refused(403, "unsupported_country", "No access.")),
    "400": Spec("the request is invalid", _refused(400, "invalid_value", "Invalid value: 'x'.")),
    "422": Spec("the request cannot be processed", _refused(422, None, "Unprocessable.")),
    "400-policy": Spec(
        "the prompt violates the policy",
        _refused(400, "content_policy_violation", "Your request was rejected."),
    ),
    "400-context": Spec(
        "the conversation is too long for the model",
        _refused(400, "context_length_exceeded", "This model's maximum context length is 128000 tokens."),
    ),
    "404": Spec("no such model", _refused(404, "model_not_found", "The model does not exist.")),
    "413": Spec("the request is too large", _refused(413, None, "Request too large.")),
    # Answers that are none
    "redirect-trap": Spec("redirects the prompt to another origin", _redirect_to_trap),
    "redirect-loop": Spec("redirects to itself", _redirect_to_itself),
    "200-html": Spec(
        "a page instead of an answer", always(HttpReply(status=200, body=_HTML, content_type="text/html"))
    ),
    "200-json": Spec(
        "an error with the status of success",
        always(HttpReply(status=200, body=dump({"error": error_object("server_error")}))),
    ),
    "204": Spec("no content", always(HttpReply(status=204, content_type=None))),
    "empty-stream": Spec("a stream without a byte", _stream_of(), plain=False),
    "done-only": Spec("a stream that is over at once", _stream_of(DONE), plain=False),
    "error-event-first": Spec(
        "a stream whose first event is an error",
        always(Reply(steps=(Failure(),), opening=False, finish=None)),
        plain=False,
    ),
    # Connections
    "reset-before-headers": Spec("reset once the request has come", _raw(Reset())),
    "accept-close": Spec("closed without an answer", _raw(Close())),
    "garbage-headers": Spec(
        "bytes that are not HTTP",
        _raw(Unframed(b"\x16\x03\x01\x02\x00 " + CANARY.encode() + b"\r\n\r\n"), Close()),
    ),
    "huge-headers": Spec(
        "1.6 MiB of header fields",
        _raw(Unframed(b"HTTP/1.1 200 OK\r\n" + _HUGE_HEADERS + b"content-length: 0\r\n\r\n"), Close()),
    ),
    "keepalive-late-close": Spec(
        "answers the first request of a connection and closes on the second without a word", _late_close
    ),
    "reset-before-first-delta": Spec(
        "reset after the head and the opening frames", always(Reply(steps=(Reset(),), finish=None))
    ),
    "stall-before-headers": Spec("silence instead of a head", _raw(Hang())),
    "slow-headers": Spec(
        "a head that arrives byte by byte and never ends",
        _raw(Unframed(b"HTTP/1.1 200 OK\r\nx-slow: "), Repeat((Unframed(b"s"),), every=0.05)),
    ),
    "stall-after-headers": Spec("silence after the head", _raw(Unframed(_SSE_HEAD), Hang())),
}

_ONLY_MODELS: frozenset[Api] = frozenset({"models"})

MODEL_LIST: Final[dict[str, Spec]] = {
    "models-401": Spec("the model list refuses the key", BEFORE["401"].make, _ONLY_MODELS),
    "models-503": Spec("the model list is overloaded", BEFORE["503"].make, _ONLY_MODELS),
    "models-stall": Spec("the model list never answers", BEFORE["stall-before-headers"].make, _ONLY_MODELS),
    "models-garbage": Spec(
        "the model list is no JSON",
        always(HttpReply(status=200, body=b'{"object":"list","data":[{"id":\xff ' + CANARY.encode())),
        _ONLY_MODELS,
    ),
    "models-reset": Spec("the model list resets the connection", BEFORE["reset-before-headers"].make, _ONLY_MODELS),
}
