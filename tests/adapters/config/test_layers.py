"""Which value is in force when several sources set it."""

from itertools import combinations
from pathlib import Path

import pytest

from mamba_adapters.config.load import Loaded, load
from mamba_adapters.config.settings import Settings
from tests.adapters.config.folder import KEY, loaded

WEAKEST_FIRST = [
    "settings.toml",
    "config.yaml",
    ".secrets.toml",
    "settings.local.toml",
    "config.local.yaml",
    "OPENAI_BASE_URL",
    "MAMBA_OPENAI__BASE_URL",
    "command line",
]


def address(source: str) -> str:
    """A value that tells which source it is from."""
    return f"https://example.test/{WEAKEST_FIRST.index(source)}"


def set_in(directory: Path, *sources: str) -> Loaded:
    """The settings when each of these sources sets openai.base_url."""
    toml = "[openai]\nbase_url = '{}'\n"
    yaml = "openai:\n  base_url: {}\n"
    return loaded(
        directory,
        {
            name: (toml if name.endswith("toml") else yaml).format(address(name))
            for name in sources
            if name.endswith(("toml", "yaml"))
        },
        KEY | {name: address(name) for name in sources if name.isupper()},
        {"openai.base_url": address("command line")} if "command line" in sources else {},
    )


def test_without_any_source_the_defaults_are_in_force(tmp_path: Path) -> None:
    result = loaded(tmp_path, env={}, overrides={"model.adapter": "demo"})
    assert result.settings == Settings.model_validate({"model": {"adapter": "demo"}})
    assert {source for key, source in result.sources.items() if key != "model.adapter"} == {"default"}
    assert result.notes == ()


@pytest.mark.parametrize("source", WEAKEST_FIRST)
def test_every_source_beats_the_default(source: str, tmp_path: Path) -> None:
    result = set_in(tmp_path, source)
    assert result.settings.openai.base_url == address(source)
    assert Path(result.sources["openai.base_url"]).name == source


@pytest.mark.parametrize(("weaker", "stronger"), list(combinations(WEAKEST_FIRST, 2)))
def test_the_stronger_source_wins_and_is_named(weaker: str, stronger: str, tmp_path: Path) -> None:
    result = set_in(tmp_path, weaker, stronger)
    assert result.settings.openai.base_url == address(stronger)
    assert Path(result.sources["openai.base_url"]).name == stronger


def test_tables_are_merged_key_by_key(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        {
            "settings.toml": "[chat]\nmax_steps = 2\nmax_parts = 3\n[server]\nport = 1",
            "config.yaml": "chat:\n  max_messages: 4\n",
            "settings.local.toml": "[chat]\nmax_parts = 5",
        },
        KEY | {"MAMBA_CHAT__TEMPERATURE_MAX": "1.5"},
    )
    chat = result.settings.chat
    assert (chat.max_steps, chat.max_parts, chat.max_messages, chat.temperature_max) == (2, 5, 4, 1.5)
    assert result.settings.server.port == 1


def test_a_secret_file_adds_to_a_section_and_takes_nothing_away(tmp_path: Path) -> None:
    files = {"settings.toml": "[openai]\nmodel = 'm'\n", ".secrets.toml": "[openai]\napi_key = 'k'\n"}
    openai = loaded(tmp_path, files, {}).settings.openai
    assert openai.model == "m"
    assert openai.api_key is not None
    assert openai.api_key.get_secret_value() == "k"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("settings.local.toml", "[[models]]\nid = 'c'\n"),
        ("config.local.yaml", "models:\n  - id: c\n"),
        ("MAMBA_MODELS", '[{"id": "c"}]'),
        ("MAMBA_MODELS", "[{id = 'c'}]"),
    ],
)
def test_a_list_replaces_the_list_of_a_weaker_source(name: str, text: str, tmp_path: Path) -> None:
    files = {"settings.toml": "[[models]]\nid = 'a'\nname = 'A'\n[[models]]\nid = 'b'\n"}
    env = KEY | ({name: text} if name.isupper() else {})
    result = loaded(tmp_path, files | ({} if name.isupper() else {name: text}), env)
    assert [(entry.id, entry.name) for entry in result.settings.models] == [("c", None)]


def test_an_empty_list_takes_a_weaker_list_away(tmp_path: Path) -> None:
    files = {"settings.toml": "[[models]]\nid = 'a'\n", "settings.local.toml": "models = []\n"}
    assert loaded(tmp_path, files).settings.models == ()


def test_an_empty_table_takes_nothing_away(tmp_path: Path) -> None:
    files = {"settings.toml": "[server]\nport = 1\n", "settings.local.toml": "[server]\n"}
    assert loaded(tmp_path, files).settings.server.port == 1


def test_yaml_null_says_nothing(tmp_path: Path) -> None:
    files = {
        "settings.toml": "[server]\nport = 1\n",
        "config.yaml": "server:\n#  port: 2\nchat:\n  max_steps: ~\nlogging: {}\n",
    }
    result = loaded(tmp_path, files)
    assert (result.settings.server.port, result.settings.chat.max_steps) == (1, 10)


def test_a_key_in_a_variable_beats_the_same_key_in_the_variable_of_its_section(tmp_path: Path) -> None:
    env = KEY | {"MAMBA_SERVER": '{"port": 1, "docs": false}', "MAMBA_SERVER__PORT": "2"}
    server = loaded(tmp_path, env=env).settings.server
    assert (server.port, server.docs) == (2, False)


def test_a_section_of_a_weaker_source_that_is_no_table_is_replaced(tmp_path: Path) -> None:
    files = {"settings.toml": "server = 5\n", "config.yaml": "server: {port: 2}\n"}
    result = loaded(tmp_path, files)
    assert result.settings.server.port == 2
    assert result.sources["server.port"] == str(tmp_path / "config.yaml")


def test_the_directory_is_the_argument_else_the_variable(tmp_path: Path) -> None:
    for name, port in {"argument": 1, "variable": 2}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.toml").write_text(f"[server]\nport = {port}\n", "utf-8")
    env = KEY | {"MAMBA_CONFIG_DIR": str(tmp_path / "variable")}
    assert load(directory=tmp_path / "argument", env=env).settings.server.port == 1
    assert load(env=env).settings.server.port == 2


def test_else_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.toml").write_text("[server]\nport = 3\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    result = load(env=KEY | {"MAMBA_CONFIG_DIR": ""})
    assert result.settings.server.port == 3
    assert result.sources["server.port"] == "settings.toml"


def test_a_directory_may_have_any_characters_in_its_name(tmp_path: Path) -> None:
    directory = tmp_path / "a [b], c; *ä"
    directory.mkdir()
    files = {"settings.toml": "[server]\nport = 1\n", "config.yaml": "server:\n  docs: no\n"}
    server = loaded(directory, files).settings.server
    assert (server.port, server.docs) == (1, False)


def test_without_listed_models_the_default_model_is_on_offer(tmp_path: Path) -> None:
    settings = loaded(tmp_path, env=KEY | {"MAMBA_OPENAI__MODEL": "gpt-x"}).settings
    assert [entry.id for entry in settings.offered] == ["gpt-x"]


def test_listed_models_are_on_offer_in_their_order(tmp_path: Path) -> None:
    files = {"config.yaml": "models:\n- {id: b, context_window: 5}\n- {id: a, provider: other}\n"}
    offered = loaded(tmp_path, files).settings.offered
    assert [(entry.id, entry.provider, entry.context_window) for entry in offered] == [
        ("b", "openai", 5),
        ("a", "other", None),
    ]
