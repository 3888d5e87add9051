"""Reads a request's body: at most so many bytes, one JSON value, nothing else.

orjson parses. It is strict where Python's own parser is not (NaN, a byte order mark, anything but UTF-8) and stays fast on
input that is made to be slow. What it refuses and browsers send is half of a surrogate pair, from a text that was cut in the
middle of a character: it becomes U+FFFD. Integers beyond 64 bits become floats, as they are in JavaScript.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import orjson
from starlette.requests import Request

from mamba_domain.errors import Code, Rejected
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["Invalid", "Malformed", "Problem", "read_json", "read_json_object"]

_MAX_DEPTH = 64
_MAX_CONTAINERS = 60_000
_MAX_VALUES = 150_000
_MAX_MENDED = 20_000
_MAX_BACKSLASHES = 200_000
_LONGEST_TEXT = 1024
_CONTAINERS = (dict, list)
_LONE_SURROGATE = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F][0-9a-fA-F]{2})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, and where: a JSON pointer (RFC 6901). Both are the server's words, never the client's."""

    pointer: str
    reason: str


class Malformed(Rejected):
    """The body is no JSON (400)."""

    status = 400

    def __init__(self, public_message: str) -> None:
        super().__init__(Code.INVALID_REQUEST, public_message)


class Invalid(Rejected):
    """The body is JSON that says something else than a request (422). Its text has at most 1024 bytes."""

    status = 422

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        text = "; ".join(
            f"{problem.pointer}: {problem.reason}" if problem.pointer else problem.reason for problem in problems
        )
        super().__init__(Code.INVALID_REQUEST, text.encode()[:_LONGEST_TEXT].decode(errors="ignore"))


async def read_json_object(request: Request, *, max_bytes: int) -> JsonObject:
    """The body's object. Raises what `read_json` raises, and `Invalid` for any other value."""
    value = await read_json(request, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise Invalid((Problem(pointer="", reason="the body must be a JSON object"),))
    return value


async def read_json(request: Request, *, max_bytes: int) -> JsonValue:
    """The body's value. Of duplicate keys the last one counts; no text in it has a lone surrogate.

    Raises `Rejected` (UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE), `Malformed`, and Starlette's `ClientDisconnect`.
    """
    # Of a header that comes twice, the first.
    headers: dict[bytes, bytes] = dict(reversed(request.scope["headers"]))
    _check_content_type(headers.get(b"content-type", b"").decode("latin-1"))
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise Rejected(Code.UNSUPPORTED_MEDIA_TYPE, "The request must not be compressed.")
    declared = headers.get(b"content-length", b"").decode("latin-1").lstrip("0")
    if declared.isdecimal() and (len(declared) > len(str(max_bytes)) or int(declared) > max_bytes):
        raise _too_large(max_bytes)
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > max_bytes:
            raise _too_large(max_bytes)
        body += chunk
    return _parsed(bytes(body))


def _check_content_type(value: str) -> None:
    media_type, *parameters = value.lower().split(";")
    media_type = media_type.strip()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise Rejected(Code.UNSUPPORTED_MEDIA_TYPE)
    for parameter in parameters:
        name, _, given = parameter.partition("=")
        if name.strip() == "charset" and given.strip().strip('"') not in ("utf-8", "utf8"):
            raise Rejected(Code.UNSUPPORTED_MEDIA_TYPE, "The charset must be utf-8.")


def _parsed(body: bytes) -> JsonValue:
    brackets = body.count(b"[") + body.count(b"{")
    if (brackets > _MAX_CONTAINERS or body.count(b",") > _MAX_VALUES) and _has_too_many_values(body):
        raise Rejected(Code.PAYLOAD_TOO_LARGE, "The request holds too many values.")
    try:
        with _collector_at_rest() if brackets > _MAX_DEPTH else nullcontext():
            value = _loaded(body)
            too_deep = brackets > _MAX_DEPTH and _is_deeper(value, _MAX_DEPTH)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not valid JSON (character {error.pos}).") from None
    if too_deep:
        raise Malformed(f"The body is nested more than {_MAX_DEPTH} levels deep.")
    return value


def _has_too_many_values(body: bytes) -> bool:
    """Whether parsing would take so long that others notice. What stands inside of texts does not count."""
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 4 * _MAX_VALUES:
        return True
    structure = b"".join(plain.split(b'"')[::2])
    return structure.count(b"[") + structure.count(b"{") > _MAX_CONTAINERS or structure.count(b",") > _MAX_VALUES


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """The garbage collector would walk the growing value again and again, and find no garbage in it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _loaded(body: bytes) -> JsonValue:
    try:
        value: JsonValue = orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"\0" in body or (b"\\ud" not in body and b"\\uD" not in body) or body.count(rb"\\") > _MAX_BACKSLASHES:
            raise
        value = orjson.loads(_without_lone_surrogates(body))
    return value


def _without_lone_surrogates(body: bytes) -> bytes:
    """The text with U+FFFD in their place. Escaped backslashes are hidden meanwhile behind a byte that no JSON has."""
    hidden = body.replace(rb"\\", b"\0")
    return _LONE_SURROGATE.sub(rb"\\ufffd", hidden, count=_MAX_MENDED).replace(b"\0", rb"\\")


def _is_deeper(value: JsonValue, limit: int) -> bool:
    """Whether containers nest deeper than the limit, level by level and without recursion."""
    level: list[JsonValue] = [value]
    for _ in range(limit):
        below: list[JsonValue] = []
        for item in level:
            inside = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
            below += [value for value in inside if isinstance(value, _CONTAINERS)]
        if not below:
            return False
        level = below
    return True


def _too_large(max_bytes: int) -> Rejected:
    return Rejected(Code.PAYLOAD_TOO_LARGE, f"The request is larger than {max_bytes} bytes.")
