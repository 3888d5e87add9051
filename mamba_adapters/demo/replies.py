"""Decides what the demo model answers to a request; pure, without a clock."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote_plus

from mamba_adapters.demo import texts
from mamba_adapters.demo.answers import about_results, answer, filled, received
from mamba_adapters.demo.displays import DISPLAYS
from mamba_adapters.demo.prompt import Prompt
from mamba_adapters.demo.schema_inputs import made_input
from mamba_adapters.demo.titles import title_of
from mamba_adapters.demo.transcript import Dice
from mamba_domain.messages import JsonObject, SystemMessage, ToolMessage
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import Placement

__all__ = ["Breakdown", "Call", "Calls", "Cited", "ReplyPart", "Said", "Thought", "reply_to"]

_NUMBERS = ("no", "one", "two", "three", "four")


@dataclass(frozen=True, slots=True)
class Thought:
    """Reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """Text of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A page that the answer names."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call."""

    call_id: str
    tool: str
    input: JsonObject


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls that are written side by side. They end the answer."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The provider fails here."""


ReplyPart: TypeAlias = Thought | Said | Cited | Calls | Breakdown


def reply_to(request: ModelRequest) -> tuple[ReplyPart, ...]:
    """The whole answer to a request; equal conversations get equal answers."""
    return tuple(_parts(request))


def _parts(request: ModelRequest) -> Iterator[ReplyPart]:
    prompt, dice = Prompt.last_of(request.messages), Dice(request.messages)
    spoken = [message for message in request.messages if not isinstance(message, SystemMessage)]
    if request.response_schema is not None:
        made = made_input(request.response_schema, subject=prompt.subject, topic=prompt.topic)
        yield Said(json.dumps(made, ensure_ascii=False, indent=2))
        return
    if _wants_title(request):
        yield Said(title_of(prompt.text))
        return
    if spoken and isinstance(last := spoken[-1], ToolMessage):
        yield Said(about_results(last.results, dice))
        return
    if prompt.has("think", "thinking", "reason", "reasoning"):
        yield Thought(filled(texts.THOUGHTS, prompt))
    if prompt.files:
        yield Said(received(prompt.files, dice) + "\n\n")
    if calls := _calls(request, prompt, dice):
        yield Said(_announcement(calls))
        yield Calls(calls)
    elif prompt.has("fail", "error"):
        if not prompt.has("first"):
            yield Said(texts.FAILING)
        yield Breakdown()
    elif not prompt.files:
        yield Said(answer(prompt, dice))
        if prompt.has("source", "sources"):
            yield Said(texts.SOURCES_TEXT)
            yield from _sources(prompt)


def _wants_title(request: ModelRequest) -> bool:
    """A request for a title brings instructions that say so, and no tools."""
    return not request.tools and any(
        isinstance(message, SystemMessage) and "title" in message.text.lower() for message in request.messages
    )


def _calls(request: ModelRequest, prompt: Prompt, dice: Dice) -> tuple[Call, ...]:
    """The calls that the prompt wants: of tools by their names, or else of display tools by what they show."""
    offered = request.tools if request.may_call and not prompt.has("submitted") else ()
    wanted: list[tuple[str, JsonObject]] = [
        (tool.name, made_input(tool.input_schema, subject=prompt.subject, topic=prompt.topic))
        for tool in offered
        if tool.placement is not Placement.DISPLAY and prompt.names(tool.name)
    ]
    if not wanted and not prompt.has("block"):
        names = {tool.name for tool in offered if tool.placement is Placement.DISPLAY}
        shown = [display for display in DISPLAYS if display.tool in names and prompt.has(*display.asked_by)]
        count = 2 if len(shown) == 1 and prompt.has("both", "two") else 1
        wanted = [(display.tool, value) for display in shown for value in display.made(prompt, dice, count)]
    return tuple(Call(f"call_{dice.name()}", tool, value) for tool, value in wanted)


def _announcement(calls: Sequence[Call]) -> str:
    """A sentence before the calls that names what they are."""
    counts = Counter(call.tool for call in calls)
    shown = [
        d.one if counts[d.tool] == 1 else f"{_NUMBERS[counts[d.tool]]} {d.many}" for d in DISPLAYS if d.tool in counts
    ]
    if shown:
        return f"Here {'is' if len(calls) == 1 else 'are'} {' and '.join(shown)} for you."
    return f"Let me ask {' and '.join(f'`{tool}`' for tool in counts)}."


def _sources(prompt: Prompt) -> Iterator[Cited]:
    topic = prompt.topic or texts.ANY_TOPIC
    for url, name in texts.SOURCES:
        yield Cited(url.replace("{query}", quote_plus(topic)), name.replace("{topic}", topic))
