"""One connection that waits for the news on every stream that is read here, and for this process's mail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mamba_adapters.redis.link import Link, Unavailable, fields_of

__all__ = ["News", "post"]

_REST: Final = 0.005
"""Seconds between two reads: readers ask again meanwhile, and writers write more."""
_AFTER_A_FAILURE: Final = 0.5
_ENTRIES_AT_ONCE: Final = 256
_MOST_MAIL: Final = 1000
_MAIL_LIFE: Final = 60


@dataclass(slots=True)
class _Wish:
    """A reader that waits for what comes behind an entry."""

    after: bytes
    entries: asyncio.Future[Sequence[Any]]


class News:
    """The reading task's state. `inbox` is the key of this process's mail, `opened` is given the fields of each letter."""

    def __init__(self, link: Link, inbox: str, *, opened: Callable[[dict[bytes, bytes]], None]) -> None:
        self._link = link
        self._inbox = inbox
        self._opened = opened
        self._read_to = b"0-0"
        self._wishes: dict[str, _Wish] = {}
        self._asked: frozenset[str] = frozenset()
        self._is_called = False

    async def of(self, key: str, after: bytes, *, patience: float) -> Sequence[Any]:
        """The entries of a stream behind an entry; nothing where none came within `patience` seconds.

        One reader a stream at a time.
        """
        wish = self._wishes[key] = _Wish(after, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(patience):
                if key not in self._asked:
                    await self._call()
                return await wish.entries
        except TimeoutError:
            return ()
        finally:
            if self._wishes.get(key) is wish:
                del self._wishes[key]

    async def run(self) -> None:
        """Read for ever."""
        while True:
            wishes = dict(self._wishes)
            self._asked = frozenset(wishes)
            self._is_called = False
            try:
                news = await self._link.news(
                    {self._inbox: self._read_to, **{key: wish.after for key, wish in wishes.items()}},
                    count=_ENTRIES_AT_ONCE,
                )
            except Unavailable:
                self._asked = frozenset()
                await asyncio.sleep(_AFTER_A_FAILURE)
                continue
            self._asked = frozenset()
            for entry in news.pop(self._inbox, ()):
                self._read_to = entry[0]
                self._opened(fields_of(entry))
            for key, entries in news.items():
                if not wishes[key].entries.done():
                    wishes[key].entries.set_result(entries)
            await asyncio.sleep(_REST)

    async def _call(self) -> None:
        """End the read under way, so that the next one asks for more."""
        if self._is_called:
            return
        self._is_called = True
        try:
            await self._link.send([*post(self._inbox, b"wake", b"")])
        except Unavailable:
            """The read ends by itself a little later."""


def post(inbox: str, kind: bytes, content: bytes) -> tuple[tuple[str | bytes | int, ...], ...]:
    """The commands that put a letter into an inbox; one that is never read expires."""
    return (
        ("XADD", inbox, "MAXLEN", "~", _MOST_MAIL, "*", kind, content),
        ("EXPIRE", inbox, _MAIL_LIFE),
    )
