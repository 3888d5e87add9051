"""What the demo model answers to which prompt, as its reference promises."""

from __future__ import annotations

import json

import pytest

from mamba_adapters.demo.replies import Breakdown, Call, Calls, Cited, Said, Thought, reply_to
from mamba_domain.messages import (
    AssistantMessage,
    FilePart,
    JsonObject,
    SystemMessage,
    ToolCallPart,
    ToolMessage,
    ToolResultPart,
)
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import Placement
from tests.adapters.demo.asking import DISPLAY_TOOLS, asked, tool

WEATHER = tool(
    "get_weather",
    schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CONFIRM = tool("askConfirmation", Placement.CLIENT)


def text_for(request: ModelRequest) -> str:
    return "".join(part.text for part in reply_to(request) if isinstance(part, Said))


def calls_for(text: str) -> tuple[Call, ...]:
    reply = reply_to(asked(text, tools=(*DISPLAY_TOOLS, WEATHER, CONFIRM)))
    assert all(isinstance(part, Said | Calls) for part in reply)
    return tuple(call for part in reply if isinstance(part, Calls) for call in part.calls)


def input_for(text: str) -> JsonObject:
    (call,) = calls_for(text)
    return call.input


@pytest.mark.parametrize(
    ("text", "tools"),
    [
        ("Show me a form", ["generateForm"]),
        ("I need a survey", ["generateForm"]),
        ("Draw a chart of rainfall", ["generateChart"]),
        ("Write some code", ["generateCode"]),
        ("A card, please", ["generateCard"]),
        ("both charts", ["generateChart", "generateChart"]),
        ("Show me two cards", ["generateCard", "generateCard"]),
        ("two code snippets", ["generateCode", "generateCode"]),
        ("two forms", ["generateForm", "generateForm"]),
        ("a chart and a card", ["generateChart", "generateCard"]),
        ("a bar chart and a pie chart", ["generateChart", "generateChart"]),
        ("What about get_weather in Paris?", ["get_weather"]),
        ("Get weather for Paris", ["get_weather"]),
        ("please ask confirmation first", ["askConfirmation"]),
        ("get_weather and askConfirmation", ["get_weather", "askConfirmation"]),
        ("Use askConfirmation", ["askConfirmation"]),
        ("a bar-chart", ["generateChart"]),
        ("Is the weather good?", []),
        ("forget weather reports", []),
        ("Hello", []),
        ("I submitted the form: name=Ada", []),
    ],
)
def test_a_prompt_calls_the_tools_that_it_asks_for(text: str, tools: list[str]) -> None:
    calls = calls_for(text)
    assert [call.tool for call in calls] == tools
    assert len({call.call_id for call in calls}) == len(calls)
    assert len({json.dumps(call.input) for call in calls if call.tool.startswith("generate")}) == len(
        [name for name in tools if name.startswith("generate")]
    )


@pytest.mark.parametrize("kind", ["line", "bar", "pie", "area"])
def test_a_chart_has_the_kind_that_was_named(kind: str) -> None:
    assert input_for(f"Show a {kind} chart of tea sales")["chartType"] == kind


@pytest.mark.parametrize("language", ["python", "typescript", "sql"])
def test_code_is_in_the_language_that_was_named(language: str) -> None:
    assert input_for(f"Write {language} code")["language"] == language


@pytest.mark.parametrize(
    ("word", "title"),
    [("contact", "Contact us"), ("feedback", "How was it?"), ("registration", "Join the workshop")],
)
def test_a_form_is_the_one_that_was_named(word: str, title: str) -> None:
    assert input_for(f"A {word} form, please")["title"] == title


def test_display_inputs_leave_out_the_type_that_the_server_adds() -> None:
    for noun in ("form", "chart", "code", "card"):
        assert "type" not in input_for(f"Show me a {noun}")


@pytest.mark.parametrize("text", ["get_weather in Lima", 'get_weather for "Lima"', "get weather for “Lima” now"])
def test_a_tool_gets_the_name_or_the_quotation_in_the_prompt(text: str) -> None:
    assert input_for(text) == {"city": "Lima"}


@pytest.mark.parametrize("text", ["Show me a chart", "get_weather in Lima"])
def test_nothing_is_called_when_calls_are_not_allowed(text: str) -> None:
    reply = reply_to(asked(text, tools=(*DISPLAY_TOOLS, WEATHER), may_call=False))
    assert [type(part) for part in reply] == [Said]


@pytest.mark.parametrize(
    ("text", "mark"),
    [("a chart of tea", "**tea**"), ("a form", "\n- **"), ("some code", "```python"), ("a card about tea", "**tea**")],
)
def test_without_a_display_tool_the_answer_is_markdown(text: str, mark: str) -> None:
    answer = text_for(asked(text))
    assert answer.startswith("I have no tool for that here")
    assert mark in answer


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("a list about tea", "\n- **"),
        ("steps to make tea", "\n1. **"),
        ("a table about tea", "\n| "),
        ("a code block", "```python"),
        ("Tell me about green tea", "**green tea**"),
        ("What is the capital of France?", "**capital of France**"),
        ('Explain "entropy & order" to me', "**entropy order**"),
        ("Why?", "**this**"),
        ("Hello there", "| a **chart** |"),
        ("What can you do?", "| a **chart** |"),
        ("help", "| a **chart** |"),
        ("", "| a **chart** |"),
        ("I submitted the form: name=Ada", "Thank you"),
    ],
)
def test_words_take_the_shape_and_the_topic_that_were_asked_for(text: str, mark: str) -> None:
    reply = reply_to(asked(text, tools=DISPLAY_TOOLS))
    assert [type(part) for part in reply] == [Said]
    assert mark in text_for(asked(text, tools=DISPLAY_TOOLS))


def test_a_long_answer_is_long() -> None:
    assert len(text_for(asked("a long answer about tea")).split()) > 800


def test_thinking_comes_before_whatever_follows() -> None:
    reply = reply_to(asked("Think, then show a chart of tea", tools=DISPLAY_TOOLS))
    assert [type(part) for part in reply] == [Thought, Said, Calls]
    assert isinstance(reply[0], Thought)
    assert "tea" in reply[0].text


def test_sources_are_about_the_topic() -> None:
    sources = [part for part in reply_to(asked("Sources about green tea")) if isinstance(part, Cited)]
    assert [source.title for source in sources] == [
        "Wikipedia: green tea",
        "Wikidata: green tea",
        "Open Library: green tea",
    ]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [("Show me an error", [Said, Breakdown]), ("fail", [Said, Breakdown]), ("fail first", [Breakdown])],
)
def test_failures_come_when_they_are_asked_for(text: str, kinds: list[type]) -> None:
    assert [type(part) for part in reply_to(asked(text, tools=DISPLAY_TOOLS))] == kinds


def test_attachments_are_named() -> None:
    files = (
        FilePart(media_type="image/png", url="data:image/png;base64,aGVsbG8=", filename="cat.png"),
        FilePart(media_type="application/pdf", url="https://example.org/some.pdf"),
    )
    alone = text_for(asked("", files=files))
    assert "**cat.png** (image/png, 5 bytes) and **a file** (application/pdf)" in alone
    assert "cat.png" in text_for(asked("What is in the garden?", files=files))


def test_several_charts_show_different_things_and_are_spoken_of_in_one_sentence() -> None:
    reply = reply_to(asked("Draw a line, a bar, a pie and an area chart", tools=DISPLAY_TOOLS))
    [calls] = [part for part in reply if isinstance(part, Calls)]
    titles = [str(call.input["title"]) for call in calls.calls]
    assert len(set(titles)) == 4
    shown = [ToolResultPart(call_id=call.call_id, tool=call.tool, output=call.input) for call in calls.calls]
    *first, last = (f"**{title}**" for title in titles)
    assert f"{', '.join(first)} and {last} are ready." in text_for(asked("Charts", after=results(*shown)))


def results(*parts: ToolResultPart) -> tuple[AssistantMessage, ToolMessage]:
    calls = tuple(ToolCallPart(call_id=part.call_id, tool=part.tool, input={}) for part in parts)
    return AssistantMessage(parts=calls), ToolMessage(results=parts)


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (ToolResultPart(call_id="c", tool="generateChart", output={"title": "Tea"}), "The chart **Tea** is ready."),
        (ToolResultPart(call_id="c", tool="generateCode", output={"filename": "a.py"}), "The code **a.py** is ready."),
        (ToolResultPart(call_id="c", tool="generateForm", output=None), "The form is ready."),
        (
            ToolResultPart(call_id="c", tool="generateCard", output="No title.", failed=True),
            "The card did not work out: `No title`.",
        ),
        (
            ToolResultPart(call_id="c", tool="get_weather", output={"sky": "grün", "made_up": True}),
            "`get_weather` answered: sky `grün`, made up `true`.",
        ),
        (
            ToolResultPart(call_id="c", tool="get_weather", output={"sky": ["grün"]}),
            '`get_weather` answered: `{"sky": ["grün"]}`.',
        ),
        (ToolResultPart(call_id="c", tool="get_weather", output="`sun`\nall day"), "answered: `'sun' all day`."),
        (ToolResultPart(call_id="c", tool="get_weather", output=""), "answered: `(nothing)`."),
        (
            ToolResultPart(call_id="c", tool="get_weather", output="Declined", failed=True),
            "`get_weather` did not work out and said: `Declined`.",
        ),
        (ToolResultPart(call_id="c", tool="get_weather", output="x" * 500), "x" * 240 + "…`"),
    ],
)
def test_results_are_spoken_of_and_nothing_is_called_again(result: ToolResultPart, sentence: str) -> None:
    request = asked("Show a chart and get_weather", tools=(*DISPLAY_TOOLS, WEATHER), after=results(result))
    assert [type(part) for part in reply_to(request)] == [Said]
    assert sentence in text_for(request)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("How do I bake sourdough bread at home?", "Bake sourdough bread at home"),
        ("Show me a chart", "Chart"),
        ("", "New conversation"),
    ],
)
def test_a_title_is_short_and_from_the_question(text: str, title: str) -> None:
    assert text_for(asked(text, system="Write a short title for this conversation.")) == title


def test_instructions_that_mention_titles_do_not_hide_the_tools() -> None:
    reply = reply_to(asked("Show me a chart", tools=DISPLAY_TOOLS, system="Use people's titles."))
    assert any(isinstance(part, Calls) for part in reply)


def test_a_conversation_without_a_prompt_gets_a_greeting() -> None:
    reply = reply_to(ModelRequest(model="demo", messages=(SystemMessage(text="Be kind."),)))
    assert [type(part) for part in reply] == [Said]


def test_one_endless_word_is_not_repeated_in_full() -> None:
    assert len(text_for(asked("Explain " + "x" * 100_000))) < 2_000


def test_the_answer_is_to_the_last_prompt() -> None:
    after = (*results(ToolResultPart(call_id="c", tool="t", output=1)), asked("Tell me about tea").messages[-1])
    assert "**tea**" in text_for(asked("Hello", after=after))
