"""docs/how-to-add-a-stream-store.md does what it says: its store keeps the answers of the assembled service."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mamba_domain.errors import Misconfigured
from tests.app.harness import running_app, settings, text_of
from tests.contracts.stream_store import StreamStoreContract

PAGE = Path(__file__).parents[2] / "docs" / "how-to-add-a-stream-store.md"
CHOSEN = {"streams.adapter": "archive:archive"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The archive; the module of the page is importable."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "archive.py").write_text(code)
    monkeypatch.setenv("ARCHIVE_FILE", str(tmp_path / "answers.jsonl"))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path / "answers.jsonl"
    sys.modules.pop("archive", None)


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines()


class TestArchive(StreamStoreContract):
    @pytest.fixture
    def store(self, file: Path) -> Any:
        return importlib.import_module("archive").archive()


async def test_the_store_of_the_page_keeps_the_answers(file: Path) -> None:
    async with running_app(settings(CHOSEN)) as app:
        _, chunks = await app.chat()
    (line,) = await asyncio.to_thread(lines_of, file)
    assert json.loads(line) == {"chat": "chat-1", "text": text_of(chunks)}


@pytest.mark.parametrize("path", ["nowhere:store", "archive:nothing", "json:JSONDecoder"])
async def test_what_makes_no_store_keeps_the_server_from_starting(path: str, file: Path) -> None:
    with pytest.raises(Misconfigured) as raised:
        async with running_app(settings({"streams.adapter": path})):
            """Not reached."""
    assert raised.value.key == "streams.adapter"
