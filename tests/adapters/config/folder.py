"""Real settings files in a temporary directory, loaded with an environment of the test's own."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mamba_adapters.config.load import Loaded, load
from mamba_adapters.config.problems import ConfigurationError, Problem

__all__ = ["CANARY", "KEY", "loaded", "only_problem", "problems"]

KEY = {"OPENAI_API_KEY": "sk-test"}
CANARY = "canary-7f3a91"


def loaded(
    directory: Path,
    files: Mapping[str, str] | None = None,
    env: Mapping[str, str] = KEY,
    overrides: Mapping[str, object] | None = None,
) -> Loaded:
    """Write the files and load."""
    for name, text in (files or {}).items():
        (directory / name).write_text(text, "utf-8")
    return load(directory=directory, env=env, overrides=overrides or {})


def problems(
    directory: Path,
    files: Mapping[str, str] | None = None,
    env: Mapping[str, str] = KEY,
    overrides: Mapping[str, object] | None = None,
) -> list[Problem]:
    """What is wrong with the files and the environment: at least one thing."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(directory, files, env, overrides)
    assert caught.value.problems
    return caught.value.problems


def only_problem(directory: Path, files: Mapping[str, str] | None = None, env: Mapping[str, str] = KEY) -> Problem:
    """The one thing that is wrong."""
    (problem,) = problems(directory, files, env)
    return problem
