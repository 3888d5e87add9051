"""From files, environment and command line to one judged `Settings`, or to all problems at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from mamba_adapters.config.access_rules import access_lacks
from mamba_adapters.config.environment import DIRECTORY_VARIABLE, read_environment, read_overrides
from mamba_adapters.config.files import read_files
from mamba_adapters.config.keys import all_keys, find_key
from mamba_adapters.config.layers import Reading, Tree
from mamba_adapters.config.problems import ConfigurationError, Problem, problems_of
from mamba_adapters.config.rules import lacks, notes_on
from mamba_adapters.config.settings import Settings

__all__ = ["ConfigurationError", "Loaded", "Problem", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The settings, where each value comes from by dotted key, and what an operator should know."""

    settings: Settings
    sources: Mapping[str, str]
    notes: tuple[str, ...]


def load(
    *,
    directory: Path | None = None,
    env: Mapping[str, str] = os.environ,
    overrides: Mapping[str, object] = {},
) -> Loaded:
    """Read and judge.

    Strongest first: `overrides` by dotted key, `MAMBA_*`, `OPENAI_*`, the files of one machine, the committed files,
    the defaults. The files are those of `directory`, else of `MAMBA_CONFIG_DIR`, else of the current directory. Raises
    `ConfigurationError` with every problem; neither it nor a note ever holds a secret.
    """
    readings = [_files(directory, env), read_environment(env), read_overrides(overrides)]
    unread = [problem for reading in readings for problem in reading.problems]
    tree = Tree()
    for reading in readings:
        for layer in reading.layers:
            tree.lay(layer)
    settings, wrong = _judge(tree)
    problems = [*unread, *wrong]
    if not unread:
        problems.extend(_lacking(settings, env, {problem.key for problem in wrong}, tree))
    if problems:
        raise ConfigurationError(problems)
    return Loaded(
        settings=settings,
        sources={key: tree.source_of(key) for key in all_keys()},
        notes=(*(note for reading in readings for note in reading.notes), *notes_on(settings)),
    )


def _files(directory: Path | None, env: Mapping[str, str]) -> Reading:
    named = env.get(DIRECTORY_VARIABLE)
    place = directory if directory is not None else Path(named or ".")
    if os.path.isdir(place):
        return read_files(place)
    source = "command line" if directory is not None else DIRECTORY_VARIABLE
    return Reading(problems=[Problem(key="settings directory", source=source, reason=f"{place} is no directory")])


def _judge(tree: Tree) -> tuple[Settings, list[Problem]]:
    """The settings, without the values that are wrong, and what is wrong with those."""
    try:
        return Settings.model_validate(tree.values), []
    except ValidationError as error:
        problems = list(problems_of(error, tree.sources))
        for details in error.errors(include_input=False, include_url=False, include_context=False):
            tree.without(details["loc"])
        return Settings.model_validate(tree.values), problems


def _lacking(settings: Settings, env: Mapping[str, str], wrong: set[str], tree: Tree) -> Iterator[Problem]:
    for lack in (*lacks(settings, env), *access_lacks(settings)):
        if not {lack.key, lack.because} & wrong:
            key = find_key(lack.key.split("."))
            source = tree.source_of(lack.key.partition("[")[0])
            yield Problem(
                key=lack.key,
                source=source if source != "default" else "not set",
                reason=lack.reason,
                allowed=key.allowed if key is not None else "",
            )
