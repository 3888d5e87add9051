"""What goes over the wire to a provider, and what does not."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mamba_adapters.openai.chat_completions import ChatCompletionsModel
from mamba_adapters.openai.client import new_client
from mamba_adapters.openai.endpoint import Endpoint
from mamba_adapters.openai.responses import ResponsesModel
from mamba_adapters.openai.retry import RetryPolicy
from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import ModelFinished, TextDelta
from mamba_domain.messages import TextPart, UserMessage
from mamba_domain.ports.chat_model import ModelRequest
from tests.fakes.openai_server import POISON, TEXT, FakeOpenAI, HttpReply, RawReply, Reply, Unframed, say
from tests.fakes.openai_server.steps import Close, Done, Finish, Hang, Step, Wait

HEADERS = {"host", "accept", "accept-encoding", "content-length", "content-type", "user-agent"}


@pytest.fixture
async def upstream() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as upstream:
        yield upstream


async def text_from(upstream: FakeOpenAI, model: str = "ok", *, endpoint: Endpoint | None = None, **client: Any) -> str:
    """What a model says. Without an endpoint it is asked over a connection of its own."""
    own = endpoint is None
    endpoint = endpoint or Endpoint(lambda: new_client(base_url=upstream.base_url, **{"api_key": "sk-ours", **client}))
    request = ModelRequest(model=model, messages=(UserMessage(parts=(TextPart(text="Hi"),)),))
    text = ""
    try:
        chat = ChatCompletionsModel(endpoint, retry=RetryPolicy(base=0.01))
        async with chat.stream(request) as batches:
            async for batch in batches:
                text += "".join(event.text for event in batch if isinstance(event, TextDelta))
    finally:
        if own:
            await endpoint.aclose()
    return text


async def test_nothing_in_the_environment_becomes_a_header(
    upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_WEBHOOK_SECRET", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "ambient")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Ambient: 1\nAuthorization: Bearer ambient\nUser-Agent: ambient")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    await text_from(upstream)
    (received,) = upstream.requests
    assert set(received.headers) == HEADERS | {"authorization"}
    assert received.headers["authorization"] == "Bearer sk-ours"
    assert received.headers["accept-encoding"] == "identity"
    assert "ambient" not in str(received.headers)


async def test_what_joins_a_trace_goes_along_and_nothing_else(upstream: FakeOpenAI) -> None:
    client = new_client(api_key="x", base_url=upstream.base_url)
    trace = {"traceparent": "00-1-2-01", "tracestate": "a=b", "cookie": "c=d"}
    await text_from(upstream, endpoint=Endpoint(lambda: client, outgoing_headers=lambda: trace))
    await client.close()
    assert set(upstream.requests[0].headers) == HEADERS | {"authorization", "traceparent", "tracestate"}


async def test_azure_gets_its_version_and_its_own_header(upstream: FakeOpenAI) -> None:
    await text_from(upstream, api_version="2024-10-21")
    (received,) = upstream.requests
    assert set(received.headers) == HEADERS | {"api-key"}
    assert received.headers["api-key"] == "sk-ours"
    assert received.path == "/v1/chat/completions?api-version=2024-10-21"


async def test_a_server_without_a_key_is_sent_none(upstream: FakeOpenAI) -> None:
    await text_from(upstream, api_key=None)
    assert set(upstream.requests[0].headers) == HEADERS


async def test_connections_are_used_again(upstream: FakeOpenAI) -> None:
    endpoint = Endpoint(lambda: new_client(api_key="x", base_url=upstream.base_url))
    for _ in range(5):
        await text_from(upstream, endpoint=endpoint)
    await endpoint.aclose()
    assert {received.connection for received in upstream.requests} == {1}


@pytest.mark.parametrize("fault", ["fault-keepalive-poison", "fault-keepalive-late-close", "fault-keepalive-close"])
async def test_a_connection_that_is_not_clean_is_not_used_again(upstream: FakeOpenAI, fault: str) -> None:
    endpoint = Endpoint(lambda: new_client(api_key="x", base_url=upstream.base_url))
    texts = [await text_from(upstream, fault, endpoint=endpoint) for _ in range(6)]
    await endpoint.aclose()
    assert texts == [TEXT] * 6
    assert POISON not in "".join(texts)


async def test_poison_that_comes_later_is_not_read_either(upstream: FakeOpenAI) -> None:
    endpoint = Endpoint(lambda: new_client(api_key="x", base_url=upstream.base_url))
    upstream.script(["fault-keepalive-poison", "ok"])
    assert await text_from(upstream, endpoint=endpoint) == TEXT
    await asyncio.sleep(0)
    assert await text_from(upstream, endpoint=endpoint) == TEXT
    await endpoint.aclose()
    assert len({received.connection for received in upstream.requests}) == 2


async def test_what_came_before_a_break_is_read_even_by_a_slow_reader(upstream: FakeOpenAI) -> None:
    upstream.script([Reply(steps=(*say("one ", "two ", "three"), Close()), finish=None)])
    endpoint = Endpoint(lambda: new_client(api_key="x", base_url=upstream.base_url))
    request = ModelRequest(model="m", messages=(UserMessage(parts=(TextPart(text="Hi"),)),))
    text = ""
    with pytest.raises(ModelFailed):  # noqa: PT012 - what was read before counts
        async with ChatCompletionsModel(endpoint).stream(request) as batches:
            await upstream.quiet()
            await asyncio.sleep(0.05)  # That the connection's end has been noticed shows only in time.
            async for batch in batches:
                text += "".join(event.text for event in batch if isinstance(event, TextDelta))
    await endpoint.aclose()
    assert text == "one two three"


@pytest.mark.parametrize("ending", [(Finish("stop"),), (Finish("stop"), Done())], ids=["finish", "end mark"])
@pytest.mark.parametrize("model", [ChatCompletionsModel, ResponsesModel])
async def test_a_connection_that_breaks_behind_a_whole_answer_takes_nothing_from_it(
    upstream: FakeOpenAI, model: type[ChatCompletionsModel | ResponsesModel], ending: tuple[Step, ...]
) -> None:
    upstream.script([Reply(steps=(*say("whole"), *ending, Close()), finish=None)])
    endpoint = Endpoint(lambda: new_client(api_key="x", base_url=upstream.base_url))
    request = ModelRequest(model="m", messages=(UserMessage(parts=(TextPart(text="Hi"),)),))
    async with model(endpoint).stream(request) as batches:
        events = [event async for batch in batches for event in batch]
    await endpoint.aclose()
    assert events[0] == TextDelta(text="whole")
    assert isinstance(events[-1], ModelFinished)


async def test_a_head_and_what_follows_it_count_though_the_rest_is_broken(upstream: FakeOpenAI) -> None:
    with pytest.raises(ModelFailed) as caught:
        await text_from(upstream, "fault-short-content-length")
    assert caught.value.detail == "the stream ended without a finish reason"
    assert len(upstream.requests) == 1


async def test_an_answer_that_is_packed_in_an_unknown_way_is_refused(upstream: FakeOpenAI) -> None:
    upstream.script([HttpReply(status=200, headers=(("content-encoding", "br"),), content_type="text/event-stream")])
    with pytest.raises(ModelFailed) as caught:
        await text_from(upstream)
    assert (caught.value.code, len(upstream.requests)) == (Code.MODEL_ERROR, 1)


async def test_others_have_their_turn_while_a_packed_answer_is_unpacked(upstream: FakeOpenAI) -> None:
    bomb = gzip.compress(b"\0" * (4 << 20))
    packed = (("content-encoding", "gzip"),)
    upstream.script([HttpReply(status=200, headers=packed, content_type="text/event-stream", body=bomb)])
    client = new_client(api_key="x", base_url=upstream.base_url)
    body = await client.open_stream("/chat/completions", {"model": "m", "messages": [], "stream": True}, {})
    turns: list[int] = []
    waits: list[int] = []
    while await body.read():
        waits.append(len(turns))
        asyncio.get_running_loop().call_soon(turns.append, 0)
    await body.aclose()
    await client.close()
    assert waits == list(range(64))


async def test_the_words_of_an_error_that_is_packed_are_not_looked_at(upstream: FakeOpenAI) -> None:
    body = gzip.compress(b'{"error": {"code": "insufficient_quota"}}')
    upstream.script([HttpReply(status=429, headers=(("content-encoding", "gzip"),), body=body), "ok"])
    assert await text_from(upstream) == TEXT


async def test_a_model_may_think_for_longer_than_its_first_event_may_take(upstream: FakeOpenAI) -> None:
    upstream.script([Reply(steps=(Wait(0.8), *say("thought")))] * 3)
    client = new_client(api_key="x", base_url=upstream.base_url)
    endpoint = Endpoint(lambda: client, first_event_timeout=0.5)
    assert await text_from(upstream, endpoint=endpoint) == "thought"
    await endpoint.aclose()


async def test_a_model_that_begins_and_never_speaks_is_given_up(upstream: FakeOpenAI) -> None:
    upstream.script([Reply(steps=(Hang(),))] * 3)
    client = new_client(api_key="x", base_url=upstream.base_url)
    endpoint = Endpoint(lambda: client, idle_timeout=0.05)
    with pytest.raises(ModelFailed) as caught:
        await text_from(upstream, endpoint=endpoint)
    await endpoint.aclose()
    assert (caught.value.code, len(upstream.requests)) == (Code.MODEL_TIMEOUT, 3)


async def test_a_redirect_with_a_body_that_does_not_end_is_left_soon(upstream: FakeOpenAI) -> None:
    head = b"HTTP/1.1 307 Moved\r\nlocation: /v1/x\r\ncontent-length: 9999\r\n\r\n"
    upstream.script([RawReply(steps=(Unframed(head), Hang()))])
    async with asyncio.timeout(3):
        with pytest.raises(ModelFailed) as caught:
            await text_from(upstream)
    assert (caught.value.code, len(upstream.requests)) == (Code.MODEL_ERROR, 1)
