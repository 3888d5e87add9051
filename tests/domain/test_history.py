"""Any conversation becomes one that a model accepts; one that is in order stays as it is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_domain.history import REPAIR_RULES, repair
from mamba_domain.messages import (
    AssistantMessage,
    AssistantPart,
    FilePart,
    JsonValue,
    Message,
    ReasoningPart,
    SystemMessage,
    TextPart,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
    UserMessage,
)

NOT_DONE = "The call was not completed."
IMAGE = FilePart(media_type="image/png", url="data:image/png;base64,")


def user(text: str = "Hello") -> UserMessage:
    return UserMessage(parts=(TextPart(text=text),))


def said(*parts: AssistantPart) -> AssistantMessage:
    return AssistantMessage(parts=parts)


def text(words: str = "Well") -> TextPart:
    return TextPart(text=words)


def thought(words: str = "Hm") -> ReasoningPart:
    return ReasoningPart(text=words)


def call(call_id: str, tool: str = "look", value: JsonValue = None) -> ToolCallPart:
    return ToolCallPart(call_id=call_id, tool=tool, input={} if value is None else value)


def result(call_id: str, output: JsonValue = 1, tool: str = "look", seal: str | None = None) -> ToolResultPart:
    return ToolResultPart(call_id=call_id, tool=tool, output=output, seal=seal)


def not_done(call_id: str) -> ToolResultPart:
    return ToolResultPart(call_id=call_id, tool="look", output=NOT_DONE, failed=True)


def calls(*ids: str) -> AssistantMessage:
    return said(*(call(call_id) for call_id in ids))


def results(*parts: ToolResultPart | str) -> ToolMessage:
    return ToolMessage(results=tuple(result(part) if isinstance(part, str) else part for part in parts))


def faults_of(messages: Sequence[Message]) -> list[str]:
    """What a chat API would refuse, found without any of the code under test."""
    faults: list[str] = []
    ids: list[str] = []
    expected: list[ToolCallPart] = []
    for message in messages:
        if expected and not isinstance(message, ToolMessage):
            faults.append("a step's calls are not answered right behind it")
        match message:
            case ToolMessage(results=answers):
                if [(a.call_id, a.tool) for a in answers] != [(c.call_id, c.tool) for c in expected] or not answers:
                    faults.append("the results are not those of the calls before them")
                expected = []
            case UserMessage(parts=asked):
                if not asked or any(isinstance(part, TextPart) and not part.text for part in asked):
                    faults.append("an empty prompt")
            case AssistantMessage(parts=parts):
                expected = [part for part in parts if isinstance(part, ToolCallPart)]
                ids += [part.call_id for part in expected]
                if any(not isinstance(part.input, dict) for part in expected):
                    faults.append("an input that is no object")
                if not parts or any(isinstance(part, TextPart) and not part.text for part in parts):
                    faults.append("an empty answer")
                tail = parts
                while tail and isinstance(tail[-1], FilePart):
                    tail = tail[:-1]
                if tail and isinstance(tail[-1], ReasoningPart):
                    faults.append("reasoning without what it led to")
            case SystemMessage():
                pass
    if expected:
        faults.append("the last calls are not answered")
    if len(set(ids)) < len(ids):
        faults.append("an id is used twice")
    if any(not call_id.isascii() or not call_id.isprintable() or not 1 <= len(call_id) <= 40 for call_id in ids):
        faults.append("an id that cannot be sent")
    return faults


@pytest.mark.parametrize(
    ("broken", "mended", "counts"),
    [
        pytest.param(
            [user(), calls("a"), user("Go on")],
            [user(), calls("a"), results(not_done("a")), user("Go on")],
            {"result_added": 1},
            id="stopped in the middle of a call",
        ),
        pytest.param(
            [user(), calls("a")],
            [user(), calls("a"), results(not_done("a"))],
            {"result_added": 1},
            id="call at the end",
        ),
        pytest.param(
            [calls("a", "b", "c"), results("b")],
            [calls("a", "b", "c"), results(not_done("a"), "b", not_done("c"))],
            {"result_added": 2},
            id="some calls of a step without result",
        ),
        pytest.param([user(), results("a")], [user()], {"result_dropped": 1}, id="result without call"),
        pytest.param(
            [calls("a"), results("a", "x")], [calls("a"), results("a")], {"result_dropped": 1}, id="one orphan of two"
        ),
        pytest.param(
            [results("a"), user(), calls("a")],
            [user(), calls("a"), results("a")],
            {"result_moved": 1},
            id="result before its call",
        ),
        pytest.param(
            [calls("a"), user(), results("a")],
            [calls("a"), results("a"), user()],
            {"result_moved": 1},
            id="result after the next prompt",
        ),
        pytest.param(
            [calls("a"), calls("b"), results("a", "b")],
            [calls("a"), results("a"), calls("b"), results("b")],
            {"result_moved": 1},
            id="results of two steps in one message",
        ),
        pytest.param(
            [calls("a", "b"), results("b", "a")],
            [calls("a", "b"), results("a", "b")],
            {"result_moved": 1},
            id="results in another order than the calls",
        ),
        pytest.param(
            [calls("a", "b"), results("a"), results("b")],
            [calls("a", "b"), results("a", "b")],
            {"results_merged": 1},
            id="results in two messages",
        ),
        pytest.param(
            [calls("a"), results(result("a", "first"), result("a", "second"))],
            [calls("a"), results(result("a", "first"))],
            {"result_dropped": 1},
            id="two results for a call",
        ),
        pytest.param(
            [results(result("a", "early")), calls("a"), results(result("a", "late"))],
            [calls("a"), results(result("a", "late"))],
            {"result_dropped": 1},
            id="a result in its place is preferred to an early one",
        ),
        pytest.param(
            [results(result("a", "first"), result("a", "second")), calls("a")],
            [calls("a"), results(result("a", "first"))],
            {"result_moved": 1, "result_dropped": 1},
            id="two early results",
        ),
        pytest.param(
            [calls("a"), results(result("a", 1)), user(), calls("a"), results(result("a", 2))],
            [calls("a"), results(result("a", 1)), user(), calls("a-2"), results(result("a-2", 2))],
            {"call_id_renamed": 1},
            id="an id used in two steps",
        ),
        pytest.param(
            [calls("a", "a"), results(result("a", 1), result("a", 2))],
            [calls("a", "a-2"), results(result("a", 1), result("a-2", 2))],
            {"call_id_renamed": 1},
            id="an id used twice in a step",
        ),
        pytest.param(
            [calls("a", "a", "a-2"), results("a", "a", "a-2")],
            [calls("a", "a-3", "a-2"), results("a", "a-3", "a-2")],
            {"call_id_renamed": 1},
            id="the new id is not one that stands elsewhere",
        ),
        pytest.param(
            [calls("a"), user(), calls("a"), results("a")],
            [calls("a"), results(not_done("a")), user(), calls("a-2"), results("a-2")],
            {"call_id_renamed": 1, "result_added": 1},
            id="of two calls with one id the nearer one gets the result",
        ),
        pytest.param(
            [calls("", "x" * 41, "ü 1"), results("", "x" * 41, "ü 1")],
            [calls("call", "x" * 30, "1"), results("call", "x" * 30, "1")],
            {"call_id_renamed": 3},
            id="ids that cannot be sent",
        ),
        pytest.param(
            [said(call("a", "no.such tool")), results(result("a", tool="no.such tool"))],
            [said(call("a", "no_such_tool")), results(result("a", tool="no_such_tool"))],
            {"tool_renamed": 1},
            id="a tool name that cannot be sent",
        ),
        pytest.param(
            [said(call("a", "")), results(result("a", tool=""))],
            [said(call("a", "unnamed")), results(result("a", tool="unnamed"))],
            {"tool_renamed": 1},
            id="no tool name",
        ),
        pytest.param(
            [calls("a"), results(result("a", tool="other"))],
            [calls("a"), results("a")],
            {"tool_renamed": 1},
            id="a result that names another tool",
        ),
        pytest.param(
            [said(call("a", value="{broken"), call("b", value=[1])), results("a", "b")],
            [calls("a", "b"), results("a", "b")],
            {"input_replaced": 2},
            id="inputs that are no objects",
        ),
        pytest.param(
            [user(""), said(), user(), UserMessage(parts=()), said(text("")), results()],
            [user()],
            {"empty_dropped": 7},
            id="messages that say nothing",
        ),
        pytest.param(
            [UserMessage(parts=(text(""), IMAGE)), said(text(""), text("A cat"))],
            [UserMessage(parts=(IMAGE,)), said(text("A cat"))],
            {"empty_dropped": 2},
            id="empty texts beside others",
        ),
        pytest.param(
            [user(), said(thought()), user()],
            [user(), user()],
            {"reasoning_dropped": 1, "empty_dropped": 1},
            id="an answer stopped while it was thinking",
        ),
        pytest.param(
            [said(thought("1"), text(), thought("2"), IMAGE, thought("3"))],
            [said(thought("1"), text(), IMAGE)],
            {"reasoning_dropped": 2},
            id="reasoning behind the text",
        ),
        pytest.param(
            [said(thought(), text(""))],
            [],
            {"empty_dropped": 2, "reasoning_dropped": 1},
            id="reasoning before an empty text",
        ),
        pytest.param([results("a"), said()], [], {"empty_dropped": 1, "result_dropped": 1}, id="nothing remains"),
    ],
)
def test_a_broken_conversation_is_mended(broken: list[Message], mended: list[Message], counts: dict[str, int]) -> None:
    assert repair(broken) == (tuple(mended), counts)
    assert faults_of(mended) == []


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [SystemMessage(text="Be kind."), user(), said(text()), user()],
        [SystemMessage(text="")],
        [user(), user(" "), said(thought(), thought(), text()), said(text())],
        [user(), said(thought(), text(), thought(), call("a"), call("b")), results("a", "b"), said(text())],
        [UserMessage(parts=(IMAGE,)), said(IMAGE)],
        [calls("functions.look:0"), results("functions.look:0")],
        [calls("a"), results(ToolResultPart(call_id="a", tool="look", output="No.", failed=True, seal="s"))],
    ],
)
def test_a_conversation_in_order_comes_back_as_the_same_objects(messages: list[Message]) -> None:
    repaired, counts = repair(messages)
    assert counts == {}
    assert len(repaired) == len(messages)
    assert all(new is old for new, old in zip(repaired, messages, strict=True))


def test_what_is_in_order_beside_a_fault_stays_the_same_object() -> None:
    messages: list[Message] = [
        *(user(), calls("a", "b"), results("a", "b")),
        *(said(thought(), text()), results("x"), user()),
    ]
    repaired, _ = repair(messages)
    assert [id(message) for message in repaired] == [id(message) for message in messages if message != results("x")]


def test_a_moved_result_keeps_its_seal() -> None:
    repaired, _ = repair([calls("a"), user(), results(result("a", seal="s"))])
    assert repaired[1] == results(result("a", seal="s"))


def test_a_renamed_call_keeps_its_input_and_its_result_the_output() -> None:
    repaired, _ = repair([said(call("ü", value={"far": True})), results(result("ü", output=[1], seal="s"))])
    assert repaired == (said(call("call", value={"far": True})), results(result("call", output=[1], seal="s")))


IDS = st.sampled_from(["a", "b", "c", "a-2", "", "é", "x" * 50])
TOOLS = st.sampled_from(["look", "look", "no.such", "", "y" * 70])
TEXTS = st.builds(text, st.sampled_from(["", "one", "two", " "]))
INPUTS: list[JsonValue] = ["{broken", 1, [1], {}, {"far": True}]
JSON = st.sampled_from(INPUTS)
CALLS = st.builds(call, IDS, TOOLS, JSON)
RESULTS = st.builds(result, IDS, st.integers(0, 99), TOOLS)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(SystemMessage, text=st.sampled_from(["", "Be kind."])),
    st.builds(UserMessage, parts=st.lists(TEXTS | st.just(IMAGE), max_size=3).map(tuple)),
    st.builds(
        AssistantMessage,
        parts=st.lists(TEXTS | st.builds(thought) | st.just(IMAGE) | CALLS | CALLS, max_size=4).map(tuple),
    ),
    st.builds(ToolMessage, results=st.lists(RESULTS, max_size=4).map(tuple)),
)
CONVERSATIONS = st.lists(MESSAGES, max_size=9)


def words_of(messages: Iterable[Message], kind: type[UserMessage] | type[AssistantMessage]) -> str:
    return "".join(
        part.text
        for message in messages
        if isinstance(message, kind)
        for part in message.parts
        if isinstance(part, TextPart)
    )


def files_of(messages: Iterable[Message]) -> int:
    return sum(
        isinstance(part, FilePart)
        for message in messages
        if isinstance(message, UserMessage | AssistantMessage)
        for part in message.parts
    )


@given(CONVERSATIONS)
def test_any_conversation_becomes_acceptable(messages: list[Message]) -> None:
    repaired, counts = repair(messages)
    assert faults_of(repaired) == []
    assert set(counts) <= set(REPAIR_RULES)
    assert all(count > 0 for count in counts.values())
    assert (counts == {}) == (list(repaired) == messages)


@given(CONVERSATIONS)
def test_a_second_repair_has_nothing_to_do(messages: list[Message]) -> None:
    once, _ = repair(messages)
    twice, counts = repair(once)
    assert counts == {}
    assert all(new is old for new, old in zip(twice, once, strict=True))


@given(CONVERSATIONS)
def test_nothing_that_was_said_or_attached_is_lost(messages: list[Message]) -> None:
    repaired, _ = repair(messages)
    systems = [message for message in messages if isinstance(message, SystemMessage)]
    assert [message for message in repaired if isinstance(message, SystemMessage)] == systems
    assert words_of(repaired, UserMessage) == words_of(messages, UserMessage)
    assert words_of(repaired, AssistantMessage) == words_of(messages, AssistantMessage)
    assert files_of(repaired) == files_of(messages)


@given(CONVERSATIONS)
def test_no_call_is_lost_and_no_output_is_made_up(messages: list[Message]) -> None:
    repaired, _ = repair(messages)

    def call_count(conversation: Iterable[Message]) -> int:
        return sum(
            isinstance(part, ToolCallPart)
            for message in conversation
            if isinstance(message, AssistantMessage)
            for part in message.parts
        )

    given_outputs = [r.output for m in messages if isinstance(m, ToolMessage) for r in m.results]
    assert call_count(repaired) == call_count(messages)
    for message in repaired:
        for part in message.results if isinstance(message, ToolMessage) else ():
            assert part.output in given_outputs or (part.failed and part.output == NOT_DONE)


def test_the_time_is_linear_even_when_every_id_is_the_same() -> None:
    """Quadratic work would take minutes here."""
    began = time.monotonic()
    steps = 4_000
    repaired, counts = repair([calls("a")] * steps + [results("a")] * steps)
    assert counts["call_id_renamed"] == steps - 1
    assert len(repaired) == 2 * steps
    repair([results("a"), *([calls("a", "a")] * steps)])
    assert time.monotonic() - began < 10
