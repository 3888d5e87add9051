"""Judges the files of a request: inline data within bounds, or an https address that is handed on and never fetched."""

from __future__ import annotations

import re
from base64 import b64decode
from urllib.parse import urlsplit

from mamba_adapters.http.wire.read_notes import Notes
from mamba_domain.messages import FilePart, JsonValue

__all__ = ["read_file"]

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(/([A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}|\*))?")
_LONGEST_URL = 8192
_LONGEST_NAME = 255


def read_file(
    notes: Notes, url: JsonValue, media_type: JsonValue, filename: JsonValue, pointer: str, *, max_bytes: int
) -> FilePart | None:
    """The file, or None after a problem was noted."""
    if not isinstance(url, str) or not url:
        notes.problem(pointer, "must be a data: or https: URL")
        return None
    if url[:5].lower() == "data:":
        inline = _inline_type(url, max_bytes)
        if inline is None or inline.startswith("!"):
            notes.problem(pointer, inline[1:] if inline else "is not a base64 data: URL")
            return None
        kind = media_type if isinstance(media_type, str) and "*" not in media_type else inline
    else:
        if not _is_https(url):
            notes.problem(pointer, "must be a data: or https: URL")
            return None
        kind = media_type if isinstance(media_type, str) else "application/octet-stream"
    if not _MEDIA_TYPE.fullmatch(kind):
        notes.problem(pointer, "has a media type that is not one")
        return None
    name = filename[:_LONGEST_NAME] if isinstance(filename, str) and filename.isprintable() and filename else None
    return FilePart(media_type=kind, url=url, filename=name)


def _inline_type(url: str, max_bytes: int) -> str | None:
    """The media type of a data: URL; "!" and a reason where it is too large."""
    head, comma, data = url[5:].partition(",")
    media_type, *parameters = head.split(";")
    if not comma or not parameters or parameters[-1].strip().lower() != "base64":
        return None
    if len(data) * 3 // 4 > max_bytes + 2:
        return f"!is larger than {max_bytes} bytes"
    try:
        b64decode(data, validate=True)
    except ValueError:
        return None
    return media_type.strip() or "text/plain"


def _is_https(url: str) -> bool:
    if len(url) > _LONGEST_URL or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
