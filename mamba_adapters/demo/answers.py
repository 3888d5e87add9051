"""The demo model's words: picks texts and puts the person's topic in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from mamba_adapters.demo import texts
from mamba_adapters.demo.displays import DISPLAYS
from mamba_adapters.demo.prompt import Prompt
from mamba_adapters.demo.transcript import Dice
from mamba_domain.messages import FilePart, ToolResultPart

__all__ = ["about_results", "answer", "filled", "received"]

_LONGEST_GREETING = 4
_LONGEST_QUOTE = 240
_NOUNS: Final = {display.tool: display.noun for display in DISPLAYS}


def answer(prompt: Prompt, dice: Dice) -> str:
    """What to say when nothing but words is wanted."""
    if prompt.has("submitted"):
        return texts.SUBMITTED
    if not prompt.words or (prompt.has("hello", "hi", "hey") and len(prompt.spelled) <= _LONGEST_GREETING):
        return f"{dice.pick(texts.GREETINGS)} {texts.ABOUT}\n\n{texts.CAPABILITIES}"
    if prompt.has("help") or {"what", "can", "you"} <= prompt.words:
        return f"{texts.ABOUT}\n\n{texts.CAPABILITIES}"
    if prompt.has("long"):
        return _long(prompt, dice)
    return _in_shape(prompt, dice)


def about_results(results: Sequence[ToolResultPart], dice: Dice) -> str:
    """What to say once the tools have answered."""
    return f"{' '.join(map(_about, results))} {dice.pick(texts.CLOSINGS)}"


def received(files: Sequence[FilePart], dice: Dice) -> str:
    """What to say about attachments."""
    names = " and ".join(f"**{file.filename or file.media_type}**" for file in files)
    return dice.pick(texts.FILES).replace("{files}", names)


def filled(text: str, prompt: Prompt) -> str:
    """The text with the prompt's topic in its place."""
    return text.replace("{topic}", prompt.topic or texts.ANY_TOPIC)


def _in_shape(prompt: Prompt, dice: Dice) -> str:
    """As a table, a list, a block of code, or in sentences."""
    wanted = {display.noun for display in DISPLAYS if prompt.has(*display.asked_by)}
    opening = texts.WITHOUT_TOOL if wanted and not prompt.has("block") else ""
    if prompt.has("table", "tables") or "chart" in wanted:
        return opening + filled(dice.pick(texts.TABLES), prompt)
    if prompt.has("list", "lists", "points", "steps") or "form" in wanted:
        return opening + _list(prompt, dice)
    if "code" in wanted:
        return opening + texts.CODE_BLOCK
    return opening + _sentences(prompt, dice)


def _sentences(prompt: Prompt, dice: Dice) -> str:
    introduction = filled(dice.pick(texts.INTRODUCTIONS), prompt)
    body = " ".join(dice.some(texts.SENTENCES, 3))
    return f"{introduction} {body}\n\n{dice.pick(texts.OFFERS)}"


def _list(prompt: Prompt, dice: Dice) -> str:
    numbered = prompt.has("steps", "numbered")
    items = dice.some(texts.LIST_ITEMS, 5)
    lines = (f"{number}. {item}" if numbered else f"- {item}" for number, item in enumerate(items, 1))
    return f"{filled(dice.pick(texts.LISTS), prompt)}\n\n" + "\n".join(lines) + "\n"


def _long(prompt: Prompt, dice: Dice) -> str:
    chapters = (
        f"## {number}. {heading}\n\n{' '.join(dice.some(texts.SENTENCES, 6))}\n\n{_list(prompt, dice)}"
        for number, heading in enumerate(texts.LONG_CHAPTERS, 1)
    )
    return f"{filled(texts.LONG_OPENING, prompt)}\n" + "\n".join(chapters)


def _about(result: ToolResultPart) -> str:
    noun = _NOUNS.get(result.tool)
    if noun is None:
        verb = "did not work out and said" if result.failed else "answered"
        return f"`{result.tool}` {verb}: {_quoted(result)}"
    if result.failed:
        return f"The {noun} did not work out: {_quoted(result)}"
    output = result.output if isinstance(result.output, dict) else {}
    name = output.get("title") or output.get("filename")
    return f"The {noun} **{name}** is ready." if name else f"The {noun} is ready."


def _quoted(result: ToolResultPart) -> str:
    """The output in one short line."""
    output = result.output if isinstance(result.output, str) else json.dumps(result.output, ensure_ascii=False)
    line = " ".join(output.replace("`", "'").split()) or "(nothing)"
    return f"`{line}`." if len(line) <= _LONGEST_QUOTE else f"`{line[:_LONGEST_QUOTE]}…`"
