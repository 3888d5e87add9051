"""Unpacks a compressed body piece by piece, so that a little input cannot become a lot of memory.

Answers are asked for uncompressed; some gateways compress all the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

__all__ = ["Inflater", "UnknownEncoding"]

_PIECE = 64 * 1024
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class UnknownEncoding(ValueError):
    """The body is packed in a way that nobody asked for and that is not understood."""


class Inflater:
    """One body in gzip or deflate (RFC 9110, 8.4.1). No piece that it gives is longer than 64 KiB."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)

    @classmethod
    def of(cls, content_encoding: str) -> Inflater | None:
        """For the value of a `Content-Encoding` header; None where nothing is packed."""
        encoding = content_encoding.strip().lower()
        if encoding in ("", "identity"):
            return None
        if encoding in ("gzip", "x-gzip", "deflate"):
            return cls()
        raise UnknownEncoding(encoding)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` completes. Raises `zlib.error` where it is broken."""
        while data:
            if piece := self._stream.decompress(data, _PIECE):
                yield piece
            data = self._stream.unconsumed_tail
        while piece := self._stream.decompress(b"", _PIECE):
            yield piece
