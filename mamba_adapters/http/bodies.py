"""Reads a request's body: at most so many bytes, one JSON value, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from starlette.requests import Request

from mamba_domain.errors import Code, Rejected
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["Invalid", "Malformed", "Problem", "read_json", "read_json_object"]

_MAX_DEPTH = 64
_LONGEST_TEXT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, and where: a JSON pointer (RFC 6901)."""

    pointer: str
    reason: str


class Malformed(Rejected):
    """The body is no JSON (400)."""

    status = 400

    def __init__(self, public_message: str) -> None:
        super().__init__(Code.INVALID_REQUEST, public_message)


class Invalid(Rejected):
    """The body is JSON that says something else than a request (422)."""

    status = 422

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        text = "; ".join(f"{problem.pointer or '/'}: {problem.reason}" for problem in problems)
        super().__init__(Code.INVALID_REQUEST, text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…")


async def read_json_object(request: Request, *, max_bytes: int) -> JsonObject:
    """The body's object. Raises what `read_json` raises, and `Invalid` for any other value."""
    value = await read_json(request, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise Invalid((Problem(pointer="", reason="the body must be a JSON object"),))
    return value


async def read_json(request: Request, *, max_bytes: int) -> JsonValue:
    """The body's value. Of duplicate keys the last one counts.

    Raises `Rejected` (UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE), `Malformed`, and Starlette's `ClientDisconnect`.
    """
    _check_content_type(request.headers.get("content-type", ""))
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return _parsed(bytes(body))


def _check_content_type(value: str) -> None:
    media_type, _, parameters = value.partition(";")
    media_type = media_type.strip().lower()
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    charset = ""
    for parameter in parameters.split(";"):
        name, _, given = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = given.strip().strip('"').lower()
    if not is_json or charset not in ("", "utf-8", "utf8"):
        raise Rejected(Code.UNSUPPORTED_MEDIA_TYPE)


def _parsed(body: bytes) -> JsonValue:
    try:
        value: JsonValue = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not valid JSON (byte {error.pos}).") from None
    if body.count(b"[") + body.count(b"{") > _MAX_DEPTH and _is_deeper(value, _MAX_DEPTH):
        raise Malformed(f"The body is nested more than {_MAX_DEPTH} levels deep.")
    return value


def _is_deeper(value: JsonValue, limit: int) -> bool:
    """Whether containers nest deeper than the limit, level by level and without recursion."""
    level: list[JsonValue] = [value]
    for _ in range(limit):
        below: list[JsonValue] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list):
                below += item
        if not below:
            return False
        level = below
    return any(isinstance(item, dict | list) for item in level)


def _too_large(max_bytes: int) -> Rejected:
    return Rejected(Code.PAYLOAD_TOO_LARGE, f"The request is larger than {max_bytes} bytes.")
