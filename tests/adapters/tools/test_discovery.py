"""Tools are found by a dotted path and by the entry points of installed packages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mamba_adapters.tools.discovery import announced_tools, named_tools
from mamba_domain.errors import Misconfigured

TOOL = '''
from pydantic import BaseModel
from mamba_adapters.tools import tool

class Nothing(BaseModel):
    pass

@tool()
async def {name}(given: Nothing) -> str:
    """Say your name."""
    return "{name}"
'''

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Makes a module importable, and forgets it afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    names: list[str] = []

    def add(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source)
        names.append(name)

    yield add
    for name in names:
        sys.modules.pop(name, None)


def announce(folder: Path, entries: str) -> None:
    information = folder / "some_tools-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: some-tools\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[mamba.tools]\n{entries}\n")


def test_a_path_names_a_tool_or_a_list_of_tools(install: Install) -> None:
    install("found_by_path", TOOL.format(name="one") + TOOL.format(name="two") + "all_of_them = [one, two]\n")
    (one,) = named_tools("found_by_path:one", setting="tools.functions[0]")
    assert one.spec.name == "one"
    both = named_tools("found_by_path:all_of_them", setting="tools.functions[0]")
    assert [tool.spec.name for tool in both] == ["one", "two"]


@pytest.mark.parametrize("path", ["", "module", "module:", ":name", "a.b.c", "module:a.b", "module:a b"])
def test_a_path_of_another_form_stops_the_start_and_names_the_setting(path: str) -> None:
    with pytest.raises(Misconfigured, match=r"package\.module:name") as refusal:
        named_tools(path, setting="tools.functions[3]")
    assert refusal.value.key == "tools.functions[3]"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("one = 5\n", "is no tool"),
        ("one = []\n", "is no tool"),
        ("async def one(given): ...\n", "is no tool"),
        ("two = 5\n", "is no tool"),
        ("raise RuntimeError('no licence')\n", "RuntimeError: no licence"),
        ("import nothing_of_that_name\n", "ModuleNotFoundError"),
        (TOOL.format(name="one").replace("async def", "def"), "must be an async function"),
    ],
)
def test_what_is_no_tool_stops_the_start_and_says_why(install: Install, source: str, reason: str) -> None:
    install("not_a_tool", source)
    with pytest.raises(Misconfigured, match=reason) as refusal:
        named_tools("not_a_tool:one", setting="tools.functions[0]")
    assert refusal.value.key == "tools.functions[0]"


def test_installed_packages_announce_tools_by_entry_point(install: Install, tmp_path: Path) -> None:
    install("announced", TOOL.format(name="one") + TOOL.format(name="two") + "more = (two,)\n")
    announce(tmp_path, "b = announced:one\na = announced:more")
    assert [tool.spec.name for tool in announced_tools(setting="tools.entry_points")] == ["two", "one"]


@pytest.mark.parametrize(
    ("entry", "reason"), [("announced:nobody", "AttributeError"), ("announced:Nothing", "no tool")]
)
def test_an_entry_point_that_is_no_tool_stops_the_start(
    install: Install, tmp_path: Path, entry: str, reason: str
) -> None:
    install("announced", TOOL.format(name="one"))
    announce(tmp_path, f"a = {entry}")
    with pytest.raises(Misconfigured, match=reason) as refusal:
        announced_tools(setting="tools.entry_points")
    assert refusal.value.key == "tools.entry_points"


def test_without_entry_points_there_are_no_tools() -> None:
    assert announced_tools(setting="tools.entry_points") == ()
