"""Failures as HTTP answers: `application/problem+json` (RFC 9457), or plain text for clients that ask for it.

AI SDK clients show the body of a refused request as it stands; with `Accept: text/plain` that is the bare sentence. Under
`/v1/`, where OpenAI's API is spoken, the answer has that API's shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import orjson
from starlette.requests import HTTPConnection
from starlette.responses import Response

from mamba_adapters.http.wire.openai_chat import openai_error
from mamba_domain.chat import ChatBusy, NameTaken
from mamba_domain.errors import PUBLIC_MESSAGES, Code, MambaError, ModelFailed, Rejected
from mamba_domain.ports.admission import Quota, Refused

__all__ = ["STATUS", "problem", "problem_of", "quota_headers"]

STATUS: dict[Code, int] = {
    Code.AUTH_REQUIRED: 401,
    Code.AUTH_INVALID: 401,
    Code.AUTH_EXPIRED: 401,
    Code.FORBIDDEN: 403,
    Code.INVALID_REQUEST: 400,
    Code.PAYLOAD_TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.MODEL_NOT_FOUND: 404,
    Code.RATE_LIMITED: 429,
    Code.OVERLOADED: 503,
    Code.CONTEXT_TOO_LONG: 400,
    Code.CONTENT_FILTERED: 400,
    Code.MODEL_UNAVAILABLE: 503,
    Code.MODEL_TIMEOUT: 504,
    Code.MODEL_ERROR: 502,
    Code.STOPPED: 503,
    Code.SHUTTING_DOWN: 503,
    Code.INTERNAL: 500,
}
"""The HTTP status of a failure that comes before any output."""

_OTHERWISE: dict[type[MambaError], int] = {ChatBusy: 409, NameTaken: 422}
"""Where the error's class says more than its code."""

_TITLES: dict[int, str] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


_OPENAI_TYPES: dict[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


def problem(
    connection: HTTPConnection,
    code: Code,
    *,
    detail: str | None = None,
    status: int | None = None,
    retry_after: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer for a failure, whose code the request's line in the log gets as well. `retry_after` is in seconds."""
    connection.scope.get("state", {})["problem"] = code.value
    status = status or STATUS[code]
    text = detail or PUBLIC_MESSAGES[code]
    extra = {"cache-control": "no-store", **(headers or {})}
    if retry_after is not None:
        extra["retry-after"] = str(max(1, math.ceil(retry_after)))
    elif status in (429, 503):
        extra["retry-after"] = "1"
    if connection.scope.get("path", "").startswith("/v1/"):
        error = openai_error(text, kind=_openai_type(status), code=code.value)
        return Response(orjson.dumps(error), status, extra, media_type="application/json")
    if _wants_text(connection):
        return Response(text, status, extra, media_type="text/plain")
    body = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": text,
        "code": code.value,
        "request_id": connection.scope.get("state", {}).get("request_id", ""),
    }
    return Response(orjson.dumps(body), status, extra, media_type="application/problem+json")


def problem_of(connection: HTTPConnection, error: MambaError, *, headers: Mapping[str, str] | None = None) -> Response:
    """The answer for one of the domain's errors; a refusal may bring its own status."""
    if isinstance(error, Refused):
        connection.scope.get("state", {})["refused"] = error.detail
        headers = {**quota_headers(error.quota), **(headers or {})}
    retry_after = error.retry_after if isinstance(error, Rejected | ModelFailed) else None
    return problem(
        connection,
        error.code,
        detail=error.public_message,
        status=_OTHERWISE.get(type(error)) or getattr(error, "status", None),
        retry_after=retry_after,
        headers=headers,
    )


def quota_headers(quota: Quota) -> dict[str, str]:
    """What is left, as draft-ietf-httpapi-ratelimit-headers-07 tells it; seconds, not a time of day."""
    return {
        "ratelimit-limit": str(quota.limit),
        "ratelimit-remaining": str(quota.remaining),
        "ratelimit-reset": str(math.ceil(quota.resets_in)),
    }


def _openai_type(status: int) -> str:
    return _OPENAI_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")


def _wants_text(connection: HTTPConnection) -> bool:
    accept = connection.headers.get("accept", "")
    return accept.partition(",")[0].partition(";")[0].strip().lower() == "text/plain"
