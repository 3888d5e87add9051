"""A page of one's own: a component as somebody pastes it, bundled by Vite and served on an origin of its own."""

import asyncio
import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from playground.build import SOURCES
from tests.sdk.node import node_executable

__all__ = ["build", "node", "served"]

_MODULES = SOURCES / "node_modules"
_MAIN = {
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
_BUILD = """
    import { build } from 'vite';
    import react from '@vitejs/plugin-react';
    import vue from '@vitejs/plugin-vue';
    await build({ configFile: false, logLevel: 'error', plugins: [react(), vue()] });
"""


async def build(folder: Path, language: str, component: str) -> Path:
    """The folder of a page that shows the component; the test is skipped where the packages are not installed."""
    if not (_MODULES / "vue").is_dir():
        pytest.skip("the npm packages of the tests are not installed: run python playground/build.py --dev")
    (folder / "node_modules").symlink_to(_MODULES)
    (folder / f"Chat.{language}").write_text(component, "utf-8")
    (folder / "main.js").write_text(_MAIN[language], "utf-8")
    (folder / "build.mjs").write_text(_BUILD, "utf-8")
    (folder / "index.html").write_text('<div id="app"></div><script type="module" src="/main.js"></script>', "utf-8")
    await node("build.mjs", folder=folder)
    return folder / "dist"


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
