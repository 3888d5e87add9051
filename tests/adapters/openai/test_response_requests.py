"""What is asked of the Responses API."""

from __future__ import annotations

from typing import Any

import pytest

from mamba_adapters.openai.response_requests import reasoning_source, reasons, response_params
from mamba_domain.messages import (
    AssistantMessage,
    AssistantPart,
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

ASKED = UserMessage(parts=(TextPart(text="Hi"),))


def params(*messages: Message, seal: bool = True, **more: Any) -> JsonObject:
    request = ModelRequest(model="gpt-5", messages=messages or (ASKED,), **more)
    return response_params(request, seal_reasoning=seal, source="here")


def items(*messages: Message) -> Any:
    return params(*messages)["input"]


def thought(name: str, *, source: str = "here", **more: str) -> ReasoningPart:
    return ReasoningPart(
        text=f"About {name}.", provider_data={"id": name, "encrypted_content": "x", "source": source, **more}
    )


def call(call_id: str) -> ToolCallPart:
    return ToolCallPart(call_id=call_id, tool="one", input={"a": 1})


def shape(*parts: AssistantPart) -> list[str]:
    """The items of one answer, each by what names it."""
    found = items(AssistantMessage(parts=parts))
    return [item.get("id") or item.get("call_id") or item["content"] for item in found]


def test_nothing_is_stored_and_reasoning_is_sealed() -> None:
    asked = params()
    assert (asked["stream"], asked["store"], asked["include"]) == (True, False, ["reasoning.encrypted_content"])
    assert "include" not in params(seal=False)


@pytest.mark.parametrize(
    ("model", "thinks"),
    [
        ("gpt-4o-mini", False),
        ("gpt-4.1", False),
        ("gpt-3.5-turbo", False),
        ("chatgpt-4o-latest", False),
        ("gpt-5-chat-latest", False),
        ("ft:gpt-4o:acme", False),
        ("openai/gpt-4o", False),
        ("gpt-5", True),
        ("gpt-5-mini", True),
        ("o3", True),
        ("something-new", True),
    ],
)
def test_which_models_think_is_told_by_their_names(model: str, thinks: bool) -> None:
    assert reasons(model) is thinks


def test_leading_system_messages_are_instructions_and_later_ones_stay_in_place() -> None:
    asked = params(SystemMessage(text="One."), SystemMessage(text="Two."), ASKED, SystemMessage(text="Three."))
    assert asked["instructions"] == "One.\n\nTwo."
    assert asked["input"] == [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"role": "system", "content": "Three."},
    ]
    assert "instructions" not in params()


def test_images_and_files_are_handed_over_as_they_are() -> None:
    files = (
        FilePart(media_type="image/png", url="https://a.example/x.png"),
        FilePart(media_type="application/pdf", url="data:application/pdf;base64,AA==", filename="a.pdf"),
        FilePart(media_type="application/pdf", url="https://a.example/a.pdf"),
    )
    assert items(UserMessage(parts=files))[0]["content"] == [
        {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
        {"type": "input_file", "file_url": "https://a.example/a.pdf"},
    ]


def test_an_answer_becomes_items_in_order() -> None:
    answer = AssistantMessage(parts=(thought("rs"), TextPart(text="Wait."), call("c1")))
    results = ToolMessage(results=(ToolResultPart(call_id="c1", tool="one", output={"b": 2}),))
    assert items(ASKED, answer, results)[1:] == [
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "About rs."}],
            "encrypted_content": "x",
        },
        {"role": "assistant", "content": "Wait."},
        {"type": "function_call", "call_id": "c1", "name": "one", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": '{"b":2}'},
    ]


def test_reasoning_goes_back_in_front_of_the_call_that_it_led_to() -> None:
    parts = (thought("r1", before="c1"), thought("r2", before="c2"), call("c1"), call("c2"))
    assert shape(*parts) == ["r1", "c1", "r2", "c2"]


@pytest.mark.parametrize(
    "part",
    [
        ReasoningPart(text="no data"),
        ReasoningPart(text="odd", provider_data={"id": 5, "encrypted_content": "x", "source": "here"}),
        ReasoningPart(text="unsealed", provider_data={"id": "r", "source": "here"}),
        thought("foreign", source="elsewhere"),
        thought("orphan", before="gone"),
    ],
)
def test_reasoning_that_the_api_would_refuse_is_left_out(part: ReasoningPart) -> None:
    assert shape(part, TextPart(text="Said.")) == ["Said."]


def test_the_source_of_reasoning_is_a_model_behind_a_connection() -> None:
    assert reasoning_source("a", "m") == reasoning_source("a", "m")
    assert len({reasoning_source(url, model) for url in "ab" for model in "mn"}) == 4


def test_tools_are_flat_and_not_strict() -> None:
    spec = ToolSpec(name="one", description="One.", input_schema={"type": "object"}, placement=Placement.SERVER)
    asked = params(tools=(spec,), may_call=False)
    assert asked["tools"] == [
        {"type": "function", "name": "one", "description": "One.", "parameters": {"type": "object"}, "strict": False}
    ]
    assert asked["tool_choice"] == "none"
    assert "tool_choice" not in params(tools=(spec,))


def test_limits_and_a_schema_are_told() -> None:
    asked = params(temperature=0.5, max_output_tokens=7, response_schema={"title": "place", "type": "object"})
    assert (asked["temperature"], asked["max_output_tokens"]) == (0.5, 16)
    assert asked["text"] == {
        "format": {
            "type": "json_schema",
            "name": "place",
            "schema": {"title": "place", "type": "object"},
            "strict": False,
        }
    }
    assert params(max_output_tokens=100)["max_output_tokens"] == 100
