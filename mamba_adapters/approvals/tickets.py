"""What a desk remembers of its approvals: the pending ones, for clients that lose the signature, and the used ones.

In memory this holds for one process: with several replicas, or across a restart, a verdict could be
redeemed once in each. Where that matters, plug in a store that they share; the three methods are those of
any key-value store with expiry.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Protocol

__all__ = ["MemoryTickets", "TicketStore"]


class TicketStore(Protocol):
    """Texts by key, each for a time in seconds. Pending texts may be forgotten early; what was taken must not be."""

    async def remember(self, key: str, text: str, *, seconds: float) -> None:
        """Keep a text; one that was kept under the key before is replaced."""
        ...

    async def recall(self, key: str) -> str | None:
        """The text that is kept."""
        ...

    async def take(self, key: str, *, seconds: float) -> bool:
        """True for the first who asks for this key, False for everybody after, for so long. Atomic."""
        ...


class MemoryTickets:
    """The store of one process. When it is full, the oldest pending text goes, and nothing more can be taken."""

    def __init__(self, *, max_entries: int = 20_000, clock: Callable[[], float] = monotonic) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._pending: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._taken: OrderedDict[str, float] = OrderedDict()

    async def remember(self, key: str, text: str, *, seconds: float) -> None:
        """Keep a text."""
        now = self._clock()
        while self._pending and next(iter(self._pending.values()))[0] <= now:
            self._pending.popitem(last=False)
        while len(self._pending) >= self._max_entries:
            self._pending.popitem(last=False)
        self._pending[key] = (now + seconds, text)
        self._pending.move_to_end(key)

    async def recall(self, key: str) -> str | None:
        """The text that is kept."""
        expires, text = self._pending.get(key, (0.0, ""))
        return text if expires > self._clock() else None

    async def take(self, key: str, *, seconds: float) -> bool:
        """True for the first who asks."""
        now = self._clock()
        while self._taken and next(iter(self._taken.values())) <= now:
            self._taken.popitem(last=False)
        if self._taken.get(key, 0.0) > now or len(self._taken) >= self._max_entries:
            return False
        self._taken[key] = now + seconds
        self._taken.move_to_end(key)
        return True
