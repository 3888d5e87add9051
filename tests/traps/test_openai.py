"""openai 3.54 and aiohttp 3: what the provider adapter works around, and what it leans on."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx2
import openai
import pytest
from aiohttp.client_proto import ResponseHandler
from openai import AsyncOpenAI, AsyncStream

CUT = b'data: {"choices": [{"delta": {"content": "He"}}]}\n\ndata: {"choices": [{"del'
FAILED = b'event: response.failed\ndata: {"type": "response.failed", "response": {"status": "failed"}}\n\n'


@asynccontextmanager
async def answering(
    content: bytes, *, status: int = 200, media_type: str = "text/event-stream"
) -> AsyncIterator[AsyncOpenAI]:
    """A client whose every request is answered by these bytes."""
    transport = httpx2.MockTransport(
        lambda request: httpx2.Response(status, content=content, headers={"content-type": media_type})
    )
    async with httpx2.AsyncClient(transport=transport) as http:
        yield AsyncOpenAI(api_key="sk-none", base_url="http://upstream/v1", http_client=http, max_retries=0)


async def events(client: AsyncOpenAI) -> list[Any]:
    stream = await client.post(
        "/chat/completions", body={}, cast_to=object, stream=True, stream_cls=AsyncStream[object]
    )
    return [event async for event in stream]


@pytest.mark.parametrize(
    ("content", "media_type", "count"),
    [(CUT, "text/event-stream", 1), (b"", "text/event-stream", 0), (b"<html>busy</html>", "text/html", 0)],
    ids=["cut", "empty", "a page"],
)
async def test_a_stream_that_is_no_answer_ends_without_an_error(content: bytes, media_type: str, count: int) -> None:
    async with answering(content, media_type=media_type) as client:
        assert len(await events(client)) == count


async def test_a_failed_response_is_an_event_like_any_other() -> None:
    async with answering(FAILED) as client:
        ((event),) = await events(client)
    assert event["type"] == "response.failed"


async def test_by_itself_the_client_retries_and_follows_redirects() -> None:
    async with AsyncOpenAI(api_key="sk-none", base_url="http://upstream/v1") as client:
        assert client.max_retries == 2
        assert client._client.follow_redirects


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_the_text_of_an_error_quotes_the_provider(status: int) -> None:
    body = b'{"error": {"message": "canary-of-the-provider", "type": "t", "code": "c"}}'
    async with answering(body, status=status, media_type="application/json") as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await events(client)
    assert "canary-of-the-provider" in str(caught.value)
    assert (caught.value.status_code, caught.value.code) == (status, "c")


async def test_variables_of_the_environment_become_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
    client = AsyncOpenAI(api_key="sk-none", base_url="http://upstream/v1")
    assert client.default_headers["OpenAI-Organization"] == "org-of-somebody"
    await client.close()


async def test_an_untyped_stream_carries_its_response() -> None:
    """The adapter takes the bytes from the response of a stream that it never reads through."""
    async with answering(CUT) as client:
        stream = await client.post("/x", body={}, cast_to=object, stream=True, stream_cls=AsyncStream[object])
        assert isinstance(stream.response, httpx2.Response)
        await stream.close()


def test_the_parts_of_aiohttp_that_the_transport_overrides_are_there() -> None:
    assert list(inspect.signature(aiohttp.TCPConnector._get).parameters) == ["self", "key", "traces"]
    assert isinstance(ResponseHandler.should_close, property)
    assert {"data_received", "set_exception"} <= set(vars(ResponseHandler))
    assert {"_buffer", "_loop", "_protocol", "_waiter"} <= set(aiohttp.StreamReader.__slots__)
