"""What can be wrong with settings, in one line each, and never with the value in it: it may be a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mamba_adapters.config.keys import all_keys, find_key, table_at

__all__ = ["ConfigurationError", "Problem", "problems_of"]

_REASONS = {
    "model_type": "must be a table",
    "tuple_type": "must be a list",
    "missing": "is required",
    "literal_error": "is none of the allowed values",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_parsing": "must be an integer",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "string_type": "must be a text, in quotes",
    "string_pattern_mismatch": "has a character that is not allowed, or is too long",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend: the key, where its value comes from, what is wrong, and what would be right."""

    key: str
    source: str
    reason: str
    allowed: str = ""

    def __str__(self) -> str:
        """One line of printable characters, whatever names the source uses."""
        line = f"{self.key} ({self.source}): {self.reason}" + (f"; allowed: {self.allowed}" if self.allowed else "")
        return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in line)


class ConfigurationError(Exception):
    """The settings cannot be used. All problems at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, problems)))


def problems_of(error: ValidationError, sources: Mapping[str, str]) -> Iterator[Problem]:
    """The problems that the models found; `sources` tells for each value that was set where it comes from."""
    for details in error.errors(include_input=False, include_url=False, include_context=False):
        if details["type"] == "extra_forbidden":
            yield from _unknown(details["loc"], sources)
        else:
            yield _wrong(details, sources)


def _wrong(details: ErrorDetails, sources: Mapping[str, str]) -> Problem:
    path = details["loc"]
    key = find_key(path) or find_key(path[:-1])
    reason = _REASONS.get(details["type"]) or details["msg"].replace("Input should", "must").replace(
        "String should", "must"
    )
    return Problem(key=_dotted(path), source=_source(path, sources), reason=reason, allowed=key.allowed if key else "")


def _unknown(path: tuple[str | int, ...], sources: Mapping[str, str]) -> Iterator[Problem]:
    """A problem a value, when a whole unknown table was set: the values may come from several sources."""
    name = _dotted(path)
    for key in [key for key in sources if key == name or key.startswith(f"{name}.")] or [name]:
        table = table_at(path[:-1])
        suggestion = _closest(path if key == name else key.split("."))
        yield Problem(
            key=key,
            source=sources.get(key) or _source(path, sources),
            reason="unknown key" + (f"; did you mean {suggestion}?" if suggestion else ""),
            allowed=", ".join(table.model_fields) if table is not None else "",
        )


def _closest(path: Sequence[str | int]) -> str | None:
    """The key that was probably meant: one of the same table, or any whose full or last name is alike."""
    import difflib

    *parent, last = path
    table = table_at(parent)
    if table is not None and (found := difflib.get_close_matches(str(last), table.model_fields, n=1)):
        return _dotted((*parent, found[0]))
    known = all_keys()
    by_last = [key for key in known if key.rpartition(".")[2] == last]
    found = difflib.get_close_matches(_dotted(path), known, n=1, cutoff=0.75) or by_last
    return found[0] if found else None


def _source(path: Sequence[str | int], sources: Mapping[str, str]) -> str:
    """Where the value at a path comes from, or the innermost of the lists and tables around it."""
    for length in range(len(path), 0, -1):
        name = _dotted(path[:length])
        for key, source in sources.items():
            if key == name or key.startswith(f"{name}."):
                return source
    return "default"


def _dotted(path: Sequence[str | int]) -> str:
    """The path as an operator writes it: `models[0].id`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
