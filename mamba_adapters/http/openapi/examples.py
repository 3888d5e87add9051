"""Requests to try, and an answer to look at. The tests send every request to a running server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = ["AGUI", "CHAT", "COMPLETION", "OBJECT", "OPENAI", "STREAM_EXAMPLE", "TITLE", "Examples"]

Examples: TypeAlias = Mapping[str, tuple[str, Any]]
"""By name: a summary, and the body."""

_HELLO = "Hello! What can you do?"
_UI_MESSAGE = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": _HELLO}]}

CHAT: Examples = {
    "simple": ("Role and content", {"messages": [{"role": "user", "content": _HELLO}]}),
    "useChat": (
        "What useChat of AI SDK 5 to 7 sends",
        {"id": "chat-1", "trigger": "submit-message", "messages": [_UI_MESSAGE]},
    ),
    "lastMessage": ("The last message alone", {"id": "chat-1", "message": _UI_MESSAGE}),
    "useChat4": (
        "What useChat of AI SDK 4 sends",
        {
            "id": "chat-1",
            "messages": [{"role": "user", "content": _HELLO, "parts": [{"type": "text", "text": _HELLO}]}],
        },
    ),
    "tools": (
        "One tool offered",
        {"messages": [{"role": "user", "content": "Draw a bar chart of three fruits."}], "tools": ["generateChart"]},
    ),
}
COMPLETION: Examples = {"prompt": ("A prompt", {"prompt": "Write one line about the sea."})}
OBJECT: Examples = {
    "schema": (
        "A prompt and a schema",
        {
            "prompt": "A recipe for pancakes.",
            "schema": {
                "type": "object",
                "required": ["title", "steps"],
                "additionalProperties": False,
                "properties": {"title": {"type": "string"}, "steps": {"type": "array", "items": {"type": "string"}}},
            },
        },
    )
}
TITLE: Examples = {
    "first": ("The first message", {"userMessage": "How do I bake bread without yeast?", "conversationId": "chat-1"})
}
OPENAI: Examples = {
    "document": ("One document", {"messages": [{"role": "user", "content": _HELLO}]}),
    "stream": ("Chunks", {"messages": [{"role": "user", "content": _HELLO}], "stream": True}),
}
AGUI: Examples = {
    "run": (
        "A run",
        {
            "threadId": "thread-1",
            "runId": "run-1",
            "state": {},
            "messages": [{"id": "m1", "role": "user", "content": _HELLO}],
            "tools": [],
            "context": [],
            "forwardedProps": {},
        },
    )
}
STREAM_EXAMPLE = {"data": '{"type":"text-delta","id":"text-1","delta":"Hello"}'}
