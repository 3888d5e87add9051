"""What pyproject.toml promises, the locks and the packages keep."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.sources import PACKAGES, ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUNTIME: list[str] = PROJECT["project"]["dependencies"]
OPTIONAL: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
EXTRAS: list[str] = [line for lines in OPTIONAL.values() for line in lines]
BUILD: list[str] = PROJECT["build-system"]["requires"]
TOOLS: list[str] = PROJECT["dependency-groups"]["tools"]

LOCKS = {
    "runtime": RUNTIME,
    "build": BUILD,
    "dev": [*RUNTIME, *EXTRAS, *BUILD],
    "tools": TOOLS,
    "image": [*RUNTIME, *(line for extra, lines in OPTIONAL.items() if extra != "dev" for line in lines)],
}


def locked(name: str) -> Iterator[Requirement]:
    """The pins of one lock, whether or not their markers hold on this machine."""
    text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith(("#", " ")):
            yield Requirement(line.removesuffix("\\").strip())


def pins(name: str) -> dict[str, set[str]]:
    """Each package of one lock with its versions: more than one only where markers tell them apart."""
    found: dict[str, set[str]] = {}
    for pin in locked(name):
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        found.setdefault(canonicalize_name(pin.name), set()).add(specifier.version)
    return found


@pytest.mark.parametrize(
    ("lock", "line"),
    [(lock, line) for lock, lines in LOCKS.items() for line in lines],
    ids=lambda value: value,
)
def test_a_lock_has_what_the_project_declares_at_a_version_within_its_bounds(lock: str, line: str) -> None:
    requirement = Requirement(line)
    versions = pins(lock).get(canonicalize_name(requirement.name), set())
    assert versions, f"{requirement.name} is not in requirements/{lock}.lock: run make lock"
    assert all(requirement.specifier.contains(version) for version in versions), versions


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text("utf-8")
    assert "://" not in text
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.rstrip("\n"))[1:]
    assert len(entries) == len(list(locked(lock)))
    for entry in entries:
        hashes = [line.strip(" \\") for line in entry.splitlines()[1:]]
        assert hashes, entry
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), entry


@pytest.mark.parametrize("lock", ["runtime", "build", "tools", "image"])
def test_all_locks_pin_a_package_at_the_same_version(lock: str) -> None:
    dev = pins("dev")
    assert {name: versions for name, versions in pins(lock).items() if versions != dev.get(name, versions)} == {}


def test_the_build_group_is_the_build_backend() -> None:
    assert PROJECT["dependency-groups"]["build"] == BUILD


@pytest.mark.parametrize("line", [*RUNTIME, *EXTRAS, *BUILD, *TOOLS])
def test_a_dependency_has_a_lower_and_an_upper_bound(line: str) -> None:
    operators = sorted(specifier.operator for specifier in Requirement(line).specifier)
    assert operators == ["<", ">="]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
