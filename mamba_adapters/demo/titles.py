"""The demo model's titles: the first sentence of a request, without the words that only ask, cut where a clause ends."""

from __future__ import annotations

import re
from typing import Final

from mamba_adapters.demo import texts

__all__ = ["title_of"]

_MOST_WORDS = 6
_LONGEST = 60
_EDGES = " \t,.;:!?。！？\"'“”‘’`*_#<>-–—"
_SENTENCE = re.compile(r"[^.!?。！？\n]*[^\W_][^.!?。！？\n]*(?:\.(?=\w)[^.!?。！？\n]*)*")
_LISTED_ARTICLE = re.compile(r"(, |\band |\bor )(?:an?|the|some) ", re.IGNORECASE)
_ASIDE = re.compile(r", (?:with|because|but|so|please|if|when|which|where|who|i|it|it's|thanks?)\b.*", re.IGNORECASE)
_ASKING: Final = (
    r"(?:hello|hi|hey)(?: there)?(?:,|\b)",
    r"please\b,?",
    r"(?:can|could|would|will) you\b",
    r"i(?:'d| would)? (?:want|like|need)(?: you)?(?: to)?\b",
    r"how (?:do|can|could|should|would) (?:i|you|we|one)\b",
    r"what (?:is|are|was|were) (?!in |on |at |of |for |with |under |behind )",
    r"what's ",
    r"(?:show|give|tell|draw|write|make|create|generate|explain|describe|think|call)(?: me| us)?(?: about)?\b",
    r"(?:an?|the|some|long|short) ",
    r"answer about\b",
)
_OPENING = re.compile(rf"(?:{'|'.join(_ASKING)})\s*", re.IGNORECASE)
_CLAUSE: Final = re.compile(
    r"that|which|who|when|where|while|because|if|since|after|before|and|or|but|so|as|than", re.IGNORECASE
)
_LOOSE: Final = re.compile(
    rf"{_CLAUSE.pattern}|an?|the|of|to|for|in|on|at|by|with|from|into|about|between|my|your|this|is|are", re.IGNORECASE
)


def title_of(text: str) -> str:
    """At most six words of the request; a title of its own for one without words."""
    found = _SENTENCE.search(text)
    if found is None:
        return texts.UNTITLED
    sentence = _LISTED_ARTICLE.sub(r"\1", _ASIDE.sub("", " ".join(found[0].split())))
    words = (_without_asking(sentence) or sentence).split()
    kept = words[:_MOST_WORDS]
    if len(kept) < len(words):
        kept = _to_the_clause(kept)
    title = " ".join(kept).strip(_EDGES)[:_LONGEST].rstrip(_EDGES)
    return title[:1].upper() + title[1:]


def _without_asking(sentence: str) -> str:
    """The sentence from where it says what it is about; empty when it only asks."""
    rest = sentence.strip(_EDGES)
    while (opening := _OPENING.match(rest)) and opening[0]:
        rest = rest[opening.end() :].lstrip(_EDGES)
    return rest


def _to_the_clause(words: list[str]) -> list[str]:
    """The words without a clause that was cut off, and without a word that leads nowhere."""
    start = max((n for n, word in enumerate(words) if n > 1 and _CLAUSE.fullmatch(word)), default=len(words))
    kept = words[:start]
    while len(kept) > 1 and _LOOSE.fullmatch(kept[-1]):
        kept.pop()
    return kept
