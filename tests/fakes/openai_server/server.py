"""A fake OpenAI on 127.0.0.1 that says what it is told to say, and misbehaves down to the last byte.

Which answer a request gets is decided by the first of these that applies: the script of its model, the common
script, the name of its model (`behaviours`). The same port has control routes (`control`) for tests that run
it as a process of its own; the trap is a second port, where nobody should ever come.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Thread
from types import TracebackType
from typing import Final, Self, TypeAlias

from .asked import DEFAULT_TOOL, Api, Asked
from .behaviours import TRAP_ANSWER, answer_for, model_list, no_such_route, text_of
from .connection import Connection
from .control import control_response
from .delivery import http_response
from .http1 import Request
from .journal import Journal, Received
from .replies import Answer

__all__ = ["MODELS", "FakeOpenAI", "Scripted", "serving_in_thread"]

MODELS: Final = "/v1/models"
"""In place of a model's name: scripts the model list."""

Scripted: TypeAlias = Answer | str
"""An answer, or the name of a behaviour such as "ok" or "fault-503"."""

_APIS: dict[tuple[str, str], Api] = {
    ("POST", "/v1/chat/completions"): "chat",
    ("POST", "/v1/responses"): "responses",
    ("GET", MODELS): "models",
}


class FakeOpenAI:
    """The upstream. `async with FakeOpenAI() as upstream:` listens until the block ends.

    Leaving the block closes every connection, and raises what went wrong inside the fake itself.
    """

    def __init__(self, *, tool: str = DEFAULT_TOOL) -> None:
        self.journal = Journal()
        self.tool = tool
        """The tool that behaviours call when the request offers it; else they call the first one offered."""
        self._scripts: dict[str | None, deque[Scripted]] = {}
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._errors: list[Exception] = []

    @property
    def origin(self) -> str:
        return _origin(self._servers[0])

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def trap_url(self) -> str:
        """Another origin; requests to it are journalled with `trap=True`."""
        return _origin(self._servers[1])

    @property
    def requests(self) -> list[Received]:
        """The API requests, oldest first, without those to the trap."""
        return [received for received in self.journal.requests if not received.trap]

    def script(self, answers: Iterable[Scripted], *, model: str | None = None) -> None:
        """Each request takes the next answer and the last one repeats; no answers: no script.

        A script for `model` goes before the common one. `MODELS` scripts the model list, which the common
        script leaves alone. Where "fault-accept-close" is next in the common script, the next connection is
        closed unread and unjournalled.
        """
        self._scripts[model] = deque(answers)

    def reset(self) -> None:
        """Drops the scripts and the journal."""
        self._scripts.clear()
        self.journal.clear()

    @staticmethod
    def text_of(model: str) -> str:
        """The whole text that a model of this name gives to a request without a conversation."""
        return text_of(model)

    async def received(self, count: int = 1, timeout: float = 5.0) -> list[Received]:
        """Waits until `count` API requests have come, and returns all of them."""
        await self.journal.until(lambda: len(self.requests) >= count, timeout)
        return self.requests

    async def quiet(self, timeout: float = 5.0) -> None:
        """Waits until no answer is being given any more."""
        await self.journal.until(lambda: self.journal.open_streams == 0, timeout)

    async def start(self, port: int = 0) -> None:
        for number, at in ((0, port), (1, 0)):
            accept = partial(self._accept, trap=number == 1)
            self._servers.append(await asyncio.start_server(accept, "127.0.0.1", at, backlog=4096))

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        if self._errors:
            raise ExceptionGroup("the fake upstream itself failed", self._errors)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, trap: bool) -> None:
        script = self._scripts.get(None)
        if not trap and script and script[0] == "fault-accept-close":
            _take(script)
            writer.close()
            return
        connection = Connection(reader, writer, self.journal, trap=trap)
        task = asyncio.create_task(connection.serve(self._choose_trap if trap else self._choose))
        self._connections.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, connection: asyncio.Task[None]) -> None:
        self._connections.discard(connection)
        error = None if connection.cancelled() else connection.exception()
        if isinstance(error, Exception):
            self._errors.append(error)

    def _choose(self, request: Request, nth: int) -> tuple[Asked, Answer] | bytes:
        path = request.path.partition("?")[0]
        if path.startswith("/_"):
            return http_response(control_response(self, request))
        api = _APIS.get((request.method, path))
        asked = self._asked(request, nth, api or "chat")
        if api is None:
            return asked, no_such_route(request.method, path)
        model = MODELS if api == "models" else asked.model
        script = self._scripts.get(model) or (None if api == "models" else self._scripts.get(None))
        if not script:
            return asked, model_list() if api == "models" else answer_for(asked, asked.model)
        scripted = _take(script)
        return asked, answer_for(asked, scripted) if isinstance(scripted, str) else scripted

    def _choose_trap(self, request: Request, nth: int) -> tuple[Asked, Answer]:
        return self._asked(request, nth, "chat"), TRAP_ANSWER

    def _asked(self, request: Request, nth: int, api: Api) -> Asked:
        body = request.json
        return Asked(
            api=api,
            body=body if isinstance(body, dict) else {},
            url=f"{self.origin}{request.path}",
            trap=self.trap_url,
            nth=nth,
            tool=self.tool,
        )


@contextmanager
def serving_in_thread() -> Iterator[FakeOpenAI]:
    """A fake upstream in an event loop and a thread of its own, for tests that have no event loop.

    Script it and read its `requests` from any thread; what is awaitable belongs to its own loop.
    """
    upstream = FakeOpenAI()
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="fake-openai", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(upstream.start(), loop).result(10)
        try:
            yield upstream
        finally:
            asyncio.run_coroutine_threadsafe(upstream.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _origin(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _take(script: deque[Scripted]) -> Scripted:
    return script.popleft() if len(script) > 1 else script[0]
