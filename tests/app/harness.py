"""The assembled service on a real loopback socket, in the test's own loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from mamba_adapters.config.load import load
from mamba_adapters.config.settings import Settings
from mamba_adapters.demo.chat_model import DemoModel
from mamba_app.composition import Application, compose
from mamba_app.server import server_config

__all__ = ["Running", "chat_body", "chunks_of", "running_app", "settings", "text_of"]

_NO_FILES = Path(__file__).parent


def settings(values: Mapping[str, object] | None = None) -> Settings:
    """Settings from dotted keys alone: no file and no variable of this machine counts."""
    return load(directory=_NO_FILES, env={}, overrides={"model.adapter": "demo", **(values or {})}).settings


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. `http` is a client for it."""

    application: Application
    port: int
    http: httpx2.AsyncClient

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def chat(
        self, text: str = "Hello", *, path: str = "/api/chat", **body: Any
    ) -> tuple[httpx2.Response, list[Any]]:
        """One turn, read to its end: the answer, and its chunks where it is a stream."""
        response = await self.http.post(path, json=chat_body(text, **body))
        is_stream = response.headers["content-type"].startswith("text/event-stream")
        return response, chunks_of(response.content) if is_stream else []


@asynccontextmanager
async def running_app(configuration: Settings | None = None, **ports: Any) -> AsyncIterator[Running]:
    """Serve on a free port. `ports` are the keywords of `compose`; the demo model does not take its time here."""
    configuration = configuration or settings()
    if configuration.model.adapter == "demo" and "model_for" not in ports:
        demo = DemoModel(words_per_second=0)
        ports["model_for"] = lambda _: demo
    application = compose(configuration, **ports)
    config = server_config(application.asgi, host="127.0.0.1", port=0, forwarded_allow_ips="")
    config.timeout_graceful_shutdown = 2
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(), name="server")
    while not server.started:
        if serving.done():
            serving.result()
            raise RuntimeError("the server did not start")
        await asyncio.sleep(0.005)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            yield Running(application, port, client)
    finally:
        application.chat.stop_all()
        server.should_exit = True
        await serving


def chat_body(text: str = "Hello", **more: Any) -> dict[str, Any]:
    """What `useChat` sends for a first message."""
    message = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": text}]}
    return {"id": "chat-1", "trigger": "submit-message", "messages": [message], **more}


def chunks_of(content: bytes) -> list[Any]:
    """The chunks of a UI message stream; comments are skipped, "[DONE]" stands for itself."""
    found: list[Any] = []
    for frame in content.decode().split("\n\n"):
        if frame.startswith("data: "):
            payload = frame.removeprefix("data: ")
            found.append(payload if payload == "[DONE]" else json.loads(payload))
        else:
            assert not frame or frame.startswith(":"), frame
    return found


def text_of(chunks: list[Any]) -> str:
    """What the answer says."""
    return "".join(chunk["delta"] for chunk in chunks if isinstance(chunk, dict) and chunk["type"] == "text-delta")
