"""Requests without sense: real ones with something changed in them, and chance. A seed makes the same ones again.

python -m tests.app.fuzzing 50000        that many over every mode; the exit status tells whether one was answered wrongly
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import random
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import structlog

from mamba_domain.events import FinishReason, ModelEvent, ModelFinished, TextDelta, Usage
from mamba_domain.ports.chat_model import ModelRequest
from tests.adapters.http.record_requests import FOLDER
from tests.app.entrances import ALICE, closed_settings, routes_of
from tests.app.serving import serving

__all__ = ["QuickModel", "Requests", "fuzz", "wrong_with"]

MODES = ("none", "api_key", "jwt")
_PLAIN: Sequence[tuple[str, dict[str, Any]]] = (
    ("/api/chat", {"messages": [{"role": "user", "content": "Hello"}], "model": "gpt-4o-mini", "temperature": 1}),
    ("/completion", {"prompt": "Hello"}),
    ("/object", {"prompt": "Hello", "schema": {"type": "object"}}),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}], "stream": True},
    ),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}], "tools": [{"function": {"name": "f"}}]}),
    ("/agui", {"threadId": "t", "runId": "r", "messages": [{"id": "1", "role": "user", "content": "x"}], "tools": []}),
    ("/title/generate", {"userMessage": "Hello", "conversationId": "c"}),
)
_WORDS = (
    "",
    "a",
    "user",
    "assistant",
    "system",
    "tool",
    "text",
    "tool-x",
    "file",
    "data:;base64,",
    "https://a.b/c",
    "gpt-4o-mini",
)
_ODD_TEXTS = (
    "\u0000",
    "\ud83d",
    "\u202e",
    "\u2028",
    "é" * 300,
    "%s%n",
    "../..",
    "<script>",
    "__proto__",
    "a" * 5000,
    "{{7*7}}",
)
_NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63, 10**40, 0.5, -0.0, 1e308, 1e-300)
_KEYS = (
    "id",
    "role",
    "content",
    "parts",
    "type",
    "text",
    "state",
    "input",
    "output",
    "toolCallId",
    "messages",
    "model",
    "metadata",
)


class QuickModel:
    """Answers every call at once."""

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        """An object, which is a text as well, and the end."""

        async def batches() -> AsyncIterator[Sequence[ModelEvent]]:
            usage = Usage(input_tokens=1, output_tokens=1)
            yield (TextDelta(text="{}"), ModelFinished(finish_reason=FinishReason.STOP, usage=usage))

        yield batches()


class Requests:
    """Makes requests for these paths, one after the other."""

    def __init__(self, paths: Sequence[str], credentials: Mapping[str, str], *, seed: int) -> None:
        self._random = random.Random(seed)
        self._paths = paths
        self._credentials = credentials
        recorded = [body for file in sorted(FOLDER.glob("*.json")) for body in json.loads(file.read_text()).values()]
        self._bodies = [*_PLAIN, *(("/api/chat", body) for body in recorded if isinstance(body, dict))]

    def next(self) -> tuple[str, str, bytes, list[tuple[bytes, bytes]]]:
        """Method, target, body and headers."""
        chance = self._random
        path, body = chance.choice(self._bodies)
        if chance.random() < 0.2:
            path = re.sub(
                r"\{[^}]*\}", lambda _: chance.choice(("chat-1", "%00", "..%2f", "x" * 300)), chance.choice(self._paths)
            )
        if chance.random() < 0.2:
            path += chance.choice(("?protocol=ai-sdk-v4", "?protocol=text", "?protocol=%ff", "?chatId=x", "?a" * 50))
        method = (
            "POST" if chance.random() < 0.9 else chance.choice(("GET", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH"))
        )
        return method, path, self._written(self._changed(body)), self._headers()

    def _changed(self, body: Any) -> Any:
        if self._random.random() < 0.05:
            return self._anything(4)
        changed = copy.deepcopy(body)
        for _ in range(self._random.choice((0, 1, 1, 2, 3, 8))):
            self._change(changed)
        return changed

    def _change(self, value: Any) -> None:
        """Change one place, anywhere in the tree."""
        while isinstance(value, dict | list) and value:
            key = self._random.choice(list(value) if isinstance(value, dict) else range(len(value)))
            if isinstance(value[key], dict | list) and value[key] and self._random.random() < 0.75:
                value = value[key]
                continue
            match self._random.randrange(4):
                case 0:
                    del value[key]
                case 1:
                    value[key] = self._anything(3)
                case 2 if isinstance(value, dict):
                    value[self._random.choice(_KEYS)] = self._anything(3)
                case _ if isinstance(value, list):
                    value.append(copy.deepcopy(value[key]))
                case _:
                    value[key] = self._anything(1)
            return

    def _anything(self, depth: int) -> Any:
        kind = self._random.randrange(8 if depth else 6)
        choices: list[Callable[[], Any]] = [
            lambda: None,
            lambda: self._random.choice((True, False)),
            lambda: self._random.choice(_NUMBERS),
            lambda: self._random.choice(_WORDS),
            lambda: self._random.choice(_ODD_TEXTS),
            lambda: "".join(chr(self._random.randrange(1, 0xD7FF)) for _ in range(self._random.randrange(20))),
            lambda: [self._anything(depth - 1) for _ in range(self._random.randrange(4))],
            lambda: {self._random.choice(_KEYS): self._anything(depth - 1) for _ in range(self._random.randrange(4))},
        ]
        return choices[kind]()

    def _written(self, body: Any) -> bytes:
        text = json.dumps(body, ensure_ascii=self._random.random() < 0.8).encode("utf-8", "surrogatepass")
        match self._random.randrange(40):
            case 0:
                return text[: self._random.randrange(len(text) + 1)]
            case 1:
                place = self._random.randrange(len(text) + 1)
                return text[:place] + self._random.randbytes(3) + text[place:]
            case 2:
                return self._random.randbytes(self._random.randrange(200))
            case _:
                return text

    def _headers(self) -> list[tuple[bytes, bytes]]:
        chance = self._random
        headers = [(b"content-type", b"application/json")] if chance.random() < 0.97 else [(b"content-type", b"text/x")]
        if chance.random() < 0.95:
            headers += [(name.encode(), value.encode()) for name, value in self._credentials.items()]
        for name, values in (
            (b"x-mamba-ui", (b"5.0.0", b"6.0.12", b"compat", b"\xff", b"9" * 50)),
            (b"accept", (b"text/plain", b"*/*", b"application/json;q=0", b",")),
            (b"idempotency-key", (b"a", b"b", b"", b"x" * 300)),
            (b"x-request-id", (b"a", b"\x85", b"x" * 200)),
            (b"authorization", (b"Bearer", b"Bearer a b", b"Basic x", b"Bearer eyJhbGciOiJub25lIn0.e30.")),
            (b"user-agent", (b"ai-sdk/5.0.0 runtime/browser", b"ai/4", b"\xe9")),
            (b"content-encoding", (b"gzip", b"identity")),
        ):
            if chance.random() < 0.06:
                headers.append((name, chance.choice(values)))
        return headers


def wrong_with(path: str, response: httpx2.Response) -> str:
    """What is wrong with an answer; empty for nothing."""
    if response.status_code >= 500:
        return f"status {response.status_code}"
    kind = response.headers.get("content-type", "")
    if response.status_code >= 400 and response.content:
        if kind.startswith("text/plain"):
            return "" if len(response.content) <= 1024 else "a long text"
        problem = response.json()
        if path.startswith("/v1/"):
            return "" if set(problem) == {"error"} else "no error of OpenAI's form"
        expected = {"type", "title", "status", "detail", "code", "request_id"}
        return "" if set(problem) == expected and problem["status"] == response.status_code else "no problem document"
    if kind.startswith("text/event-stream") and not all(
        line == b"" or line.startswith((b"data: ", b"event: ", b":", b"id: ")) for line in response.content.split(b"\n")
    ):
        return "a line that is no event's"
    return ""


async def fuzz(mode: str, count: int, *, seed: int) -> tuple[Counter[int], list[str]]:
    """The statuses of so many answers, and what was wrong with some."""
    statuses: Counter[int] = Counter()
    faults: list[str] = []
    async with serving(closed_settings(mode), model_for=lambda _: QuickModel()) as app:
        paths = [route.path for route in routes_of(app.application.asgi) if route.path != "/health/stream"]
        requests = Requests(paths, ALICE[mode], seed=seed)
        for number in range(count):
            method, path, body, headers = requests.next()
            try:
                response = await app.http.request(method, path, content=body, headers=headers)
                statuses[response.status_code] += 1
                fault = wrong_with(path, response)
            except httpx2.RemoteProtocolError as error:
                fault = str(error)
            if fault:
                faults.append(
                    f"{mode}, seed {seed}, number {number}: {fault}: {method} {path} {body[:2000]!r} {headers}"
                )
    return statuses, faults


def main() -> int:
    """Fuzz every mode, and tell."""
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    count = int(sys.argv[1]) // len(MODES)
    seed = random.randrange(10**9)
    failed = False
    for mode in MODES:
        statuses, faults = asyncio.run(fuzz(mode, count, seed=seed))
        print(mode, dict(sorted(statuses.items())), f"{len(faults)} wrong")
        for fault in faults[:5]:
            print("   ", fault)
        failed = failed or bool(faults)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
