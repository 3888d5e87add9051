"""Swagger UI and ReDoc, from this server alone, under a strict policy."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api_pages.fetch import is_fresh
from mamba_adapters.http.docs_pages import DocsPages
from tests.app.harness import running_app, settings

BROWSER = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
IS_FETCHED = is_fresh()
PAGES = [
    ("/docs", ".swagger-ui .opblock-summary-path", "script-src 'self'; style-src 'self';"),
    ("/redoc", "[data-section-id] h2", "script-src 'self'; style-src 'self' 'unsafe-inline';"),
]


@pytest.mark.skipif(not IS_FETCHED, reason="the pages' scripts are not there: run make api-pages")
@pytest.mark.parametrize(("path", "shown", "policy"), PAGES)
async def test_a_page_loads_from_this_server_alone_under_its_policy(path: str, shown: str, policy: str) -> None:
    async with running_app(settings()) as app:
        page = await app.http.get(path)
        assert page.status_code == 200
        assert policy in page.headers["content-security-policy"]
        assert "<script>" not in page.text
        assert "style=" not in page.text
        for name in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
            asset = await app.http.get(f"/{name}", headers={"accept-encoding": "gzip"})
            assert asset.status_code == 200
            again = await app.http.get(f"/{name}", headers={"if-none-match": asset.headers["etag"]})
            assert again.status_code == 304


@pytest.mark.skipif(not IS_FETCHED, reason="the pages' scripts are not there: run make api-pages")
@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium: install the package chromium of the system")
@pytest.mark.parametrize(("path", "shown", "policy"), PAGES)
async def test_a_browser_draws_the_page_and_asks_nobody_else(path: str, shown: str, policy: str) -> None:
    complaints: list[str] = []
    elsewhere: list[str] = []
    async with running_app(settings()) as app, async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        try:
            page = await browser.new_page()

            def hear(message: Any) -> None:
                if message.type in {"error", "warning"}:
                    complaints.append(message.text)

            def see(request: Any) -> None:
                if not request.url.startswith((app.url, "data:", "blob:")):
                    elsewhere.append(request.url)

            page.on("console", hear)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", see)
            await page.goto(f"{app.url}{path}")
            await page.locator(shown).first.wait_for(timeout=20_000)
            assert "Mamba Server" in await page.inner_text("body")
        finally:
            await browser.close()
    assert complaints == []
    assert elsewhere == []


def test_a_page_whose_script_is_missing_says_so(tmp_path: Path) -> None:
    client = TestClient(Starlette(routes=DocsPages(dict, assets=tmp_path).routes()))
    for path in ("/docs", "/redoc"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "make api-pages" in answer.text
    assert client.get("/openapi.json").json() == {}


async def test_the_pages_can_be_switched_off() -> None:
    async with running_app(settings({"server.docs": False})) as app:
        for path in ("/docs", "/redoc", "/openapi.json", "/docs/swagger-ui.css"):
            assert (await app.http.get(path)).status_code == 404
