"""How variables become values."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mamba_adapters.config.load import load
from tests.adapters.config.folder import KEY, loaded

LOOKS_LIKE_SOMETHING_ELSE = [
    "12345",
    "1e5",
    "0123",
    "0x1F",
    "1_000",
    "true",
    "null",
    "nan",
    "[x",
    "[1,2]",
    '{"a":1}',
    "{a=1}",
    "2024-01-01",
    '"quoted"',
    "@format",
    "@str",
    "@json",
    "a__b",
    "$HOME",
    "#",
]
DOCUMENTED = {
    "MAMBA_SERVER__HOST": ("server.host", "0.0.0.0"),
    "MAMBA_SERVER__PORT": ("server.port", "8000"),
    "MAMBA_OPENAI__MODEL": ("openai.model", "gpt-4o-mini"),
    "MAMBA_OPENAI__API_KEY": ("openai.api_key", "k"),
    "MAMBA_AUTH__MODE": ("auth.mode", "none"),
    "MAMBA_AUTH__API_KEY": ("auth.api_key", "k"),
}


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory without settings files."""
    return tmp_path_factory.mktemp("nowhere")


def revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_documented_variables_work_as_written(name: str, nowhere: Path) -> None:
    key, value = DOCUMENTED[name]
    assert loaded(nowhere, env=KEY | {name: value}).sources[key] == name


@pytest.mark.parametrize("text", LOOKS_LIKE_SOMETHING_ELSE)
@pytest.mark.parametrize("name", ["MAMBA_OPENAI__API_KEY", "OPENAI_API_KEY"])
def test_a_secret_keeps_its_text_whatever_it_looks_like(name: str, text: str, nowhere: Path) -> None:
    assert revealed(loaded(nowhere, env={name: text}).settings.openai.api_key) == text


@given(text=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
def test_any_secret_that_fits_a_header_survives(text: str, nowhere: Path) -> None:
    env = {"MAMBA_OPENAI__API_KEY": text, "MAMBA_AUTH__API_KEY": text, "OPENAI_API_KEY": "weaker"}
    settings = load(directory=nowhere, env=env).settings
    assert revealed(settings.openai.api_key) == revealed(settings.auth.api_key) == text


@given(text=st.text(min_size=1))
def test_any_text_survives(text: str, nowhere: Path) -> None:
    env = KEY | {"MAMBA_CHAT__SYSTEM_PROMPT": text}
    assert load(directory=nowhere, env=env).settings.chat.system_prompt == text


@pytest.mark.parametrize("text", ["true", "True", "1", "yes", "on"])
def test_a_truth_is_written_in_any_usual_way(text: str, nowhere: Path) -> None:
    assert loaded(nowhere, env=KEY | {"MAMBA_CHAT__OPEN_MODELS": text}).settings.chat.open_models is True


def test_numbers_choices_and_levels_are_read(nowhere: Path) -> None:
    env = KEY | {
        "MAMBA_SERVER__PORT": "9000",
        "MAMBA_SERVER__GRACE": "2.5",
        "MAMBA_CHAT__MAX_OUTPUT_TOKENS": "100",
        "MAMBA_STREAMS__ON_DISCONNECT": "linger",
        "MAMBA_LOGGING__LEVEL": "debug",
    }
    settings = loaded(nowhere, env=env).settings
    assert (settings.server.port, settings.server.grace) == (9000, 2.5)
    assert settings.chat.max_output_tokens == 100
    assert (settings.streams.on_disconnect, settings.logging.level) == ("linger", "DEBUG")


def test_names_may_be_lower_case_after_the_prefix(nowhere: Path) -> None:
    assert loaded(nowhere, env=KEY | {"MAMBA_server__Port": "9000"}).settings.server.port == 9000


@pytest.mark.parametrize("text", ['{"port": 9000}', "{port = 9000}"])
def test_a_section_is_written_as_json_or_toml(text: str, nowhere: Path) -> None:
    assert loaded(nowhere, env=KEY | {"MAMBA_SERVER": text}).settings.server.port == 9000


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    files = {"settings.toml": "[openai]\nmodel = 'm'\n"}
    env = {"OPENAI_API_KEY": "k", "MAMBA_OPENAI__API_KEY": "", "MAMBA_OPENAI__MODEL": "", "MAMBA_MODELS": ""}
    result = loaded(tmp_path, files, env)
    assert revealed(result.settings.openai.api_key) == "k"
    assert (result.settings.openai.model, result.settings.models) == ("m", ())
    assert result.notes == tuple(
        f"{name} is empty, which counts as not set"
        for name in ("MAMBA_MODELS", "MAMBA_OPENAI__API_KEY", "MAMBA_OPENAI__MODEL")
    )


def test_an_empty_secret_in_a_file_counts_as_not_set(tmp_path: Path) -> None:
    files = {"settings.toml": "[auth]\napi_key = ''\n[openai]\napi_key = ''\n[model]\nadapter = 'demo'\n"}
    settings = loaded(tmp_path, files, {}).settings
    assert settings.openai.api_key is settings.auth.api_key is None


def test_names_of_others_are_ignored_with_a_note(nowhere: Path) -> None:
    env = KEY | {
        "MAMBA_EXE": "/opt/conda/bin/mamba",
        "MAMBA_ROOT_PREFIX": "/opt/conda",
        "MAMBA_PORT": "tcp://10.0.0.1:8000",
        "MAMBA_SERVICE_HOST": "10.0.0.1",
        "MAMBA_PORT_8000_TCP_ADDR": "10.0.0.1",
        "MAMBA_": "",
        "mamba_server__port": "1",
        "DYNACONF_SERVER__PORT": "2",
    }
    result = loaded(nowhere, env=env)
    assert result.settings == loaded(nowhere).settings
    assert result.notes == (
        "no settings, ignored: MAMBA_, MAMBA_EXE, MAMBA_PORT, MAMBA_PORT_8000_TCP_ADDR, MAMBA_ROOT_PREFIX, "
        "MAMBA_SERVICE_HOST",
    )


def test_a_note_tells_of_an_underscore_too_few(nowhere: Path) -> None:
    result = loaded(nowhere, env=KEY | {"MAMBA_SERVER_PORT": "9000"})
    assert result.settings.server.port == 8000
    assert result.notes == ("no settings, ignored: MAMBA_SERVER_PORT (did you mean MAMBA_SERVER__PORT?)",)


def test_a_note_tells_of_a_key_that_nobody_is_asked_for(nowhere: Path) -> None:
    result = loaded(nowhere, env=KEY | {"MAMBA_AUTH__API_KEY": "k"})
    assert result.notes == ('auth.api_key is set but not used: auth.mode = "none" lets everybody in',)


def test_options_give_values_or_texts(nowhere: Path) -> None:
    overrides = {"server.port": 0, "server.host": "::1", "models": '[{"id": "m"}]', "chat.max_steps": "7"}
    result = loaded(nowhere, overrides=overrides)
    assert (result.settings.server.port, result.settings.server.host) == (0, "::1")
    assert (result.settings.chat.max_steps, result.settings.models[0].id) == (7, "m")
    assert result.sources["models"] == "command line"
