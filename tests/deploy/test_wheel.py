"""The wheel is the whole product: one file that, with its dependencies, serves everything from anywhere."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from mamba_adapters.http.docs_pages import ASSETS
from tests.app.harness import chat_body
from tests.architecture.sources import PACKAGES, ROOT, project_files

PAGES = ROOT / "mamba_adapters" / "http" / "static"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
NAME = f"mamba_server-{VERSION}-py3-none-any.whl"
RELEASED = 1_767_225_600

pytestmark = pytest.mark.skipif(
    not (PAGES / "playground/index.html").is_file() or not (ASSETS / "swagger-ui-bundle.js").is_file(),
    reason="the pages are not built: make playground api-pages",
)


def build(tree: Path, place: Path) -> Path:
    """A wheel of the sources in `tree`, made as `make build` makes it."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(place), str(tree)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(RELEASED)}
    subprocess.run(command, env=environment, check=True, timeout=50)
    return place / NAME


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_every_source_file_and_the_pages_and_nothing_else(wheel: Path) -> None:
    sources = {str(path.relative_to(ROOT)) for path in project_files() if path.relative_to(ROOT).parts[0] in PACKAGES}
    pages = {str(path.relative_to(ROOT)) for path in PAGES.rglob("*") if path.is_file()}
    about = {f"mamba_server-{VERSION}.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    about.add(f"mamba_server-{VERSION}.dist-info/licenses/LICENSE")
    with zipfile.ZipFile(wheel) as archive:
        assert set(archive.namelist()) == sources | pages | about


def test_two_builds_of_the_same_sources_are_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    copied = tmp_path / "elsewhere" / "copy"
    copied.mkdir(parents=True)
    for name in ("pyproject.toml", "LICENSE", "README.md", ".gitignore"):
        shutil.copyfile(ROOT / name, copied / name)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copied / name, copy_function=shutil.copyfile)
    again = build(copied, tmp_path)
    assert sha256(again.read_bytes()).hexdigest() == sha256(wheel.read_bytes()).hexdigest()


def environment(installed: Path) -> dict[str, str]:
    """One in which the wheel's files stand before those of the checkout, and nothing is configured."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAMBA_", "OPENAI_", "PYTHON"))}
    return {**own, "PYTHONPATH": str(installed)}


def loaded_from(installed: Path, place: Path) -> Path:
    command = [sys.executable, "-c", "import mamba_app; print(mamba_app.__file__)"]
    told = subprocess.check_output(command, cwd=place, env=environment(installed), text=True, timeout=20)
    return Path(told.strip())


@contextmanager
def served(installed: Path, place: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`mamba-server serve --demo` out of the wheel, in a directory that has nothing in it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    own = environment(installed) | {
        "MAMBA_SERVER__HOST": "127.0.0.1",
        "MAMBA_SERVER__PORT": str(port),
        "MAMBA_SERVER__DRAIN_DELAY": "0",
        "MAMBA_SERVER__GRACE": "0.5",
        "MAMBA_LOGGING__FORMAT": "json",
    }
    command = [sys.executable, str(installed / "bin" / "mamba-server"), "serve", "--demo"]
    with subprocess.Popen(command, cwd=place, env=own, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if f":{port}" in line:  # uvicorn says where it listens once it does
                    break
            yield process, port
        finally:
            process.kill()


def test_the_installed_wheel_serves_its_pages_and_a_turn_from_any_directory(wheel: Path, tmp_path: Path) -> None:
    installed, place = tmp_path / "installed", tmp_path / "empty"
    place.mkdir()
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    subprocess.run([*command, "--no-index", "--target", str(installed), str(wheel)], check=True, timeout=50)
    assert loaded_from(installed, place) == installed / "mamba_app" / "__init__.py"
    with served(installed, place) as (process, port):
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            for page in ("/", "/docs", "/redoc", "/docs/swagger-ui-bundle.js", "/docs/redoc.standalone.js"):
                assert client.get(page).status_code == 200, page
            document = client.get("/openapi.json").json()
            assert document["info"]["version"] == VERSION
            assert "/api/chat" in document["paths"]
            with client.stream("POST", "/api/chat", json=chat_body("Hello")) as answer:
                assert any('"text-delta"' in line for line in answer.iter_lines())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert list(place.iterdir()) == []
