"""docs/how-to-add-an-auth-provider.md does what it says: its class judges the callers of the assembled service."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from mamba_domain.errors import Misconfigured
from tests.app.entrances import routes_of
from tests.app.harness import settings
from tests.app.serving import serving

PAGE = Path(__file__).parents[2] / "docs" / "how-to-add-an-auth-provider.md"


@pytest.fixture
def module(tmp_path: Path) -> Iterator[str]:
    """The module of the page, importable."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "introspection.py").write_text(code)
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    yield "introspection"
    sys.path.remove(str(tmp_path))
    sys.modules.pop("introspection", None)


@asynccontextmanager
async def authorization_server(told: dict[str, object]) -> AsyncIterator[str]:
    """What it says of each token, by token; of others, that they are not active."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.findall(rb"(?i)content-length: (\d+)", head)[0])
        token = parse_qs((await reader.readexactly(length)).decode())["token"][0]
        body = json.dumps(told.get(token, {"active": False})).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/introspect"


async def test_the_class_of_the_page_decides_who_comes_in(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, object] = {
        "good": {"active": True, "sub": "alice", "scope": "chat"},
        "list": [],
        "bare": {"active": True},
    }
    async with authorization_server(told) as url:
        monkeypatch.setenv("INTROSPECTION_URL", url)
        async with serving(settings({"auth.mode": f"{module}:introspection"})) as app:

            async def status(token: str | None) -> int:
                headers = {"authorization": f"Bearer {token}"} if token is not None else {}
                return (await app.http.get("/models", headers=headers)).status_code

            assert await status("good") == 200
            assert [await status(token) for token in (None, "bad", "list", "bare")] == [401] * 4
            for route in routes_of(app.application.asgi):
                if not route.path.startswith("/health/"):
                    assert (await app.http.get(re.sub(r"\{.*?\}", "x", route.path))).status_code == 401
    monkeypatch.setenv("INTROSPECTION_URL", url)
    async with serving(settings({"auth.mode": f"{module}:introspection"})) as app:
        refused = await app.http.get("/models", headers={"authorization": "Bearer good"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert (await app.http.get("/health/live")).status_code == 200


@pytest.mark.parametrize("path", ["nowhere:introspection", "introspection:nothing", "json:JSONDecoder"])
async def test_a_factory_that_makes_no_authenticator_keeps_the_server_from_starting(module: str, path: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        async with serving(settings({"auth.mode": path})):
            pass
    assert caught.value.key == "auth.mode"
