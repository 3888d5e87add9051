"""One server for all commands of the documentation, started by a command of the documentation."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That of somebody who has just installed the server: no setting, and a curl that takes a refusal for a failure."""
    home = tmp_path_factory.mktemp("home")
    (home / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n", "ascii")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAMBA_", "OPENAI_", "OTEL_"))}
    return {**kept, "HOME": str(home), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def server(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `mamba-server serve --demo`."""
    settings = {"MAMBA_SERVER__HOST": "127.0.0.1", "MAMBA_SERVER__PORT": "0", "MAMBA_SERVER__DRAIN_DELAY": "0"}
    command = ["mamba-server", "serve", "--demo"]
    folder = tmp_path_factory.mktemp("server")
    log = (folder / "log").open("w+", encoding="utf-8")
    with (
        log,
        subprocess.Popen(
            command, env=environment | settings, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            yield _address(process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"running on http://(127\.0\.0\.1:\d+)", line):
            return found[1]
    raise AssertionError("the server did not start")
