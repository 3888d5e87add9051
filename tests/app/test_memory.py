"""What a stream leaves behind in the process: nothing, and nothing that only a collection would find."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from mamba_adapters.http.peer import PeerProtocol
from mamba_app.memory import Tidying
from mamba_app.serve import warm_up
from mamba_domain.chat import Chat
from mamba_domain.events import TextDelta
from tests.app.harness import Running, chat_body, running_app, settings
from tests.app.process import client_of, server_process
from tests.fakes.openai_server import FakeOpenAI, Reply, Text, Until
from tests.fakes.scripted_model import Script, ScriptedModel, call_script, text_script


def open_connections() -> int:
    gc.collect()
    return sum(issubclass(type(thing), PeerProtocol) for thing in gc.get_objects())


@contextmanager
def garbage() -> Iterator[list[object]]:
    """Collects, at its end, what of ours only a collection frees."""
    found: list[object] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found += [thing for thing in gc.garbage if type(thing).__module__.startswith("mamba_")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def over(chat: Chat) -> None:
    """Wait until no turn runs."""
    async with asyncio.timeout(5):
        while chat.running_turns:  # noqa: ASYNC110 - the chat has no event for it
            await asyncio.sleep(0)


async def read_whole(app: Running) -> None:
    response, _ = await app.chat()
    assert response.status_code == 200


async def leave_early(app: Running) -> None:
    async with app.http.stream("POST", "/api/chat", json=chat_body()) as response:
        await anext(response.aiter_bytes())


async def test_a_connection_that_is_reset_after_its_answer_is_forgotten_at_once() -> None:
    async with running_app() as app:
        before = open_connections()
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
            writer.write(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            await reader.readuntil(b'"alive"}')
            plain: socket.socket = writer.get_extra_info("socket")
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        async with asyncio.timeout(10):
            while open_connections() > before:  # noqa: ASYNC110 - a socket has no event for it
                await asyncio.sleep(0.01)


async def test_what_start_up_made_is_exempt_from_collections_once_no_request_runs() -> None:
    frozen = gc.get_freeze_count()
    looks = iter([False, False, True])
    done: list[int] = []
    try:
        await asyncio.to_thread(warm_up, lambda: done.append(gc.get_freeze_count()), lambda: next(looks))
        assert done == [frozen]
        assert gc.get_freeze_count() > frozen
        assert list(looks) == []
    finally:
        gc.unfreeze()


class Rush:
    """`Tidying` at a clock of its own; how often it tidied."""

    def __init__(self) -> None:
        self.now = 0.0
        self.times = 0
        self._tidying = Tidying(self._tidy, clock=lambda: self.now)

    def _tidy(self) -> None:
        self.times += 1

    def look(self, requests: int, *, later: float = 0.0) -> int:
        self.now += later
        self._tidying.look(requests)
        return self.times


def test_memory_is_given_back_once_for_a_rush_that_is_over() -> None:
    rush = Rush()
    rush.look(500)
    assert rush.look(10) == 0
    assert rush.look(12, later=1.9) == 0
    assert rush.look(12, later=0.1) == 1
    assert rush.look(12, later=60) == 1


def test_memory_is_kept_while_the_rush_goes_on_and_where_there_was_none() -> None:
    rush = Rush()
    rush.look(500)
    rush.look(10)
    rush.look(100, later=1.9)
    assert rush.look(10, later=0.1) == 0
    assert rush.look(10, later=2) == 1
    rush.look(63)
    rush.look(0)
    assert rush.look(0, later=60) == 1


async def test_the_server_gives_memory_back_when_a_rush_is_over(tmp_path: Path) -> None:
    gate = asyncio.Event()
    count = 64
    async with FakeOpenAI() as upstream:
        upstream.script([Reply(steps=(Text("Half"), Until(gate), Text(" and half.")))] * count)
        values = {"model.adapter": "openai-chat", "openai.base_url": upstream.base_url, "logging.level": "DEBUG"}
        async with server_process(tmp_path, values) as server, client_of(server) as client:

            async def read(chat_id: str) -> None:
                async with client.stream("POST", "/api/chat", json=chat_body(id=chat_id)) as response:
                    frames = response.aiter_bytes()
                    await anext(frames)
                    begun.release()
                    async for _ in frames:
                        """To the end."""

            begun = asyncio.Semaphore(0)
            async with asyncio.TaskGroup() as readers:
                for number in range(count):
                    readers.create_task(read(f"chat-{number}"))
                for _ in range(count):
                    await begun.acquire()
                await asyncio.sleep(1)  # The server looks ten times a second.
                gate.set()
            await server.told("memory.tidied")


HANGING = ([TextDelta(text="Half")], asyncio.Event())
CALLING = (call_script(("c1", "generateCard", '{"title": "Oslo"}')), text_script("Here ", "it is."))


@pytest.mark.parametrize(("read", "scripts"), [(read_whole, CALLING * 4), (leave_early, (HANGING,) * 4)])
async def test_a_turn_is_freed_with_its_prompt_and_its_text_as_soon_as_it_is_over(
    read: Callable[[Running], Awaitable[None]], scripts: Sequence[Script]
) -> None:
    model = ScriptedModel(*scripts)
    async with running_app(settings(), model_for=lambda _: model) as app:
        await read(app)
        await over(app.application.chat)
        with garbage() as left:
            for _ in range(3):
                await read(app)
            await over(app.application.chat)
        assert {type(thing).__qualname__ for thing in left} == set()
