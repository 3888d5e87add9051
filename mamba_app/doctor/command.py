"""What `mamba-server doctor` does: examines, prints a line for each finding, and sums up."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from mamba_adapters.config.load import load
from mamba_adapters.config.problems import ConfigurationError
from mamba_adapters.config.secrets import secret_values
from mamba_adapters.telemetry.logging import configure_logging
from mamba_app.doctor.findings import Finding, Level, Report, counted, failed, warned

__all__ = ["doctor"]


def doctor(
    url: str | None,
    *,
    directory: Path | None = None,
    origin: str | None = None,
    overrides: Mapping[str, object] = {},
    env: Mapping[str, str] = os.environ,
) -> int:
    """Examine the settings, or the server at `url`. The exit status: 1 where something failed."""
    found: Counter[Level] = Counter()

    def report(finding: Finding) -> None:
        found[finding.level] += 1
        sys.stdout.write(f"{finding}\n")
        sys.stdout.flush()

    if url is not None:
        from mamba_app.doctor.running import TOKEN, examine_server

        configure_logging(level="CRITICAL", style="console")
        asyncio.run(examine_server(url, origin=origin, token=env.get(TOKEN) or None, report=report))
    else:
        _examine_settings(directory, origin, overrides, env, report)
    warnings = counted(found[Level.WARN], "warning")
    sys.stdout.write(f"{found[Level.PASS]} passed, {warnings}, {found[Level.FAIL]} failed\n")
    return 1 if found[Level.FAIL] else 0


def _examine_settings(
    directory: Path | None,
    origin: str | None,
    overrides: Mapping[str, object],
    env: Mapping[str, str],
    report: Report,
) -> None:
    try:
        loaded = load(directory=directory, env=env, overrides=overrides)
    except ConfigurationError as error:
        for problem in error.problems:
            report(failed("settings", str(problem), "The server would not start"))
        return
    for note in loaded.notes:
        report(warned("settings", note, "See docs/configuration.md"))
    # Imported here: it brings all that the server is made of.
    from mamba_app.doctor.configured import examine_settings

    configure_logging(level="CRITICAL", style="console", secrets=secret_values(loaded.settings, env))
    asyncio.run(examine_settings(loaded.settings, origin=origin, env=env, report=report))
