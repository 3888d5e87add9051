"""A title for a conversation: what is asked for, and what is made of the answer."""

from __future__ import annotations

import asyncio

import pytest

from mamba_domain.errors import Code, ModelFailed, Rejected
from mamba_domain.events import ReasoningDelta, TextDelta, Usage
from mamba_domain.messages import SystemMessage, UserMessage
from mamba_domain.ports.admission import Unlimited
from mamba_domain.titles import LONGEST_TITLE, clean_title, suggest_title
from tests.fakes.scripted_model import Script, ScriptedModel, text_script


class CountingLease:
    """Keeps what a call took, each time that it is ended."""

    def __init__(self) -> None:
        self.ended: list[Usage] = []

    async def end(self, usage: Usage) -> None:
        self.ended.append(usage)


async def title_from(script: Script, message: str = "How do I bake bread?", *, within: float = 1.0) -> str:
    model = ScriptedModel(script)
    title = await suggest_title(message, model=model, upstream_model="m", within=within, lease=Unlimited())
    assert model.open_streams == 0
    return title


async def test_a_title_is_what_the_model_says() -> None:
    assert await title_from(text_script("Baking ", "bread")) == "Baking bread"


async def test_what_the_model_thinks_is_no_part_of_a_title() -> None:
    assert await title_from([(ReasoningDelta(text="Hm."),), *text_script("Baking bread")]) == "Baking bread"


async def test_the_model_is_asked_briefly_and_without_tools() -> None:
    model = ScriptedModel(text_script("x"))
    await suggest_title("  Hello " + "x" * 10_000, model=model, upstream_model="m", within=1.0, lease=Unlimited())
    (request,) = model.requests
    instructions, asked = request.messages
    assert isinstance(instructions, SystemMessage)
    assert "title" in instructions.text
    assert isinstance(asked, UserMessage)
    assert len(getattr(asked.parts[0], "text", "")) == 2000
    assert (request.model, request.tools, request.response_schema) == ("m", (), None)
    assert request.max_output_tokens is not None


@pytest.mark.parametrize(
    "script",
    [
        [ModelFailed(Code.MODEL_UNAVAILABLE)],
        [Rejected(Code.CONTENT_FILTERED)],
        [(TextDelta(text="Half a "),), ModelFailed(Code.MODEL_ERROR)],
        [asyncio.Event()],
        text_script("\n \n"),
        text_script(),
    ],
)
async def test_without_a_whole_answer_in_time_there_is_no_title(script: Script) -> None:
    assert await title_from(script, within=0.05) == ""


async def test_an_empty_message_is_not_asked_about() -> None:
    model = ScriptedModel()
    assert await suggest_title(" \n", model=model, upstream_model="m", within=1.0, lease=Unlimited()) == ""
    assert model.requests == []


async def test_what_a_model_thinks_is_no_part_of_the_title() -> None:
    assert await title_from([(ReasoningDelta(text="Hm."), TextDelta(text="Cats")), *text_script()]) == "Cats"


async def test_a_model_that_does_not_stop_is_not_listened_to() -> None:
    assert (await title_from(text_script("Bread\n", *["more words "] * 1000))) == "Bread"


@pytest.mark.parametrize(
    ("script", "tokens"),
    [
        (text_script("Bread", usage=Usage(input_tokens=20, output_tokens=3)), range(23, 24)),
        (text_script("Bread", usage=None), range(50, 100)),
        (text_script("Bread\n", *["more words "] * 1000), range(150, 500)),
        ([(TextDelta(text="Half a "),), ModelFailed(Code.MODEL_ERROR)], range(50, 100)),
        ([asyncio.Event()], range(50, 100)),
        ([ModelFailed(Code.MODEL_UNAVAILABLE)], range(1)),
    ],
    ids=["told", "not told", "cut short", "failed midway", "too late", "never begun"],
)
async def test_the_lease_is_ended_once_with_what_the_call_took(script: Script, tokens: range) -> None:
    lease = CountingLease()
    await suggest_title("Hi", model=ScriptedModel(script), upstream_model="m", within=0.05, lease=lease)
    (usage,) = lease.ended
    assert usage.total_tokens in tokens


async def test_the_lease_is_ended_where_nobody_waits_any_more() -> None:
    lease, model = CountingLease(), ScriptedModel([asyncio.Event()])
    asking = asyncio.create_task(suggest_title("Hi", model=model, upstream_model="m", within=9, lease=lease))
    while not model.open_streams:  # noqa: ASYNC110 - the model has no event for that
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert len(lease.ended) == 1


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Baking bread", "Baking bread"),
        ("  Baking\t bread. ", "Baking bread"),
        ('"Baking bread"', "Baking bread"),
        ("'Baking bread'", "Baking bread"),
        ("“Baking bread”", "Baking bread"),
        ("Title: Baking bread", "Baking bread"),
        ("**Title:** *Baking* `bread`", "Baking bread"),
        ("# Baking bread\n\nSome more text", "Baking bread"),
        ("\n\nBaking bread\nSecond line", "Baking bread"),
        ("The baker's bread", "The baker's bread"),
        ("[Bread](https://evil.example) ![x](https://evil.example/x.png)", "Bread x"),
        ("<script>alert(1)</script>", "scriptalert(1)/script"),
        ("Bread\r\n\x1b[31mred\x00", "Bread"),
        ("Bre\u202ead\u2028evil", "Bre ad"),
        ("Brot backen – wie?", "Brot backen – wie?"),
        ("パンの焼き方", "パンの焼き方"),
        ("***", ""),
        ("", ""),
    ],
)
def test_a_title_is_one_plain_line(said: str, title: str) -> None:
    assert clean_title(said) == title


@pytest.mark.parametrize("said", ["word " * 100, "x" * 1000, "x" * 79 + " y" * 50, "é" * 81])
def test_a_title_is_short(said: str) -> None:
    title = clean_title(said)
    assert len(title) <= LONGEST_TITLE
    assert title.endswith("…")
    assert title.removesuffix("…").strip() == title.removesuffix("…")
