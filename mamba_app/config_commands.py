"""What `mamba-server check-config` and `mamba-server config` do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from mamba_adapters.config.describe import values_in_force
from mamba_adapters.config.load import Loaded, load
from mamba_adapters.config.problems import ConfigurationError

__all__ = ["EXIT_MISCONFIGURED", "check_config", "load_or_report", "print_config"]

EXIT_MISCONFIGURED = 2


def check_config(
    *,
    directory: Path | None = None,
    env: Mapping[str, str] = os.environ,
    overrides: Mapping[str, object] = {},
) -> int:
    """Judge the settings without starting; the exit status."""
    loaded = load_or_report(directory=directory, env=env, overrides=overrides)
    if loaded is None:
        return EXIT_MISCONFIGURED
    _write(sys.stdout, ["configuration OK", *(f"note: {note}" for note in loaded.notes)])
    return 0


def print_config(
    *,
    directory: Path | None = None,
    env: Mapping[str, str] = os.environ,
    overrides: Mapping[str, object] = {},
) -> int:
    """Print every value with its source, secrets masked; the exit status."""
    loaded = load_or_report(directory=directory, env=env, overrides=overrides)
    if loaded is None:
        return EXIT_MISCONFIGURED
    _write(sys.stdout, values_in_force(loaded))
    return 0


def load_or_report(
    *,
    directory: Path | None = None,
    env: Mapping[str, str] = os.environ,
    overrides: Mapping[str, object] = {},
) -> Loaded | None:
    """Load the settings, or write a line a problem to standard error and return nothing."""
    try:
        return load(directory=directory, env=env, overrides=overrides)
    except ConfigurationError as error:
        _write(sys.stderr, map(str, error.problems))
        return None


def _write(stream: TextIO, lines: Iterable[str]) -> None:
    stream.writelines(f"{line}\n" for line in lines)
