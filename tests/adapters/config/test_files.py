"""Files are data: nothing in them or beside them runs, and nothing else steers how they are read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.config.folder import CANARY, KEY, loaded, only_problem, problems

BROKEN = {
    "a TOML value without quotes": ("settings.toml", f"[openai]\napi_key = {CANARY}\n", "line 2"),
    "a TOML string without an end": ("settings.toml", f"[openai]\n\napi_key = '{CANARY}\n", "line 3"),
    "a TOML key twice": (".secrets.toml", f"[openai]\napi_key = '{CANARY}'\napi_key = '{CANARY}'\n", "overwrite"),
    "a TOML line without a value": ("settings.toml", "[server]\nport\n", "line 2"),
    "TOML nested too deeply": ("settings.toml", f"a = {'[' * 20_000}", "nested too deeply"),
    "a YAML list without an end": ("config.yaml", f"openai:\n  api_key: [{CANARY}\n", "line 3"),
    "a YAML alias of nothing": ("config.yaml", f"openai:\n  api_key: *{CANARY}\n", "line 2"),
    "a YAML tag": ("config.yaml", f"openai:\n  api_key: !{CANARY} x\n", "line 2"),
    "a YAML key twice": ("config.yaml", f"openai:\n  api_key: {CANARY}\n  api_key: {CANARY}2\n", "given twice"),
    "a YAML tag that would run something": (
        "config.yaml",
        f"openai:\n  api_key: !!python/object/apply:os.system ['{CANARY}']\n",
        "line 2",
    ),
    "two YAML documents": ("config.yaml", "server: {}\n---\nchat: {}\n", "line 2"),
    "a YAML control character": ("config.yaml", "server: \a\n", "not valid YAML"),
    "a YAML indentation": ("config.local.yaml", "server:\n\tport: 1\n", "line 2"),
    "a YAML date that is none": ("config.yaml", "server: 2024-13-45\n", "cannot read"),
    "a YAML tag without a value": ("config.yaml", "server: !!int\n", "cannot read"),
    "YAML nested too deeply": ("config.yaml", f"a: {'[' * 20_000}", "nested too deeply"),
    "a YAML loop": ("config.yaml", "server: &a {port: *a}\n", "nested too deeply"),
    "a YAML list": ("config.yaml", f"- {CANARY}\n", "not a table"),
    "a YAML text": ("config.yaml", f"{CANARY}\n", "not a table"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_a_problem_with_its_name_and_place_and_without_its_text(case: str, tmp_path: Path) -> None:
    name, text, place = BROKEN[case]
    problem = only_problem(tmp_path, {name: text})
    assert (problem.key, problem.source) == ("file", str(tmp_path / name))
    assert place in problem.reason
    assert CANARY not in str(problem)
    assert "\n" not in str(problem)


def test_a_file_that_is_not_utf_8_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"[chat]\nsystem_prompt = '\xe4'\n")
    assert only_problem(tmp_path).reason == "is not UTF-8 text: byte 25 is wrong"


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").mkdir()
    assert only_problem(tmp_path).reason == "cannot be read: Is a directory"


def test_every_broken_file_is_told_and_the_others_are_judged(tmp_path: Path) -> None:
    files = {"settings.toml": "[", "config.yaml": "[", ".secrets.toml": "[server]\nport = -1\n"}
    assert [problem.key for problem in problems(tmp_path, files, {})] == ["file", "file", "server.port"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("settings.toml", ""), ("settings.toml", "# x\n"), ("config.yaml", ""), ("config.yaml", "# x\n---\n")],
)
def test_an_empty_file_says_nothing(name: str, text: str, tmp_path: Path) -> None:
    assert set(loaded(tmp_path, {name: text}).sources.values()) == {"default", "OPENAI_API_KEY"}


@pytest.mark.parametrize(
    "text", ["@format {env[HOME]}", "@int 3", "@none", "@merge x", "@jinja {{ 1 }}", "@read_file /etc/hosts", "a__b"]
)
def test_a_text_in_a_file_is_taken_letter_for_letter(text: str, tmp_path: Path) -> None:
    files = {
        "settings.toml": f"[chat]\nsystem_prompt = '{text}'\n",
        "config.yaml": "openai: {base_url: 'http://h'}\n",
    }
    assert loaded(tmp_path, files).settings.chat.system_prompt == text


def test_sections_named_like_environments_and_dynaconf_keys_are_unknown_keys(tmp_path: Path) -> None:
    (tmp_path / "more.toml").write_text("[server]\nport = 1\n", "utf-8")
    files = {
        "settings.toml": "dynaconf_include = ['more.toml']\n[default.server]\nport = 2\n[production.server]\nport = 3\n"
    }
    keys = [problem.key for problem in problems(tmp_path, files)]
    assert sorted(keys) == ["default.server.port", "dynaconf_include", "production.server.port"]


def test_code_and_variables_beside_the_files_are_left_alone(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    files = {
        "dynaconf_hooks.py": f"open({str(ran)!r}, 'w')\ndef post(settings): return {{'SERVER': {{'port': 1}}}}\n",
        "settings.py": f"open({str(ran)!r}, 'w')\n",
        ".env": "MAMBA_SERVER__PORT=2\nDYNACONF_SERVER__PORT=3\n",
        "settings.toml": "[server]\nhost = 'h'\n",
        "settings.json": '{"server": {"port": 4}}',
    }
    assert loaded(tmp_path, files).settings.server.port == 8000
    assert not ran.exists()


def test_variables_of_dynaconf_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[server]\nport = 1\n[production.server]\nport = 2\n", "utf-8")
    (tmp_path / ".env").write_text("MAMBA_SERVER__PORT=3\n", "utf-8")
    (tmp_path / "settings.toml").write_text("[server]\nhost = '@format h'\n", "utf-8")
    (tmp_path / "config.yaml").write_text("chat:\n  max_steps: 3\n", "utf-8")
    steering = {
        "AUTO_CAST_FOR_DYNACONF": "true",
        "CORE_LOADERS_FOR_DYNACONF": "[]",
        "DYNACONF_SERVER__PORT": "4",
        "ENCODING_FOR_DYNACONF": "utf-16",
        "ENVIRONMENTS_FOR_DYNACONF": "true",
        "ENVVAR_PREFIX_FOR_DYNACONF": "OTHER",
        "ENV_FOR_DYNACONF": "production",
        "FORCE_ENV_FOR_DYNACONF": "production",
        "INCLUDES_FOR_DYNACONF": "['other.toml']",
        "LOAD_DOTENV_FOR_DYNACONF": "true",
        "MERGE_ENABLED_FOR_DYNACONF": "false",
        "OTHER_SERVER__PORT": "5",
        "PRELOAD_FOR_DYNACONF": "['other.toml']",
        "REDIS_PORT_FOR_DYNACONF": "no port",
        "ROOT_PATH_FOR_DYNACONF": "/nowhere",
        "SECRETS_FOR_DYNACONF": str(tmp_path / "other.toml"),
        "SETTINGS_FILE_FOR_DYNACONF": "other.toml",
        "YAML_LOADER_FOR_DYNACONF": "unsafe_load",
    }
    program = "from mamba_adapters.config.load import load; s = load().settings; print(s.server, s.chat.max_steps)"
    outcomes = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], **KEY, **variables},
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout
        for variables in ({}, steering)
    }
    assert len(outcomes) == 1
    (outcome,) = outcomes
    assert "host='@format h' port=8000" in outcome
    assert outcome.endswith(" 3\n")


@pytest.mark.parametrize("name", ["config.yml", "settings.yaml"])
def test_a_file_that_is_not_read_but_looks_as_if_is_noted(name: str, tmp_path: Path) -> None:
    (note,) = loaded(tmp_path, {name: "server: {port: 1}\n"}).notes
    assert note.startswith(f"{tmp_path / name} is not read")


def test_without_files_dynaconf_is_not_even_imported(tmp_path: Path) -> None:
    program = "import sys; from mamba_adapters.config.load import load; load(); sys.exit('dynaconf' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **KEY},
        check=False,
        timeout=30,
    )
    assert done.returncode == 0
