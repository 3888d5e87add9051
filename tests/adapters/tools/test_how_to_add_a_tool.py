"""docs/how-to-add-a-tool.md does what it says: its code is written to a module, named in a setting, and called."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mamba_adapters.tools.client import ClientTool
from mamba_adapters.tools.discovery import named_tools
from mamba_adapters.tools.registry import Registry
from mamba_domain.identity import ANONYMOUS
from mamba_domain.ports.tool import Tool
from mamba_domain.tools import ToolError, ToolOutput, ToolProgress
from tests.contracts.tool_registry import a_call, steps_of

PAGE = (Path(__file__).parents[3] / "docs" / "how-to-add-a-tool.md").read_text()
ORDER = """
from pydantic import BaseModel
from mamba_adapters.tools import ToolContext

class Order(BaseModel):
    amount: int

"""


def blocks(language: str) -> list[str]:
    """The page's code blocks, without the indentation that a list gives them."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", PAGE, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """The tools of the page, as the setting of the page finds them, and the others of the same module."""
    first, *others = blocks("python")
    (tmp_path / "weather_tools.py").write_text("\n\n".join([first, ORDER, *others]))
    monkeypatch.syspath_prepend(tmp_path)
    paths = tomllib.loads(blocks("toml")[0])["tools"]["functions"]
    paths += [f"weather_tools:{name}" for name in ("stock", "buy", "count")]
    tools: list[Tool] = [tool for path in paths for tool in named_tools(path, setting="tools.functions")]
    yield Registry(tools={"tools.functions": tools})
    del sys.modules["weather_tools"]


def test_a_tool_takes_ten_lines_and_one_setting() -> None:
    code = [line for line in blocks("python")[0].splitlines() if line.strip() and not line.startswith("#")]
    assert len(code) <= 10
    (setting,) = (line for line in blocks("toml")[0].splitlines() if "=" in line)
    assert setting.startswith("functions")


async def test_the_first_tool_is_offered_and_can_be_called(registry: Registry) -> None:
    (spec,) = registry.offered(["weather"], ANONYMOUS)
    assert spec.description == "Say what the weather is like in a city."
    steps = await steps_of(registry, a_call("weather", {"name": "Rome"}))
    assert steps == [ToolOutput(output={"city": "Rome", "sky": "clear"})]


async def test_the_failing_tool_tells_the_model_why(registry: Registry) -> None:
    steps = await steps_of(registry, a_call("stock", {"name": "Rome"}))
    assert steps == [ToolError(error_text="The warehouse is closed.")]


async def test_the_tool_with_approval_asks_when_the_page_says_so(registry: Registry) -> None:
    assert registry.needs_approval(a_call("buy", {"amount": 101}))
    assert not registry.needs_approval(a_call("buy", {"amount": 100}))
    steps = await steps_of(registry, a_call("buy", {"amount": 3}))
    assert steps == [ToolOutput(output="anonymous bought 3")]


async def test_the_generator_shows_progress(registry: Registry) -> None:
    steps = await steps_of(registry, a_call("count", {"name": "Rome"}))
    assert steps == [ToolProgress(output={"clouds": n}) for n in range(3)] + [ToolOutput(output={"clouds": 2})]


def test_the_other_settings_of_the_page_are_sound() -> None:
    _, entry_points, client, mcp = (tomllib.loads(block) for block in blocks("toml"))
    assert entry_points["project"]["entry-points"]["mamba.tools"] == {"weather": "weather_tools:weather"}
    assert ClientTool(**client["tools"]["client"][0], setting="tools.client[0]").validate({"exact": True})
    assert mcp["tools"]["mcp"][0].keys() == {"name", "url"}
