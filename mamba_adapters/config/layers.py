"""Layers of settings, and the tree that they make when one is laid over the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mamba_adapters.config.problems import Problem

__all__ = ["Layer", "Reading", "Tree"]


@dataclass(frozen=True, slots=True)
class Layer:
    """Nested tables as one source has them: a file, or one environment variable. They may hold secrets."""

    source: str
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in one place: layers, the weakest first, and what is to be told about the place."""

    layers: list[Layer] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Tree:
    """The layers laid over each other. Tables are merged key by key; other values, lists too, replace what was there.

    `None`, which YAML and JSON can spell, says nothing: `server:` may stand over lines that are all commented out.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}

    def lay(self, layer: Layer) -> None:
        """Put a layer on top."""
        self._lay(layer.values, self.values, "", layer.source)

    def without(self, path: tuple[str | int, ...]) -> None:
        """Take away the value at a path, or the whole list that the path leads into."""
        table: Any = self.values
        names = [str(part) for part in path]
        depth = next((at for at, part in enumerate(path) if isinstance(part, int)), len(path)) - 1
        for name in names[:depth]:
            table = table.get(name) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table.pop(names[depth], None)

    def source_of(self, key: str) -> str:
        """Where a key's value comes from; of a table with free names, where its names come from."""
        found = [source for known, source in self.sources.items() if known == key or known.startswith(f"{key}.")]
        return ", ".join(dict.fromkeys(found)) or "default"

    def _lay(self, above: Mapping[str, Any], below: dict[str, Any], prefix: str, source: str) -> None:
        for name, value in ((str(name), value) for name, value in above.items() if value is not None):
            key = prefix + name
            if not isinstance(value, dict):
                self._forget(key)
                below[name], self.sources[key] = value, source
                continue
            if not isinstance(below.get(name), dict):
                self._forget(key)
                below[name] = {}
            if not value:
                self.sources.setdefault(key, source)
            self._lay(value, below[name], f"{key}.", source)

    def _forget(self, key: str) -> None:
        for known in [known for known in self.sources if known == key or known.startswith(f"{key}.")]:
            del self.sources[known]
