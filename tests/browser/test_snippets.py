"""The snippets of the README, as they are written there, in pages of their own."""

import asyncio
import functools
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from playground.build import SOURCES
from tests.app.harness import Running
from tests.architecture.sources import ROOT
from tests.sdk.node import node_executable

MODULES = SOURCES / "node_modules"
README = ROOT / "README.md"
MAIN = {
    "tsx": """
        import { createElement } from 'react';
        import { createRoot } from 'react-dom/client';
        import Chat from './Chat.tsx';
        createRoot(document.getElementById('app')).render(createElement(Chat));
    """,
    "vue": """
        import { createApp } from 'vue';
        import Chat from './Chat.vue';
        createApp(Chat).mount('#app');
    """,
}
BUILD = """
    import { build } from 'vite';
    import react from '@vitejs/plugin-react';
    import vue from '@vitejs/plugin-vue';
    await build({ configFile: false, logLevel: 'error', plugins: [react(), vue()] });
"""


def snippet(language: str) -> str:
    """The only block of the README in this language."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    [found] = blocks
    assert "http://localhost:8000/" in found
    return found


async def node(*arguments: str, folder: Path) -> str:
    """What Node prints; it must succeed."""
    executable = node_executable()
    if executable is None:
        pytest.skip("there is no Node that is new enough: run make install-dev")
    process = await asyncio.create_subprocess_exec(
        executable, *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    printed = out.decode()
    assert process.returncode == 0, printed
    return printed


@pytest.mark.parametrize("language", ["tsx", "vue"])
async def test_the_component_of_the_readme_chats(
    browser: Browser, server: Running, tmp_path: Path, language: str
) -> None:
    if not (MODULES / "vue").is_dir():
        pytest.skip("the npm packages of the tests are not installed: run python playground/build.py --dev")
    (tmp_path / "node_modules").symlink_to(MODULES)
    (tmp_path / f"Chat.{language}").write_text(snippet(language).replace("http://localhost:8000", server.url), "utf-8")
    (tmp_path / "main.js").write_text(MAIN[language], "utf-8")
    (tmp_path / "build.mjs").write_text(BUILD, "utf-8")
    (tmp_path / "index.html").write_text('<div id="app"></div><script type="module" src="/main.js"></script>', "utf-8")
    await node("build.mjs", folder=tmp_path)
    with served(tmp_path / "dist") as origin:
        page = await browser.new_page()
        await page.goto(origin)
        await page.get_by_label("Message").fill("Hello")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("p").nth(1)).to_contain_text("assistant:")
        await expect(page.locator("p").nth(1)).to_contain_text("I am the demo model")
        await expect(page.get_by_role("alert")).to_have_count(0)
        await page.close()


async def test_the_plain_script_of_the_readme_prints_the_answer(server: Running, tmp_path: Path) -> None:
    (tmp_path / "chat.mjs").write_text(snippet("js").replace("http://localhost:8000", server.url), "utf-8")
    assert "demo model" in "".join((await node("chat.mjs", folder=tmp_path)).split("\n"))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder on an origin of its own, one that is called localhost."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Requests are no news."""
