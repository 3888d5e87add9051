"""The fake upstream speaks both APIs as OpenAI does, and has each fault of its catalogue to the byte."""

import asyncio
import json
import subprocess
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, OpenAI, RateLimitError
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageFunctionToolCall
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.fakes.openai_server import (
    AFTER_TOOLS,
    CANARY,
    FAULTS,
    MODELS,
    POISON,
    PREFIX_TEXT,
    TEXT,
    UNREACHABLE,
    Api,
    Citation,
    Close,
    FakeOpenAI,
    FakeOpenAIProcess,
    Fault,
    HttpReply,
    Refusal,
    Reply,
    Until,
    interleave,
    say,
    serving_in_thread,
    think,
    tool_call,
)
from tests.fakes.openai_server.expectations import EXPECTATIONS
from tests.fakes.openai_server.raw_client import PATHS, RawClient, hear, texts

EVENTS: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
WEATHER: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
}
CASES = [pytest.param(fault, api, id=f"{fault.name}-{api}") for fault in FAULTS.values() for api in sorted(fault.apis)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def upstream() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as upstream:
        yield upstream


@pytest.fixture
async def client(upstream: FakeOpenAI) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=upstream.base_url, api_key="test", max_retries=0) as client:
        yield client


# The wire of both APIs


async def test_the_sdk_streams_a_chat_completion(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="ok", messages=[], stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 18


async def test_the_sdk_streams_a_response(client: AsyncOpenAI) -> None:
    events = [event async for event in await client.responses.create(model="ok", input="hi", stream=True)]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == TEXT
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_the_sdk_reads_whole_answers_of_both_apis(client: AsyncOpenAI) -> None:
    completion = await client.chat.completions.create(model="ok", messages=[])
    response = await client.responses.create(model="ok", input="hi")
    assert completion.choices[0].message.content == response.output_text == TEXT
    assert [model.id async for model in client.models.list()][:1] == ["gpt-4o-mini"]


RICH = (
    *think("Let me ", "think.", encrypted_content="c2VjcmV0"),
    *say("See ", "there."),
    Citation("https://example.org/", "Example", 0, 3),
    *map(Refusal, ("but ", "no")),
    *interleave(tool_call(0, "call_a", "lookup", '{"a"', ":1}"), tool_call(1, "call_b", "lookup", '{"b"', ":2}")),
)


async def test_every_chat_frame_is_what_the_sdk_types_describe(upstream: FakeOpenAI) -> None:
    upstream.script([Reply(steps=RICH, finish="tool_calls")])
    for frame in b"".join((await hear(upstream.base_url, "chat", "m")).chunks).split(b"\n\n"):
        if frame not in (b"", b"data: [DONE]"):
            ChatCompletionChunk.model_validate_json(frame.removeprefix(b"data: "), strict=True)
    document = b"".join((await hear(upstream.base_url, "chat", "m", stream=False)).chunks)
    ChatCompletion.model_validate_json(document, strict=True)


async def test_every_responses_event_is_what_the_sdk_types_describe(upstream: FakeOpenAI) -> None:
    upstream.script([Reply(steps=RICH, finish="tool_calls")])
    for frame in filter(None, b"".join((await hear(upstream.base_url, "responses", "m")).chunks).split(b"\n\n")):
        first, _, data = frame.partition(b"\ndata: ")
        assert first == f"event: {EVENTS.validate_json(data).type}".encode()
    document = b"".join((await hear(upstream.base_url, "responses", "m", stream=False)).chunks)
    kinds = [item.type for item in Response.model_validate_json(document).output]
    assert kinds == ["reasoning", "message", "function_call", "function_call"]


async def test_parallel_tool_calls_come_interleaved_in_a_chat_stream(upstream: FakeOpenAI, client: AsyncOpenAI) -> None:
    upstream.script([Reply(steps=RICH, finish="tool_calls")])
    order: list[int] = []
    arguments = {0: "", 1: ""}
    async for chunk in await client.chat.completions.create(model="m", messages=[], stream=True):
        for call in chunk.choices[0].delta.tool_calls or ():
            order.append(call.index)
            arguments[call.index] += (call.function and call.function.arguments) or ""
    assert order == [0, 1, 0, 1, 0, 1]
    assert arguments == {0: '{"a":1}', 1: '{"b":2}'}


async def test_parallel_tool_calls_come_interleaved_in_a_response(upstream: FakeOpenAI, client: AsyncOpenAI) -> None:
    upstream.script([Reply(steps=RICH, finish="tool_calls")])
    events = [event async for event in await client.responses.create(model="m", input="hi", stream=True)]
    deltas = [e.output_index for e in events if e.type == "response.function_call_arguments.delta"]
    done = {e.output_index: e.arguments for e in events if e.type == "response.function_call_arguments.done"}
    assert deltas == [2, 3, 2, 3]
    assert done == {2: '{"a":1}', 3: '{"b":2}'}


@pytest.mark.parametrize(("reason", "detail"), [("length", "max_output_tokens"), ("content_filter",) * 2])
async def test_a_response_that_was_cut_short_is_incomplete(client: AsyncOpenAI, reason: str, detail: str) -> None:
    model = f"fault-{reason.replace('_', '-')}"
    events = [event async for event in await client.responses.create(model=model, input="hi", stream=True)]
    last = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == detail


# What decides about an answer


async def test_the_last_user_text_is_echoed(client: AsyncOpenAI) -> None:
    words = "Déjà vu, over and over."
    chat = await client.chat.completions.create(model="echo", messages=[{"role": "user", "content": words}])
    response = await client.responses.create(
        model="echo", input=[{"role": "user", "content": [{"type": "input_text", "text": words}]}]
    )
    assert chat.choices[0].message.content == response.output_text == words


async def test_the_conversation_is_echoed_as_json(client: AsyncOpenAI) -> None:
    chat = await client.chat.completions.create(
        model="echo-json",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
    )
    sent = json.loads(chat.choices[0].message.content or "")
    assert sent == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]


async def test_a_models_name_sets_the_number_of_deltas_and_their_pace(upstream: FakeOpenAI) -> None:
    begun = time.monotonic()
    heard = await hear(upstream.base_url, "chat", "provider/ok-n20-p5-w50")
    assert heard.text == upstream.text_of("ok-n20") == "".join(f"{n} " for n in range(20))
    assert time.monotonic() - begun > 0.05 + 19 * 0.005


async def test_the_tool_behaviour_calls_an_offered_tool_as_its_schema_says(client: AsyncOpenAI) -> None:
    tools: Any = [{"type": "function", "function": {"name": "forecast", "parameters": WEATHER}}]
    first = await client.chat.completions.create(model="tool", messages=[], tools=tools)
    assert first.choices[0].message.tool_calls is not None
    (call,) = first.choices[0].message.tool_calls
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    assert call.function.name == "forecast"
    assert json.loads(call.function.arguments) == {"city": "Paris", "days": 2}
    messages: Any = [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    second = await client.chat.completions.create(model="tool", messages=messages, tools=tools)
    assert second.choices[0].message.content == "".join(AFTER_TOOLS)


async def test_a_script_is_followed_and_its_last_answer_repeats(upstream: FakeOpenAI) -> None:
    upstream.script(["fault-503", Reply(steps=say("scripted"))])
    upstream.script([Reply(steps=say("mine"))], model="special")
    first, *others = [await hear(upstream.base_url, "chat", model) for model in ("ok", "ok", "special", "ok")]
    assert first.head.startswith(b"HTTP/1.1 503 ")
    assert [heard.text for heard in others] == ["scripted", "mine", "scripted"]


async def test_the_model_list_has_a_script_of_its_own(upstream: FakeOpenAI, client: AsyncOpenAI) -> None:
    upstream.script(["fault-500"])
    assert [model.id async for model in client.models.list()]
    upstream.script(["fault-models-401", HttpReply(status=429)], model=MODELS)
    async with httpx2.AsyncClient() as http:
        assert [(await http.get(f"{upstream.base_url}/models")).status_code for _ in range(3)] == [
            401,
            429,
            429,
        ]


async def test_a_step_can_wait_for_the_test(upstream: FakeOpenAI) -> None:
    gate = asyncio.Event()
    upstream.script([Reply(steps=(*say("before "), Until(gate), *say("after")))])
    async with RawClient(upstream.base_url) as raw:
        await raw.ask("chat", "m")
        before = await raw.hear(until=b"before ")
        gate.set()
        after = await raw.hear(until=b"[DONE]")
    assert b"after" not in before.data
    assert b"after" in after.data


async def test_an_unknown_fault_fails_the_test_that_asks_for_it() -> None:
    with pytest.raises(ExceptionGroup, match="fake upstream"):
        async with FakeOpenAI() as upstream:
            assert (await hear(upstream.base_url, "chat", "fault-nonsense")).end == "eof"


# The catalogue


def test_the_catalogue_and_its_expectations_name_the_same_faults() -> None:
    assert set(FAULTS) == set(EXPECTATIONS)
    assert all(fault.meaning and fault.apis for fault in FAULTS.values())


@pytest.mark.parametrize(("fault", "api"), CASES)
async def test_a_fault_sends_what_its_name_and_its_expectation_say(
    upstream: FakeOpenAI, fault: Fault, api: Api
) -> None:
    if api == "models":
        upstream.script([fault.model], model=MODELS)
    heard = await hear(upstream.base_url, api, fault.model)
    expect = fault.expected(api)
    if fault.name[:3].isdigit():
        assert heard.head.startswith(f"HTTP/1.1 {fault.name[:3]} ".encode())
    if expect.kind in ("complete", "error_after_prefix", "complete_or_error") and fault.name not in UNREADABLE:
        assert heard.text == expect.text
    await upstream.quiet()


# These are read differently, or in a test of their own.
UNREADABLE = {
    "gzip-stream",
    "interim-103",
    "malformed-json",
    "short-content-length",
    "stall-recover",
    "truncated-event",
}


@pytest.mark.parametrize("name", ["401", "500", "502-html", "200-json", "error-event", "500-stalled-body"])
async def test_what_an_upstream_leaks_holds_the_canary(upstream: FakeOpenAI, name: str) -> None:
    heard = await hear(upstream.base_url, "chat", f"fault-{name}")
    assert CANARY.encode() in heard.head
    assert CANARY.encode() in heard.data.partition(b"\r\n\r\n")[2]


async def test_the_sdk_sees_an_error_of_openai(client: AsyncOpenAI) -> None:
    with pytest.raises(RateLimitError) as caught:
        await client.chat.completions.create(model="fault-429-retry-after-s", messages=[])
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "1"


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("reset-midstream", "reset"),
        ("close-midstream", "eof"),
        ("stall-midstream", "silence"),
        ("truncated-chunk", "eof"),
        ("bad-chunk-size", "eof"),
    ],
)
async def test_a_broken_stream_gives_its_prefix_and_then_breaks(
    upstream: FakeOpenAI, api: Api, name: str, end: str
) -> None:
    heard = await hear(upstream.base_url, api, f"fault-{name}")
    assert heard.text == PREFIX_TEXT
    assert heard.end == end
    assert not heard.data.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("name", ["reset-midstream", "close-midstream", "stall-midstream"])
async def test_a_broken_document_stops_in_its_middle(upstream: FakeOpenAI, name: str) -> None:
    heard = await hear(upstream.base_url, "chat", f"fault-{name}", stream=False)
    body = heard.data.partition(b"\r\n\r\n")[2]
    assert f"content-length: {len(body) * 2}".encode()[:-1] in heard.head
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|value"):
        json.loads(body)


async def test_chunks_of_one_byte_are_chunks_of_one_byte(upstream: FakeOpenAI) -> None:
    chunks = (await hear(upstream.base_url, "chat", "fault-one-byte-chunks")).chunks
    assert {len(chunk) for chunk in chunks} == {1}


async def test_characters_are_split_between_chunks(upstream: FakeOpenAI) -> None:
    chunks = (await hear(upstream.base_url, "chat", "fault-split-utf8")).chunks
    with pytest.raises(UnicodeDecodeError):
        [chunk.decode() for chunk in chunks]
    assert TEXT[:9] in b"".join(chunks).decode()


async def test_a_compressed_stream_is_flushed_at_each_frame(upstream: FakeOpenAI) -> None:
    heard = await hear(upstream.base_url, "chat", "fault-gzip-stream")
    inflater = zlib.decompressobj(wbits=31)
    frames = [inflater.decompress(chunk) for chunk in heard.chunks]
    assert b"content-encoding: gzip" in heard.head
    assert all(frame.endswith(b"\n\n") for frame in frames if frame)
    assert "".join(texts(b"".join(frames))) == TEXT


async def test_a_short_content_length_ends_inside_the_event_after_the_prefix(upstream: FakeOpenAI) -> None:
    heard = await hear(upstream.base_url, "chat", "fault-short-content-length")
    head, _, body = heard.data.partition(b"\r\n\r\n")
    promised = int(head.partition(b"content-length: ")[2])
    whole, _, rest = body[:promised].rpartition(b"\n\n")
    assert "".join(texts(whole)) == PREFIX_TEXT
    assert rest.startswith(b"data: {")
    assert len(body) > promised


async def test_poison_arrives_with_the_end_of_the_answer(upstream: FakeOpenAI) -> None:
    async with RawClient(upstream.base_url) as raw:
        await raw.ask("chat", "fault-keepalive-poison")
        heard = await raw.hear()
    answer, poison = heard.data.split(b"HTTP/1.1 200 OK")[1:]
    assert answer.endswith(b"0\r\n\r\n")
    assert POISON.encode() in poison
    assert heard.end == "silence"


async def test_a_late_close_answers_once_on_each_connection(upstream: FakeOpenAI) -> None:
    async with RawClient(upstream.base_url) as raw:
        await raw.ask("chat", "fault-keepalive-late-close")
        first = await raw.hear(until=b"0\r\n\r\n")
        await raw.ask("chat", "fault-keepalive-late-close")
        second = await raw.hear()
    assert first.text == TEXT
    assert (second.data, second.end) == (b"", "eof")


async def test_a_scripted_accept_close_closes_unread_connections(upstream: FakeOpenAI) -> None:
    upstream.script(["fault-accept-close", "ok"])
    async with RawClient(upstream.base_url) as raw:
        refused = await raw.hear()
    assert (refused.data, refused.end) == (b"", "eof")
    assert (await hear(upstream.base_url, "chat", "m")).text == TEXT
    assert len(upstream.requests) == 1


async def test_whoever_follows_a_redirect_is_caught_in_the_trap(upstream: FakeOpenAI) -> None:
    async with httpx2.AsyncClient(follow_redirects=True) as http:
        await http.post(f"{upstream.base_url}/responses", json={"model": "fault-redirect-trap", "input": "hi"})
    (trapped,) = upstream.journal.trapped
    assert trapped.body == {"model": "fault-redirect-trap", "input": "hi"}
    assert len(upstream.requests) == 1


async def test_a_flood_stops_where_nobody_reads(upstream: FakeOpenAI) -> None:
    async with RawClient(upstream.base_url) as raw:
        await raw.ask("chat", "fault-flood")
        (received,) = await upstream.received()
        await raw.hear(enough=1_000_000)
        sent = -1  # That nothing more is sent shows only in time.
        while sent != received.bytes_sent:
            sent = received.bytes_sent
            await asyncio.sleep(0.1)
        assert 1_000_000 < sent < 16_000_000
    await received.ended.wait()
    assert received.aborted


async def test_a_whole_flood_is_300000_deltas(upstream: FakeOpenAI) -> None:
    async with RawClient(upstream.base_url) as raw:
        await raw.ask("chat", "fault-flood")
        heard = 0
        while b"[DONE]" not in (more := (await raw.hear(enough=65536, until=b"[DONE]", silence=5)).data):
            heard += more.count(b'"flood "')
    assert heard + more.count(b'"flood "') >= 299_000


@pytest.mark.parametrize("unreachable", UNREACHABLE.values(), ids=list(UNREACHABLE))
async def test_an_unreachable_upstream_is_not_reached(unreachable: Any) -> None:
    async with unreachable.base_url() as base_url, httpx2.AsyncClient(timeout=0.5) as http:
        with pytest.raises((httpx2.ConnectError, httpx2.ConnectTimeout)) as caught:
            await http.get(f"{base_url}/models")
    assert isinstance(caught.value, httpx2.ConnectTimeout) == (unreachable.name == "connect-timeout")


# The journal


async def test_a_request_is_journalled_with_its_headers_and_body(upstream: FakeOpenAI, client: AsyncOpenAI) -> None:
    await client.responses.create(model="ok", input="hi", extra_headers={"X-Seen": "yes"})
    (received,) = upstream.requests
    await upstream.quiet()
    assert (received.method, received.path, received.model) == ("POST", PATHS["responses"], "ok")
    assert received.headers["x-seen"] == "yes"
    assert received.headers["authorization"] == "Bearer test"
    assert received.body == {"model": "ok", "input": "hi"}
    assert received.finished_at is not None
    assert received.bytes_sent > len(TEXT)
    assert not received.aborted


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize(
    "model", ["ok-n100000-p1", "fault-flood", "fault-stall-midstream", "fault-stall-before-headers"]
)
async def test_a_client_that_leaves_is_noticed_at_once(upstream: FakeOpenAI, model: str, reset: bool) -> None:
    async with RawClient(upstream.base_url) as raw:
        await raw.ask("chat", model)
        (received,) = await upstream.received()
        await raw.hear(enough=1000, silence=0.1)
        left_at = time.monotonic()
        raw.leave(reset=reset)
        async with asyncio.timeout(5):
            await received.ended.wait()
    assert received.aborted_at is not None
    assert 0 <= received.aborted_at - left_at < 0.25
    assert received.finished_at is None
    assert upstream.journal.stats()["open_streams"] == 0


async def test_a_break_that_was_asked_for_is_not_the_clients_doing(upstream: FakeOpenAI) -> None:
    upstream.script([Reply(steps=(*say("a"), Close()), finish=None)])
    await hear(upstream.base_url, "chat", "m")
    await upstream.quiet()
    assert not upstream.requests[0].aborted


async def test_connections_are_reused_and_counted(upstream: FakeOpenAI, client: AsyncOpenAI) -> None:
    for _ in range(3):
        await client.chat.completions.create(model="ok", messages=[])
    assert {received.connection for received in upstream.requests} == {1}
    assert upstream.journal.stats()["open_connections"] == 1


@pytest.mark.parametrize("model", ["fault-stall-midstream", "fault-slow-headers", "fault-flood"])
async def test_stopping_ends_what_is_still_open(model: str) -> None:
    async with FakeOpenAI() as upstream:
        raw = RawClient(upstream.base_url)
        await raw.__aenter__()
        await raw.ask("chat", model)
        await upstream.received()
    assert (await raw.hear(enough=2**30)).end in ("eof", "reset")
    raw.leave()


# Other ways to run it


def test_it_serves_from_a_thread() -> None:
    with serving_in_thread() as upstream:
        upstream.script([Reply(steps=say("from ", "afar"))])
        with OpenAI(base_url=upstream.base_url, api_key="test") as client:
            completion = client.chat.completions.create(model="m", messages=[])
    assert completion.choices[0].message.content == "from afar"


@pytest.fixture(scope="module")
def process() -> Iterator[FakeOpenAIProcess]:
    with FakeOpenAIProcess() as process:
        yield process


def test_it_is_scripted_and_read_from_another_process(process: FakeOpenAIProcess) -> None:
    process.reset()
    process.script(
        [
            {"status": 503, "headers": {"x-should-retry": "false"}, "body": "down"},
            {"text": ["see ", "this"], "tools": [{"id": "c", "name": "lookup", "arguments": ["{", "}"]}]},
            "echo",
        ]
    )
    said: Any = [{"role": "user", "content": "hello"}]
    with httpx2.Client(base_url=process.base_url) as http:
        answers = [http.post("/chat/completions", json={"model": "m", "messages": said}) for _ in range(3)]
    assert (answers[0].status_code, answers[0].text) == (503, "down")
    message = answers[1].json()["choices"][0]["message"]
    assert message["content"] == "see this"
    assert message["tool_calls"][0]["function"] == {"name": "lookup", "arguments": "{}"}
    assert answers[2].json()["choices"][0]["message"]["content"] == "hello"
    assert [received["body"]["messages"] for received in process.log()] == [said] * 3
    assert process.stats()["total"] == 3
    assert process.trapped() == []


def test_a_script_that_makes_no_sense_is_refused(process: FakeOpenAIProcess) -> None:
    with pytest.raises(ValueError, match="TypeError"):
        process.script([{"text": 5}])


def test_its_process_ends_well_at_a_signal() -> None:
    command = [sys.executable, "-m", "tests.fakes.openai_server", "--ignore-stdin"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(10) == 0
    assert told["base_url"].startswith("http://127.0.0.1:")
