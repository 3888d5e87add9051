"""Reads settings from environment variables and from the command line.

`MAMBA_SERVER__PORT` is `server.port`: two underscores nest. Texts and secrets are taken letter for letter, so a secret
made of digits stays what it is. Numbers and truths are read by the models, lists and tables as JSON or TOML. An empty
variable counts as not set: that is what `${NAME:-}` leaves in a compose file.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from mamba_adapters.config.keys import all_keys, find_key
from mamba_adapters.config.layers import Layer, Reading
from mamba_adapters.config.problems import Problem

__all__ = ["ALIASES", "DIRECTORY_VARIABLE", "read_environment", "read_overrides"]

DIRECTORY_VARIABLE = "MAMBA_CONFIG_DIR"
"""Where the settings files are. Not a setting: it is needed before there are any."""

ALIASES = {"OPENAI_API_KEY": "openai.api_key", "OPENAI_BASE_URL": "openai.base_url"}
"""Names that other tools use too. Our own name for the same key is stronger."""

_PREFIX = "MAMBA_"


def read_environment(env: Mapping[str, str]) -> Reading:
    """A layer a variable, the weakest first: the general names, then ours; a table before a key in it."""
    reading = Reading()
    named = {name: ALIASES[name].split(".") for name in ALIASES if name in env}
    own = {
        name: name.removeprefix(_PREFIX).lower().split("__")
        for name in sorted(env)
        if name.startswith(_PREFIX) and name != DIRECTORY_VARIABLE
    }
    foreign = [name for name, path in own.items() if len(path) == 1 and find_key(path) is None]
    if foreign:
        reading.notes.append(_ignored(foreign))
    named |= sorted(((name, path) for name, path in own.items() if name not in foreign), key=lambda item: len(item[1]))
    for name, path in named.items():
        if env[name]:
            _add(reading, name, path, env[name])
        else:
            reading.notes.append(f"{name} is empty, which counts as not set")
    return reading


def read_overrides(overrides: Mapping[str, object]) -> Reading:
    """Values by dotted key, as options give them: `{"server.port": 9000}`. A text is read as a variable's."""
    reading = Reading()
    for key, value in overrides.items():
        _add(reading, "command line", key.split("."), value)
    return reading


def _add(reading: Reading, source: str, path: list[str], value: object) -> None:
    key = find_key(path)
    if isinstance(value, str) and key is not None and key.is_container:
        try:
            value = _parsed(value)
        except (ValueError, RecursionError):
            reason = "is neither JSON nor TOML" + (', which would be ["..."]' if key.allowed == "a list" else "")
            reading.problems.append(Problem(key=".".join(path), source=source, reason=reason, allowed=key.allowed))
            return
    values: Any = value
    for name in reversed(path):
        values = {name: values}
    reading.layers.append(Layer(source, values))


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        table = tomllib.loads(f"value = {text}")
        if len(table) != 1:
            raise
        return table["value"]


def _ignored(names: list[str]) -> str:
    """Conda and Kubernetes set such names. One underscore too few is an easy slip, so it is pointed out."""
    ours = {"MAMBA_" + key.replace(".", "_").upper(): "MAMBA_" + key.replace(".", "__").upper() for key in all_keys()}
    told = (f"{name} (did you mean {ours[name]}?)" if name in ours else name for name in names)
    return f"no settings, ignored: {', '.join(told)}"
