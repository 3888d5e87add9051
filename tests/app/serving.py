"""The assembled service behind a listening socket, without a server's own clockwork: up and down within a millisecond.

For suites of hundreds of requests that each want a service of their own. What the process around it does (signals, the
drain order) is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx2
from uvicorn.lifespan.on import LifespanOn
from uvicorn.server import ServerState

from mamba_adapters.config.settings import Settings
from mamba_adapters.http.peer import PeerProtocol
from mamba_app.composition import compose
from mamba_app.server import server_config
from tests.app.harness import Running

__all__ = ["serving"]


@asynccontextmanager
async def serving(configuration: Settings, **ports: Any) -> AsyncIterator[Running]:
    """Serve on a free port. `ports` are the keywords of `compose`."""
    application = compose(configuration, **ports)
    config = server_config(application.asgi, host="127.0.0.1", port=0, forwarded_allow_ips="")
    config.load()
    lifespan = LifespanOn(config)
    await lifespan.startup()
    assert not lifespan.should_exit, "the application did not start"
    state = ServerState()
    protocol = partial(PeerProtocol, config=config, server_state=state, app_state=lifespan.state)
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            yield Running(application, port, client)
    finally:
        server.close()
        application.chat.stop_all()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=5)
        for connection in list(state.connections):
            connection.shutdown()
        await lifespan.shutdown()
