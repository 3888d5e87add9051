"""What a reader of requests notes down while it walks: problems, things ignored, and how much there was of everything."""

from __future__ import annotations

from mamba_adapters.http.bodies import Problem
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["MAX_PROBLEMS", "Notes"]

MAX_PROBLEMS = 8
_COUNTED = frozenset({"step-start", "source", "input_audio", "custom", "reasoning-file", "steering-message", "refusal"})


class Notes:
    """One request's notes. `ignored` has few keys whatever a client sends: unknown names share one."""

    def __init__(self, *, max_parts: int, max_text_chars: int) -> None:
        self._max_parts = max_parts
        self._max_text_chars = max_text_chars
        self._parts = 0
        self._chars = 0
        self.problems: list[Problem] = []
        self.ignored: dict[str, int] = {}

    @property
    def full(self) -> bool:
        """Whether there are as many problems as anybody wants to read."""
        return len(self.problems) >= MAX_PROBLEMS

    def problem(self, pointer: str, reason: str) -> None:
        """Something that must be mended."""
        if not self.full:
            self.problems.append(Problem(pointer=pointer, reason=reason))

    def ignore(self, kind: str) -> None:
        """Something of a known kind that is left out."""
        self.ignored[kind] = self.ignored.get(kind, 0) + 1

    def ignore_part(self, kind: JsonValue) -> None:
        """A part that is left out."""
        if isinstance(kind, str) and kind.startswith("data-"):
            kind = "data"
        self.ignore(f"part:{kind}" if isinstance(kind, str) and kind in {*_COUNTED, "data"} else "part:unknown")

    def part(self, pointer: str) -> bool:
        """Count a part; False once there are too many."""
        self._parts += 1
        if self._parts == self._max_parts + 1:
            self.problem(pointer, f"is one part too many; at most {self._max_parts} are allowed")
        return self._parts <= self._max_parts

    def text(self, value: JsonValue, pointer: str) -> str:
        """A text that models and clients can carry, counted."""
        if not isinstance(value, str):
            self.problem(pointer, "must be a text")
            return ""
        before = self._chars
        self._chars += len(value)
        if before <= self._max_text_chars < self._chars:
            self.problem(pointer, f"is too much text; a request may hold {self._max_text_chars} characters")
        return value

    def items(self, owner: JsonObject, name: str, pointer: str) -> list[JsonValue] | None:
        """A field that is a list, or is not there."""
        value = owner.get(name)
        if value is None or isinstance(value, list):
            return value
        self.problem(f"{pointer}/{name}", "must be a list")
        return None
