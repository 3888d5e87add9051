"""Reads what a request asks for beside its conversation: chat, model, tools, temperature, length."""

from __future__ import annotations

from mamba_adapters.http.wire.read_notes import LONGEST_ID, Notes
from mamba_domain.errors import Code, Rejected
from mamba_domain.messages import JsonObject

__all__ = ["OPTION_FIELDS", "read_chat_id", "read_max_tokens", "read_model", "read_temperature", "read_tools"]

_MAX_TOKENS = ("max_tokens", "maxTokens", "maxOutputTokens", "max_completion_tokens")
OPTION_FIELDS = frozenset({"id", "chatId", "model", "modelId", "tools", "temperature", *_MAX_TOKENS})
"""The fields that are read here."""


def read_chat_id(body: JsonObject, notes: Notes) -> str | None:
    """The chat that the answer belongs to."""
    return notes.id(body.get("id"), "/id") or notes.id(body.get("chatId"), "/chatId")


def read_model(body: JsonObject, notes: Notes) -> str | None:
    """The model that is asked for. Raises `Rejected` (MODEL_NOT_FOUND) for a name that no model can have."""
    name = "modelId" if body.get("model") is None else "model"
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        notes.problem(f"/{name}", "must be a text")
        return None
    if not 0 < len(value) <= LONGEST_ID or not value.isprintable():
        raise Rejected(Code.MODEL_NOT_FOUND)
    return value


def read_tools(body: JsonObject, notes: Notes) -> tuple[str, ...] | None:
    """The names of the tools that may be used; None = all."""
    value = notes.items(body, "tools", "")
    if value is None:
        return None
    for index, name in enumerate(value):
        if not isinstance(name, str):
            notes.problem(f"/tools/{index}", "must be the name of a tool")
    return tuple(name for name in value if isinstance(name, str))


def read_temperature(body: JsonObject, notes: Notes) -> float | None:
    """How free the model is in its choice of words."""
    value, most = body.get("temperature"), notes.limits.temperature_max
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        notes.problem("/temperature", f"must be a number from 0 to {most:g}")
        return None
    return float(value)


def read_max_tokens(body: JsonObject, notes: Notes) -> int | None:
    """How long the answer may become, by the first name that is given."""
    for name in _MAX_TOKENS:
        value = body.get(name)
        if value is None:
            continue
        # To JSON, and to JavaScript, 100.0 is a whole number.
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1 or value < 1:
            notes.problem(f"/{name}", "must be a whole number from 1")
            return None
        return int(value)
    return None
