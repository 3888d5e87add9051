"""A conversation as plain text, and choices that depend on nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import TypeVar, assert_never

from mamba_domain.messages import (
    AssistantMessage,
    AssistantPart,
    FilePart,
    Message,
    SystemMessage,
    ToolCallPart,
    ToolMessage,
    UserMessage,
)

__all__ = ["Dice", "transcript"]

_T = TypeVar("_T")


def transcript(messages: Sequence[Message]) -> Iterator[str]:
    """Each thing that was said, called, returned or attached; of a file its name and size only."""
    for message in messages:
        match message:
            case SystemMessage(text=text):
                yield text
            case UserMessage(parts=asked):
                yield from map(_text, asked)
            case AssistantMessage(parts=answered):
                yield from map(_text, answered)
            case ToolMessage(results=results):
                for result in results:
                    yield json.dumps(result.output)
            case _ as unreachable:
                assert_never(unreachable)


def _text(part: AssistantPart) -> str:
    match part:
        case FilePart(filename=filename, media_type=media_type, url=url):
            return f"{filename or media_type} {len(url)}"
        case ToolCallPart(tool=tool, input=value):
            return f"{tool} {json.dumps(value)}"
        case _:
            return part.text


class Dice:
    """Throws that look arbitrary and are the same for the same conversation."""

    def __init__(self, messages: Sequence[Message]) -> None:
        seed = hashlib.blake2b(digest_size=16)
        for text in transcript(messages):
            seed.update(text.encode("utf-8", "replace") + b"\0")
        self._seed = seed
        self._throws = 0

    def name(self) -> str:
        """A new short name."""
        return self._throw().hex()

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of the choices."""
        return choices[int.from_bytes(self._throw(), "big") % len(choices)]

    def some(self, choices: Sequence[_T], count: int) -> list[_T]:
        """So many of the choices, each at most once."""
        left = list(choices)
        return [left.pop(self.pick(range(len(left)))) for _ in range(min(count, len(left)))]

    def _throw(self) -> bytes:
        self._throws += 1
        throw = self._seed.copy()
        throw.update(str(self._throws).encode())
        return throw.digest()[:12]
