"""How the demo model streams; what it streams is in `test_replies`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from mamba_adapters.demo.chat_model import DemoModel
from mamba_domain.errors import Code, ModelFailed
from mamba_domain.events import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    ReasoningClosed,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    ToolCallCompleted,
    ToolInputDelta,
    ToolInputStarted,
)
from tests.adapters.demo.asking import DISPLAY_TOOLS, asked
from tests.contracts.chat_model import Case, ChatModelContract, Situation, batches_of, check_batches

PROMPTS = {
    Situation.ANSWER: "Tell me about tea",
    Situation.CALL: "Show me a chart",
    Situation.TWO_CALLS: "Show me two cards",
    Situation.FAIL_AT_ONCE: "fail first",
    Situation.FAIL_MIDWAY: "Please fail",
    Situation.NEVER_END: "Give me a long answer",
}


class DemoProvider:
    """A demo model that does not wait, or hardly speaks where it has to be left in the middle."""

    def case(self, situation: Situation) -> Case:
        slow = situation is Situation.NEVER_END
        model = DemoModel(words_per_second=20.0 if slow else 0)
        return Case(model, asked(PROMPTS[situation], tools=DISPLAY_TOOLS))

    async def released(self) -> None:
        """There is nobody behind it; leaving has ended its generator."""


@pytest.fixture
def provider() -> DemoProvider:
    return DemoProvider()


class TestDemoModel(ChatModelContract):
    """The demo keeps the port's promises."""


async def events_for(
    text: str, *, max_output_tokens: int | None = None, words_per_second: float = 0
) -> list[ModelEvent]:
    model = DemoModel(words_per_second=words_per_second)
    request = asked(text, tools=DISPLAY_TOOLS, max_output_tokens=max_output_tokens)
    batches = await batches_of(Case(model, request))
    check_batches(batches)
    return [event for batch in batches for event in batch]


def finish_of(events: Sequence[ModelEvent]) -> ModelFinished:
    finished = events[-1]
    assert isinstance(finished, ModelFinished)
    return finished


def text_of(events: Sequence[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_text_comes_word_by_word() -> None:
    words = [event.text for event in await events_for("Tell me about tea") if isinstance(event, TextDelta)]
    assert len(words) > 20
    assert all(len(word.split()) == 1 for word in words)


async def test_markdown_arrives_with_its_line_breaks() -> None:
    text = text_of(await events_for("a table about tea"))
    assert "\n| --- | --- |" in text
    assert text.endswith("|\n")


async def test_equal_conversations_get_equal_answers_and_others_differ() -> None:
    once, again = await events_for("Tell me about tea"), await events_for("Tell me about tea")
    assert once == again
    assert text_of(await events_for("Tell me about coffee")) != text_of(once)


async def test_it_speaks_at_the_given_pace() -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    events = await events_for("Make a title", words_per_second=200, max_output_tokens=20)
    words = sum(isinstance(event, TextDelta) for event in events)
    assert clock() - began >= words / 200 * 0.9


async def test_usage_counts_words_and_reasoning_is_part_of_the_output() -> None:
    events = await events_for("Think about tea")
    usage = finish_of(events).usage
    assert usage is not None
    assert usage.input_tokens == 3
    assert usage.reasoning_tokens == sum(isinstance(event, ReasoningDelta) for event in events) > 10
    assert usage.output_tokens - usage.reasoning_tokens == sum(isinstance(event, TextDelta) for event in events) > 10


async def test_reasoning_is_closed_before_the_answer_begins() -> None:
    kinds = [type(event) for event in await events_for("Think about tea")]
    closed = kinds.index(ReasoningClosed)
    assert set(kinds[:closed]) == {ReasoningDelta}
    assert set(kinds[closed + 1 :]) == {TextDelta, ModelFinished}


async def test_a_lower_limit_cuts_the_answer_and_says_so() -> None:
    events = await events_for("Tell me about tea", max_output_tokens=5)
    assert sum(isinstance(event, TextDelta) for event in events) == 5
    assert finish_of(events).finish_reason is FinishReason.LENGTH


async def test_a_limit_that_suffices_changes_nothing() -> None:
    whole = await events_for("Tell me about tea")
    assert await events_for("Tell me about tea", max_output_tokens=len(whole) - 1) == whole


async def test_a_call_that_is_cut_off_is_not_completed() -> None:
    events = await events_for("Show me a chart", max_output_tokens=9)
    assert any(isinstance(event, ToolInputStarted) for event in events)
    assert not any(isinstance(event, ToolCallCompleted) for event in events)
    assert finish_of(events).finish_reason is FinishReason.LENGTH


async def test_arguments_arrive_in_small_fragments_that_add_up() -> None:
    events = await events_for("Show me a form")
    fragments = [event.text for event in events if isinstance(event, ToolInputDelta)]
    completed = [event for event in events if isinstance(event, ToolCallCompleted)]
    assert max(map(len, fragments)) <= 12
    assert "".join(fragments) == completed[0].arguments
    assert "fields" in json.loads(completed[0].arguments)


async def test_parallel_calls_grow_side_by_side() -> None:
    ids = [event.call_id for event in await events_for("Show me two charts") if isinstance(event, ToolInputDelta)]
    assert len(set(ids)) == 2
    assert len(set(ids[:2])) == 2


async def test_sources_come_behind_the_answer() -> None:
    events = await events_for("Tell me about green tea with sources")
    sources = [event for event in events if isinstance(event, SourceFound)]
    assert len({source.source_id for source in sources}) == 3
    assert all(source.url.startswith("https://") and "green+tea" in source.url for source in sources)
    assert events[-4:-1] == sources


async def test_a_failure_carries_a_code_and_is_not_to_be_tried_again() -> None:
    with pytest.raises(ModelFailed) as caught:
        await events_for("Show me an error")
    assert caught.value.code is Code.MODEL_ERROR
    assert not caught.value.retryable
