"""The words of chat requests, of all generations together: what is not among them is counted as unknown."""

from __future__ import annotations

__all__ = ["IGNORED_PARTS", "MESSAGE_FIELDS", "PART_FIELDS"]

MESSAGE_FIELDS = frozenset(
    {
        "id",
        "role",
        "content",
        "parts",
        "metadata",
        "name",
        "tool_calls",
        "tool_call_id",
        "refusal",
        "toolInvocations",
        "experimental_attachments",
        "annotations",
        "data",
        "createdAt",
        "revisionId",
        "reasoning",
    }
)
"""Fields of a message."""

PART_FIELDS = frozenset(
    {
        "type",
        "text",
        "state",
        "id",
        "providerMetadata",
        "citations",
        "url",
        "mediaType",
        "filename",
        "providerReference",
        "mimeType",
        "data",
        "file",
        "image_url",
        "input_audio",
        "refusal",
        "reasoning",
        "details",
        "source",
        "sourceId",
        "title",
        "kind",
        "parts",
        "toolInvocation",
        "toolCallId",
        "toolName",
        "toolMetadata",
        "dynamic",
        "providerExecuted",
        "preliminary",
        "input",
        "rawInput",
        "inputEncoding",
        "output",
        "errorText",
        "approval",
        "callProviderMetadata",
        "resultProviderMetadata",
    }
)
"""Fields of a part."""

IGNORED_PARTS = frozenset({"source-url", "source-document", "source", "custom", "reasoning-file", "input_audio"})
"""Types of parts that models are not told of, though they are known; `data-*` are too."""
