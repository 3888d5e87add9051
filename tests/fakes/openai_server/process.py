"""Runs the fake as a process of its own, for tests of a server that is a process too."""

import json
import subprocess
import sys
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from .steps import JsonObject

__all__ = ["FakeOpenAIProcess"]

_ROOT = Path(__file__).resolve().parents[3]


class FakeOpenAIProcess:
    """`with FakeOpenAIProcess() as upstream:` serves until the block ends.

    The JSON forms of answers are told in `control`.
    """

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.fakes.openai_server", "--port", "0"]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._end()
            raise RuntimeError("the fake upstream did not start")
        told = json.loads(line)
        self.base_url: str = told["base_url"]
        self.trap_url: str = told["trap_url"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def script(self, answers: Sequence[str | JsonObject], *, model: str | None = None, tool: str | None = None) -> None:
        self._ask("POST", "/_script", {"answers": answers, "model": model, "tool": tool})

    def reset(self) -> None:
        self._ask("POST", "/_reset")

    def log(self) -> list[dict[str, Any]]:
        requests: list[dict[str, Any]] = self._ask("GET", "/_log")["requests"]
        return requests

    def trapped(self) -> list[dict[str, Any]]:
        requests: list[dict[str, Any]] = self._ask("GET", "/_log")["trapped"]
        return requests

    def stats(self) -> dict[str, int]:
        stats: dict[str, int] = self._ask("GET", "/_stats")
        return stats

    def _ask(self, method: str, path: str, body: JsonObject | None = None) -> dict[str, Any]:
        where = urlsplit(self.base_url)
        connection = HTTPConnection("127.0.0.1", where.port or 80, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(f"{method} {path}: {answer}")
        return answer

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            status = self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait(10)
        self._process.stdout.close()
        if status:
            raise RuntimeError(f"the fake upstream ended with status {status}")
