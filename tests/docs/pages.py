"""The documentation's pages, and the fenced blocks in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.architecture.sources import ROOT

__all__ = ["PAGES", "Block", "all_blocks", "commands_of"]

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))

_FENCE = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: `note` is what stands behind the language."""

    page: str
    line: int
    language: str
    note: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def all_blocks(*languages: str) -> Sequence[Block]:
    """Every block, or those in these languages, in the order of the pages."""
    found = [block for path in PAGES for block in _blocks(str(path.relative_to(ROOT)), path.read_text("utf-8"))]
    return [block for block in found if not languages or block.language in languages]


def commands_of(block: Block) -> Iterator[str]:
    """The commands of a shell block: continued lines and here-documents belong to the line that they continue."""
    lines = iter(block.text.splitlines())
    for line in lines:
        if block.language == "console" and not line.startswith("$ "):
            continue
        command = line.removeprefix("$ ")
        while command.endswith("\\"):
            command += "\n" + next(lines)
        if (document := _HEREDOC.search(command)) is not None:
            while True:
                more = next(lines)
                command += "\n" + more
                if more.strip() == document[1]:
                    break
        if command.strip() and not command.lstrip().startswith("#"):
            yield command


def _blocks(page: str, text: str) -> Iterator[Block]:
    for found in _FENCE.finditer(text):
        indent, language, note, content = found.groups()
        content = re.sub(rf"^{indent}", "", content, flags=re.MULTILINE)
        yield Block(page, text.count("\n", 0, found.start()) + 1, language, note.strip(), content)
