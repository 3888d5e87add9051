"""The shape in which the fault modules describe their faults."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .asked import Api, Asked
from .phrases import PREFIX, REST, SENTENCE
from .replies import Answer, Reply
from .steps import Step, say

__all__ = ["BOTH", "CHAT", "RESPONSES", "Maker", "Spec", "always", "amid", "cut_short", "ending_with"]

Maker: TypeAlias = Callable[[Asked], Answer]

CHAT: frozenset[Api] = frozenset({"chat"})
RESPONSES: frozenset[Api] = frozenset({"responses"})
BOTH: frozenset[Api] = CHAT | RESPONSES


@dataclass(frozen=True, slots=True)
class Spec:
    """What a fault means in one line, and how it answers a request."""

    meaning: str
    make: Maker
    apis: frozenset[Api] = BOTH
    plain: bool = True
    """Whether requests without `stream` meet the fault too; else they get a normal answer."""


def always(answer: Answer) -> Maker:
    """The same answer whatever was asked."""
    return lambda asked: answer


def cut_short(*steps: Step) -> Maker:
    """The beginning of the answer, then these steps and nothing more."""
    return always(Reply(steps=(*say(*PREFIX), *steps), finish=None))


def amid(*steps: Step) -> Maker:
    """A whole answer with these steps in the middle of it."""
    return always(Reply(steps=(*say(*PREFIX), *steps, *say(*REST))))


def ending_with(*steps: Step) -> Maker:
    """The whole text, then these steps in place of the usual ending."""
    return always(Reply(steps=(*say(*SENTENCE), *steps), finish=None))
