"""The demo model's words: picks texts and puts the person's topic in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from mamba_adapters.demo import texts
from mamba_adapters.demo.displays import DISPLAYS
from mamba_adapters.demo.prompt import Prompt
from mamba_adapters.demo.transcript import Dice
from mamba_domain.messages import FilePart, JsonValue, ToolResultPart

__all__ = ["about_results", "answer", "filled", "received"]

_LONGEST_GREETING = 4
_LONGEST_QUOTE = 240
_MOST_FACTS = 6
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
    shown = [name for result in results if (name := _shown(result))]
    told = [_about(result) for result in results if len(shown) < 2 or not _shown(result)]
    if len(shown) > 1:
        told.append(f"{', '.join(shown[:-1])} and {shown[-1]} are ready.")
    return f"{' '.join(told)} {dice.pick(texts.CLOSINGS)}"


def received(files: Sequence[FilePart], dice: Dice) -> str:
    """What to say about attachments."""
    names = " and ".join(f"**{file.filename or 'a file'}** ({_size(file)})" for file in files)
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


def _shown(result: ToolResultPart) -> str:
    """The name of what a display tool made; empty for any other result."""
    if result.tool not in _NOUNS or result.failed or not isinstance(result.output, dict):
        return ""
    name = result.output.get("title") or result.output.get("filename")
    return f"**{name}**" if name else ""


def _about(result: ToolResultPart) -> str:
    noun = _NOUNS.get(result.tool)
    if noun is None:
        verb = "did not work out and said" if result.failed else "answered"
        return f"`{result.tool}` {verb}: {_told(result.output)}."
    if result.failed:
        return f"The {noun} did not work out: {_told(result.output)}."
    return f"The {noun} {_shown(result)} is ready.".replace("  ", " ")


def _told(output: JsonValue) -> str:
    """The output in one short line."""
    facts = output.items() if isinstance(output, dict) and len(output) <= _MOST_FACTS else ()
    if facts and not any(isinstance(value, dict | list) for _, value in facts):
        return ", ".join(f"{name.replace('_', ' ')} {_quoted(value)}" for name, value in facts)
    return _quoted(output)


def _quoted(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.replace("`", "'").split()).rstrip(".") or "(nothing)"
    return f"`{line}`" if len(line) <= _LONGEST_QUOTE else f"`{line[:_LONGEST_QUOTE]}…`"


def _size(file: FilePart) -> str:
    """The media type, and the bytes where the file came along."""
    if not file.url.startswith("data:"):
        return file.media_type
    coded = file.url.partition(",")[2]
    size = len(coded) * 3 // 4 - coded.count("=", -2)
    return f"{file.media_type}, {size} bytes" if size < 1000 else f"{file.media_type}, {size / 1000:.0f} kB"
