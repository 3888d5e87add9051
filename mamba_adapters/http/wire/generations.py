"""Finds out from a chat request's body which generation of the AI SDK wrote it, as far as the body proves anything. Pure.

Only marks that no other generation makes count. A history may hold parts of several generations, since pages are updated
under running chats: the newest mark in it is the least age of the page.
"""

from __future__ import annotations

from collections.abc import Iterator

from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["proven_generation"]

_SINCE_6 = ("approval-requested", "approval-responded", "output-denied")
_PARTS_SINCE_7 = ("custom", "reasoning-file", "steering-message")
_FIELDS_OF_4 = frozenset(
    ("experimental_attachments", "toolInvocations", "annotations", "parts", "revisionId", "createdAt")
)


def proven_generation(body: JsonObject) -> int | None:
    """The major that the client has at least (4 exactly, or from 5 on); None for a body that any client may have sent."""
    messages = body.get("messages", [body.get("message")])
    found = [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []
    if "trigger" not in body:
        if any(_is_of_4(message) for message in found[-1:]):
            return 4
        if not any("parts" in message for message in found):
            return 4 if any(_is_of_4(message) for message in found) else None
    return max((_since(part) for message in found for part in _parts(message)), default=5)


def _is_of_4(message: JsonObject) -> bool:
    return message.get("role") == "data" or (
        isinstance(message.get("content"), str) and not _FIELDS_OF_4.isdisjoint(message)
    )


def _parts(message: JsonObject) -> Iterator[JsonObject]:
    parts = message.get("parts")
    if isinstance(parts, list):
        yield from (part for part in parts if isinstance(part, dict))


def _since(part: JsonObject) -> int:
    kind = part.get("type")
    approval: JsonValue = part.get("approval")
    if kind in _PARTS_SINCE_7 or "citations" in part or "providerReference" in part:
        return 7
    if isinstance(approval, dict) and ("requestReason" in approval or "isAutomatic" in approval):
        return 7
    is_tool = isinstance(kind, str) and (kind.startswith("tool-") or kind == "dynamic-tool")
    if is_tool and (part.get("state") in _SINCE_6 or "title" in part or "toolMetadata" in part):
        return 6
    return 5
