"""Reads the paced stream of `/health/stream`, and judges what a hop on the way made of it.

The server tells with each event when it was written. What matters is by how much longer some events took than the quickest
one: a constant delay is distance, and says nothing of the two clocks.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterable, Iterator
from dataclasses import dataclass, field

from mamba_app.doctor.findings import Finding, failed, passed, warned

__all__ = ["Reading", "judged", "read"]

_HELD = 0.5
"""Seconds by which an event may be later than the others, before something must have held it back."""
_SUBJECT = "stream"


@dataclass(slots=True)
class Reading:
    """What came. `delays` are the seconds from writing to reading, each off by the difference of the clocks."""

    delays: list[float] = field(default_factory=list)
    expected: int = 0
    is_whole: bool = False
    encoding: str = ""
    seconds: float = 0.0

    @property
    def held_back(self) -> float:
        """By how many seconds the latest event was later than the quickest."""
        return max(self.delays) - min(self.delays) if self.delays else 0.0


async def read(content: AsyncIterable[bytes], reading: Reading) -> None:
    """Take the events in, as they come. Raises what `content` raises; what came before is in `reading`."""
    started = time.monotonic()
    pending = b""
    async for data in content:
        now = time.time()
        reading.seconds = time.monotonic() - started
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            _take(line.strip(), now, reading)


def judged(reading: Reading) -> Iterator[Finding]:
    """What the reading tells."""
    if not reading.delays:
        yield failed(
            _SUBJECT,
            "it brought no event",
            "Something on the way answers in the server's place, or the server is of another release",
        )
        return
    if not reading.is_whole:
        yield failed(
            _SUBJECT,
            f"cut after {reading.seconds:.1f} s, with {len(reading.delays)} of {reading.expected} events",
            "A hop ends long answers: raise its read or idle time-out above chat.total_timeout",
        )
    if reading.held_back > _HELD:
        yield failed(
            _SUBJECT,
            f"held back: events came up to {reading.held_back:.1f} s late, in bunches",
            "A hop buffers answers: switch that off for this server (nginx: proxy_buffering off)"
            + (", and do not compress text/event-stream" if reading.encoding else ""),
        )
    elif reading.encoding:
        yield warned(
            _SUBJECT,
            f"compressed on the way ({reading.encoding})",
            "It was not held back, but it may be under load: do not compress text/event-stream",
        )
    if reading.is_whole and reading.held_back <= _HELD and not reading.encoding:
        fact = f"{len(reading.delays)} events came as they were written, none more than {reading.held_back * 1000:.0f} ms late"
        yield passed(_SUBJECT, fact)


def _take(line: bytes, now: float, reading: Reading) -> None:
    if not line.startswith(b"data:"):
        return
    payload = line.removeprefix(b"data:").strip()
    if payload == b"[DONE]":
        reading.is_whole = len(reading.delays) == reading.expected
        return
    try:
        event = json.loads(payload)
        said, expected = float(event["time"]), int(event["of"])
    except (ValueError, KeyError, TypeError):
        return
    reading.delays.append(now - said)
    reading.expected = expected
