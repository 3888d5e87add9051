"""What an assistant said and called, of every generation, as steps."""

from collections.abc import Sequence
from typing import Any

import pytest

from mamba_domain.approvals import Verdict
from mamba_domain.events import (
    FinishReason,
    ReasoningClosed,
    SourceFound,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCalled,
    ToolDenied,
    ToolErrored,
    ToolReturned,
)
from mamba_domain.messages import (
    AssistantMessage,
    FilePart,
    JsonValue,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
    UserMessage,
)
from tests.adapters.http.requests_by_hand import CALL, HI, PIXEL, assistant, read, refused, said, text, tool, user

CALLED = AssistantMessage(parts=(CALL,))
TWO = AssistantMessage(parts=(TextPart(text="Two."),))


def answered(*parts: Any, **more: Any) -> tuple[Message, ...]:
    """What becomes of an assistant's message of the past."""
    return said(assistant(*parts, **more), user(text("Hi")))[:-1]


def results(*results: ToolResultPart) -> ToolMessage:
    return ToolMessage(results=results)


def result(output: JsonValue, *, failed: bool = False, seal: str | None = None) -> ToolResultPart:
    return ToolResultPart(call_id="c1", tool="look-up", output=output, failed=failed, seal=seal)


def test_a_step_is_a_message_and_the_results_of_its_calls() -> None:
    parts = (
        {"type": "step-start"},
        {"type": "reasoning", "text": "hm", "providerMetadata": {"mamba": {"id": "r1"}, "other": {}}},
        tool("output-available", output={"n": 2}),
        text("Behind the call."),
        {"type": "step-start"},
        {"type": "step-start"},
        text("Two."),
    )
    assert answered(*parts, metadata={"seals": {"c1": "sealed", "c2": 7}}) == (
        AssistantMessage(
            parts=(ReasoningPart(text="hm", provider_data={"id": "r1"}), CALL, TextPart(text="Behind the call."))
        ),
        results(result({"n": 2}, seal="sealed")),
        TWO,
    )


@pytest.mark.parametrize("metadata", [None, 7, {"seals": None}, {"seals": ["c1"]}, {"seals": {"c1": 1}}])
def test_what_is_no_seal_proves_nothing(metadata: Any) -> None:
    assert answered(tool("output-available", output=1), metadata=metadata)[1] == results(result(1))


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (tool("output-available", output="text"), result("text")),
        (tool("output-available"), result(None)),
        (tool("output-available", output=2, providerExecuted=True), result(2)),
        (tool("output-error", errorText="no"), result("no", failed=True)),
        (tool("output-error"), result("The call failed.", failed=True)),
        (
            tool("output-denied", approval={"id": "x", "approved": False, "reason": "Never."}),
            result("The user declined this call. Never.", failed=True),
        ),
        (tool("output-denied"), result("The user declined this call.", failed=True)),
    ],
)
def test_an_outcome_is_a_result(part: dict[str, Any], expected: ToolResultPart) -> None:
    assert answered(part) == (CALLED, results(expected))
    dynamic = {**part, "type": "dynamic-tool", "toolName": "look-up"}
    assert answered(dynamic) == (CALLED, results(expected))


@pytest.mark.parametrize(
    "part",
    [
        tool("input-available"),
        tool("approval-requested", approval={"id": "x"}),
        tool("approval-responded", approval={"id": "x", "approved": True}),
        tool("approval-responded", approval={"id": "x", "approved": False}),
        tool("approval-responded", approval="nonsense"),
        tool("output-available", output=1, preliminary=True),
    ],
)
def test_a_call_of_the_past_that_has_no_outcome_stays_without_one(part: dict[str, Any]) -> None:
    request = read(assistant(part), user(text("Hi"))).request
    assert request.messages == (CALLED, HI)
    assert request.verdicts == ()


def test_an_unfinished_call_is_left_out_and_its_id_is_taken() -> None:
    read_ = read(user(text("Hi")), assistant(text("Two."), tool("input-streaming", input={"q": "unfini"})))
    assert read_.request.messages == (HI, TWO)
    assert read_.ignored == {"call:input-streaming": 1}
    assert read_.request.used_call_ids == {"c1"}


@pytest.mark.parametrize("part", [tool("made-up"), {"type": "tool-invocation", "toolInvocation": tool("made-up")}])
def test_a_call_in_a_state_that_nobody_knows_is_left_out(part: dict[str, Any]) -> None:
    if "toolInvocation" in part:
        part["toolInvocation"]["toolName"] = "look-up"
    read_ = read(assistant(text("Two."), part), user(text("Hi")))
    assert read_.request.messages == (TWO, HI)
    assert read_.ignored["call:unknown-state"] == 1


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({"input": None}, {}),
        ({"input": None, "rawInput": '{"q":'}, '{"q":'),
        ({"input": {"a": 1}, "rawInput": "x"}, {"a": 1}),
        ({"input": [1]}, [1]),
    ],
)
def test_the_input_of_an_invalid_call_is_what_there_was_of_it(fields: dict[str, Any], given: JsonValue) -> None:
    call = ToolCallPart(call_id="c1", tool="look-up", input=given)
    assert answered(tool("output-error", errorText="no", **fields))[0] == AssistantMessage(parts=(call,))


def test_reasoning_without_this_servers_data_is_kept_as_text() -> None:
    parts = (
        {"type": "reasoning", "text": "hm", "providerMetadata": {"openai": {"itemId": "x"}}},
        {"type": "reasoning", "reasoning": "so", "details": []},
        {"type": "reasoning", "text": "", "providerMetadata": {"mamba": {"a": 1}}},
        {"type": "reasoning", "text": ""},
    )
    assert answered(*parts, text("Two.")) == (
        AssistantMessage(
            parts=(
                ReasoningPart(text="hm"),
                ReasoningPart(text="so"),
                ReasoningPart(text="", provider_data={"a": 1}),
                TextPart(text="Two."),
            )
        ),
    )


def test_what_the_person_said_meanwhile_stands_between_the_steps() -> None:
    steering = {"type": "steering-message", "id": "s", "parts": [text("Hi"), {"type": "file", "url": PIXEL}]}
    assert answered(tool("output-available", output=1), steering, text("Two.")) == (
        CALLED,
        results(result(1)),
        UserMessage(parts=(TextPart(text="Hi"), FilePart(media_type="image/png", url=PIXEL))),
        TWO,
    )


def test_steps_that_models_or_readers_have_no_word_for_are_left_out_there() -> None:
    source = {"type": "source-url", "sourceId": "s1", "url": "https://example.org"}
    steering = {"type": "steering-message", "parts": [text("Hi")]}
    request = read(assistant(steering, {"type": "step-start"}, source)).request
    assert request.messages == (HI,)
    assert request.restored == (
        StepStarted(),
        SourceFound(source_id="s1", url="https://example.org"),
        StepFinished(finish_reason=FinishReason.STOP),
    )


@pytest.mark.parametrize("part", [{"type": "source-url", "url": 7}, {"type": "source", "source": {"id": "s1"}}])
def test_a_source_that_is_none_is_left_out(part: dict[str, Any]) -> None:
    assert read(assistant(part, text("Two."))).request.restored == read(assistant(text("Two."))).request.restored


def test_a_file_of_an_answer_is_judged_like_a_persons() -> None:
    assert answered({"type": "file", "mediaType": "image/png", "url": PIXEL}) == (
        AssistantMessage(parts=(FilePart(media_type="image/png", url=PIXEL),)),
    )
    assert refused(assistant({"type": "file", "mediaType": "image/png", "url": "http://example.org/a.png"})) == [
        "/messages/0/parts/0/url"
    ]


# --- AI SDK 4


def invocation(state: str = "result", **more: Any) -> dict[str, Any]:
    return {"state": state, "toolCallId": "c1", "toolName": "look-up", "args": {"q": 1}, "result": 2, **more}


def old(*invocations: Any, content: str = "Two.") -> dict[str, Any]:
    """Before release 4.2, when messages had no parts."""
    return {"role": "assistant", "content": content, "toolInvocations": list(invocations)}


def with_parts(*parts: Any) -> dict[str, Any]:
    wrapped = [{"type": "tool-invocation", "toolInvocation": part} if "state" in part else part for part in parts]
    return {"role": "assistant", "content": "Two.", "parts": wrapped}


@pytest.mark.parametrize("message", [old(invocation()), with_parts(invocation(), text("Two."))])
def test_text_behind_a_call_of_release_4_is_the_next_steps(message: dict[str, Any]) -> None:
    assert said(message, user(text("Hi"))) == (CALLED, results(result(2)), TWO, HI)


def test_text_of_release_4_stands_before_the_calls_that_the_answer_goes_on_behind() -> None:
    both = AssistantMessage(parts=(TextPart(text="Two."), CALL))
    assert said(user(text("Hi")), old(invocation())) == (HI, both, results(result(2)))
    assert said(user(text("Hi")), with_parts(text("Two."), invocation())) == (HI, both, results(result(2)))


@pytest.mark.parametrize("shape", [old, with_parts])
def test_steps_of_release_4_are_numbered(shape: Any) -> None:
    other = invocation(toolCallId="c2", step=1)
    messages = said(shape(invocation(step=0), other, invocation(toolCallId="c3", step=1)), user(text("Hi")))
    calls = [
        [part.call_id for part in message.parts if isinstance(part, ToolCallPart)]
        for message in messages
        if isinstance(message, AssistantMessage) and message is not TWO
    ]
    assert [ids for ids in calls if ids] == [["c1"], ["c2", "c3"]]


def test_a_call_of_release_4_without_result_stays_open() -> None:
    assert said(old(invocation("call"), content=""), user(text("Hi"))) == (CALLED, HI)
    assert said(old(invocation("partial-call")), user(text("Hi"))) == (TWO, HI)


def test_the_seals_of_release_4_are_annotations() -> None:
    message = {**with_parts(invocation()), "annotations": ["x", {"usage": {}}, {"seals": {"c1": "sealed"}}]}
    assert said(message, user(text("Hi")))[1] == results(result(2, seal="sealed"))


def test_a_sealed_error_of_release_4_is_a_failed_call() -> None:
    error: JsonValue = {"error": "no"}
    sealed = {**with_parts(invocation(result=error)), "annotations": [{"seals": {"c1": "sealed"}}]}
    assert said(sealed, user(text("Hi")))[1] == results(result("no", failed=True, seal="sealed"))
    assert said(with_parts(invocation(result=error)), user(text("Hi")))[1] == results(result(error))


# --- OpenAI


def openai_call(arguments: Any = '{"q": 1}', call_id: str = "c1", **more: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "look-up", "arguments": arguments}, **more}


def test_calls_and_results_in_openais_shape() -> None:
    assert said(
        {"role": "assistant", "content": None, "tool_calls": [openai_call(), openai_call(call_id="c2")]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        {"role": "tool", "tool_call_id": "c2", "content": [text("thr"), text("ee")]},
        {"role": "tool", "tool_call_id": "c9", "content": "nobody's"},
        {"role": "user", "content": "Hi"},
    ) == (
        AssistantMessage(parts=(CALL, ToolCallPart(call_id="c2", tool="look-up", input={"q": 1}))),
        results(
            result("2"),
            ToolResultPart(call_id="c2", tool="look-up", output="three"),
            ToolResultPart(call_id="c9", tool="", output="nobody's"),
        ),
        HI,
    )


@pytest.mark.parametrize(
    ("arguments", "given"),
    [("", {}), (None, {}), ('{"q":', '{"q":'), ('{"q": NaN}', '{"q": NaN}'), ("[1]", "[1]"), ({"q": 1}, {"q": 1})],
)
def test_arguments_that_are_no_json_object_stay_as_they_are(arguments: Any, given: JsonValue) -> None:
    message = {"role": "assistant", "content": "", "tool_calls": [openai_call(arguments)]}
    call = ToolCallPart(call_id="c1", tool="look-up", input=given)
    assert said(message, user(text("Hi"))) == (AssistantMessage(parts=(call,)), HI)


def test_a_call_of_another_type_is_left_out() -> None:
    custom = {"id": "c1", "type": "custom", "custom": {"name": "x", "input": "y"}}
    read_ = read({"role": "assistant", "content": "Two.", "tool_calls": [custom]}, user(text("Hi")))
    assert read_.request.messages == (TWO, HI)
    assert read_.ignored == {"call:unknown-type": 1}


@pytest.mark.parametrize(
    "content",
    ["Two.", [text("Two.")], [{"type": "output_text", "text": "Two."}], [{"type": "refusal", "refusal": "Two."}]],
)
def test_openais_words_are_text(content: Any) -> None:
    assert said({"role": "assistant", "content": content}, user(text("Hi"))) == (TWO, HI)


@pytest.mark.parametrize("message", [{"role": "assistant"}, {"role": "assistant", "content": None}, assistant()])
def test_an_assistant_that_says_nothing_leaves_no_message(message: dict[str, Any]) -> None:
    assert said(message, user(text("Hi"))) == (HI,)


# --- the answer that goes on


def test_a_decision_in_the_continued_answer_is_a_verdict() -> None:
    approval = {"id": "ap1", "approved": True, "reason": "Fine.", "signature": "signed"}
    read_ = read(user(text("Hi")), assistant(tool("approval-responded", approval=approval)), messageId="a1")
    verdict = Verdict(
        approval_id="ap1",
        call_id="c1",
        tool="look-up",
        input={"q": 1},
        approved=True,
        reason="Fine.",
        signature="signed",
    )
    assert read_.request.verdicts == (verdict,)
    assert read_.request.messages == (HI, CALLED)
    assert (read_.request.message_id, read_.continues) == ("a1", True)


def test_a_decision_in_an_older_answer_counts_when_that_answer_is_named() -> None:
    decided = assistant(tool("approval-responded", approval={"id": "ap1", "approved": False}))
    later = ({"id": "a0", "role": "user", "parts": [text("Hi")]}, {**assistant(text("Two.")), "id": "a2"})
    read_ = read(decided, *later, messageId="a1", trigger="submit-message")
    assert [verdict.approved for verdict in read_.request.verdicts] == [False]
    assert (read_.request.message_id, read_.continues) == ("a1", True)
    assert read_.request.messages == (CALLED, HI, TWO)
    assert [type(event) for event in read_.request.restored] == [StepStarted, ToolCalled, StepFinished]
    assert read(decided, *later).request.message_id == "a2"


@pytest.mark.parametrize(
    ("approval", "pointer"),
    [
        (None, ""),
        ("yes", ""),
        ({}, "/approved"),
        ({"id": "x", "approved": "yes"}, "/approved"),
        ({"approved": True}, "/id"),
        ({"id": 7, "approved": True}, "/id"),
        ({"id": "x", "approved": True, "reason": 7}, "/reason"),
    ],
)
def test_a_decision_that_is_none_is_refused(approval: Any, pointer: str) -> None:
    decided = assistant(tool("approval-responded", approval=approval))
    assert f"/messages/0/parts/0/approval{pointer}" in refused(decided)


def test_an_answer_that_goes_on_is_restored_for_readers_that_start_from_nothing() -> None:
    parts = (
        {"type": "step-start"},
        {"type": "reasoning", "text": "", "providerMetadata": {"mamba": {"a": 1}}},
        text("One."),
        tool("output-denied", approval={"id": "x", "approved": False, "reason": "Never."}),
        tool("output-error", toolCallId="c2", errorText="no"),
        tool("output-available", toolCallId="c2", output="the same id again"),
        {"type": "step-start"},
        {"type": "data-x", "data": 1},
        {"type": "step-start"},
        tool("output-available", toolCallId="c3", output=1, title="t"),
        {"type": "step-start"},
        text("Two."),
    )
    assert read(assistant(*parts, metadata={"seals": {"c2": "s2", "c3": "s3"}})).request.restored == (
        StepStarted(),
        ReasoningClosed(provider_data={"a": 1}),
        TextDelta(text="One."),
        ToolCalled(call_id="c1", tool="look-up", input={"q": 1}),
        ToolDenied(call_id="c1", reason="Never."),
        ToolCalled(call_id="c2", tool="look-up", input={"q": 1}),
        ToolErrored(call_id="c2", error_text="no", seal="s2"),
        StepFinished(finish_reason=FinishReason.TOOL_CALLS),
        StepStarted(),
        ToolCalled(call_id="c3", tool="look-up", input={"q": 1}),
        ToolReturned(call_id="c3", output=1, seal="s3"),
        StepFinished(finish_reason=FinishReason.TOOL_CALLS),
        StepStarted(),
        TextDelta(text="Two."),
        StepFinished(finish_reason=FinishReason.STOP),
    )


@pytest.mark.parametrize(
    ("dynamic", "expected"), [(None, True), (True, True), (False, False)], ids=["plain", "marked", "no longer known"]
)
def test_a_dynamic_tools_part_is_restored_as_it_was(dynamic: bool | None, expected: bool) -> None:
    part = {**tool("output-available", output=1), "type": "dynamic-tool", "toolName": "look-up"}
    called, returned = read(assistant({**part, "dynamic": dynamic})).request.restored[1:3]
    assert called == ToolCalled(call_id="c1", tool="look-up", input={"q": 1}, dynamic=expected)
    assert returned == ToolReturned(call_id="c1", output=1, dynamic=expected)


@pytest.mark.parametrize(
    ("message", "pointers"),
    [
        (assistant({"type": "tool-x", "state": "output-available"}), ["/parts/0/toolCallId"]),
        (assistant(tool("output-available", toolCallId="x" * 257)), ["/parts/0/toolCallId"]),
        (assistant({**tool("output-available"), "type": "tool-" + "x" * 257}), ["/parts/0/type"]),
        (assistant({**tool("output-available"), "type": "dynamic-tool"}), ["/parts/0/toolName"]),
        (assistant({**tool("output-available"), "state": 7}), ["/parts/0/state"]),
        (assistant(tool("output-error", errorText=7)), ["/parts/0/errorText"]),
        (assistant({"type": "reasoning", "text": 7}), ["/parts/0/text"]),
        (assistant({"type": "reasoning"}), ["/parts/0/reasoning"]),
        (assistant({"type": "tool-invocation"}), ["/parts/0/toolInvocation"]),
        (assistant({"type": "tool-invocation", "toolInvocation": {}}), ["toolCallId", "toolName"]),
        (assistant({"type": "steering-message", "parts": 7}), ["/parts/0/parts"]),
        (with_parts({**invocation(), "state": 7}), ["/parts/0/toolInvocation/state"]),
        (old(7), ["/toolInvocations/0"]),
        ({"role": "assistant", "content": 7}, ["/content"]),
        ({"role": "assistant", "tool_calls": {}}, ["/tool_calls"]),
        ({"role": "assistant", "tool_calls": [7]}, ["/tool_calls/0"]),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, ["/tool_calls/0/function"]),
        ({"role": "assistant", "tool_calls": [{"function": {}}]}, ["/tool_calls/0/id", "/tool_calls/0/function/name"]),
    ],
)
def test_what_is_wrong_with_an_answer_is_named_by_its_place(message: dict[str, Any], pointers: Sequence[str]) -> None:
    found = refused(message)
    assert len(found) == len(pointers)
    assert all(
        place.startswith("/messages/0/") and place.endswith(end) for place, end in zip(found, pointers, strict=True)
    )
