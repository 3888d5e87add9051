"""A request as a whole: its shape, its ids, what it asks for, its bounds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_adapters.http.bodies import Invalid
from mamba_adapters.http.wire.ui_messages import ReadLimits, read_chat
from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import ANONYMOUS, Principal
from mamba_domain.messages import AssistantMessage, SystemMessage, TextPart, UserMessage
from tests.adapters.http.requests_by_hand import HI, assistant, read, refused, said, text, tool, user

ATTACHMENT = {"url": "https://example.org/a", "contentType": "image/png"}


def test_shapes_may_be_mixed() -> None:
    assert said(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "One.", "parts": [text("One.")]},
        user(text("Hi")),
        assistant(text("Two.")),
        {"role": "data", "content": "x", "data": {"a": 1}},
        {"role": "user", "content": [text("Hi")]},
    ) == (
        SystemMessage(text="Be brief."),
        HI,
        AssistantMessage(parts=(TextPart(text="One."),)),
        HI,
        AssistantMessage(parts=(TextPart(text="Two."),)),
        HI,
    )


@pytest.mark.parametrize(
    ("body", "generation"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}]}, "simple"),
        ({"messages": [{"role": "user", "content": "Hi"}], "trigger": "submit-message"}, "v5+"),
        ({"messages": [user(text("Hi"))]}, "v5+"),
        ({"message": user(text("Hi"))}, "v5+"),
        ({"messages": [{"role": "user", "content": "Hi", "parts": [text("Hi")]}]}, "v4"),
        ({"messages": [{"role": "user", "content": "Hi", "parts": []}], "trigger": "submit-message"}, "v5+"),
        ({"messages": [{"role": "user", "content": "Hi", "experimental_attachments": [ATTACHMENT]}]}, "v4"),
        ({"messages": [{"role": "assistant", "content": "", "toolInvocations": []}]}, "v4"),
        ({"messages": [{"role": "data", "content": ""}, {"role": "user", "content": "Hi"}]}, "v4"),
        ({"messages": [user(text("Hi")), {"role": "user", "content": "Hi", "parts": []}]}, "v4"),
        ({"messages": [{"role": "user", "content": "Hi", "parts": []}, user(text("Hi"))]}, "v5+"),
    ],
)
def test_the_newest_message_that_tells_betrays_the_client(body: dict[str, Any], generation: str) -> None:
    read_ = read_chat(body, principal=ANONYMOUS, limits=ReadLimits(), new_id=lambda: "new")
    assert read_.client_generation == generation


@pytest.mark.parametrize("body", [{"message": user(text("Hi"))}, {"messages": None, "message": user(text("Hi"))}])
def test_one_message_is_a_conversation_too(body: dict[str, Any]) -> None:
    read_ = read_chat(body, principal=ANONYMOUS, limits=ReadLimits(), new_id=lambda: "new")
    assert read_.request.messages == (HI,)


def test_the_request_belongs_to_whoever_sent_it() -> None:
    sender = Principal(subject="ann")
    read_ = read_chat({"message": user(text("Hi"))}, principal=sender, limits=ReadLimits(), new_id=lambda: "new")
    assert read_.request.principal is sender


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"messageId": None},
        {"messageId": "u"},
        {"messageId": "a9", "trigger": "regenerate-message"},
    ],
)
def test_an_answer_to_a_person_gets_a_new_id(more: dict[str, Any]) -> None:
    read_ = read(user(text("Hi")), assistant(text("Two.")), user(text("Hi")), **more)
    assert (read_.request.message_id, read_.continues) == ("new", False)
    assert (read_.request.restored, read_.request.used_call_ids) == ((), frozenset())


@pytest.mark.parametrize(
    ("messages", "more", "message_id"),
    [
        ([user(text("Hi")), assistant(text("Two."))], {}, "a1"),
        ([user(text("Hi")), assistant(text("Two."))], {"messageId": "a9"}, "a1"),
        ([user(text("Hi")), assistant(text("Two."))], {"messageId": "a1", "trigger": "submit-message"}, "a1"),
        ([assistant(text("Two.")), user(text("Hi"))], {"messageId": "a1"}, "a1"),
        ([assistant(text("Two.")), assistant(text("Two."), id="a2")], {"messageId": "a1"}, "a1"),
        ([{"role": "assistant", "content": "Two."}], {}, "new"),
        ([assistant(text("Two."), id=None)], {}, "new"),
        ([assistant(text("Two."), id="")], {}, "new"),
    ],
)
def test_an_answer_that_goes_on_keeps_its_id(messages: list[Any], more: dict[str, Any], message_id: str) -> None:
    read_ = read(*messages, **more)
    assert (read_.request.message_id, read_.continues) == (message_id, True)
    assert read_.request.restored


def test_what_a_request_asks_for() -> None:
    request = read(
        user(text("Hi")), id="chat", model="m", tools=["a", "b"], temperature=1, max_tokens=5, unknown={"x": 1}
    ).request
    assert (request.chat_id, request.model_id, request.tools) == ("chat", "m", ("a", "b"))
    assert (request.temperature, request.max_output_tokens) == (1.0, 5)
    other = read(user(text("Hi")), chatId="chat", modelId="m", tools=[], temperature=2.0).request
    assert (other.chat_id, other.model_id, other.tools, other.temperature) == ("chat", "m", (), 2.0)


@pytest.mark.parametrize("name", ["max_tokens", "maxTokens", "maxOutputTokens", "max_completion_tokens"])
def test_the_length_has_many_names(name: str) -> None:
    more: dict[str, Any] = {name: 7}
    assert read(user(text("Hi")), **more).request.max_output_tokens == 7


OPTIONAL = ("id", "chatId", "model", "modelId", "tools", "temperature", "max_tokens", "maxTokens", "messageId")


def test_null_is_absent() -> None:
    plain = read(user(text("Hi")))
    assert read(user(text("Hi")), **dict.fromkeys(OPTIONAL)) == plain
    fields = ("content", "experimental_attachments", "metadata", "toolInvocations", "tool_calls", "annotations")
    assert read({**user(text("Hi")), **dict.fromkeys(fields)}) == plain
    assert read(assistant(text("Hi"), **dict.fromkeys(fields))) == read(assistant(text("Hi")))


@pytest.mark.parametrize("name", ["", "x" * 257, "x" * 10_240, "a\nb", "\ud800"])
def test_a_model_that_cannot_be_is_not_found(name: str) -> None:
    asked: tuple[dict[str, Any], ...] = ({"model": name}, {"modelId": name})
    for more in asked:
        with pytest.raises(Rejected) as caught:
            read(user(text("Hi")), **more)
        assert caught.value.code is Code.MODEL_NOT_FOUND


LONG = "x" * 257


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/messages"),
        ({"messages": None}, "/messages"),
        ({"messages": []}, "/messages"),
        ({"messages": "x"}, "/messages"),
        ({"messages": {}}, "/messages"),
        ({"message": "x"}, "/message"),
        ({"message": {"role": "user"}}, "/message/content"),
        ({"message": {"role": "user", "parts": [{"type": "text"}]}}, "/message/parts/0/text"),
        ({"messages": [7]}, "/messages/0"),
        ({"messages": [user(text("x")), []]}, "/messages/1"),
        ({"messages": [{}]}, "/messages/0/role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "/messages/0/role"),
        ({"messages": [{"role": "user"}]}, "/messages/0/content"),
        ({"messages": [{"role": "user", "content": 7}]}, "/messages/0/content"),
        ({"messages": [{"role": "user", "content": {"type": "text"}}]}, "/messages/0/content"),
        ({"messages": [{"role": "user", "content": [7]}]}, "/messages/0/content/0"),
        ({"messages": [{"role": "user", "parts": "x"}]}, "/messages/0/parts"),
        ({"messages": [user(7)]}, "/messages/0/parts/0"),
        ({"messages": [user({"type": "text"})]}, "/messages/0/parts/0/text"),
        ({"messages": [{**user(text("x")), "id": LONG}]}, "/messages/0/id"),
        ({"messages": [{**user(text("x")), "id": 7}]}, "/messages/0/id"),
        ({"messages": [{**user(text("x")), "experimental_attachments": 7}]}, "/messages/0/experimental_attachments"),
        (
            {"messages": [{**user(text("x")), "experimental_attachments": [7]}]},
            "/messages/0/experimental_attachments/0",
        ),
        ({"messages": [{"role": "system"}]}, "/messages/0/content"),
        ({"messages": [{"role": "system", "content": 7}]}, "/messages/0/content"),
        ({"messages": [{"role": "system", "content": [{"type": "text", "text": 7}]}]}, "/messages/0/content/0/text"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "/messages/0/tool_call_id"),
        ({"messages": [{"role": "tool", "tool_call_id": "c1"}]}, "/messages/0/content"),
        ({"messages": [user(text("x"))], "messageId": 7}, "/messageId"),
        ({"messages": [user(text("x"))], "messageId": LONG}, "/messageId"),
        ({"messages": [user(text("x"))], "id": 7}, "/id"),
        ({"messages": [user(text("x"))], "id": LONG}, "/id"),
        ({"messages": [user(text("x"))], "id": "a\nb"}, "/id"),
        ({"messages": [user(text("x"))], "chatId": ["x"]}, "/chatId"),
        ({"messages": [user(text("x"))], "model": 7}, "/model"),
        ({"messages": [user(text("x"))], "modelId": {}}, "/modelId"),
        ({"messages": [user(text("x"))], "tools": "all"}, "/tools"),
        ({"messages": [user(text("x"))], "tools": ["a", {"type": "function"}]}, "/tools/1"),
        ({"messages": [user(text("x"))], "temperature": 2.1}, "/temperature"),
        ({"messages": [user(text("x"))], "temperature": -1}, "/temperature"),
        ({"messages": [user(text("x"))], "temperature": "1"}, "/temperature"),
        ({"messages": [user(text("x"))], "temperature": True}, "/temperature"),
        ({"messages": [user(text("x"))], "max_tokens": 0}, "/max_tokens"),
        ({"messages": [user(text("x"))], "max_tokens": True}, "/max_tokens"),
        ({"messages": [user(text("x"))], "maxTokens": 1.5}, "/maxTokens"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_chat(body, principal=ANONYMOUS, limits=ReadLimits(), new_id=lambda: "new")
    assert [problem.pointer for problem in caught.value.problems] == [pointer]
    assert (caught.value.code, caught.value.status) == (Code.INVALID_REQUEST, 422)
    assert caught.value.public_message.startswith(f"{pointer}: ")
    assert LONG not in caught.value.public_message


def test_problems_are_told_together_and_no_more_than_anybody_reads() -> None:
    assert refused({"role": "user"}, {"role": 7}, temperature=9) == [
        "/messages/0/content",
        "/messages/1/role",
        "/temperature",
    ]
    assert len(refused(*[{"role": 7}] * 50)) == 8


@pytest.mark.parametrize(
    ("messages", "limits"),
    [
        ([user(text("x"))] * 3, ReadLimits(max_messages=2)),
        ([user(text("a"), text("b"))], ReadLimits(max_parts=1)),
        ([user(text("a")), assistant(text("b")), user(text("c"))], ReadLimits(max_parts=2)),
        ([{"role": "system", "content": [text("a"), text("b")]}], ReadLimits(max_parts=1)),
        ([{"role": "user", "content": "", "experimental_attachments": [ATTACHMENT] * 2}], ReadLimits(max_parts=1)),
        ([{"role": "assistant", "content": "", "toolInvocations": [{}, {}]}], ReadLimits(max_parts=1)),
        ([{"role": "assistant", "tool_calls": [{}, {}]}], ReadLimits(max_parts=1)),
        ([user(text("abc"))], ReadLimits(max_text_chars=2)),
        ([user(text("ab")), user(text("c"))], ReadLimits(max_text_chars=2)),
        ([user(text("a")), assistant(tool("output-available", output="b" * 90))], ReadLimits(max_text_chars=90)),
        ([user(text("a")), assistant(tool("output-available", output=[1] * 90))], ReadLimits(max_text_chars=90)),
        ([user(text("a")), assistant(tool("input-available", input={"q": "b" * 90}))], ReadLimits(max_text_chars=90)),
    ],
)
def test_too_much_of_anything_is_too_large(messages: list[Any], limits: ReadLimits) -> None:
    with pytest.raises(Rejected) as caught:
        read(*messages, limits=limits)
    assert caught.value.code is Code.PAYLOAD_TOO_LARGE


def test_what_is_unknown_is_ignored_and_counted_under_few_names() -> None:
    made_up = [{"type": f"made-up-{n}", f"x-{n}": n} for n in range(20)]
    read_ = read(
        user(text("Hi"), *made_up, {"type": 7}, {}, {"type": ["text"]}, {"type": "input_audio", "input_audio": {}}),
        {"role": "robot", "content": "?", "x-y": 1},
        {"role": "data", "content": "?"},
        assistant({"type": "data-x", "data": 1}, {"type": "custom", "kind": "a.b"}, {"type": "tool-"}),
        user({"type": "reasoning-file", "mediaType": "image/png", "url": "http://x"}, {"type": "source-document"}),
        trigger="submit-message",
        base_url="http://x",
        store=True,
    )
    assert read_.request.messages == (HI,)
    assert read_.ignored == {
        "field:body": 2,
        "field:message": 1,
        "field:part": 20,
        "part:unknown": 24,
        "part:input_audio": 1,
        "part:data": 1,
        "part:custom": 1,
        "part:reasoning-file": 1,
        "part:source-document": 1,
        "role:unknown": 1,
        "role:data": 1,
    }


def test_a_message_in_which_all_is_unknown_leaves_none() -> None:
    assert said(user({"type": "made-up"}), user(text("Hi"))) == (UserMessage(parts=(TextPart(text="Hi"),)),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        "id",
        "role",
        "content",
        "parts",
        "type",
        "text",
        "state",
        "toolCallId",
        "toolName",
        "input",
        "output",
        "approval",
        "url",
        "metadata",
        "toolInvocation",
    ]
)
WORDS = st.sampled_from(
    [
        "user",
        "assistant",
        "tool",
        "system",
        "text",
        "file",
        "reasoning",
        "tool-x",
        "dynamic-tool",
        "tool-invocation",
        "output-available",
        "result",
    ]
)
VALUES = JSON | WORDS
PARTS = st.lists(st.dictionaries(FIELDS, VALUES | st.dictionaries(FIELDS, VALUES, max_size=4), max_size=6), max_size=4)
MESSAGES = st.lists(st.dictionaries(FIELDS, VALUES | PARTS, max_size=6))


@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(["messages", "id", "model"]), JSON | MESSAGES, max_size=5))
def test_no_body_does_more_than_be_refused(body: dict[str, Any]) -> None:
    try:
        read_chat(body, principal=ANONYMOUS, limits=ReadLimits(), new_id=lambda: "new")
    except Rejected as refusal:
        text = refusal.public_message
        assert len(text.encode()) <= 1024
