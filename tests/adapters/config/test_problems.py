"""What is wrong is told by key, source, reason and what is allowed; all of it at once."""

from pathlib import Path

import pytest

from tests.adapters.config.folder import CANARY, KEY, loaded, only_problem, problems

WRONG_VALUES = [
    ("server.port", "'eight'", "must be an integer", "an integer from 0 to 65535"),
    ("server.port", "70000", "must be less than or equal to 65535", "an integer from 0 to 65535"),
    ("server.port", "-1", "must be greater than or equal to 0", "an integer from 0 to 65535"),
    ("server.port", "80.5", "must be an integer", "an integer from 0 to 65535"),
    ("server.port", "true", "must be a number, not true or false", "an integer from 0 to 65535"),
    ("server.port", "[1]", "must be an integer", "an integer from 0 to 65535"),
    ("server.host", "''", "at least 1 character", "a host name or an IP address"),
    ("server.host", "5", "must be a text, in quotes", "a host name or an IP address"),
    ("server.docs", "'maybe'", "must be true or false", "true or false"),
    ("server.forwarded_allow_ips", "'10.0.0.0/8, x'", "no address and no network", 'or "*"'),
    ("server.grace", "nan", "must be a finite number", "a number from 0 to 86400"),
    ("server.grace", "true", "must be a number, not true or false", "a number from 0 to 86400"),
    ("logging.level", "'LOUD'", "none of the allowed values", '"DEBUG", "INFO", "WARNING" or "ERROR"'),
    ("model.adapter", "'openai'", "names no adapter", '"openai-responses", "demo" or "package.module:factory"'),
    ("model.adapter", "'a b:c'", "names no adapter", "package.module:factory"),
    ("openai.base_url", "'ftp://h/'", "is not a usable URL", "an http or https URL"),
    ("openai.base_url", "'https://'", "is not a usable URL", "an http or https URL"),
    ("openai.base_url", "'https://h:x/'", "is not a usable URL", "an http or https URL"),
    ("openai.base_url", "'https://user:pw@h/'", "is not a usable URL", "without credentials"),
    ("openai.base_url", "'https://h/?k=v'", "is not a usable URL", "without credentials, query"),
    ("openai.base_url", "'https://h/ x'", "is not a usable URL", "an http or https URL"),
    ("openai.model", "'two words'", "not allowed", "visible ASCII"),
    ("openai.connect_timeout", "0", "must be greater than 0", "a number, above 0 and at most 86400"),
    ("chat.temperature_max", "2.1", "must be less than or equal to 2", "a number from 0 to 2"),
    ("chat.max_output_tokens", "0", "must be greater than or equal to 1", "an integer, at least 1"),
    ("chat.max_output_tokens", "true", "must be a number, not true or false", "an integer, at least 1"),
    ("chat.client_system_messages", "'maybe'", "none of the allowed", '"keep", "drop" or "reject"'),
    ("streams.adapter", "'disk'", "names no store", '"memory", "redis" or "package.module:factory"'),
    ("auth.mode", "'apikey'", "names no way", '"none", "api_key", "jwt" or "package.module:factory"'),
    ("auth.api_key", "'a b'", "no HTTP header can carry", "visible ASCII"),
    ("auth.api_key", "12345", "must be a text, in quotes", "visible ASCII"),
]
WRONG_MODELS = [
    ("[[models]]\nname = 'x'\n", "models[0].id", "is required"),
    ("[[models]]\nid = 'a'\n[[models]]\nid = 5\n", "models[1].id", "must be a text, in quotes"),
    ("[[models]]\nid = 'a'\ncontext_window = 0\n", "models[0].context_window", "greater than or equal to 1"),
    ("[[models]]\nid = 'a'\n[[models]]\nid = 'openai/a'\n", "models", "two entries have the same id"),
    ("[[models]]\nid = 'a'\n[[models]]\nid = 'b'\nfallback = ['c']\n", "models", "models[1]: a fallback is not the id"),
    ("models = 'a'\n", "models", "must be a list"),
    ("models = ['a']\n", "models[0]", "must be a table"),
]
UNKNOWN_KEYS = [
    ("[server]\nprt = 1\n", "server.prt", "unknown key; did you mean server.port?"),
    ("[srever]\nport = 1\n", "srever.port", "unknown key; did you mean server.port?"),
    ("[srever]\n", "srever", "unknown key; did you mean server?"),
    ("port = 1\n", "port", "unknown key; did you mean server.port?"),
    ("[chat]\nport = 1\n", "chat.port", "unknown key; did you mean server.port?"),
    ("[chat]\nxyzzy = 1\n", "chat.xyzzy", "unknown key"),
    ("[chat.deep.er]\nxyzzy = 1\n", "chat.deep.er.xyzzy", "unknown key"),
    ("[[models]]\nid = 'a'\nnam = 'b'\n", "models[0].nam", "unknown key; did you mean models[0].name?"),
]


@pytest.mark.parametrize(("key", "value", "reason", "allowed"), WRONG_VALUES)
def test_a_wrong_value_is_told_with_what_is_allowed(
    key: str, value: str, reason: str, allowed: str, tmp_path: Path
) -> None:
    section, name = key.split(".")
    problem = only_problem(tmp_path, {"settings.toml": f"[{section}]\n{name} = {value}\n"})
    assert (problem.key, problem.source) == (key, str(tmp_path / "settings.toml"))
    assert reason in problem.reason
    assert allowed in problem.allowed


@pytest.mark.parametrize(("text", "key", "reason"), WRONG_MODELS)
def test_a_wrong_entry_of_a_list_is_told_by_its_place(text: str, key: str, reason: str, tmp_path: Path) -> None:
    problem = only_problem(tmp_path, {"settings.toml": text})
    assert (problem.key, problem.source) == (key, str(tmp_path / "settings.toml"))
    assert reason in problem.reason


@pytest.mark.parametrize(("text", "key", "reason"), UNKNOWN_KEYS)
def test_an_unknown_key_is_told_with_the_closest_one(text: str, key: str, reason: str, tmp_path: Path) -> None:
    problem = only_problem(tmp_path, {"settings.toml": text})
    assert (problem.key, problem.reason) == (key, reason)
    assert problem.source == str(tmp_path / "settings.toml")


def test_a_section_that_is_no_table_is_a_problem(tmp_path: Path) -> None:
    assert only_problem(tmp_path, {"config.yaml": "server: 5\n"}).reason == "must be a table"


def test_keys_that_are_no_texts_are_unknown_keys(tmp_path: Path) -> None:
    files = {"config.yaml": "1: a\nserver:\n  2: b\nmodels:\n- {id: a, 3: c}\n"}
    assert [problem.key for problem in problems(tmp_path, files)] == ["server.2", "models[0][3]", "1"]


@pytest.mark.parametrize(
    ("name", "text", "key", "reason"),
    [
        ("MAMBA_SERVER__PORT", "eight", "server.port", "must be an integer"),
        ("MAMBA_SERVER__PRT", "1", "server.prt", "did you mean server.port?"),
        ("MAMBA_SREVER__PORT", "1", "srever.port", "did you mean server.port?"),
        ("MAMBA__SERVER__PORT", "1", "_server.port", "did you mean server.port?"),
        ("MAMBA_SERVER__PORT__X", "1", "server.port", "must be an integer"),
        ("MAMBA_MODELS", "gpt-4o", "models", "is neither JSON nor TOML"),
        ("MAMBA_MODELS", "[{id = 'a'}]\nx = 1", "models", "is neither JSON nor TOML"),
        ("MAMBA_MODELS", "[" * 100_000, "models", "is neither JSON nor TOML"),
        ("MAMBA_CORS__ORIGINS", "https://a.example", "cors.origins", 'neither JSON nor TOML, which would be ["..."]'),
        ("MAMBA_CORS__ORIGINS", '["https://a.example/"]', "cors.origins[0]", "not written as browsers write origins"),
        ("MAMBA_MODELS", "5", "models", "must be a list"),
        ("MAMBA_MODELS__0__ID", "a", "models", "must be a list"),
        ("MAMBA_MODEL", "gpt-4o", "model", "is neither JSON nor TOML"),
        ("MAMBA_SERVER", '{"prt": 1}', "server.prt", "did you mean server.port?"),
        ("OPENAI_BASE_URL", "example.test", "openai.base_url", "is not a usable URL"),
        ("OPENAI_API_KEY", "k\n", "openai.api_key", "a line break"),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(name: str, text: str, key: str, reason: str, tmp_path: Path) -> None:
    problem = only_problem(tmp_path, env=KEY | {name: text})
    assert (problem.key, problem.source) == (key, name)
    assert reason in problem.reason


def test_each_value_of_an_unknown_table_is_told_with_its_own_source(tmp_path: Path) -> None:
    files = {"settings.toml": "[srever]\nhost = 'h'\n"}
    found = problems(tmp_path, files, KEY | {"MAMBA_SREVER__PORT": "1"})
    assert [(problem.key, problem.source) for problem in found] == [
        ("srever.host", str(tmp_path / "settings.toml")),
        ("srever.port", "MAMBA_SREVER__PORT"),
    ]


def test_a_wrong_value_that_a_stronger_source_replaces_is_no_problem(tmp_path: Path) -> None:
    files = {"settings.toml": "[server]\nport = 'eight'\n"}
    assert loaded(tmp_path, files, KEY | {"MAMBA_SERVER__PORT": "9000"}).settings.server.port == 9000


def test_all_problems_of_all_sources_are_told_at_once(tmp_path: Path) -> None:
    files = {
        "settings.toml": "[server]\nport = 'eight'\nprt = 1\n",
        "config.yaml": "chat: {max_steps: 0}\n",
        ".secrets.toml": "[openai",
        "config.local.yaml": "models: [{}]\n",
    }
    env = {"MAMBA_LOGGING__LEVEL": "LOUD", "MAMBA_STREAMS": "x", "OPENAI_BASE_URL": "x"}
    assert sorted((problem.key, Path(problem.source).name) for problem in problems(tmp_path, files, env)) == [
        ("chat.max_steps", "config.yaml"),
        ("file", ".secrets.toml"),
        ("logging.level", "MAMBA_LOGGING__LEVEL"),
        ("models[0].id", "config.local.yaml"),
        ("openai.base_url", "OPENAI_BASE_URL"),
        ("server.port", "settings.toml"),
        ("server.prt", "settings.toml"),
        ("streams", "MAMBA_STREAMS"),
    ]


@pytest.mark.parametrize("adapter", ["demo", "my_package.models:make"])
def test_an_adapter_that_needs_no_key_starts_without(adapter: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, env={"MAMBA_MODEL__ADAPTER": adapter}).settings.model.adapter == adapter


def test_a_missing_key_is_told_together_with_other_problems(tmp_path: Path) -> None:
    port, key = problems(tmp_path, env={"MAMBA_SERVER__PORT": "x"})
    assert port.key == "server.port"
    assert str(key).startswith(
        'openai.api_key (not set): required by model.adapter = "openai-chat"; set OPENAI_API_KEY or '
    )


@pytest.mark.parametrize("env", [{"MAMBA_MODEL__ADAPTER": "dmo"}, {"OPENAI_API_KEY": "a b"}, {"MAMBA_MODEL": "demo"}])
def test_a_missing_key_is_not_told_when_that_may_be_the_fault_of_another_problem(
    env: dict[str, str], tmp_path: Path
) -> None:
    assert "required" not in only_problem(tmp_path, env=env).reason


def test_a_directory_that_is_none_is_a_problem(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert str(only_problem(missing)) == f"settings directory (command line): {missing} is no directory"


def test_a_problem_is_one_line_that_cannot_write_to_a_terminal(tmp_path: Path) -> None:
    line = str(only_problem(tmp_path, {"settings.toml": '[server]\n"a\\n\\u001b[31m" = 1\n'}))
    assert line.isprintable()
    assert line.startswith("server.a\\n\\x1b[31m (")


def test_no_problem_repeats_the_value(tmp_path: Path) -> None:
    files = {
        "settings.toml": "\n".join(
            f"[{section}]\n" + "\n".join(f"{key} = '{CANARY} x'" for key in keys)
            for section, keys in {
                "server": ["port", "docs", "grace", "forwarded_allow_ips", "prt"],
                "logging": ["level", "format"],
                "model": ["adapter"],
                "openai": ["api_key", "base_url", "model", "max_attempts"],
                "chat": ["client_system_messages", "max_output_tokens"],
                "streams": ["adapter", "merge_ms", "on_disconnect"],
                "auth": ["mode", "api_key"],
            }.items()
        ),
        "config.yaml": f"models: [{{id: '{CANARY} x'}}, {{id: a, provider: '{CANARY} x'}}, {{id: b, x: {CANARY}}}]\n",
    }
    found = problems(tmp_path, files, env={})
    assert len(found) == 22
    assert CANARY not in repr(found) + "".join(map(str, found))


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("MAMBA_AUTH__ALGORITHMS", '["none"]', "a list of HS256, RS256"),
        ("MAMBA_TOOLS__FUNCTIONS", "[5]", "a list"),
    ],
)
def test_of_an_entry_it_is_told_what_its_list_may_hold(name: str, text: str, allowed: str, tmp_path: Path) -> None:
    assert only_problem(tmp_path, env=KEY | {name: text}).allowed.startswith(allowed)


@pytest.mark.parametrize("name", ["gpt-4o-mini", "openai/gpt-4o-mini", "gpt-9"])
def test_the_model_for_titles_is_one_on_offer(name: str, tmp_path: Path) -> None:
    env = KEY | {"MAMBA_CHAT__TITLE_MODEL": name}
    if name != "gpt-9":
        assert loaded(tmp_path, env=env).settings.chat.title_model == name
        return
    problem = only_problem(tmp_path, env=env)
    assert (problem.key, problem.reason) == ("chat.title_model", "is not the id of a model on offer")
    assert loaded(tmp_path, env=env | {"MAMBA_CHAT__OPEN_MODELS": "true"}).settings.chat.title_model == name
