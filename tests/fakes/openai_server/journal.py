"""What the fake has received, and what became of it."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .steps import JsonObject, JsonValue

__all__ = ["Journal", "Received"]

_KEPT = 10_000


@dataclass(slots=True, kw_only=True)
class Received:
    """One request. Times are `time.monotonic()`, which processes on one machine share."""

    number: int
    connection: int
    method: str
    path: str
    headers: JsonObject
    body: JsonValue
    started_at: float
    trap: bool = False
    """Whether it came to the trap, where nobody has any business."""
    bytes_sent: int = 0
    """Bytes that the operating system has taken for this answer."""
    finished_at: float | None = None
    """When the answer was whole, or was broken off on purpose."""
    aborted_at: float | None = None
    """When the client went away before that."""
    ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def aborted(self) -> bool:
        return self.aborted_at is not None

    @property
    def model(self) -> str | None:
        model = self.body.get("model") if isinstance(self.body, dict) else None
        return model if isinstance(model, str) else None

    def json(self) -> JsonObject:
        return {
            "number": self.number,
            "connection": self.connection,
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "body": self.body,
            "model": self.model,
            "trap": self.trap,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "aborted": self.aborted,
            "aborted_at": self.aborted_at,
            "bytes_sent": self.bytes_sent,
        }


class Journal:
    """The latest requests and the running totals."""

    def __init__(self) -> None:
        self.requests: deque[Received] = deque(maxlen=_KEPT)
        self.total = 0
        self.aborted = 0
        self.open_streams = 0
        self.open_connections = 0
        self.total_connections = 0
        self._changed = asyncio.Event()

    @property
    def trapped(self) -> list[Received]:
        """The requests that the trap received."""
        return [received for received in self.requests if received.trap]

    def begin(self, received: Received) -> None:
        self.total += 1
        self.open_streams += 1
        self.requests.append(received)
        self.changed()

    def end(self, received: Received) -> None:
        self.open_streams -= 1
        self.aborted += received.aborted
        received.ended.set()
        self.changed()

    def clear(self) -> None:
        """Forgets the requests and the totals; what is open stays counted."""
        self.requests.clear()
        self.total = self.aborted = self.total_connections = 0

    def changed(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool], timeout: float = 5.0) -> None:
        """Waits until the condition holds; it is asked again at every change of the journal.

        Raises TimeoutError after `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            while not condition():
                await self._changed.wait()

    def stats(self) -> dict[str, int]:
        return {
            "open_streams": self.open_streams,
            "open_connections": self.open_connections,
            "total": self.total,
            "total_connections": self.total_connections,
            "aborted": self.aborted,
            "trapped": len(self.trapped),
        }
