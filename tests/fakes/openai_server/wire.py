"""What the two wire formats have in common: the shape of a renderer, JSON and SSE encoding, error objects."""

import json
from typing import Protocol

from .phrases import CANARY, FAKE_KEY
from .replies import Reply
from .steps import ContentStep, JsonObject, JsonValue

__all__ = ["CREATED", "DONE", "Wire", "chunk_padding", "dump", "error_object", "sse"]

CREATED = 1_790_000_000
DONE = b"data: [DONE]\n\n"
_PADDING = "aK3xV9qLr2TzNw8bYc5uHd7s"


class Wire(Protocol):
    """Renders one turn; a renderer is made for one request and remembers what it has said."""

    def opening(self) -> list[bytes]:
        """The frames before the first step."""
        ...

    def frames(self, step: ContentStep) -> list[bytes]:
        """The frames of one step, none where the API has no such thing."""
        ...

    def document(self, reply: Reply) -> JsonObject:
        """The whole turn as the JSON document that answers a request without `stream`."""
        ...


def dump(value: JsonValue) -> bytes:
    """Compact JSON in UTF-8; text that UTF-8 cannot hold, a lone surrogate, is escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def sse(data: bytes, event: str | None = None) -> bytes:
    """One SSE frame around one line of data."""
    return (f"event: {event}\n".encode() if event else b"") + b"data: " + data + b"\n\n"


def chunk_padding(text: str) -> str:
    """The padding by which the upstream hides the length of a delta."""
    return _PADDING[: 8 + len(text) % 16]


def error_object(code: str | None, kind: str = "server_error", message: str = "") -> JsonObject:
    """An OpenAI error, talkative as real ones are: it quotes an organisation and a key fragment."""
    words = message or "The server had an error while processing your request."
    told = f"{words} (organization org-{CANARY}, key {FAKE_KEY}-1234, request req_{CANARY})"
    return {"message": told, "type": kind, "param": None, "code": code}
