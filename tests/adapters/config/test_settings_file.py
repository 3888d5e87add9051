"""`settings.toml` and the models say the same."""

import tomllib
from pathlib import Path

import pytest

from mamba_adapters.config.describe import settings_file
from mamba_adapters.config.keys import all_keys, find_key
from mamba_adapters.config.load import load
from mamba_adapters.config.settings import ModelEntry, Settings

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "settings.toml").read_text("utf-8")
KEYS = all_keys()
UNSET = [name for name, key in KEYS.items() if key.default is None]


def test_the_file_is_what_the_models_describe() -> None:
    assert settings_file() == TEXT, "run: python -m mamba_adapters.config.describe > settings.toml"


def test_the_file_has_every_key_with_its_default_and_no_other() -> None:
    expected = Settings().model_dump(mode="json", exclude_none=True)
    assert tomllib.loads(TEXT) == expected
    assert {f"{section}.{key}" for section, keys in expected.items() if keys for key in keys} | {
        "models",
        *UNSET,
    } == set(KEYS)


@pytest.mark.parametrize("name", KEYS)
def test_the_meaning_of_a_key_stands_above_it(name: str) -> None:
    section, _, key = name.rpartition(".")
    above, found, _ = TEXT.partition(f"[{section}]\n")[2 if section else 0].partition(f"\n{key} = ")
    if not found:
        above, found, _ = TEXT.partition(f"[{section}]\n")[2].partition(f"\n# {key} = ")
    assert found
    comment = " ".join(above.replace("\n# ", " ").split())
    assert comment.endswith(f"{KEYS[name].field.description} Allowed: {KEYS[name].allowed}.")


@pytest.mark.parametrize("name", UNSET)
def test_a_key_without_a_default_is_shown_by_an_example_that_is_allowed(name: str) -> None:
    section, _, key = name.rpartition(".")
    for example in KEYS[name].field.examples or ["there is none"]:
        Settings.model_validate({section: {key: example}})


def test_the_example_of_models_is_allowed() -> None:
    for example in KEYS["models"].field.examples or ["there is none"]:
        assert Settings.model_validate({"models": example}).models


def test_loading_the_file_gives_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(TEXT, "utf-8")
    result = load(directory=tmp_path, env={}, overrides={"model.adapter": "demo"})
    assert result.settings == Settings.model_validate({"model": {"adapter": "demo"}})
    assert {name for name, source in result.sources.items() if source == "default"} == set(UNSET)


def test_every_default_is_judged_and_allowed() -> None:
    defaults = Settings().model_dump(exclude={"models"})
    assert Settings.model_validate(defaults) == Settings()


@pytest.mark.parametrize("field", [*(key.field for key in KEYS.values()), *ModelEntry.model_fields.values()])
def test_a_meaning_is_one_line_that_ends_as_a_sentence(field: object) -> None:
    description = getattr(field, "description", None)
    assert description
    assert "\n" not in description
    assert description.endswith(".")


def test_a_key_of_a_list_entry_is_found_by_its_place() -> None:
    key = find_key(("models", 0, "id"))
    assert key is not None
    assert key.allowed == "1 to 256 visible ASCII characters"
    assert find_key(()) is find_key(("models", 0, "nothing")) is find_key(("server", "port", "x")) is None


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().server.port = 1  # type: ignore[misc]  # that is the point
