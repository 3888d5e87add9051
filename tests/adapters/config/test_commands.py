"""`check-config` and `config`: what they print, where, and the exit status."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from mamba_adapters.config.keys import all_keys
from mamba_app.config_commands import check_config, load_or_report, print_config
from tests.adapters.config.folder import CANARY, KEY, loaded


def run(directory: Path, command: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The command as an operator runs it."""
    return subprocess.run(
        [sys.executable, "-m", "mamba_app", command],
        cwd=directory,
        env={"PATH": os.environ["PATH"], **env},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_good_settings_are_told_with_their_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_config(directory=tmp_path, env=KEY | {"MAMBA_EXE": "x"}) == 0
    assert capsys.readouterr() == ("configuration OK\nnote: no settings, ignored: MAMBA_EXE\n", "")


@pytest.mark.parametrize("command", [check_config, print_config])
def test_bad_settings_are_told_on_standard_error_a_line_a_problem(
    command: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(command)
    assert command(directory=tmp_path, env={"MAMBA_SERVER__PORT": "eight"}) == 2
    out, err = capsys.readouterr()
    port, key = err.splitlines()
    assert out == ""
    assert port == "server.port (MAMBA_SERVER__PORT): must be an integer; allowed: an integer from 0 to 65535"
    assert key.startswith("openai.api_key (not set): required by ")


def test_every_value_is_printed_with_its_source_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text("models:\n- {id: a, context_window: 5}\n", "utf-8")
    env = KEY | {"MAMBA_SERVER__PORT": "9000", "MAMBA_CHAT__SYSTEM_PROMPT": 'Sag "ä"\n\x7f'}
    assert print_config(directory=tmp_path, env=env, overrides={"server.docs": False}) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert [line.partition(" = ")[0] for line in lines] == sorted(all_keys())
    for line in [
        "auth.api_key = unset  # default",
        'chat.system_prompt = "Sag \\"ä\\"\\n\\u007f"  # MAMBA_CHAT__SYSTEM_PROMPT',
        'openai.api_key = "****"  # OPENAI_API_KEY',
        "server.docs = false  # command line",
        "server.drain_delay = 5.0  # default",
        "server.port = 9000  # MAMBA_SERVER__PORT",
        'models = [{ id = "a", provider = "openai", description = "", context_window = 5, supports_tools = true, fallback = [] }]'
        f"  # {tmp_path / 'config.yaml'}",
    ]:
        assert line in lines
    assert tomllib.loads("\n".join(line for line in lines if "= unset" not in line))["server"]["port"] == 9000


def test_a_text_that_is_no_unicode_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_config(directory=tmp_path, env=KEY | {"MAMBA_CHAT__SYSTEM_PROMPT": "\udcff"}) == 0
    assert 'chat.system_prompt = "\\udcff"' in capsys.readouterr().out


@pytest.mark.parametrize("secret", [CANARY, "k", CANARY * 50])
def test_a_secret_is_masked_whatever_its_length(
    secret: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".secrets.toml").write_text(f"[auth]\napi_key = '{secret}'\n", "utf-8")
    env = {"MAMBA_OPENAI__API_KEY": secret}
    assert check_config(directory=tmp_path, env=env) == print_config(directory=tmp_path, env=env) == 0
    out, _ = capsys.readouterr()
    assert 'openai.api_key = "****"  # MAMBA_OPENAI__API_KEY\n' in out
    assert f'auth.api_key = "****"  # {tmp_path / ".secrets.toml"}\n' in out
    assert CANARY not in out + repr(loaded(tmp_path, env=env)) + str(loaded(tmp_path, env=env).settings)


def test_a_command_that_needs_settings_gets_them_or_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = load_or_report(directory=tmp_path, env=KEY)
    assert good is not None
    assert good.settings.server.port == 8000
    assert load_or_report(directory=tmp_path, env={}) is None
    assert capsys.readouterr().err.startswith("openai.api_key (not set): ")


def test_the_command_judges_without_starting(tmp_path: Path) -> None:
    done = run(tmp_path, "check-config", KEY)
    assert (done.returncode, done.stdout, done.stderr) == (0, "configuration OK\n", "")


def test_the_command_stops_with_status_2_and_a_line_a_problem(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[server]\nprt = 1\n", "utf-8")
    (tmp_path / ".secrets.toml").write_text(f"[openai]\napi_key = {CANARY}\n", "utf-8")
    for command in ("check-config", "config"):
        done = run(tmp_path, command, {"MAMBA_SERVER__PORT": CANARY, "MAMBA_OPENAI__API_KEY": f"{CANARY} x"})
        assert (done.returncode, done.stdout) == (2, "")
        assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
            "file (.secrets.toml)",
            "server.port (MAMBA_SERVER__PORT)",
            "server.prt (settings.toml)",
            "openai.api_key (MAMBA_OPENAI__API_KEY)",
        ]
        assert CANARY not in done.stderr


def test_the_command_prints_the_values_in_force(tmp_path: Path) -> None:
    done = run(tmp_path, "config", {"MAMBA_OPENAI__API_KEY": CANARY, "MAMBA_CONFIG_DIR": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    assert 'openai.api_key = "****"  # MAMBA_OPENAI__API_KEY\n' in done.stdout
    assert CANARY not in done.stdout


@pytest.mark.parametrize("command", ["config", "doctor", "models"])
def test_a_reader_who_has_seen_enough_gets_no_traceback(command: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    env = {"PATH": os.environ["PATH"], "MAMBA_MODEL__ADAPTER": "demo"}
    with os.fdopen(writing, "wb") as out:
        ran = subprocess.run(
            [sys.executable, "-m", "mamba_app", command],
            cwd=tmp_path,
            env=env,
            check=False,
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert (ran.returncode, ran.stderr) == (1, b"")
