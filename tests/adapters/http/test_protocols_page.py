"""docs/protocols.md tells what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mamba_adapters.config.settings import ObjectEntry
from mamba_adapters.http.agui_routes import AGUI_PATHS
from mamba_adapters.http.chat_routes import CHAT_PATHS
from mamba_adapters.http.completion_routes import COMPLETION_PATHS
from mamba_adapters.http.object_routes import OBJECT_PATHS
from mamba_adapters.http.wire.profiles import FEATURES

PAGE = (Path(__file__).parents[3] / "docs" / "protocols.md").read_text("utf-8")


def test_the_table_of_profiles_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `([\w.-]+)` \| (\S+) \| (\S+) \| (\S+) \|$", PAGE, re.MULTILINE)
    told = {
        name: tuple(tuple(map(int, first.split("."))) for first in firsts if first != "never") for name, *firsts in rows
    }
    assert told == dict(FEATURES)


def test_every_path_is_named() -> None:
    for path in (*CHAT_PATHS, *COMPLETION_PATHS, *OBJECT_PATHS, *AGUI_PATHS):
        assert f"`{path}`" in PAGE or f" {path}`" in PAGE, path


def test_the_setting_of_the_page_is_sound() -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (entry,) = tomllib.loads(block)["objects"]["schemas"]
    assert ObjectEntry(**entry).name == "recipe"
