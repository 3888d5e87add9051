"""docs/how-to-add-a-model.md does what it says: its module is written, named in a setting, and answers."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mamba_adapters.config.load import load
from mamba_adapters.config.settings import Settings
from tests.app.harness import running_app, text_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to-add-a-model.md").read_text("utf-8")
(CODE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FOR_ALL, BESIDE_OTHERS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the page's module is, and can be imported from."""
    (tmp_path / "echo_model.py").write_text(CODE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("echo_model", None)


def configured(folder: Path, text: str) -> Settings:
    (folder / "settings.toml").write_text(text, "utf-8")
    return load(directory=folder, env={"OPENAI_API_KEY": "sk-none"}).settings


async def test_the_model_answers_for_every_name(folder: Path) -> None:
    async with running_app(configured(folder, FOR_ALL)) as app:
        response, chunks = await app.chat("Hello out there")
    assert response.status_code == 200
    assert text_of(chunks) == "Hello out there "
    assert chunks[-2]["messageMetadata"]["usage"]["outputTokens"] == 3


async def test_the_model_stands_beside_others(folder: Path) -> None:
    assert len(tomllib.loads(BESIDE_OTHERS)["models"]) == 2
    async with running_app(configured(folder, BESIDE_OTHERS)) as app:
        listed = (await app.http.get("/models")).json()["models"]
        _, chunks = await app.chat("Hello", model="echo")
    assert [model["id"] for model in listed] == ["openai/gpt-4o-mini", "house/echo"]
    assert text_of(chunks) == "Hello "


def test_the_pages_module_has_types(folder: Path) -> None:
    typed = "\n\nfrom mamba_domain.ports.chat_model import ChatModel\n\nmodel: ChatModel = new_model()\n"
    (folder / "echo_model.py").write_text(CODE + typed, "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(folder / "echo_model.py")]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=55, check=False)
    assert checked.returncode == 0, checked.stdout
