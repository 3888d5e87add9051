"""Every command of the documentation is run as it is written, or stands on a list that says why it cannot be run here."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.docs.pages import Block, all_blocks, commands_of

CANNOT_RUN = {
    r"(OPENAI_API_KEY=\S+ )?make run\b": "installs packages and serves until it is ended",
    r"make (test|check|bench|cover)\b": "runs this suite, or what takes as long",
    r"make (build|image|wheels|playground|audit|lock|sbom|licenses)\b": "installs packages, or asks the network",
    r"\.venv/bin/python -m pytest\b": "runs this suite",
    r"(\w+=(\$\([^)]*\)|\S+) )*mamba-server serve\b": "serves until it is ended: --demo starts the server that the others ask",
    r"(docker|helm|kubectl) ": "needs a container engine or a cluster: tests/deploy judges the manifests and the image",
    r"(python3 -m venv )?/opt/": "writes outside of the repository: tests/deploy installs the wheel",
}
"""By the beginning of a command."""

SHELL = all_blocks("sh", "console", "bash", "shell")
HERE = re.compile(r"(?:https?://)?(?:localhost:8000|127\.0\.0\.1:8000|chat\.example\.com)")
"""The server of the documentation's examples."""


def reason(command: str) -> str | None:
    """Why a command cannot be run, by the list."""
    return next((why for pattern, why in CANNOT_RUN.items() if re.match(pattern, command)), None)


def runnable(block: Block) -> list[str]:
    return [command for command in commands_of(block) if reason(command) is None]


def test_there_are_commands_and_every_reason_is_still_needed() -> None:
    commands = [command for block in SHELL for command in commands_of(block)]
    unused = [pattern for pattern in CANNOT_RUN if not any(re.match(pattern, command) for command in commands)]
    assert unused == []
    assert sum(reason(command) is None for command in commands) >= 10


# What stands on several pages is run once.
DIFFERENT = list({tuple(runnable(block)): block for block in SHELL if runnable(block)}.values())


@pytest.mark.parametrize("block", DIFFERENT, ids=lambda block: block.name)
def test_the_commands_work(block: Block, server: str, environment: dict[str, str], tmp_path: Path) -> None:
    script = HERE.sub(f"http://{server}", "\n".join(["set -e", *runnable(block)]))
    folder = ROOT if "make " in script else tmp_path
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**environment, "MAMBA_MODEL__ADAPTER": "demo"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    assert done.stdout or ">" in script or "export" in script
