"""The harness itself, against a server that says what the script says: it reports what the clients do, faults included."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.sdk.clients import CLIENTS, SdkClient
from tests.sdk.process import SdkFault, SdkTimeout
from tests.sdk.scripted_server import Answer, data_lines, serve, ui_message_stream

START = {"type": "start", "messageId": "a1"}
STEP = {"type": "start-step"}
END = [{"type": "finish-step"}, {"type": "finish"}]
TOOL = {"type": "tool-input-available", "toolCallId": "c1", "toolName": "weather", "input": {"city": "Oslo"}}
OUTPUT = {"type": "tool-output-available", "toolCallId": "c1", "output": {"celsius": 4}}
USAGE = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}


def text(*deltas: str) -> list[dict[str, Any]]:
    """The chunks of one text part."""
    return [
        {"type": "text-start", "id": "t"},
        *({"type": "text-delta", "id": "t", "delta": delta} for delta in deltas),
        {"type": "text-end", "id": "t"},
    ]


def ui(*chunks: dict[str, Any]) -> Answer:
    return Answer(ui_message_stream(chunks))


def data(*lines: tuple[str, Any]) -> Answer:
    return Answer(data_lines(*lines), content_type="text/plain; charset=utf-8")


def for_release(sdk: SdkClient, *, modern: Sequence[Answer], legacy: Sequence[Answer]) -> Sequence[Answer]:
    """The script in the protocol that the client reads."""
    return legacy if sdk.major == 4 else modern


def hello(sdk: SdkClient) -> Sequence[Answer]:
    return for_release(
        sdk,
        modern=[ui(START, STEP, *text("Hel", "lo"), *END)],
        legacy=[data(("f", {"messageId": "a1"}), ("0", "Hel"), ("0", "lo"))],
    )


async def test_a_client_reads_ids_text_metadata_and_tool_parts(sdk_and_zod: SdkClient) -> None:
    sdk = sdk_and_zod
    script = for_release(
        sdk,
        modern=[
            ui(
                {**START, "messageMetadata": {"model": "openai/gpt-4o-mini"}},
                STEP,
                {"type": "tool-input-start", "toolCallId": "c1", "toolName": "weather"},
                {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '{"city":'},
                TOOL,
                OUTPUT,
                END[0],
                STEP,
                *text("Hel", "lo"),
                END[0],
                {"type": "finish", "messageMetadata": {"usage": USAGE}},
            )
        ],
        legacy=[
            data(
                ("f", {"messageId": "a1"}),
                ("9", {"toolCallId": "c1", "toolName": "weather", "args": {"city": "Oslo"}}),
                ("a", {"toolCallId": "c1", "result": {"celsius": 4}}),
                ("e", {"finishReason": "tool-calls"}),
                ("f", {"messageId": "a1"}),
                ("0", "Hel"),
                ("0", "lo"),
                ("8", [{"usage": USAGE}]),
                ("d", {"finishReason": "stop"}),
            )
        ],
    )
    async with serve(*script) as server:
        chat = await sdk.chat(f"{server.url}/api/chat", id="chat-1", zod_metadata=sdk.major > 4)
        state = await chat.send("What is the weather?")
    assert (state.status, state.error, state.unhandled) == ("ready", None, [])
    assert state.statuses == ["ready", "submitted", "streaming", "ready"]
    assert (state.answer["id"], state.text) == ("a1", "Hello")
    (tool,) = state.tools
    assert tool["toolCallId"] == "c1"
    assert tool.get("output", tool.get("result")) == {"celsius": 4}
    assert [call["toolCallId"] for call in state.tool_calls] == ["c1"]
    assert len(state.finishes) == 1
    if sdk.major == 4:
        assert state.answer["annotations"] == [{"usage": USAGE}]
    else:
        assert state.metadata == {"model": "openai/gpt-4o-mini", "usage": USAGE}
    (asked,) = server.asked
    assert (asked.method, asked.target, asked.body["id"]) == ("POST", "/api/chat", "chat-1")
    assert state.requests[0].body == asked.body
    assert (state.requests[0].status, state.requests[0].outcome) == (200, "ended")


async def test_an_unknown_chunk_is_an_error_of_every_client(sdk: SdkClient) -> None:
    unknown = for_release(
        sdk,
        modern=[ui(START, STEP, {"type": "greeting", "text": "Hello"}, *text("lost"), *END)],
        legacy=[data(("0", "Hel")), data(("q", "Hello"), ("0", "lost"))],
    )[-1]
    async with serve(unknown) as server:
        chat = await sdk.chat(f"{server.url}/api/chat")
        state = await chat.send("Hello?")
    assert state.status == "error"
    assert state.error is not None
    assert "greeting" in state.error.message or "Invalid code q" in state.error.message
    assert "lost" not in str(state.messages)
    assert len(state.errors) == 1


async def test_chunks_are_judged_one_by_one_by_the_schema_of_the_release(sdk: SdkClient) -> None:
    if sdk.major == 4:
        good, bad = await sdk.validate(['0:"Hello"\n', '9:{"toolCallId":"c1"}\n'])
    else:
        good, bad = await sdk.validate([START, {**START, "messageId": None}])
        (broken,) = await sdk.validate(['{"type":"start"'])
        assert not broken.accepted
        finish, reason = await sdk.validate([END[1], {**END[1], "finishReason": "stop"}])
        assert finish.accepted
        assert reason.accepted == (sdk.release != "5.0.0")
    assert (good.accepted, good.error) == (True, None)
    assert not bad.accepted
    assert bad.error is not None


@pytest.mark.parametrize("sdk_and_zod", [client for client in CLIENTS if client[0] != "4.3.19"], indirect=True)
async def test_the_client_runs_with_the_zod_that_was_asked_for(sdk_and_zod: SdkClient) -> None:
    """A key of any type may be missing with zod 3, and may not with zod 4."""
    (verdict,) = await sdk_and_zod.validate([{"type": "message-metadata"}])
    assert verdict.accepted == (sdk_and_zod.zod == 3)


@pytest.mark.parametrize("sdk_and_zod", [client for client in CLIENTS if client[0] != "4.3.19"], indirect=True)
async def test_metadata_that_its_schema_refuses_is_an_error(sdk_and_zod: SdkClient) -> None:
    async with serve(ui({**START, "messageMetadata": {"ttftMs": "soon"}})) as server:
        chat = await sdk_and_zod.chat(server.url, zod_metadata=True)
        state = await chat.send("Hello?")
    assert state.status == "error"


async def test_a_user_stops_an_answer_and_the_connection_is_closed(sdk: SdkClient) -> None:
    never = asyncio.Event()
    frames = for_release(
        sdk, modern=[ui(START, STEP, *text("Hel")[:2])], legacy=[data(("f", {"messageId": "a1"}), ("0", "Hel"))]
    )[0].pieces
    held = frames if sdk.major == 4 else frames[:-1]
    async with serve(Answer([*held, never])) as server:
        chat = await sdk.chat(server.url)
        await chat.send("Hello?", wait=False)
        running = await chat.text("Hel")
        assert running.status == "streaming"
        assert [request.outcome for request in running.requests] == ["pending"]
        state = await chat.stop()
        never.set()
    assert (state.status, state.error, state.text) == ("ready", None, "Hel")
    assert [request.outcome for request in state.requests] == ["aborted"]


async def test_two_tabs_of_one_chat_do_not_share_their_state(sdk: SdkClient) -> None:
    go_on = asyncio.Event()
    (answer,) = hello(sdk)
    begun = next(i for i, piece in enumerate(answer.pieces, 1) if isinstance(piece, bytes) and b"Hel" in piece)
    held = Answer([*answer.pieces[:begun], go_on, *answer.pieces[begun:]], content_type=answer.content_type)
    async with serve(held, answer) as server:
        first, second = [await sdk.chat(server.url, id="c1") for _ in range(2)]
        await first.send("Hello?", wait=False)
        await first.text("Hel")
        done = await second.send("And I?")
        running = await first.state()
        go_on.set()
        assert (await first.idle()).text == "Hello"
    assert (running.status, running.messages[0]["parts"][0]["text"]) == ("streaming", "Hello?")
    assert (done.status, done.text, done.messages[0]["parts"][0]["text"]) == ("ready", "Hello", "And I?")


async def test_a_connection_that_breaks_is_an_error(sdk: SdkClient) -> None:
    (answer,) = hello(sdk)
    async with serve(Answer(answer.pieces[:2], cut=True)) as server:
        chat = await sdk.chat(server.url)
        state = await chat.send("Hello?")
    assert state.status == "error"
    assert [request.outcome for request in state.requests] == ["failed"]


async def test_the_body_of_an_http_error_is_what_the_user_reads(sdk: SdkClient) -> None:
    async with serve(Answer([b"Too many turns."], status=429, content_type="text/plain")) as server:
        chat = await sdk.chat(server.url)
        state = await chat.send("Hello?")
    assert state.error is not None
    assert (state.status, state.error.message) == ("error", "Too many turns.")
    assert state.requests[0].status == 429


async def test_a_tool_of_the_page_is_run_and_the_answer_goes_on(sdk: SdkClient) -> None:
    script = for_release(
        sdk,
        modern=[ui(START, STEP, TOOL, *END), ui(START, STEP, *text("Cold."), *END)],
        legacy=[
            data(("f", {"messageId": "a1"}), ("9", {"toolCallId": "c1", "toolName": "weather", "args": {}})),
            data(("f", {"messageId": "a1"}), ("0", "Cold.")),
        ],
    )
    async with serve(*script) as server:
        chat = await sdk.chat(server.url, auto_send="tools", client_tools={"weather": {"celsius": 4}})
        state = await chat.send("What is the weather?")
    assert (state.status, state.looped, state.text) == ("ready", False, "Cold.")
    assert [message["role"] for message in state.messages] == ["user", "assistant"]
    first, second = server.asked
    assert len(first.body["messages"]) == 1
    assert second.body["messages"][-1]["role"] == "assistant"
    assert "celsius" in str(second.body["messages"][-1])
    assert second.body.get("messageId") == (None if sdk.major == 4 else "a1")


async def test_a_user_answers_a_tool_call(sdk: SdkClient) -> None:
    script = for_release(
        sdk,
        modern=[ui(START, STEP, TOOL, *END), ui(START, STEP, *text("Cold."), *END)],
        legacy=[
            data(("f", {"messageId": "a1"}), ("9", {"toolCallId": "c1", "toolName": "weather", "args": {}})),
            data(("f", {"messageId": "a1"}), ("0", "Cold.")),
        ],
    )
    async with serve(*script) as server:
        chat = await sdk.chat(server.url, auto_send="tools")
        pending = await chat.send("What is the weather?")
        assert [tool["state"] for tool in pending.tools] == ["call" if sdk.major == 4 else "input-available"]
        state = await chat.tool_output("c1", "weather", {"celsius": 4})
    assert (state.text, len(server.asked)) == ("Cold.", 2)


async def test_a_client_that_posts_in_a_loop_is_stopped_and_found_out(sdk: SdkClient) -> None:
    """An answer that goes on without a new step leaves the finished tool call in the last step."""
    script = for_release(
        sdk,
        modern=[ui(START, STEP, TOOL, OUTPUT, *END), ui(START, *text("Again."), *END)],
        legacy=[
            data(
                ("f", {"messageId": "a1"}),
                ("9", {"toolCallId": f"c{call}", "toolName": "weather", "args": {}}),
                ("a", {"toolCallId": f"c{call}", "result": {}}),
            )
            for call in range(8)
        ],
    )
    async with serve(*script) as server:
        chat = await sdk.chat(server.url, auto_send="tools", max_requests=4)
        state = await chat.send("What is the weather?")
    assert state.looped
    assert len(server.asked) == 4


async def test_an_approval_is_given_and_sent(sdk: SdkClient) -> None:
    asks = ui(START, STEP, TOOL, {"type": "tool-approval-request", "approvalId": "p1", "toolCallId": "c1"}, *END)
    async with serve(asks, ui(START, OUTPUT, STEP, *text("Cold."), *END)) as server:
        if sdk.major < 6:
            chat = await sdk.chat(server.url)
            with pytest.raises(SdkFault, match="no approvals"):
                await chat.approve("p1", True)
            return
        chat = await sdk.chat(server.url, auto_send="approvals")
        pending = await chat.send("What is the weather?")
        assert [tool["state"] for tool in pending.tools] == ["approval-requested"]
        state = await chat.approve("p1", True, reason="It is only the weather.")
    assert (state.status, state.text) == ("ready", "Cold.")
    assert [tool["state"] for tool in state.tools] == ["output-available"]
    answered = server.asked[1].body["messages"][-1]["parts"][-1]
    assert (answered["state"], answered["approval"]["approved"]) == ("approval-responded", True)


async def test_a_user_edits_and_regenerates(sdk: SdkClient) -> None:
    async with serve(*hello(sdk)) as server:
        chat = await sdk.chat(server.url)
        first = await chat.send("Helo?", files=[{"type": "file", "mediaType": "text/plain", "url": "data:,x"}])
        edited = await chat.edit(first.messages[0]["id"], "Hello?")
        again = await chat.regenerate(body={"model": "openai/gpt-4o"})
    for state in (first, edited, again):
        assert [message["role"] for message in state.messages] == ["user", "assistant"]
    assert "data:,x" in str(server.asked[0].body)
    assert "Helo?" not in str(server.asked[1].body)
    assert "Hello?" in str(server.asked[1].body)
    assert server.asked[2].body["model"] == "openai/gpt-4o"
    assert [len(asked.body["messages"]) for asked in server.asked] == [1, 1, 1]
    triggers = ["submit-message", "submit-message", "regenerate-message"]
    assert [asked.body.get("trigger") for asked in server.asked] == ([None] * 3 if sdk.major == 4 else triggers)


async def test_a_page_that_was_reloaded_follows_the_running_answer(sdk: SdkClient) -> None:
    history = [{"id": "u1", "role": "user", "content": "Hello?", "parts": [{"type": "text", "text": "Hello?"}]}]
    async with serve(*hello(sdk)) as server:
        chat = await sdk.chat(f"{server.url}/api/chat", id="c1", messages=history, resume=True)
        state = await chat.idle()
    assert (state.status, state.text, len(state.messages)) == ("ready", "Hello", 2)
    target = "/api/chat?chatId=c1" if sdk.major == 4 else "/api/chat/c1/stream"
    assert [(asked.method, asked.target) for asked in server.asked] == [("GET", target)]


async def test_a_text_stream_is_one_text_part(sdk: SdkClient) -> None:
    async with serve(Answer([b"Hel", "lö".encode()], content_type="text/plain")) as server:
        chat = await sdk.chat(server.url, transport="text")
        state = await chat.send("Hello?")
    assert (state.status, state.error, state.text) == ("ready", None, "Hellö")


async def test_a_completion_is_read_from_both_protocols(sdk: SdkClient) -> None:
    async with serve(*hello(sdk)) as server:
        structured = await sdk.complete(f"{server.url}/api/completion", "Greet.", body={"model": "gpt-4o"})
    async with serve(Answer([b"Hel", b"lo"], content_type="text/plain")) as raw:
        plain = await sdk.complete(raw.url, "Greet.", protocol="text")
    for completion in (structured, plain):
        assert (completion.text, completion.error, completion.finished) == ("Hello", None, True)
        assert completion.updates[-1] == "Hello"
    assert server.asked[0].body == {"prompt": "Greet.", "model": "gpt-4o"}


async def test_a_completion_reports_what_the_server_refused(sdk: SdkClient) -> None:
    async with serve(Answer([b"No model."], status=503)) as server:
        completion = await sdk.complete(server.url, "Greet.")
    assert completion.error is not None
    assert (completion.error.message, completion.finished, completion.request.status) == ("No model.", False, 503)


async def test_raw_bytes_are_handed_over_as_they_came(sdk: SdkClient) -> None:
    async with serve(*hello(sdk)) as server:
        answer = await sdk.read_raw(server.url, headers={"x-probe": "1"}, body={"messages": []})
        expected = b"".join(piece for piece in server.script[0].pieces if isinstance(piece, bytes))
    assert answer.status == 200
    assert answer.headers["content-type"] == server.script[0].content_type
    assert answer.text == expected.decode()
    assert sum(size for _, size in answer.reads) == len(expected)
    assert server.asked[0].body == {"messages": []}


async def test_what_does_not_happen_in_time_is_said(sdk: SdkClient) -> None:
    async with serve(*hello(sdk)) as server:
        chat = await sdk.chat(server.url)
        await chat.send("Hello?")
        with pytest.raises(SdkTimeout, match="not text"):
            await chat.text("Goodbye", timeout=0.05)
        assert (await chat.state()).text == "Hello"


async def test_an_unknown_operation_is_a_fault_that_the_client_survives(sdk: SdkClient) -> None:
    async with serve(*hello(sdk)) as server:
        chat = await sdk.chat(server.url)
        with pytest.raises(SdkFault, match="no operation named dance"):
            await chat.command("dance")
        assert (await chat.send("Hello?")).text == "Hello"


async def test_a_release_that_is_not_installed_is_a_fault_with_what_node_said(sdk_installed: None) -> None:
    with pytest.raises(SdkFault, match=r"(?s)Node has ended.*ai-5.1.0"):
        await SdkClient("5.1.0").__aenter__()


async def test_an_operation_after_the_end_is_a_fault(sdk_installed: None) -> None:
    async with SdkClient("7.0.173") as client:
        pass
    with pytest.raises(SdkFault, match="Node has ended"):
        await client.validate([START])
