"""The real npm clients against the assembled server: whatever happens, each release ends in the right state.

Every scenario runs as an unknown client, which gets what all releases understand, and as one that names its release.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mamba_domain.errors import Code, ModelFailed, ToolFailed
from mamba_domain.events import (
    FileProduced,
    FinishReason,
    ModelFinished,
    ReasoningClosed,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    ToolInputDelta,
    ToolInputStarted,
    Usage,
)
from mamba_domain.messages import FilePart, JsonValue, ToolMessage, UserMessage
from mamba_domain.tools import Placement, ToolCall, ToolContext, ToolError, ToolOutcome, ToolProgress
from tests.app.harness import Running, running_app, settings
from tests.fakes.scripted_model import Script, ScriptedModel, call_script, text_script
from tests.fakes.tool_registry import FakeTool, FakeTools, returning
from tests.sdk.chat import SdkChat
from tests.sdk.clients import SdkClient
from tests.sdk.state import ChatState

PIXEL = "data:image/png;base64,iVBORw0KGgo="
BROKEN = ModelFailed(Code.MODEL_ERROR)
NO_CAT = "There is no cat."


async def failing(call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolProgress | ToolOutcome, None]:
    yield ToolError(error_text="Down.")


def refuse(arguments: JsonValue) -> JsonValue:
    raise ToolFailed(NO_CAT)


@asynccontextmanager
async def served(*scripts: Script, tools: FakeTools | None = None) -> AsyncIterator[tuple[Running, ScriptedModel]]:
    """The service with a model that gives these answers."""
    model = ScriptedModel(*scripts)
    async with running_app(settings(), model_for=lambda _: model, tools=tools or FakeTools()) as app:
        yield app, model


@pytest.fixture(params=["unknown", "named"])
def headers(request: pytest.FixtureRequest, sdk: SdkClient) -> dict[str, str]:
    """What the client says of itself."""
    return {} if request.param == "unknown" else {"X-Mamba-UI": sdk.release}


def is_well(state: ChatState) -> bool:
    """Nothing went wrong that anybody could notice."""
    assert (state.error, state.errors, state.unhandled, state.looped) == (None, [], [], False)
    assert state.status == "ready"
    assert all(request.outcome == "ended" for request in state.requests)
    return True


def told(state: ChatState) -> Mapping[str, Any]:
    """The metadata of the answer; release 4 has them as an annotation."""
    return dict(state.metadata or state.answer["annotations"][-1])


def outcome(tool: Mapping[str, Any]) -> Any:
    """What came of a call, in any release."""
    if "errorText" in tool:
        return tool["errorText"]
    result = tool.get("output", tool.get("result"))
    return result.get("error", result) if isinstance(result, dict) else result


async def test_two_turns_of_text_with_ids_and_metadata(sdk_and_zod: SdkClient) -> None:
    sdk = sdk_and_zod
    async with served(text_script("Hel", "lo"), text_script("Again")) as (app, model):
        chat = await sdk.chat(f"{app.url}/api/chat", zod_metadata=sdk.major > 4)
        first = await chat.send("Hi")
        assert is_well(first)
        assert first.text == "Hello"
        assert first.answer["id"].startswith("msg-")
        assert told(first)["usage"] == {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}
        assert told(first)["model"] == "gpt-4o-mini"
        second = await chat.send("Once more")
    assert is_well(second)
    assert second.text == "Again"
    assert [message["role"] for message in second.messages] == ["user", "assistant"] * 2
    assert len({message["id"] for message in second.messages}) == 4
    assert [type(message).__name__ for message in model.requests[1].messages] == [
        "UserMessage",
        "AssistantMessage",
        "UserMessage",
    ]


async def test_everything_that_a_model_can_say(sdk_and_zod: SdkClient) -> None:
    sdk = sdk_and_zod
    everything: Script = (
        (
            ReasoningDelta(text="Well."),
            ReasoningClosed(provider_data={"id": "rs_1"}),
            TextDelta(text="Look: "),
            SourceFound(source_id="s1", url="https://example.org"),
            SourceFound(source_id="s2", url="https://example.org/2", title="Two"),
            FileProduced(media_type="image/png", url=PIXEL),
            TextDelta(text="there."),
        ),
        *call_script(("c1", "good", "{}"), ("c2", "bad", "{}"), ("c3", "nowhere", "{}"), ("c4", "found", "{}")),
    )
    tools = FakeTools(
        FakeTool(name="good", steps=returning(None)),
        FakeTool(name="bad", check=refuse),
        FakeTool(name="found", steps=returning({"n": 1}), dynamic=True),
    )
    for named in (False, True):
        async with served(everything, text_script("Done."), tools=tools) as (app, _):
            chat = await sdk.chat(f"{app.url}/api/chat", headers={"X-Mamba-UI": sdk.release} if named else None)
            state = await chat.send("Go")
        assert is_well(state), named
        assert state.text == "Look: there.Done."
        assert [outcome(tool) for tool in state.tools] == [None, NO_CAT, "There is no such tool.", {"n": 1}]
        kinds = {part["type"] for part in state.parts}
        assert {"reasoning", "file", "source" if sdk.major == 4 else "source-url"} <= kinds
        assert ("dynamic-tool" in kinds) == (sdk.major > 4)


async def test_a_refusal_before_the_first_word_is_an_http_error(sdk: SdkClient, headers: dict[str, str]) -> None:
    async with served([BROKEN]) as (app, _):
        chat = await sdk.chat(f"{app.url}/api/chat", headers={**headers, "Accept": "text/plain"})
        state = await chat.send("Hi")
    assert state.status == "error"
    assert state.error is not None
    assert state.error.message == "The model could not answer. Please try again."
    assert state.requests[0].status == 502
    assert [message["role"] for message in state.messages] == ["user"]


async def test_a_failure_after_the_first_word_is_an_error_that_keeps_what_was_said(
    sdk: SdkClient, headers: dict[str, str]
) -> None:
    script = ((TextDelta(text="Hel"), ToolInputStarted(call_id="c1", tool="good")), BROKEN)
    async with served(script, tools=FakeTools(FakeTool(name="good"))) as (app, _):
        chat = await sdk.chat(f"{app.url}/api/chat", headers=headers)
        state = await chat.send("Hi")
    assert state.status == "error"
    assert state.error is not None
    assert state.error.message == "The model could not answer. Please try again."
    assert state.text == "Hel"
    assert told(state)["usage"]["totalTokens"] == 0
    assert [tool["state"] for tool in state.tools] == ["result" if sdk.major == 4 else "output-error"]


async def test_a_tool_of_the_server(sdk: SdkClient, headers: dict[str, str]) -> None:
    tools = FakeTools(FakeTool(name="good", steps=returning({"celsius": 4})))
    async with served(call_script(("c1", "good", '{"city": "Oslo"}')), text_script("Cold."), tools=tools) as (app, _):
        chat = await sdk.chat(f"{app.url}/api/chat", headers=headers, auto_send="tools")
        state = await chat.send("Weather?")
    assert is_well(state)
    assert state.text == "Cold."
    assert [outcome(tool) for tool in state.tools] == [{"celsius": 4}]
    assert len(state.requests) == 1


async def test_the_demo_draws_a_chart_and_a_card(sdk: SdkClient, headers: dict[str, str]) -> None:
    async with running_app() as app:
        chat = await sdk.chat(f"{app.url}/api/chat", headers=headers, auto_send="tools")
        state = await chat.send("Think first, then show a bar chart and a card, with sources")
        assert is_well(state)
        assert [outcome(tool)["type"] for tool in state.tools] == ["chart", "card"]
        assert is_well(await chat.send("Thanks, hello"))


async def test_results_of_the_servers_tools_are_believed_when_they_come_back(sdk: SdkClient) -> None:
    tools = FakeTools(FakeTool(name="good", steps=returning({"celsius": 4})), FakeTool(name="down", steps=failing))
    calls = call_script(("c1", "good", "{}"), ("c2", "down", "{}"))
    async with served(calls, text_script("Cold."), text_script("Yes."), tools=tools) as (app, model):
        chat = await sdk.chat(f"{app.url}/api/chat")
        await chat.send("Weather?")
        assert is_well(await chat.send("Really?"))
    (results,) = [message for message in model.requests[2].messages if isinstance(message, ToolMessage)]
    assert [(result.output, result.failed) for result in results.results] == [({"celsius": 4}, False), ("Down.", True)]


async def test_a_tool_of_the_page(sdk: SdkClient, headers: dict[str, str]) -> None:
    tools = FakeTools(FakeTool(name="weather", placement=Placement.CLIENT))
    async with served(call_script(("c1", "weather", "{}")), text_script("Cold."), tools=tools) as (app, model):
        chat = await sdk.chat(
            f"{app.url}/api/chat", headers=headers, auto_send="tools", client_tools={"weather": {"celsius": 4}}
        )
        state = await chat.send("Weather?")
    assert is_well(state)
    assert state.text == "Cold."
    assert len(state.requests) == 2
    assert [message["role"] for message in state.messages] == ["user", "assistant"]
    assert "'celsius': 4" in str(model.requests[1].messages[-1])


async def test_an_approval_where_the_client_knows_none_is_a_call_that_the_page_answers(sdk: SdkClient) -> None:
    # Some releases tell theirs as the user agent; what is said outright counts more.
    taken_for = {"X-Mamba-UI": "4" if sdk.major == 4 else "5"}
    for answer, is_run in (("Yes, do it.", True), ("No.", False)):
        tools = FakeTools(FakeTool(name="pay", approval=True, steps=returning("paid")))
        async with served(call_script(("c1", "pay", "{}")), text_script("Done."), tools=tools) as (app, _):
            chat = await sdk.chat(f"{app.url}/api/chat", headers=taken_for, auto_send="tools")
            asked = await chat.send("Pay")
            assert is_well(asked)
            assert [tool["state"] for tool in asked.tools] == ["call" if sdk.major == 4 else "input-available"]
            assert not tools.carried_out
            state = await chat.tool_output("c1", "pay", answer)
        assert is_well(state)
        assert state.text == "Done."
        assert (len(tools.carried_out), len(state.requests)) == (is_run, 2)
        assert [outcome(tool) for tool in state.tools] == ["paid" if is_run else "No."]


async def test_an_approval_where_the_client_knows_them(sdk: SdkClient) -> None:
    if sdk.major < 6:
        pytest.skip("these releases have no approvals")
    for approved in (True, False):
        tools = FakeTools(FakeTool(name="pay", approval=True, steps=returning("paid")))
        async with served(call_script(("c1", "pay", "{}")), text_script("Done."), tools=tools) as (app, _):
            chat = await sdk.chat(f"{app.url}/api/chat", headers={"X-Mamba-UI": sdk.release}, auto_send="approvals")
            asked = await chat.send("Pay")
            assert is_well(asked)
            assert [tool["state"] for tool in asked.tools] == ["approval-requested"]
            state = await chat.approve(asked.tools[0]["approval"]["id"], approved, reason="Because.")
        assert is_well(state)
        assert state.text == "Done."
        assert [tool["state"] for tool in state.tools] == ["output-available" if approved else "output-denied"]
        assert (len(tools.carried_out), len(state.requests)) == (approved, 2)


async def test_stopping_in_the_page_ends_the_turn(sdk: SdkClient, headers: dict[str, str]) -> None:
    never = asyncio.Event()
    async with served([(TextDelta(text="Hel"),), never]) as (app, model):
        chat = await sdk.chat(f"{app.url}/api/chat", headers=headers)
        await chat.send("Hi", wait=False)
        await chat.text("Hel")
        state = await chat.stop()
        await app.application.supervisor.drain(5)
        assert app.application.chat.running_turns == 0
    assert (state.status, state.error, state.text) == ("ready", None, "Hel")
    assert model.open_streams == 0


async def test_stopping_on_the_server_ends_the_answer_well(sdk: SdkClient, headers: dict[str, str]) -> None:
    never = asyncio.Event()
    calls = (ToolInputStarted(call_id="c1", tool="good"), ToolInputDelta(call_id="c1", text='{"ci'))
    async with served([(TextDelta(text="Hel"), *calls), never], tools=FakeTools(FakeTool(name="good"))) as (app, _):
        chat = await sdk.chat(f"{app.url}/api/chat", id="c-1", headers=headers)
        await chat.send("Hi", wait=False)
        await chat.text("Hel")
        await app.http.post("/api/chat/c-1/stop")
        state = await chat.idle()
    assert is_well(state)
    assert state.text == "Hel"
    assert [tool["state"] for tool in state.tools] == ["result" if sdk.major == 4 else "output-error"]


async def test_a_second_page_resumes_from_the_first_word(sdk: SdkClient, headers: dict[str, str]) -> None:
    go = asyncio.Event()
    history = [{"id": "u1", "role": "user", "content": "Hi", "parts": [{"type": "text", "text": "Hi"}]}]
    ends: Script = [(TextDelta(text="Hel"),), go, (TextDelta(text="lo"), FINISHED)]
    async with served(ends) as (app, _):
        chat = await sdk.chat(f"{app.url}/api/chat", id="c-1", headers=headers)
        await chat.send("Hi", wait=False)
        await chat.text("Hel")
        other = await sdk.chat(f"{app.url}/api/chat", id="c-1", messages=history, headers=headers, resume=True)
        await other.text("Hel")
        go.set()
        states = [await chat.idle(), await other.idle()]
        late = await sdk.chat(f"{app.url}/api/chat", id="c-1", messages=history, headers=headers, resume=True)
        # 5.0.0 stays in `submitted` after a 204, whatever server gives it.
        nothing = await (late.requests(1) if sdk.release == "5.0.0" else late.idle())
    for state in states:
        assert is_well(state)
        assert state.text == "Hello"
    assert states[0].answer["id"] == states[1].answer["id"]
    assert (nothing.error, len(nothing.messages)) == (None, 1)
    assert nothing.status == ("submitted" if sdk.release == "5.0.0" else "ready")


async def test_a_resumed_continuation_has_what_was_there_before(sdk: SdkClient) -> None:
    go = asyncio.Event()
    tools = FakeTools(FakeTool(name="weather", placement=Placement.CLIENT))
    ends: Script = [(TextDelta(text="Co"),), go, (TextDelta(text="ld."), FINISHED)]
    async with served(((TextDelta(text="Wait. "),), *call_script(("c1", "weather", "{}"))), ends, tools=tools) as (
        app,
        _,
    ):
        chat = await sdk.chat(f"{app.url}/api/chat", id="c-1", auto_send="tools")
        asked = await chat.send("Weather?")
        history = asked.messages[:1]
        await chat.tool_output("c1", "weather", {"celsius": 4}, wait=False)
        await chat.text("Co")
        other = await sdk.chat(f"{app.url}/api/chat", id="c-1", messages=history, resume=True)
        await other.text("Co")
        go.set()
        states = [await chat.idle(), await other.idle()]
    for state in states:
        assert is_well(state)
        assert state.text == "Wait. Cold."
        assert [outcome(tool) for tool in state.tools] == [{"celsius": 4}]


async def test_files_reach_the_model(sdk: SdkClient, headers: dict[str, str]) -> None:
    async with served(text_script("A pixel.")) as (app, model):
        chat = await sdk.chat(f"{app.url}/api/chat", headers=headers)
        file = {"type": "file", "mediaType": "image/png", "filename": "dot.png", "url": PIXEL}
        assert is_well(await chat.send("What is it?", files=[file]))
    (asked,) = model.requests[0].messages
    assert isinstance(asked, UserMessage)
    assert [part for part in asked.parts if isinstance(part, FilePart)] == [
        FilePart(media_type="image/png", url=PIXEL, filename="dot.png")
    ]


async def test_the_text_transport(sdk: SdkClient) -> None:
    async with served(text_script("Hel", "lö"), [(TextDelta(text="Hel"),), BROKEN]) as (app, _):
        whole = await text_chat(sdk, app)
        state = await whole.send("Hi")
        assert is_well(state)
        assert state.text == "Hellö"
        cut = await (await text_chat(sdk, app)).send("Hi")
    assert cut.status == "error"
    assert [request.outcome for request in cut.requests] == ["failed"]


async def test_completions_in_both_protocols(sdk: SdkClient) -> None:
    whole, cut = text_script("Hel", "lo"), ((TextDelta(text="Hel"),), BROKEN)
    v4 = "?protocol=ai-sdk-v4" if sdk.major == 4 else ""
    async with served(whole, cut, whole, cut) as (app, _):
        in_data = [await sdk.complete(f"{app.url}/api/completion{v4}", "Greet.") for _ in range(2)]
        in_text = [
            await sdk.complete(f"{app.url}/api/completion?protocol=text", "Greet.", protocol="text") for _ in range(2)
        ]
    for completed, failed in (in_data, in_text):
        assert (completed.text, completed.error, completed.finished) == ("Hello", None, True)
        assert (failed.text, failed.finished) == ("Hel", False)
    error = in_data[1].error
    assert error is not None
    assert error.message == "The model could not answer. Please try again."


FINISHED = ModelFinished(finish_reason=FinishReason.STOP, usage=Usage(input_tokens=1, output_tokens=1))


async def text_chat(sdk: SdkClient, app: Running) -> SdkChat:
    return await sdk.chat(f"{app.url}/api/chat?protocol=text", transport="text")
