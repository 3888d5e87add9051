"""What the real clients of each release send, read into one and the same conversation; and what becomes of it when mangled.

`record_requests` tells how the recordings were made.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_adapters.http.wire.ui_messages import ReadChat, ReadLimits, read_chat
from mamba_domain.approvals import Verdict
from mamba_domain.errors import Rejected
from mamba_domain.events import (
    FileProduced,
    FinishReason,
    ReasoningClosed,
    ReasoningDelta,
    Restored,
    SourceFound,
    StepFinished,
    StepStarted,
    TextDelta,
    Timings,
    ToolCalled,
    ToolErrored,
    ToolReturned,
    TurnFinished,
    TurnStarted,
    Usage,
)
from mamba_domain.grammar import check
from mamba_domain.identity import ANONYMOUS
from mamba_domain.messages import (
    AssistantMessage,
    FilePart,
    JsonObject,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
    UserMessage,
)
from tests.adapters.http.record_requests import FOLDER, PAGE, PIXEL, RELEASES

RECORDED: dict[str, dict[str, JsonObject]] = {
    release: json.loads((FOLDER / f"{release}.json").read_text("utf-8")) for release in RELEASES
}
BODIES = [body for recorded in RECORDED.values() for body in recorded.values()]

OSLO: JsonObject = {"city": "Oslo"}
SKY = FilePart(media_type="image/png", url=PIXEL, filename="sky.png")
CALLS = [
    ToolCallPart(call_id=f"c{n}", tool=tool, input=OSLO) for n, tool in enumerate(("weather", "wind", "locate"), 1)
]
TOLD = AssistantMessage(parts=(TextPart(text="It is cold here."),))


def read(body: JsonObject) -> ReadChat:
    return read_chat(body, principal=ANONYMOUS, limits=ReadLimits(), new_id=lambda: "new")


def answer(*, is_v4: bool) -> tuple[Message, ...]:
    """The rich answer with the output of the page's tool. Release 4 knows neither provider data nor failed calls."""
    data: JsonObject | None = None if is_v4 else {"item": "rs_1"}
    seal = None if is_v4 else "sealed"
    failure: Any = {"error": "No wind gauge."} if is_v4 else "No wind gauge."
    return (
        AssistantMessage(
            parts=(
                ReasoningPart(text="Look it up.", provider_data=data),
                TextPart(text="One moment."),
                *CALLS[:2],
            )
        ),
        ToolMessage(
            results=(
                ToolResultPart(call_id="c1", tool="weather", output={"celsius": 4}, seal=seal),
                ToolResultPart(call_id="c2", tool="wind", output=failure, failed=not is_v4),
            )
        ),
        AssistantMessage(parts=(FilePart(media_type="image/png", url=PIXEL), CALLS[2])),
        ToolMessage(results=(ToolResultPart(call_id="c3", tool="locate", output={"street": "Storgata"}),)),
    )


def question(*, is_v4: bool) -> UserMessage:
    """Release 4 has attachments behind the text, the others files before it."""
    text = TextPart(text="How is the weather?")
    return UserMessage(parts=(text, SKY) if is_v4 else (SKY, text))


@pytest.mark.parametrize("release", RELEASES)
def test_a_first_message_with_a_file(release: str) -> None:
    read_ = read(RECORDED[release]["first"])
    is_v4 = release.startswith("4.")
    assert read_.request.messages == (question(is_v4=is_v4),)
    assert (read_.request.chat_id, read_.request.model_id, read_.request.tools) == ("chat-1", "gpt-4o-mini", None)
    assert (read_.request.message_id, read_.continues, read_.ignored) == ("new", False, {})
    assert read_.client_generation == ("v4" if is_v4 else "v5+")


@pytest.mark.parametrize("release", RELEASES)
def test_the_output_of_a_pages_tool_goes_on_with_the_answer(release: str) -> None:
    read_ = read(RECORDED[release]["tool-output"])
    is_v4 = release.startswith("4.")
    assert read_.request.messages == (question(is_v4=is_v4), *answer(is_v4=is_v4))
    assert read_.continues
    assert read_.request.message_id == ("new" if is_v4 else "a1")
    assert read_.request.used_call_ids == {"c1", "c2", "c3"}
    assert read_.ignored == ({"part:source": 1} if is_v4 else {"part:source-url": 1, "part:data": 1})


@pytest.mark.parametrize("release", [release for release in RELEASES if not release.startswith("4.")])
def test_a_continued_answer_is_restored_event_by_event(release: str) -> None:
    assert read(RECORDED[release]["tool-output"]).request.restored == (
        StepStarted(),
        ReasoningDelta(text="Look it up."),
        ReasoningClosed(provider_data={"item": "rs_1"}),
        TextDelta(text="One moment."),
        ToolCalled(call_id="c1", tool="weather", input=OSLO),
        ToolReturned(call_id="c1", output={"celsius": 4}, seal="sealed"),
        ToolCalled(call_id="c2", tool="wind", input=OSLO, dynamic=True),
        ToolErrored(call_id="c2", error_text="No wind gauge.", dynamic=True),
        StepFinished(finish_reason=FinishReason.TOOL_CALLS),
        StepStarted(),
        SourceFound(source_id="s1", url=PAGE, title="Weather"),
        FileProduced(media_type="image/png", url=PIXEL),
        ToolCalled(call_id="c3", tool="locate", input=OSLO),
        ToolReturned(call_id="c3", output={"street": "Storgata"}),
        StepFinished(finish_reason=FinishReason.TOOL_CALLS),
    )


@pytest.mark.parametrize("release", RELEASES)
def test_a_follow_up_has_the_whole_conversation(release: str) -> None:
    read_ = read(RECORDED[release]["follow-up"])
    is_v4 = release.startswith("4.")
    brr = UserMessage(parts=(TextPart(text="Brr."),))
    assert read_.request.messages == (question(is_v4=is_v4), *answer(is_v4=is_v4), TOLD, brr)
    assert (read_.request.message_id, read_.continues, read_.request.restored) == ("new", False, ())


@pytest.mark.parametrize("release", [release for release in RELEASES if "regeneration" in RECORDED[release]])
def test_a_regeneration_answers_anew(release: str) -> None:
    read_ = read(RECORDED[release]["regeneration"])
    assert read_.request.messages == read(RECORDED[release]["follow-up"]).request.messages
    assert (read_.request.message_id, read_.continues) == ("new", False)


@pytest.mark.parametrize("release", [release for release in RELEASES if "approval" in RECORDED[release]])
def test_an_approval_goes_on_with_the_answer(release: str) -> None:
    read_ = read(RECORDED[release]["approval"])
    verdict = Verdict(
        approval_id="ap1",
        call_id="c4",
        tool="book",
        input=OSLO,
        approved=True,
        reason="Go on.",
        # The first releases of 6 and 7 lose the signature when they respond.
        signature="signed" if release in ("6.0.326", "7.0.173") else None,
    )
    assert read_.request.verdicts == (verdict,)
    assert (read_.request.message_id, read_.continues) == ("a2", True)
    assert read_.request.used_call_ids == {"c4"}
    assert [type(event) for event in read_.request.restored] == [StepStarted, TextDelta, ToolCalled, StepFinished]


@pytest.mark.parametrize("release", RELEASES)
def test_an_edited_message_starts_again(release: str) -> None:
    read_ = read(RECORDED[release]["edit"])
    assert read_.request.messages == (UserMessage(parts=(TextPart(text="And now?"),)),)
    assert (read_.request.message_id, read_.continues) == ("new", False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
UNKNOWN = st.text(max_size=8).map(lambda name: f"x-{name}")
FIELDS = st.dictionaries(UNKNOWN, JSON, max_size=2)
NEW_PARTS = st.builds(lambda kind, fields: {"type": kind, **fields}, UNKNOWN | st.just("data-x"), FIELDS)
NESTED = ("approval", "toolInvocation", "source")


@given(st.sampled_from(BODIES), st.data())
def test_what_a_client_adds_that_nobody_knows_changes_nothing(body: JsonObject, data: st.DataObject) -> None:
    added: Any = deepcopy(body)
    for message in added["messages"]:
        for part in list(message.get("parts", ())):
            for owner in (part, *(part[name] for name in NESTED if name in part)):
                owner.update(data.draw(FIELDS))
            if data.draw(st.booleans()):
                message["parts"].insert(data.draw(st.integers(0, len(message["parts"]))), data.draw(NEW_PARTS))
        message.update(data.draw(FIELDS))
    added.update(data.draw(FIELDS))
    plain, read_ = read(body), read(added)
    assert read_.request == plain.request
    assert (read_.continues, read_.client_generation) == (plain.continues, plain.client_generation)
    assert len(read_.ignored) < 10


@given(st.sampled_from(BODIES), st.data())
def test_a_mangled_request_is_read_or_refused(body: JsonObject, data: st.DataObject) -> None:
    mangled: Any = deepcopy(body)
    owner, key = data.draw(st.sampled_from(list(_places(mangled))))
    if isinstance(owner, dict) and data.draw(st.booleans()):
        del owner[key]
    else:
        owner[key] = data.draw(JSON)
    try:
        request = read(mangled).request
    except Rejected as refusal:
        text = refusal.public_message
        assert len(text.encode()) <= 1024
        return
    end = TurnFinished(finish_reason=FinishReason.STOP, usage=Usage(), timings=Timings(first_output=None, duration=0.0))
    restored = (Restored(events=request.restored),) if request.restored else ()
    check((TurnStarted(message_id=request.message_id, model="m"), *restored, end))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every key and every index of a JSON value, with what holds it."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])
