"""Compressed bodies: right, piece by piece, and never much at once."""

from __future__ import annotations

import gzip
import zlib

import pytest

from mamba_adapters.openai.inflate import Inflater, UnknownEncoding

TEXT = b"data: words and words and words\n\n" * 5000


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_what_is_not_packed_needs_no_unpacking(encoding: str) -> None:
    assert Inflater.of(encoding) is None


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x" * 1000])
def test_an_unknown_packing_is_refused(encoding: str) -> None:
    with pytest.raises(UnknownEncoding):
        Inflater.of(encoding)


@pytest.mark.parametrize(("encoding", "packed"), [("gzip", gzip.compress(TEXT)), ("Deflate", zlib.compress(TEXT))])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_body_cut_anywhere_comes_out_whole(encoding: str, packed: bytes, size: int) -> None:
    inflater = Inflater.of(encoding)
    assert inflater is not None
    pieces = [piece for n in range(0, len(packed), size) for piece in inflater.feed(packed[n : n + size])]
    assert b"".join(pieces) == TEXT


def test_a_bomb_comes_in_small_pieces() -> None:
    inflater = Inflater.of("gzip")
    assert inflater is not None
    pieces = inflater.feed(gzip.compress(b"\0" * (64 << 20)))
    assert all(0 < len(next(pieces)) <= 64 * 1024 for _ in range(100))


def test_what_is_no_packed_body_is_an_error() -> None:
    inflater = Inflater.of("gzip")
    assert inflater is not None
    with pytest.raises(zlib.error):
        list(inflater.feed(b"data: plain\n\n"))
