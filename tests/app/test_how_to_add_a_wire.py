"""docs/how-to-add-a-wire.md does what it says: its file is written, its line added, and the service speaks the wire."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mamba_app.composition
from mamba_adapters.http.wire.codec import WireFactory
from mamba_app.composition import WIRES
from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import TextDelta
from tests.adapters.http.turns import CANCELLED, EVERYTHING
from tests.app.harness import chat_body, running_app, settings
from tests.fakes.scripted_model import ScriptedModel, text_script

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to-add-a-wire.md").read_text("utf-8")
FILE, LINE, ROUTE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def wires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, WireFactory]]:
    """The wires of the composition and the page's."""
    (tmp_path / "ndjson_wire.py").write_text(FILE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    encoder: WireFactory = importlib.import_module("ndjson_wire").NdjsonEncoder
    yield {**WIRES, "ndjson": encoder}
    del sys.modules["ndjson_wire"]


def lines(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.splitlines() if line]


def test_a_wire_takes_one_line_in_the_composition() -> None:
    source = inspect.getsource(mamba_app.composition)
    (new,) = [line for line in LINE.splitlines() if line not in source]
    assert new.strip() == '"ndjson": NdjsonEncoder,'


async def test_the_service_speaks_the_new_wire(wires: dict[str, WireFactory]) -> None:
    broken = ModelFailed(Code.MODEL_ERROR)
    model = ScriptedModel(text_script("Hel", "lo"), text_script("Bye"), [(TextDelta(text="Hel"),), broken])
    async with running_app(settings({"streams.merge_ms": 0}), model_for=lambda _: model, wires=wires) as app:
        whole = await app.http.post("/api/chat?protocol=ndjson", json=chat_body())
        completion = await app.http.post("/api/completion?protocol=ndjson", json={"prompt": "Bye"})
        failed = await app.http.post("/api/chat?protocol=ndjson", json=chat_body())
        unknown = await app.http.post("/api/chat?protocol=xml", json=chat_body())
    assert whole.headers["content-type"] == "application/x-ndjson"
    assert "".join(line.get("text", "") for line in lines(whole.content)) == "Hello"
    assert lines(completion.content) == [{"text": "Bye"}, {"end": True}]
    assert lines(failed.content) == [{"text": "Hel"}, {"error": "The model could not answer. Please try again."}]
    assert unknown.json()["detail"].endswith("ai-sdk, ai-sdk-v4, text, ndjson.")


def test_the_new_wire_takes_every_event(wires: dict[str, WireFactory]) -> None:
    encoder = wires["ndjson"](replay=True, profile=frozenset())
    told = lines(encoder.encode((*EVERYTHING, CANCELLED)))
    assert [line.get("text") for line in told] == ["before", "one ", "two", "three", None]


def test_the_pages_file_has_types(tmp_path: Path) -> None:
    (tmp_path / "ndjson_wire.py").write_text(
        FILE + "\n\nfrom mamba_adapters.http.wire.codec import WireFactory\n\nfactory: WireFactory = NdjsonEncoder\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(tmp_path / "ndjson_wire.py")]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=55, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_names_in_the_route_example_exist() -> None:
    from mamba_adapters.http.intake import Intake

    for name in re.findall(r"_intake\.(\w+)", ROUTE):
        assert hasattr(Intake, name)
