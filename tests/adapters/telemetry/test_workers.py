"""The directory in which workers add their metrics up: whose it is, and what becomes of one that was left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mamba_adapters.telemetry.workers import share_metrics

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
OWNER = """
from mamba_adapters.telemetry.workers import share_metrics
env = {}
with share_metrics(env):
    print(env["PROMETHEUS_MULTIPROC_DIR"], flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go: nobody else's are touched."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def another_server() -> tuple[subprocess.Popen[str], Path]:
    """A process that shares metrics, and its directory."""
    process = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_the_directory_is_there_for_as_long_as_it_is_shared(temporary: Path) -> None:
    env: dict[str, str] = {}
    with share_metrics(env):
        directory = Path(env[VARIABLE])
        assert directory.parent == temporary
        assert directory.is_dir()
    assert list(temporary.iterdir()) == []
    assert env == {}


def test_what_a_killed_server_left_behind_is_removed_by_the_next_one() -> None:
    process, left = another_server()
    with process:
        process.kill()
        process.wait()
        assert left.is_dir()
        with share_metrics({}):
            assert not left.exists()


def test_the_directory_of_a_server_that_lives_stays() -> None:
    process, other = another_server()
    with process:
        with share_metrics({}):
            assert other.is_dir()
        process.communicate("over\n", timeout=20)
    assert not other.exists()


def test_what_is_no_directory_of_a_server_stays(temporary: Path) -> None:
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "owner").touch()
    link = temporary / "mamba-metrics-link"
    link.symlink_to(elsewhere)
    unowned = temporary / "mamba-metrics-unowned"
    unowned.mkdir()
    with share_metrics({}):
        assert link.is_symlink()
        assert (elsewhere / "owner").exists()
        assert unowned.is_dir()


def test_a_directory_that_is_named_is_emptied_and_stays_named(temporary: Path) -> None:
    named = temporary / "named"
    named.mkdir()
    (named / "counter_1.db").touch()
    env = {VARIABLE: str(named)}
    with share_metrics(env):
        assert os.listdir(named) == []
    assert env == {VARIABLE: str(named)}
