"""Settings as text: the file that names every key, and the values in force with their sources.

`python -m mamba_adapters.config.describe` prints the file.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic import BaseModel, SecretStr

from mamba_adapters.config.keys import Key, all_keys, table_at
from mamba_adapters.config.load import Loaded

__all__ = ["settings_file", "values_in_force"]

_HEADER = """\
# Every setting with its default. Where a key has none, its line is commented out.
#
# Strongest first:
#   1. options of the command line
#   2. MAMBA_* variables, where two underscores nest: MAMBA_SERVER__PORT is server.port
#   3. OPENAI_API_KEY and OPENAI_BASE_URL
#   4. config.local.yaml, settings.local.toml, .secrets.toml: what belongs to one machine and is not committed
#   5. config.yaml, with the same keys, and this file
# Tables are merged key by key, lists are replaced. An empty variable counts as not set. The files are read from the
# current directory, or from where --config-dir or MAMBA_CONFIG_DIR says.
"""


def settings_file() -> str:
    """The text of `settings.toml`."""
    parts = [_HEADER]
    # A key of no section has to stand before the first section.
    keys = sorted(all_keys().values(), key=lambda key: "." in key.name)
    for section, group in groupby(keys, key=lambda key: key.name.rpartition(".")[0]):
        lines = []
        if section:
            table = table_at(section.split("."))
            lines += [f"# {table.__doc__}" if table is not None else "", f"[{section}]"]
        parts.append("\n".join([*lines, *(line for key in group for line in _described(key))]) + "\n")
    return "\n".join(parts)


def values_in_force(loaded: Loaded) -> Iterator[str]:
    """One line a key, sorted: the value, or `****` for a secret that is set, and its source."""
    for key in sorted(loaded.sources):
        value: Any = loaded.settings
        for name in key.split("."):
            value = getattr(value, name)
        shown = "unset" if value is None else _toml(value)
        yield f"{key} = {shown}  # {loaded.sources[key]}"


def _described(key: Key) -> Iterator[str]:
    name = key.name.rpartition(".")[2]
    meaning = f"{key.field.description} Allowed: {key.allowed}."
    yield from textwrap.wrap(meaning, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    if key.default is not None:
        yield f"{name} = {_toml(key.default)}"
    for example in key.field.examples or ():
        yield f"# {name} = {_toml(example)}"


def _toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    match value:
        case SecretStr():
            return '"****"'
        case BaseModel():
            return _toml(dict(value))
        case dict():
            return "{ " + ", ".join(f"{name} = {_toml(it)}" for name, it in value.items() if it is not None) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case str():
            text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
            return text.encode("utf-8", "backslashreplace").decode()
        case _:
            return json.dumps(value)


if __name__ == "__main__":
    sys.stdout.write(settings_file())
