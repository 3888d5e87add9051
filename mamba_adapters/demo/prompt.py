"""What a person asked for, as far as the demo model can tell: words, names and a topic."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mamba_adapters.demo import texts
from mamba_domain.messages import FilePart, Message, TextPart, UserMessage

__all__ = ["Prompt"]

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_PLAIN_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_QUOTED = re.compile(r'"([^"\n]{1,80})"|“([^”\n]{1,80})”')
_SENTENCE_END = re.compile(r"[.!?;:\n]")
_MOST_WORDS = 6
_LONGEST = 80
_FILLERS = frozenset(texts.FILLERS.split())


@dataclass(frozen=True)
class Prompt:
    """The latest words of the person, with what was attached."""

    text: str
    files: tuple[FilePart, ...] = ()

    @classmethod
    def last_of(cls, messages: Sequence[Message]) -> Prompt:
        """Read from the last message of the person."""
        for message in reversed(messages):
            if isinstance(message, UserMessage):
                text = "\n".join(part.text for part in message.parts if isinstance(part, TextPart))
                return cls(text, tuple(part for part in message.parts if isinstance(part, FilePart)))
        return cls("")

    @cached_property
    def spelled(self) -> tuple[str, ...]:
        """The words as they were written."""
        return tuple(_WORD.findall(self.text))

    @cached_property
    def words(self) -> frozenset[str]:
        """The words in lower case."""
        return frozenset(_PLAIN_WORD.findall(self.text.lower()))

    def has(self, *words: str) -> bool:
        """Whether one of the words was said."""
        return not self.words.isdisjoint(words)

    def names(self, tool: str) -> bool:
        """Whether a tool was called by its name, as it is written or in plain words."""
        name = _plain(tool)
        return bool(name) and f" {name} " in f" {_plain(self.text)} "

    @cached_property
    def topic(self) -> str:
        """What it is about in a few words; empty when nothing can be found."""
        if quoted := _QUOTED.search(self.text):
            return " ".join(_WORD.findall(quoted[0]))
        for sentence in _SENTENCE_END.split(self.text):
            words = _WORD.findall(sentence)
            telling = [n for n, word in enumerate(words) if word.lower() not in _FILLERS]
            if telling:
                end = max(n for n in telling if n - telling[0] < _MOST_WORDS)
                return " ".join(words[telling[0] : end + 1])[:_LONGEST]
        return ""

    @cached_property
    def subject(self) -> str:
        """A quoted text or a name inside the sentence, such as a city's; empty when there is none."""
        if quoted := _QUOTED.search(self.text):
            return quoted[1] or quoted[2]
        named = re.search(r"(?<=[a-z,] )([A-Z]\w+(?: [A-Z]\w+)*)", self.text)
        return named[1][:_LONGEST] if named else ""


def _plain(text: str) -> str:
    """Words in lower case, whether they were joined by underscores, hyphens or humps."""
    return " ".join(_PLAIN_WORD.findall(_HUMP.sub(" ", text))).lower()
