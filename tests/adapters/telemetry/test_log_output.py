"""Log lines never wait for their reader, and never fail."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mamba_adapters.telemetry.log_output import LogOutput, log_output


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:
            """The test closed it."""


def read_all(reading: int) -> bytes:
    found = b""
    while True:
        try:
            data = os.read(reading, 1 << 16)
        except BlockingIOError:
            return found
        found += data


def test_lines_are_written_at_once(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    output = LogOutput(writing)
    output.write("one\n")
    output.write("zwölf \ud83d\n")
    assert read_all(reading) == "one\nzwölf \\ud83d\n".encode()


def test_a_reader_that_stands_still_costs_lines_and_no_time(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    output = LogOutput(writing, kept_bytes=100_000)
    lines = [f"{number:07}\n" for number in range(50_000)]
    for line in lines:
        output.write(line)
    received = b""
    while data := read_all(reading):
        received += data
        output.flush()
    output.write("last\n")
    received += read_all(reading)
    told = received.decode().splitlines(keepends=True)
    kept = told[:-2]
    assert kept == lines[: len(kept)]
    assert len(kept) < len(lines)
    assert told[-2:] == [f'{{"event":"log.dropped","level":"warning","lines":{len(lines) - len(kept)}}}\n', "last\n"]


def test_a_long_line_that_is_taken_in_parts_stays_one_line(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    output = LogOutput(writing)
    long = "x" * 300_000 + "\n"
    output.write(long)
    output.write("next\n")
    received = b""
    while data := read_all(reading):
        received += data
        output.flush()
    assert received.decode() == long + "next\n"


def test_a_reader_that_is_gone_is_no_error(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    output = LogOutput(writing)
    os.close(reading)
    for _ in range(3):
        output.write("nobody hears this\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_is_no_error() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    output = LogOutput(descriptor)
    output.write("no room for this\n")
    os.close(descriptor)


def test_a_stream_without_a_descriptor_is_taken_as_it_is() -> None:
    stream = io.StringIO()
    assert log_output(stream) is stream
