"""Lists the license of everything that is shipped, and fails for one that is not allowed: `python supply_chain/licenses.py`.

Shipped are the packages of the image's lock, the npm packages that the page is built of, and the scripts of the API's pages.
A license is what the installed package says of itself; a package that other platforms need is looked up in a table here.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

__all__ = ["ALLOWED", "ELSEWHERE", "SCRIPTS", "Shipped", "is_allowed", "main", "shipped"]

ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "OFL-1.1",  # of fonts: they may be passed on within software
        "PSF-2.0",
        "Unlicense",
    }
)
"""By their SPDX names: what is under them can be passed on with this server, whatever those who build on it do."""

ELSEWHERE = {"async-timeout": "Apache-2.0", "httpx2-jsfetch": "BSD-3-Clause", "pywin32": "PSF-2.0"}
"""Packages that the lock has for other platforms and Pythons."""

SCRIPTS = {"redoc": "MIT", "swagger-ui-dist": "Apache-2.0"}
"""What `api_pages/fetch.py` fetches."""

_ROOT = Path(__file__).resolve().parents[1]
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_WORD = re.compile(r"\(|\)|[^\s()]+")
_NAMES = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_SHORT = 60
"""A field `License` that is longer holds the license's text."""


@dataclass(frozen=True, slots=True, order=True)
class Shipped:
    """A package with its license, an SPDX expression; empty where the package does not say."""

    kind: str
    name: str
    version: str
    license: str


def main() -> int:
    """Print the list. Returns the exit status: 1 when a license is not allowed."""
    found = sorted(set(shipped()))
    for it in found:
        print(f"{it.kind:6} {it.name} {it.version}: {it.license or 'unknown'}")
    refused = [it for it in found if not is_allowed(it.license)]
    for it in refused:
        print(f"licenses: {it.name} {it.version} is under {it.license or 'no license that it names'}", file=sys.stderr)
    return 1 if refused else 0


def shipped(root: Path = _ROOT) -> Iterator[Shipped]:
    """Everything that the wheel and the image hold."""
    for name, version in set(_PINNED.findall((root / "requirements/image.lock").read_text("utf-8"))):
        yield Shipped("python", name, version, _declared(name))
    lock = json.loads((root / "playground/package-lock.json").read_text("utf-8"))
    for path, package in lock["packages"].items():
        if path and not package.get("dev"):
            yield Shipped("page", path.rpartition("node_modules/")[2], package["version"], package.get("license", ""))
    for name, license in SCRIPTS.items():
        yield Shipped("script", name, "", license)


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be satisfied with allowed licenses: one side of each OR, both of each AND."""
    words = _WORD.findall(expression)
    if not words:
        return False
    try:
        return _either(words) and not words
    except IndexError:
        return False


def _either(words: list[str]) -> bool:
    result = _both(words)
    while words and words[0] == "OR":
        words.pop(0)
        result = _both(words) or result
    return result


def _both(words: list[str]) -> bool:
    result = _one(words)
    while words and words[0] == "AND":
        words.pop(0)
        result = _one(words) and result
    return result


def _one(words: list[str]) -> bool:
    word = words.pop(0)
    if word != "(":
        return word in ALLOWED
    result = _either(words)
    return words.pop(0) == ")" and result


def _declared(name: str) -> str:
    """What the installed package says, as SPDX writes it."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return ELSEWHERE.get(name, "")
    if "License-Expression" in said:
        return said["License-Expression"]
    text = said["License"].strip() if "License" in said else ""
    if 0 < len(text) <= _SHORT:
        return _NAMES.get(text, text)
    marks = (it for it in said.get_all("Classifier") or () if it.startswith("License ::"))
    names = (mark.rpartition(" :: ")[2] for mark in marks)
    return " AND ".join(_NAMES.get(name, name.replace(" ", "-")) for name in names)


if __name__ == "__main__":
    sys.exit(main())
