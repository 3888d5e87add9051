"""Reads the files of a request: inline data within bounds, or an https address that is handed on and never fetched."""

from __future__ import annotations

import re
from base64 import b64decode
from urllib.parse import urlsplit

from mamba_adapters.http.wire.read_notes import Notes
from mamba_domain.messages import FilePart, JsonObject, JsonValue, TextPart

__all__ = ["read_attachment", "read_file", "read_file_part"]

_WORD = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_WORD}(?:/(?:{_WORD}|\*))?")
_DATA_URL = re.compile(rf"data:({_WORD}/{_WORD})?(?:;[ -+\--:<-~]{{1,127}})*;base64,", re.IGNORECASE)
_LONGEST_URL = 8192
_LONGEST_HEAD = 512
_LONGEST_NAME = 255
_UNKNOWN_TYPE = "application/octet-stream"


def read_file(
    notes: Notes, url: JsonValue, media_type: JsonValue, filename: JsonValue, pointer: str
) -> FilePart | None:
    """The file; None after a problem was noted."""
    if not isinstance(url, str) or not url:
        notes.problem(pointer, "must be a data: or https: URL")
        return None
    kind = media_type.partition(";")[0].strip() if isinstance(media_type, str) else media_type
    if not isinstance(kind, str | None) or (kind and not _MEDIA_TYPE.fullmatch(kind)):
        notes.problem(pointer, "has a media type that is not one")
        return None
    if url[:5].lower() == "data:":
        head = _DATA_URL.match(url, 0, _LONGEST_HEAD)
        if head is None:
            notes.problem(pointer, "must be a data: URL with a media type and base64")
            return None
        if (reason := _fault_of(url[head.end() :], notes.limits.max_file_bytes)) is not None:
            notes.problem(pointer, reason)
            return None
        inline = head[1]
    else:
        inline = None
        if not _is_https(url):
            notes.problem(pointer, "must be a data: or https: URL")
            return None
    name = filename[:_LONGEST_NAME] if isinstance(filename, str) and filename.isprintable() and filename else None
    return FilePart(media_type=_better(kind, inline), url=url, filename=name)


def read_file_part(part: JsonObject, pointer: str, notes: Notes) -> FilePart | None:
    """A `file` part of the AI SDK, any generation, or of OpenAI; None where it is left out.

    Ids of files that a provider keeps are dropped: they would be read with the server's key, whoever owns the file.
    """
    inner = part.get("file")
    if isinstance(inner, dict):
        url, kind, name, pointer = inner.get("file_data"), None, inner.get("filename"), f"{pointer}/file/file_data"
        is_reference = "file_id" in inner
    elif "mimeType" in part and "data" in part:
        kind, data, name, pointer = part["mimeType"], part["data"], part.get("filename"), f"{pointer}/data"
        url, is_reference = f"data:{kind};base64,{data}" if isinstance(data, str) else None, False
    else:
        url, kind, name, pointer = part.get("url"), part.get("mediaType"), part.get("filename"), f"{pointer}/url"
        is_reference = "providerReference" in part
    if is_reference and not url:
        notes.ignore("part:file-reference")
        return None
    return read_file(notes, url, kind, name, pointer)


def read_attachment(attachment: JsonObject, pointer: str, notes: Notes) -> FilePart | TextPart | None:
    """An attachment of AI SDK 4, where inline text is text like any other; None after a problem was noted."""
    file = read_file(
        notes, attachment.get("url"), attachment.get("contentType"), attachment.get("name"), f"{pointer}/url"
    )
    if file is None or not file.media_type.startswith("text/") or file.url[:5].lower() != "data:":
        return file
    said = b64decode(file.url.partition(",")[2]).decode(errors="replace")
    return TextPart(text=notes.text(said, f"{pointer}/url"))


def _fault_of(data: str, max_bytes: int) -> str | None:
    """Why inline data cannot be taken."""
    too_large = f"is larger than {max_bytes} bytes"
    if len(data) > max_bytes // 3 * 4 + 8:
        return too_large
    try:
        size = len(b64decode(data, validate=True))
    except ValueError:
        return "is not valid base64"
    return too_large if size > max_bytes else None


def _better(given: str | None, inline: str | None) -> str:
    """The media type that says more: the one that was given, unless it is a mere kind such as `image` or `image/*`."""
    if given and "/" in given and "*" not in given:
        return given
    return inline or given or _UNKNOWN_TYPE


def _is_https(url: str) -> bool:
    if len(url) > _LONGEST_URL or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
