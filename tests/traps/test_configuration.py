"""Dynaconf 3.3, prometheus-client 0.26 and limits 5.8: what is switched off, or has to come first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from dynaconf import Dynaconf
from limits.storage import storage_from_string


def test_dynaconf_runs_what_lies_beside_a_settings_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("a = 1\n", "ascii")
    (tmp_path / "dynaconf_hooks.py").write_text("def post(settings):\n    return {'A': 2}\n", "ascii")
    assert Dynaconf(settings_files=[str(tmp_path / "settings.toml")], root_path=str(tmp_path)).A == 2


def test_dynaconf_replaces_tables_and_appends_lists(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text('[auth]\nmode = "jwt"\nlist = [1]\n', "ascii")
    second.write_text('[auth]\nkey = "k"\nlist = [2]\n', "ascii")
    files = [str(first), str(second)]
    assert "mode" not in Dynaconf(settings_files=files).AUTH
    assert Dynaconf(settings_files=files, merge_enabled=True).AUTH.list == [1, 2]


def test_dynaconf_makes_numbers_of_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAP_KEY", "1e5")
    assert Dynaconf(envvar_prefix="TRAP").KEY == 100_000.0


@pytest.mark.parametrize("first", [True, False])
def test_prometheus_decides_for_several_processes_when_it_is_imported(first: bool, tmp_path: Path) -> None:
    name = f"import os; os.environ['PROMETHEUS_MULTIPROC_DIR'] = {str(tmp_path)!r}"
    lines = ["import prometheus_client.values as values", "print(values.ValueClass.__name__)"]
    lines.insert(0 if first else 1, name)
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ("MmapedValue" if first else "MutexValue")


def test_limits_would_ask_for_another_redis_client() -> None:
    """Without `implementation` it wants coredis, which is not installed."""
    with pytest.raises(Exception, match="coredis"):
        storage_from_string("async+redis://127.0.0.1:9")
