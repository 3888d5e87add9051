"""The names of all keys. What a client or a principal is called appears in none of them, only in a digest."""

from __future__ import annotations

import hashlib

from mamba_domain.ports.streams import RequestKey, StreamId, StreamKey

__all__ = ["Keys"]


class Keys:
    """Keys under one prefix.

    `stream`: the entries of a stream. `reading`: whether its end was read, where that changed later. `chat`: the id of a chat's last stream. `request`: whose a request's name is.
    `process`: there while a process lives. `inbox`: what other processes tell a process.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def stream(self, stream_id: StreamId) -> str:
        """A Redis stream."""
        return f"{self._prefix}stream:{stream_id}"

    def reading(self, stream_id: StreamId) -> str:
        """A text, there once somebody has come back for a stream that ended unread, or has left one before its end."""
        return f"{self._prefix}reading:{stream_id}"

    def chat(self, key: StreamKey) -> str:
        """A text."""
        return f"{self._prefix}chat:{_digest(key.subject, key.chat_id)}"

    def request(self, request: RequestKey) -> str:
        """A text."""
        return f"{self._prefix}request:{_digest(request.subject, request.name)}"

    def process(self, process_id: str) -> str:
        """A text that expires unless its process renews it."""
        return f"{self._prefix}process:{process_id}"

    def inbox(self, process_id: str) -> str:
        """A Redis stream."""
        return f"{self._prefix}inbox:{process_id}"


def _digest(*parts: str) -> str:
    """One digest of several texts, which cannot be divided otherwise into the same one."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()
