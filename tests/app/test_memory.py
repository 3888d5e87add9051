"""What a stream leaves behind in the process: nothing, and nothing that only a collection would find."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from mamba_adapters.http.peer import PeerProtocol
from mamba_app.serve import warm_up
from mamba_domain.chat import Chat
from mamba_domain.events import TextDelta
from tests.app.harness import Running, chat_body, running_app, settings
from tests.fakes.scripted_model import Script, ScriptedModel, call_script, text_script


def open_connections() -> int:
    gc.collect()
    return sum(isinstance(thing, PeerProtocol) for thing in gc.get_objects())


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
