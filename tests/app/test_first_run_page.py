"""docs/first-run.md: its tool is written, named in its settings, and called by the demo model when asked as it says."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mamba_adapters.config.load import load
from mamba_app.demo import as_demo
from tests.app.harness import running_app
from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs" / "first-run.md").read_text("utf-8")
(CODE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FILES = re.findall(r"^```toml\n# (\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The checkout of somebody who has followed the page to its end."""
    for name, text in FILES:
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write(text)
    (tmp_path / "dice.py").write_text(CODE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("dice", None)


def test_all_settings_of_the_page_are_taken_together(folder: Path) -> None:
    loaded = load(directory=folder, env={})
    assert loaded.settings.openai.api_key is not None
    assert [entry.id for entry in loaded.settings.offered] == ["gpt-4o-mini", "local"]
    assert loaded.notes == ()


def test_the_files_of_the_page_are_those_that_git_ignores() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {name for name, _ in FILES} == {".secrets.toml", "settings.local.toml"}
    assert {"/.secrets.*", "/settings.local.toml"} <= set(ignored)


async def test_the_first_tool_is_called(folder: Path) -> None:
    (question,) = re.findall(r"\*(Please [^*]+)\*", PAGE)
    (tools,) = (text for _, text in FILES if "tools" in tomllib.loads(text))
    (folder / "settings.local.toml").write_text(tools, "utf-8")
    (folder / ".secrets.toml").unlink()
    demo = as_demo(load(directory=folder, env={}, overrides={"model.adapter": "demo"}).settings)
    async with running_app(demo) as app:
        _, chunks = await app.chat(question)
    (called,) = (chunk for chunk in chunks[:-1] if chunk["type"] == "tool-input-available")
    (returned,) = (chunk for chunk in chunks[:-1] if chunk["type"] == "tool-output-available")
    assert called["toolName"] == "roll"
    assert len(returned["output"]["eyes"]) == 2
