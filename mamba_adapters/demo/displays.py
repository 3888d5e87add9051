"""What the demo model shows through each display tool, by what the person asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mamba_adapters.demo.prompt import Prompt
from mamba_adapters.demo.showcase import CARDS, FORMS, LISTINGS, SERIES, SHARES, Choices
from mamba_adapters.demo.transcript import Dice
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["DISPLAYS", "Display"]

_KINDS: Final = ("line", "bar", "pie", "area")


def _forms(prompt: Prompt, dice: Dice, count: int) -> list[JsonObject]:
    return _chosen(FORMS, prompt, dice, count)


def _chosen(choices: Choices, prompt: Prompt, dice: Dice, count: int) -> list[JsonObject]:
    """So many choices, first those that the prompt names."""
    named = [value for words, value in choices if prompt.has(*words)]
    others = [value for words, value in choices if not prompt.has(*words)]
    return named[:count] + dice.some(others, count - len(named))


def _charts(prompt: Prompt, dice: Dice, count: int) -> list[JsonObject]:
    kinds = [kind for kind in _KINDS if prompt.has(kind)]
    kinds += dice.some([kind for kind in _KINDS if kind not in kinds], count - len(kinds))
    description = f"Made up for “{prompt.topic}”." if prompt.topic else "Made-up numbers."
    series = dice.some(SERIES, len(SERIES))
    charts: list[JsonObject] = []
    for kind in kinds:
        title, rows = dice.pick(SHARES) if kind == "pie" else series.pop()
        data: list[JsonValue] = [{"label": label, "value": value} for label, value in rows]
        charts.append({"chartType": kind, "title": title, "description": description, "data": data})
    return charts


def _code(prompt: Prompt, dice: Dice, count: int) -> list[JsonObject]:
    return _chosen(LISTINGS, prompt, dice, count)


def _cards(prompt: Prompt, dice: Dice, count: int) -> list[JsonObject]:
    return _chosen(CARDS, prompt, dice, count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """A display tool: its name, how to speak of it, the words that ask for it, and what makes inputs for calls."""

    tool: str
    noun: str
    one: str
    many: str
    asked_by: tuple[str, ...]
    made: Callable[[Prompt, Dice, int], list[JsonObject]]


DISPLAYS: Final = (
    Display(
        tool="generateForm",
        noun="form",
        one="a form",
        many="forms",
        asked_by=("form", "forms", "survey", "questionnaire"),
        made=_forms,
    ),
    Display(
        tool="generateChart",
        noun="chart",
        one="a chart",
        many="charts",
        asked_by=("chart", "charts", "graph", "graphs", "diagram", "plot"),
        made=_charts,
    ),
    Display(
        tool="generateCode",
        noun="code",
        one="some code",
        many="listings",
        asked_by=("code", "function", "script", "snippet", "program"),
        made=_code,
    ),
    Display(
        tool="generateCard",
        noun="card",
        one="a card",
        many="cards",
        asked_by=("card", "cards", "profile"),
        made=_cards,
    ),
)
