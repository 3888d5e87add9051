"""Reads the settings files of a directory, by Dynaconf 3.3.

Dynaconf knows the formats, and reads. The rest of it is off, because a settings file is data here: no markers such
as `@format` in values, no `dynaconf_hooks.py`, no `.env`, no includes, no sections chosen by an environment's name, and
no variable that steers Dynaconf itself. All of that happens when its loaders run; they are skipped, and the reader of a
single file is called instead. It also appends lists when it merges, so the merging is ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mamba_adapters.config.layers import Layer, Reading
from mamba_adapters.config.problems import Problem

__all__ = ["FILES", "read_files"]

FILES = (
    "settings.toml",
    "config.yaml",
    ".secrets.toml",
    "settings.local.toml",
    "config.local.yaml",
)
"""The weakest first: what is committed, then what belongs to one machine. In both, YAML is laid over TOML, because the
`settings.toml` of the repository names every key and would hide `config.yaml`."""

_LOOKALIKES = (
    "config.yml",
    "config.local.yml",
    "config.toml",
    "settings.yaml",
    "settings.yml",
    ".secrets.yaml",
)

_NO_TABLES = "is not a table of sections, or has a value that YAML cannot read"
"""Of YAML that parses: Dynaconf and its YAML reader then fail by an AttributeError, KeyError, and so on."""

_DATA_ONLY = {
    "dynaconf_skip_loaders": True,
    "AUTO_CAST_FOR_DYNACONF": False,
    "DOTTED_LOOKUP_FOR_DYNACONF": False,
    "DYNABOXIFY": False,
    "ENCODING_FOR_DYNACONF": "utf-8",
    "ENVIRONMENTS_FOR_DYNACONF": False,
    "MAIN_ENV_FOR_DYNACONF": "main",
    "MERGE_ENABLED_FOR_DYNACONF": False,
    "NESTED_SEPARATOR_FOR_DYNACONF": None,
    "VALIDATE_ON_UPDATE_FOR_DYNACONF": False,
    "YAML_LOADER_FOR_DYNACONF": "safe_load",
}


def read_files(directory: Path) -> Reading:
    """The files that are there, the weakest first. One that cannot be read is a problem; the others are read."""
    reading = Reading()
    for path in (directory / name for name in FILES):
        try:
            path.read_bytes().decode()
        except FileNotFoundError:
            continue
        except UnicodeDecodeError as error:
            reading.problems.append(_broken(path, f"is not UTF-8 text: byte {error.start + 1} is wrong"))
        except OSError as error:
            reading.problems.append(_broken(path, f"cannot be read: {error.strerror}"))
        else:
            _read(path, reading)
    reading.notes.extend(
        f"{directory / name} is not read: the settings files are {', '.join(FILES)}"
        for name in _LOOKALIKES
        if os.path.exists(directory / name)
    )
    return reading


def _read(path: Path, reading: Reading) -> None:
    with _unsteered():
        from dynaconf.loaders.yaml_loader import yaml

    try:
        reading.layers.append(Layer(str(path), _tables(path)))
    except RecursionError:
        reading.problems.append(_broken(path, "is nested too deeply"))
    except (yaml.error.YAMLError, yaml.error.YAMLFutureWarning) as error:
        reading.problems.append(_broken(path, _yaml_reason(error)))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        reason = _toml_reason(error, path) if path.suffix == ".toml" else _NO_TABLES
        reading.problems.append(_broken(path, reason))


@contextmanager
def _unsteered() -> Iterator[None]:
    """Hides the variables that steer Dynaconf, which evaluates them when it is imported and fails on some values."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.endswith("_FOR_DYNACONF")}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _tables(path: Path) -> Mapping[str, Any]:
    """The file's content. Dynaconf keeps it by source, with the names of the first level in upper case."""
    from dynaconf.base import Settings as Dynaconf
    from dynaconf.loaders import toml_loader, yaml_loader

    store = Dynaconf(**_DATA_ONLY)
    (toml_loader if path.suffix == ".toml" else yaml_loader).load(store, filename=[str(path)], silent=False)
    return {
        name.lower(): value
        for source, values in store.loaded_by_loaders.items()
        if source.identifier == str(path)
        for name, value in values.items()
    }


def _toml_reason(error: Exception, path: Path) -> str:
    """What is wrong and where. A message about TOML names keys and places, never values."""
    lines = len(path.read_text("utf-8").splitlines())
    return f"is not valid TOML: {error}".replace("at end of document", f"at the end, line {lines}")


def _yaml_reason(error: Exception) -> str:
    """What is wrong and where. A message that quotes something may quote a secret, so it is left out."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or ""
    if "duplicate key" in problem:
        problem = "a key is given twice"
    place = f" (at line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
    told = f": {problem}" if problem and not set("'\"") & set(problem) else ""
    return f"is not valid YAML{told}{place}"


def _broken(path: Path, reason: str) -> Problem:
    return Problem(key="file", source=str(path), reason=reason)
