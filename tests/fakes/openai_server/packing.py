"""How the frames of a streamed body become writes: one class for each way, all with the same three methods.

Each method returns the writes to make, in order. What comes out is the body in HTTP chunked coding, except
where the point of a packing is to be different.
"""

import zlib
from itertools import pairwise
from typing import Protocol

from .replies import Packing

__all__ = ["Packer", "chunk", "packer_for"]

LAST_CHUNK = b"0\r\n\r\n"


class Packer(Protocol):
    """Turns the response head, each frame and the end of the body into writes."""

    def head(self, head: bytes) -> list[bytes]: ...

    def frame(self, frame: bytes) -> list[bytes]: ...

    def end(self, after: bytes) -> list[bytes]:
        """The end of the body, with the bytes `after` it in the same write."""
        ...


def packer_for(packing: Packing) -> Packer:
    match packing:
        case "frames":
            return _Frames()
        case "bytes":
            return _SingleBytes()
        case "one-write":
            return _OneWrite()
        case "split-utf8":
            return _SplitCharacters()
        case "gzip":
            return _Gzip()
        case "odd":
            return _OddSse()


def chunk(data: bytes) -> bytes:
    """One chunk of chunked transfer coding; none for no data, since an empty chunk would end the body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n" if data else b""


class _Frames:
    def head(self, head: bytes) -> list[bytes]:
        return [head]

    def frame(self, frame: bytes) -> list[bytes]:
        return [chunk(frame)]

    def end(self, after: bytes) -> list[bytes]:
        return [LAST_CHUNK + after]


class _SingleBytes(_Frames):
    def frame(self, frame: bytes) -> list[bytes]:
        return [chunk(frame[n : n + 1]) for n in range(len(frame))]


class _OneWrite(_Frames):
    def __init__(self) -> None:
        self._kept: list[bytes] = []

    def head(self, head: bytes) -> list[bytes]:
        self._kept.append(head)
        return []

    def frame(self, frame: bytes) -> list[bytes]:
        self._kept.append(chunk(frame))
        return []

    def end(self, after: bytes) -> list[bytes]:
        return [b"".join(self._kept) + LAST_CHUNK + after]


class _SplitCharacters(_Frames):
    """Ends a chunk after the first byte of each character that has more than one."""

    def frame(self, frame: bytes) -> list[bytes]:
        cuts = [0, *(n + 1 for n, byte in enumerate(frame) if byte >= 0xC0), len(frame)]
        return [chunk(frame[start:end]) for start, end in pairwise(cuts)]


class _Gzip(_Frames):
    def __init__(self) -> None:
        self._gzip = zlib.compressobj(wbits=31)

    def head(self, head: bytes) -> list[bytes]:
        return [head.replace(b"\r\n", b"\r\ncontent-encoding: gzip\r\n", 1)]

    def frame(self, frame: bytes) -> list[bytes]:
        return [chunk(self._gzip.compress(frame) + self._gzip.flush(zlib.Z_SYNC_FLUSH))]

    def end(self, after: bytes) -> list[bytes]:
        return [chunk(self._gzip.flush()) + LAST_CHUNK + after]


class _OddSse(_Frames):
    """Every oddity that the event stream grammar allows, a different one for each frame in turn."""

    def __init__(self) -> None:
        self._count = 0

    def frame(self, frame: bytes) -> list[bytes]:
        fields = frame.rstrip(b"\n").split(b"\n")
        odd = self._odd(fields)
        if self._count == 0:
            odd = b"\xef\xbb\xbf" + odd
        self._count += 1
        return [chunk(odd)]

    def _odd(self, fields: list[bytes]) -> bytes:
        match self._count % 7:
            case 0:
                return b"\r\n".join([b": a comment", *fields]) + b"\r\n\r\n"
            case 1:
                return b"\r".join(fields) + b"\r\r"
            case 2:
                return b"\n".join(field.replace(b": ", b":", 1) for field in fields) + b"\n\n"
            case 3:
                return b"id: 7\nretry: 10\n:\n" + b"\n".join(fields) + b"\n\n\n\n"
            case 4:
                return b"unknown: field\nnocolon\n" + b"\n".join(fields) + b"\n\n"
            case 5:
                return b"\n".join(_in_two_lines(field) for field in fields) + b"\n\n"
            case _:
                return b"\n".join(reversed(fields)) + b"\n\n: keep-alive\n\n"


def _in_two_lines(field: bytes) -> bytes:
    """A JSON object's line as two `data` lines, which a reader joins with a line feed."""
    return field.replace(b"{", b"{\ndata: ", 1) if field.startswith(b"data: {") else field
