"""The assembled service behind its own protocol, for clients that speak HTTP by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from uvicorn.lifespan.on import LifespanOn
from uvicorn.server import ServerState

from mamba_adapters.config.settings import Settings
from mamba_adapters.demo.chat_model import DemoModel
from mamba_adapters.http.cross_origin import refusal_headers
from mamba_adapters.http.guard import WireLimits, guarded_by
from mamba_app.composition import Application, compose
from mamba_app.server import server_config
from tests.app.harness import settings

__all__ = ["Answer", "Wire", "wire"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A server that answers, and sockets to it."""

    def __init__(self, application: Application, port: int, state: ServerState) -> None:
        self.application = application
        self.port = port
        self.state = state

    async def talk(self, *pieces: bytes) -> bytes:
        """All that comes back for these bytes, up to the end of the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
            return await asyncio.wait_for(reader.read(), 10)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    async def ask(self, request: bytes) -> Answer:
        """The one answer to a request after which the connection ends."""
        return self.answers(await self.talk(request))[0]

    @staticmethod
    def answers(data: bytes) -> list[Answer]:
        """The answers in what was received; bodies with a length, in chunks, or up to the end."""
        found: list[Answer] = []
        while data:
            head, _, data = data.partition(b"\r\n\r\n")
            line, *fields = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            if "content-length" in headers:
                length = int(headers["content-length"])
                body, data = data[:length], data[length:]
            elif headers.get("transfer-encoding") == "chunked":
                body, data = _unchunked(data)
            else:
                body, data = data, b""
            found.append(Answer(int(line.split()[1]), headers, body))
        return found


def _unchunked(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body, data = body + data[:length], data[length + 2 :]
        if not length:
            break
    return body, data


@asynccontextmanager
async def wire(
    configuration: Settings | None = None, *, limits: WireLimits | None = None, **ports: Any
) -> AsyncIterator[Wire]:
    """Serve on a free port. `ports` are the keywords of `compose`."""
    demo = DemoModel(words_per_second=0)
    application = compose(configuration or settings(), **({"model_for": lambda _: demo} | ports))
    config = server_config(application.asgi, host="127.0.0.1", port=0, forwarded_allow_ips="")
    config.load()
    lifespan = LifespanOn(config)
    await lifespan.startup()
    assert not lifespan.should_exit, "the application did not start"
    state = ServerState()
    protocol = guarded_by(limits or WireLimits(), refusal_headers(application.cross_origin))
    server = await asyncio.get_running_loop().create_server(
        partial(protocol, config=config, server_state=state, app_state=lifespan.state), "127.0.0.1", 0, backlog=4096
    )
    try:
        yield Wire(application, server.sockets[0].getsockname()[1], state)
    finally:
        server.close()
        application.chat.stop_all()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=5)
        for connection in list(state.connections):
            connection.shutdown()
        await lifespan.shutdown()
