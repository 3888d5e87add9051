"""What a reader of requests notes down while it walks: problems, things ignored, and how much there was of everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mamba_adapters.http.bodies import Invalid, Problem
from mamba_adapters.http.wire.json_text import dumps
from mamba_adapters.http.wire.read_fields import IGNORED_PARTS, PART_FIELDS
from mamba_domain.errors import Code, Rejected
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["LONGEST_ID", "Notes", "ReadLimits", "too_large"]

LONGEST_ID = 256
_MOST_PROBLEMS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """Bounds of one request. `max_file_bytes` counts one file, decoded; characters are those that a model would read."""

    max_messages: int = 1000
    max_parts: int = 2000
    max_text_chars: int = 1_000_000
    max_file_bytes: int = 4 << 20
    temperature_max: float = 2.0


class Notes:
    """One request's notes. `ignored` has few keys whatever a client sends: names that nobody knows share one."""

    def __init__(self, limits: ReadLimits) -> None:
        self.limits = limits
        self.ignored: dict[str, int] = {}
        self._problems: list[Problem] = []
        self._parts = 0
        self._chars = 0

    def problem(self, pointer: str, reason: str) -> None:
        """Something that must be mended. Raises `Invalid` when there are as many as anybody wants to read."""
        self._problems.append(Problem(pointer=pointer, reason=reason))
        if len(self._problems) == _MOST_PROBLEMS:
            self.judge()

    def judge(self) -> None:
        """Raise `Invalid` if there were problems."""
        if self._problems:
            raise Invalid(tuple(self._problems))

    def ignore(self, kind: str) -> None:
        """Something that is left out; `kind` is one of few names."""
        self.ignored[kind] = self.ignored.get(kind, 0) + 1

    def ignore_part(self, kind: JsonValue) -> None:
        """A part that is left out, of whatever type."""
        name = kind if isinstance(kind, str) else ""
        if name not in IGNORED_PARTS:
            name = "data" if name.startswith("data-") else "unknown"
        self.ignore(f"part:{name}")

    def unknown_fields(self, owner: JsonObject, known: frozenset[str], kind: str) -> None:
        """Count the fields that nobody reads."""
        if not known.issuperset(owner):
            count = sum(name not in known for name in owner)
            self.ignored[kind] = self.ignored.get(kind, 0) + count

    def part(self, value: JsonValue, pointer: str) -> JsonObject | None:
        """A part, counted; None after a problem was noted."""
        self.count_part()
        if not isinstance(value, dict):
            self.problem(pointer, "must be an object")
            return None
        self.unknown_fields(value, PART_FIELDS, "field:part")
        return value

    def count_part(self) -> None:
        """Raises `Rejected` (PAYLOAD_TOO_LARGE) for a part too many."""
        self._parts += 1
        if self._parts > self.limits.max_parts:
            raise too_large(f"more than {self.limits.max_parts} message parts")

    def text(self, value: JsonValue, pointer: str) -> str:
        """A text that models and clients can carry, counted; empty after a problem was noted."""
        if not isinstance(value, str):
            self.problem(pointer, "must be a text")
            return ""
        self._count(len(value))
        return value if value.isascii() else _sound(value)

    def value(self, value: JsonValue) -> JsonValue:
        """Any value that a model will read as text, counted."""
        if isinstance(value, str):
            return self.text(value, "")
        if value is not None and value != {}:
            self._count(len(dumps(value)))
        return value

    def items(self, owner: Mapping[str, JsonValue], name: str, pointer: str) -> list[JsonValue] | None:
        """A field that is a list, or is not there."""
        value = owner.get(name)
        if value is None or isinstance(value, list):
            return value
        self.problem(f"{pointer}/{name}", "must be a list")
        return None

    def id(self, value: JsonValue, pointer: str) -> str | None:
        """An id; None where there is none, and after a problem was noted."""
        if value is None or value == "":
            return None
        if isinstance(value, str) and len(value) <= LONGEST_ID and value.isprintable():
            return value
        self.problem(pointer, f"must be a text of at most {LONGEST_ID} printable characters")
        return None

    def needed_id(self, value: JsonValue, pointer: str) -> str | None:
        """An id that has to be there; None after a problem was noted."""
        if value is None or value == "":
            self.problem(pointer, "is missing")
            return None
        return self.id(value, pointer)

    def _count(self, chars: int) -> None:
        self._chars += chars
        if self._chars > self.limits.max_text_chars:
            raise too_large(f"more than {self.limits.max_text_chars} characters of text")


def too_large(what: str) -> Rejected:
    """The refusal of a request that holds too much of something."""
    return Rejected(Code.PAYLOAD_TOO_LARGE, f"The request has {what}.")


def _sound(text: str) -> str:
    """The text with U+FFFD for every surrogate that has no partner."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
