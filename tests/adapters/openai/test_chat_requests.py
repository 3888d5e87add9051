"""What is asked of the Chat Completions API."""

from __future__ import annotations

from typing import Any

import pytest

from mamba_adapters.openai.requests import chat_params
from mamba_domain.messages import (
    AssistantMessage,
    FilePart,
    JsonObject,
    Message,
    ReasoningPart,
    SystemMessage,
    TextPart,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
    UserMessage,
)
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import Placement, ToolSpec

ASKED = UserMessage(parts=(TextPart(text="Hi"), TextPart(text=" there")))


def params(*messages: Message, **more: Any) -> JsonObject:
    return chat_params(ModelRequest(model="m", messages=messages or (ASKED,), **more))


def test_the_answer_is_streamed_with_its_usage() -> None:
    assert params() == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi there"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_conversation_keeps_its_order_and_loses_its_reasoning() -> None:
    call = ToolCallPart(call_id="c1", tool="one", input={"a": "ä"})
    messages = params(
        SystemMessage(text="Be brief."),
        ASKED,
        AssistantMessage(parts=(ReasoningPart(text="Hm."), TextPart(text="Wait."), call)),
        ToolMessage(results=(ToolResultPart(call_id="c1", tool="one", output={"b": 2}),)),
        AssistantMessage(parts=(ReasoningPart(text="Hm."),)),
    )["messages"]
    assert messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi there"},
        {
            "role": "assistant",
            "content": "Wait.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "one", "arguments": '{"a":"ä"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"b":2}'},
    ]


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        (
            FilePart(media_type="image/png", url="https://a.example/x.png"),
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}},
        ),
        (
            FilePart(media_type="audio/wav", url="data:audio/wav;base64,AA=="),
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        ),
        (
            FilePart(media_type="application/pdf", url="data:application/pdf;base64,AA==", filename="a.pdf"),
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
        ),
        (
            FilePart(media_type="application/pdf", url="https://a.example/a.pdf"),
            {"type": "file", "file": {"filename": "file", "file_url": "https://a.example/a.pdf"}},
        ),
    ],
)
def test_files_are_handed_over_as_they_are(part: FilePart, sent: JsonObject) -> None:
    messages = params(UserMessage(parts=(TextPart(text="See"), part)))["messages"]
    assert messages == [{"role": "user", "content": [{"type": "text", "text": "See"}, sent]}]


def test_tools_limits_and_a_schema_are_told() -> None:
    spec = ToolSpec(name="one", description="One.", input_schema={"type": "object"}, placement=Placement.SERVER)
    schema: JsonObject = {"title": "place", "type": "object"}
    asked = params(tools=(spec,), may_call=False, temperature=0.5, max_output_tokens=7, response_schema=schema)
    function = {"name": "one", "description": "One.", "parameters": {"type": "object"}}
    assert asked["tools"] == [{"type": "function", "function": function}]
    assert asked["tool_choice"] == "none"
    assert (asked["temperature"], asked["max_completion_tokens"]) == (0.5, 7)
    assert asked["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "place", "schema": schema, "strict": False},
    }
    assert "tool_choice" not in params(tools=(spec,))
