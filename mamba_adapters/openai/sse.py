"""Cuts a byte stream into the data of Server-Sent Events, one pass over what a read brought.

Follows the event stream format of the HTML standard: any line ending, comments, fields other than `data`, several data
lines, a byte order mark. An event that the stream's end cuts off is dropped, as the standard asks.
"""

from __future__ import annotations

from mamba_domain.errors import Code, ModelFailed

__all__ = ["SseReader"]

_PLAIN = b"data: "
_BETWEEN = b"\n\n" + _PLAIN
"""What stands between two events that are one data line each, as nearly all are: a block of them is split in one go."""
_BOM = b"\xef\xbb\xbf"


class SseReader:
    """Feed it reads; it returns the data of each event that they completed. Limits are in bytes."""

    def __init__(self, *, max_event: int = 2 << 20, max_stream: int = 32 << 20) -> None:
        self._max_event = max_event
        self._max_stream = max_stream
        self._total = 0
        self._start: bytes | None = b""
        self._held: list[bytes] = []
        self._held_size = 0
        self._after_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """Raises `ModelFailed` when an event or the stream is too long."""
        if self._start is not None:
            data = self._start + data
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._start = data
                return []
            self._start = None
            data = data.removeprefix(_BOM)
        self._total += len(data)
        if self._total > self._max_stream:
            raise ModelFailed(Code.MODEL_ERROR, detail=f"the stream is longer than {self._max_stream} bytes")
        if self._after_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        if data.startswith(_PLAIN) and data.endswith(b"\n\n") and data.count(b"\n") == 2 and not self._held:
            return [data[len(_PLAIN) : -2]]
        if b"\n\n" not in data and not (data[:1] == b"\n" and self._held and self._held[-1][-1:] == b"\n"):
            if data:
                self._hold(data)
            return []
        if self._held:
            self._held.append(data)
            data = b"".join(self._held)
            self._held.clear()
            self._held_size = 0
        end = data.rfind(b"\n\n")
        if end + 2 < len(data):
            self._hold(data[end + 2 :])
        block = data[:end]
        if block.startswith(_PLAIN):
            payloads = block[len(_PLAIN) :].split(_BETWEEN)
            if block.count(b"\n") == 2 * (len(payloads) - 1):
                return payloads
        payloads = []
        for event in block.split(b"\n\n"):
            if event.startswith(b"data: ") and b"\n" not in event:
                payloads.append(event[6:])
            elif (payload := _data_of(event)) is not None:
                payloads.append(payload)
        return payloads

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._held_size += len(data)
        if self._held_size > self._max_event:
            raise ModelFailed(Code.MODEL_ERROR, detail=f"an event is longer than {self._max_event} bytes")

    def _with_line_feeds(self, data: bytes) -> bytes:
        """The same lines ended by LF. A CR at the very end ends its line at once: an LF that follows belongs to it."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data_of(event: bytes) -> bytes | None:
    lines = []
    for line in event.split(b"\n"):
        if line.startswith(b"data:"):
            value = line[5:]
            lines.append(value[1:] if value.startswith(b" ") else value)
        elif line == b"data":
            lines.append(b"")
    return b"\n".join(lines) if lines else None
