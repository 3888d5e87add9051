"""Clients that do not read what they asked for."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from tests.app.harness import chat_body, settings
from tests.app.serving import serving
from tests.fakes.openai_server import FakeOpenAI


@pytest.mark.parametrize("adapter", ["openai-chat", "openai-responses"])
async def test_the_model_is_held_back_and_then_left_when_a_client_reads_nothing(adapter: str) -> None:
    """Of the 75 MiB that the flood has, little is taken: the rest would fill memory."""
    configuration = {"model.adapter": adapter, "openai.api_key": "sk-ours", "streams.send_timeout": 0.5}
    async with FakeOpenAI() as upstream:
        values = {**configuration, "openai.base_url": upstream.base_url, "chat.open_models": True}
        async with serving(settings(values)) as app:
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(("127.0.0.1", app.port))
                body = json.dumps(chat_body(model="fault-flood")).encode()
                head = f"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
                client.sendall(head.encode() + b"\r\n\r\n" + body)
                (received,) = await upstream.received()
                async with asyncio.timeout(20):
                    await received.ended.wait()
                    await app.application.supervisor.drain(5)
        assert received.bytes_sent < 16 << 20
