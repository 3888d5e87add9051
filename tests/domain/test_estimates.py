"""What a call took whose provider did not say."""

from __future__ import annotations

import pytest

from mamba_domain.estimates import estimated_usage
from mamba_domain.messages import (
    AssistantMessage,
    FilePart,
    Message,
    ReasoningPart,
    SystemMessage,
    TextPart,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
    UserMessage,
)

PICTURE = FilePart(media_type="image/png", url="data:image/png;base64,AAAA")


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        (SystemMessage(text="x" * 40), 10),
        (UserMessage(parts=(TextPart(text="x" * 41),)), 11),
        (UserMessage(parts=(PICTURE, TextPart(text="x" * 4))), 1001),
        (AssistantMessage(parts=(ReasoningPart(text="x" * 8), TextPart(text="x" * 4))), 3),
        (AssistantMessage(parts=(ToolCallPart(call_id="c", tool="look", input={"a": 1}),)), 3),
        (ToolMessage(results=(ToolResultPart(call_id="c", tool="look", output="x" * 8),)), 2),
    ],
)
def test_what_was_asked_is_counted_by_its_length(message: Message, tokens: int) -> None:
    assert estimated_usage((message,), 0).input_tokens == tokens


def test_what_was_said_is_counted_as_far_as_it_came() -> None:
    usage = estimated_usage((), 16)
    assert (usage.input_tokens, usage.output_tokens) == (0, 4)
