"""The one table that turns what the `openai` package raises, and what an upstream says, into the domain's errors.

Nothing that an upstream says gets through: public messages are the domain's own, and the log's details keep only status,
type and code, because messages quote prompts and key fragments.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from mamba_domain.errors import Code, MambaError, ModelFailed, Rejected

__all__ = ["KeyRefused", "error_in_stream", "from_openai", "retry_after"]

_WORD = re.compile(r"[a-z_]{1,64}")
_TOO_LONG = re.compile(r"context (?:length|window)|too many tokens", re.IGNORECASE)
_POLICY = frozenset({"content_policy_violation", "content_filter", "invalid_prompt", "image_content_policy_violation"})
_AGES = 1e7
_OURS = frozenset({"EMFILE", "ENFILE"})
"""Reasons why no connection can be made to anybody: the provider has nothing to do with them."""
_CANNOT_TAKE = "The model cannot take this request."


class KeyRefused(ModelFailed):
    """The provider does not accept our key (401), or not for this model (403): the operator must act."""

    def __init__(self, detail: str) -> None:
        super().__init__(Code.MODEL_ERROR, detail=detail)


def from_openai(error: BaseException) -> MambaError:
    """The domain's error for anything that opening or reading a stream raised."""
    import httpx2
    import openai

    if isinstance(error, MambaError):
        return error
    if isinstance(error, openai.APIStatusError):
        return _from_status(error)
    if _caused_by(error, ssl.SSLError):
        return ModelFailed(Code.MODEL_ERROR, detail="TLS failed")
    if _caused_by(error, httpx2.DecodingError):
        return ModelFailed(Code.MODEL_ERROR, detail="an unknown content encoding")
    if isinstance(error, openai.APITimeoutError | TimeoutError | httpx2.TimeoutException):
        return ModelFailed(Code.MODEL_TIMEOUT, detail=type(error).__name__, retryable=True)
    if isinstance(error, openai.APIConnectionError | httpx2.TransportError | OSError):
        reason = _reason_of_the_system(error)
        if reason in _OURS:
            return ModelFailed(Code.OVERLOADED, detail=f"this process may open no more files ({reason})")
        detail = f"{type(error.__cause__ or error).__name__} {reason}".strip()
        return ModelFailed(Code.MODEL_UNAVAILABLE, detail=detail, retryable=True)
    return ModelFailed(Code.MODEL_ERROR, detail=type(error).__name__)


def error_in_stream(error: object) -> MambaError:
    """The domain's error for an error object that came inside a stream of status 200."""
    fields: dict[str, Any] = error if isinstance(error, dict) else {}
    code, kind = str(fields.get("code") or ""), str(fields.get("type") or "")
    detail = f"error in the stream: {_word(kind)} {_word(code)}".strip()
    if (known := _by_code(code, fields.get("message"), detail)) is not None:
        return known
    if "rate_limit" in code or "rate_limit" in kind:
        return ModelFailed(Code.RATE_LIMITED, detail=detail, retryable=True)
    if "server_error" in kind or "server_error" in code or "overloaded" in kind or not (code or kind):
        return ModelFailed(Code.MODEL_UNAVAILABLE, detail=detail, retryable=True)
    return ModelFailed(Code.MODEL_ERROR, detail=detail, retryable=True)


def retry_after(headers: Any) -> float | None:
    """Seconds that an upstream asks to wait: `retry-after-ms`, then `retry-after` as seconds or as an HTTP date."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return _bounded(float(milliseconds) / 1000)
    except ValueError:
        pass
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return _bounded(float(value))
    except ValueError:
        pass
    try:
        return _bounded(max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()))
    except (ValueError, TypeError):
        return None


def _from_status(error: Any) -> MambaError:
    status: int = error.status_code
    body = error.body if isinstance(error.body, dict) else {}
    code = str(body.get("code") or "")
    detail = f"status {status} {_word(body.get('type'))} {_word(code)}".strip()
    headers = error.response.headers
    wait = retry_after(headers)
    retryable = headers.get("x-should-retry") != "false"
    if status in (401, 403):
        return KeyRefused(detail)
    if status in (400, 422):
        return _by_code(code, body.get("message"), detail) or Rejected(
            Code.INVALID_REQUEST, _CANNOT_TAKE, detail=detail
        )
    if status == 404:
        return Rejected(Code.MODEL_NOT_FOUND, detail=detail)
    if status == 413:
        return Rejected(Code.PAYLOAD_TOO_LARGE, detail=detail)
    if status in (408, 504):
        return ModelFailed(Code.MODEL_TIMEOUT, detail=detail, retryable=retryable, retry_after=wait)
    if status == 429:
        if code == "insufficient_quota" or body.get("type") == "insufficient_quota":
            return ModelFailed(Code.MODEL_UNAVAILABLE, detail=detail)
        return ModelFailed(Code.RATE_LIMITED, detail=detail, retryable=retryable, retry_after=wait)
    if status == 409 or status >= 500:
        failed = Code.MODEL_UNAVAILABLE if retryable else Code.MODEL_ERROR
        return ModelFailed(failed, detail=detail, retryable=retryable, retry_after=wait)
    return ModelFailed(Code.MODEL_ERROR, detail=detail)


def _by_code(code: str, message: object, detail: str) -> MambaError | None:
    """What a code says whatever came with it. Compatible servers tell a conversation that is too long in words alone."""
    if code in ("context_length_exceeded", "string_above_max_length"):
        return Rejected(Code.CONTEXT_TOO_LONG, detail=detail)
    if code in _POLICY:
        return Rejected(Code.CONTENT_FILTERED, detail=detail)
    if "image" in code:
        return Rejected(Code.INVALID_REQUEST, _CANNOT_TAKE, detail=detail)
    if code == "insufficient_quota":
        return ModelFailed(Code.MODEL_UNAVAILABLE, detail=detail)
    if isinstance(message, str) and _TOO_LONG.search(message[:1000]):
        return Rejected(Code.CONTEXT_TOO_LONG, detail=detail)
    return None


def _bounded(seconds: float) -> float | None:
    """Whoever asks for ages, or for ever, asks not to be called again: that is not as if nothing had been asked."""
    return min(seconds, _AGES) if seconds >= 0 else None


def _word(value: object) -> str:
    """A type or code as providers write them; anything else is not repeated."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _reason_of_the_system(error: BaseException) -> str:
    """What the operating system said, as the name of its number: ECONNREFUSED. No address is in it."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "no address for the host name"
        if isinstance(cause, OSError) and cause.errno is not None:
            return errno.errorcode.get(cause.errno, "")
    return ""


def _caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    return any(isinstance(cause, kind) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it; of several attempts at the same time, the first."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        several = seen.exceptions if isinstance(seen, BaseExceptionGroup) else ()
        seen = several[0] if several else seen.__cause__ or seen.__context__
