"""Where log lines go: to a file descriptor, without ever waiting for whoever reads it and without failing.

A log collector that stands still fills its pipe, and a plain write would then stop the event loop, and with it every stream.
Here lines wait in memory instead, up to a bound; what is beyond it is dropped, and told once there is room again. A disk that
is full or a reader that is gone costs the lines and nothing else.
"""

from __future__ import annotations

import os
import select
from collections import deque
from typing import TextIO

__all__ = ["LogOutput", "log_output"]

_AT_ONCE = 4096
"""Bytes that a pipe which is ready takes whole (PIPE_BUF on Linux)."""
_KEPT_BYTES = 1 << 20


def log_output(stream: TextIO) -> LogOutput | TextIO:
    """The output for what is behind a stream; the stream itself where it has no descriptor, as in some tests."""
    try:
        return LogOutput(stream.fileno())
    except (OSError, ValueError):
        return stream


class LogOutput:
    """A stream for `logging.StreamHandler`. The descriptor stays whose it is, and keeps its mode."""

    def __init__(self, descriptor: int, *, kept_bytes: int = _KEPT_BYTES) -> None:
        self._descriptor = descriptor
        self._kept_bytes = kept_bytes
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._dropped = 0
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, text: str) -> None:
        """Write as much as is taken at once, and keep the rest for the next time."""
        line = text.encode("utf-8", "backslashreplace")
        if self._waiting_bytes + len(line) > self._kept_bytes:
            self._write_waiting()
        if self._waiting_bytes + len(line) > self._kept_bytes:
            self._dropped += 1
            return
        if self._dropped and not self._waiting:
            line = b'{"event":"log.dropped","level":"warning","lines":%d}\n%s' % (self._dropped, line)
            self._dropped = 0
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        self._write_waiting()

    def flush(self) -> None:
        """Try again to write what waits."""
        self._write_waiting()

    def _write_waiting(self) -> None:
        try:
            while self._waiting and self._poll.poll(0):
                data = self._waiting[0]
                written = os.write(self._descriptor, data[:_AT_ONCE])
                self._waiting_bytes -= written
                if written == len(data):
                    self._waiting.popleft()
                else:
                    self._waiting[0] = data[written:]
        except OSError:
            self._dropped += len(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
