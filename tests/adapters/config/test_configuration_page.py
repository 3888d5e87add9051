"""`docs/configuration.md` and the models say the same."""

from mamba_adapters.config.keys import all_keys, find_key
from mamba_adapters.config.reference import settings_page
from tests.architecture.sources import ROOT

TEXT = (ROOT / "docs/configuration.md").read_text("utf-8")


def test_the_page_is_what_the_models_describe() -> None:
    assert settings_page() == TEXT, "run: python -m mamba_adapters.config.reference > docs/configuration.md"


def test_the_page_has_every_key_and_those_of_list_entries() -> None:
    rows = {line.split("`")[1]: line for line in TEXT.splitlines() if line.startswith("| `")}
    for name, key in all_keys().items():
        assert key.allowed.replace("|", r"\|").replace("<", "&lt;") in rows[name]
    for entry in (("models", 0, "fallback"), ("auth", "api_keys", 0, "sha256"), ("tools", "mcp", 0, "url")):
        assert find_key(entry) is not None
        assert entry[-1] in rows


def test_a_row_has_four_cells() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| `") and "## " not in line]
    settings_rows = [line for line in rows if not line.startswith(("| `MAMBA_", "| `OPENAI_", "| `config.", "| `set"))]
    assert {line.replace(r"\|", "").count("|") for line in settings_rows} == {5}
