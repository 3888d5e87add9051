"""What the page makes of each kind of answer."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect
from pydantic import BaseModel

from mamba_adapters.tools import tool
from mamba_adapters.tools.registry import Registry
from mamba_domain.events import FinishReason, ModelFinished, SourceFound, TextDelta
from tests.app.harness import running_app
from tests.browser.person import Person, sent_in, sitting_down
from tests.fakes.scripted_model import ScriptedModel, text_script

pytestmark = pytest.mark.timeout(150)
IDEAS = {
    "A table in Markdown": "table",
    "A block of code": ".code .hljs-keyword",
    "Reasoning, then an answer": "button:has-text('Reasoning')",
    "An answer with sources": "a[href*='wikipedia']",
    "A form to fill in": "form",
    "Four charts at once": "canvas >> nth=3",
    "A file of code": ".code-numbers",
    "A card with actions": ".card-actions button",
    "A tool at work": ".call.good",
    "A tool that asks you first": "button:has-text('Approve')",
    "A tool of the page": "button:has-text('Send output')",
    "A picture, attached": "text=evening.png",
    "A long answer, to stop": "h2 >> nth=7",
}
"""What the empty page suggests, and where the answer shows it."""
HOSTILE = """Hello <img src=x onerror="document.title='hacked'"> there

<script>document.title = 'hacked'</script>
<iframe src="https://example.com/"></iframe>
<style>body { display: none }</style><base href="https://example.com/"><input type="image" src="https://example.com/a.png">

[click](javascript:document.title='hacked') ![far](https://example.com/picture.png)

<a href="https://example.com/" onclick="document.title='hacked'">a link</a> <b style="position:fixed">bold</b>
"""
MARKDOWN = """# Title

Text with **bold**, *italics*, `code`, ~~gone~~ and a [link](https://example.com/).

1. one
2. two
   ```python
   print("nested")
   ```

- [x] done
- [ ] open

> quoted

| left | right |
| :--- | ----: |
| a    |     1 |
"""


async def test_each_suggestion_of_the_empty_page_shows_what_it_says(person: Person) -> None:
    for idea, shown in IDEAS.items():
        await person.page.get_by_role("button", name=re.compile(f"^{idea}")).click()
        await expect(person.answers.locator(shown).first).to_be_visible()
        await person.idle()
        await expect(person.failure).to_have_count(0)
        await person.click("New chat")


async def test_the_empty_page_suggests_nothing_that_is_not_looked_at_here(person: Person) -> None:
    titles = await person.page.locator(".idea-title").all_inner_texts()
    assert sorted(titles) == sorted([*IDEAS, "An error on the way"])


async def test_the_suggested_error_says_what_to_do_and_its_request_id(person: Person) -> None:
    async with person.page.expect_response("**/api/chat") as answered:
        await person.page.get_by_role("button", name=re.compile("^An error on the way")).click()
    await expect(person.failure).to_contain_text((await answered.value).headers["x-request-id"])
    await expect(person.failure).to_contain_text("What came before it is kept.")
    await expect(person.answers).to_contain_text("I will begin to answer")
    await expect(person.failure.get_by_role("button", name="Try again")).to_be_enabled()


async def test_a_refusal_shows_status_code_and_request_id_and_can_be_tried_again(person: Person) -> None:
    async with person.page.expect_response("**/api/chat") as refused:
        await person.write("fail first")
    request_id = (await refused.value).headers["x-request-id"]
    await expect(person.failure).to_contain_text("502 MODEL_ERROR")
    await expect(person.failure).to_contain_text(request_id)
    async with person.page.expect_request("**/api/chat"):
        await person.failure.get_by_role("button", name="Try again").click()


async def test_markdown_becomes_elements(browser: Browser) -> None:
    model = ScriptedModel(text_script(*re.findall(r"\S+\s*", MARKDOWN)))
    async with running_app(model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.without_titles()
        answer = await person.ask("Hi")
        for tag in ("h1", "strong", "em", "p code", "del", "ol li", "blockquote", "table"):
            await expect(answer.locator(tag).first).to_be_visible()
        await expect(answer.locator("ol .code .hljs-string")).to_have_text('"nested"')
        await expect(answer.locator("td").last).to_have_class("align-right")
        assert await answer.locator("input[type=checkbox]").evaluate_all("all => all.map(it => it.checked)") == [
            True,
            False,
        ]
        assert await answer.get_by_role("link", name="link").get_attribute("rel") == "noopener noreferrer"


async def test_each_block_is_written_in_its_own_direction(browser: Browser) -> None:
    model = ScriptedModel(text_script("שלום עולם.\n\n- אחד\n- שתיים\n\nAnd English."))
    async with running_app(model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.without_titles()
        answer = await person.ask("مرحبا")
        for shown in (answer.locator("p").first, answer.locator("ul"), person.page.locator(".bubble")):
            await expect(shown).to_have_css("direction", "rtl")
        await expect(answer.locator("p", has_text="English")).to_have_css("direction", "ltr")


async def test_nothing_in_an_answer_runs_or_is_fetched(browser: Browser) -> None:
    model = ScriptedModel(text_script(HOSTILE))
    async with running_app(model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.without_titles()
        answer = await person.ask("Hi")
        await expect(answer.get_by_role("link", name="a link")).to_be_visible()
        for forbidden in (
            "script",
            "iframe",
            "style",
            "base",
            "input",
            "img",
            "[onclick]",
            "[onerror]",
            "[style]",
            "a[href^=javascript]",
        ):
            await expect(answer.locator(forbidden)).to_have_count(0)
        await expect(answer.get_by_role("link", name="far")).to_have_attribute(
            "href", "https://example.com/picture.png"
        )
        assert "hacked" not in await person.page.title()


async def test_reasoning_is_folded_until_somebody_wants_it(person: Person) -> None:
    answer = await person.ask("Think about why the sky is red")
    text = answer.get_by_text("The person wants to know")
    await expect(text).to_have_count(0)
    await answer.get_by_role("button", name="Reasoning").click()
    await expect(text).to_be_visible()


class Place(BaseModel):
    city: str


async def test_a_tool_shows_its_progress_and_then_its_output(browser: Browser) -> None:
    asked = asyncio.Event()

    @tool()
    async def weather(place: Place) -> AsyncIterator[dict[str, object]]:
        """Say what the weather is like in a city."""
        yield {"status": "Asking the harbour…", "progress": 0.5}
        await asked.wait()
        yield {"city": place.city, "sky": "clear"}

    tools = Registry(tools={"here": [weather]}, timeout=120)
    async with running_app(tools=tools) as app, sitting_down(browser, app.url) as person:
        await person.write("What is the weather in Lisbon?")
        call = person.answers.get_by_role("region", name="Tool weather")
        await expect(call.get_by_role("progressbar")).to_have_js_property("value", 0.5)
        await expect(call).to_contain_text("Asking the harbour")
        await expect(call.locator(".badge")).to_have_text("Running")
        asked.set()
        await expect(call.locator(".badge")).to_have_text("Done")
        await expect(call.get_by_role("progressbar")).to_have_count(0)
        await expect(call.get_by_role("status")).to_have_text("weather: Done")
        await call.get_by_role("button", name="weather").click()
        await expect(call).to_contain_text('"sky": "clear"')
        await person.idle()


@pytest.mark.parametrize(("verdict", "state"), [("Approve", "Done"), ("Deny", "Denied")])
async def test_a_verdict_lets_the_answer_go_on(person: Person, verdict: str, state: str) -> None:
    await person.ask('Call send email to say "Hello"')
    await expect(person.answers.locator(".ask")).to_contain_text("ada@example.org")
    await person.click(verdict)
    await expect(person.answers.locator(".call .badge")).to_have_text(state)
    await expect(person.answers).to_contain_text(
        "sendEmail answered" if verdict == "Approve" else "sendEmail did not work out"
    )
    await expect(person.answers).to_have_count(1)


async def test_the_reason_of_a_denial_reaches_the_model(person: Person) -> None:
    await person.ask('Call send email to say "Hello"')
    await person.page.get_by_label("Reason, if you deny").fill("Not on Sundays")
    async with person.page.expect_request("**/api/chat") as asked:
        await person.click("Deny")
    part = sent_in(await asked.value)["messages"][-1]["parts"][-1]
    assert part["approval"]["approved"] is False
    assert part["approval"]["reason"] == "Not on Sundays"


async def test_a_call_of_the_page_is_answered_by_its_person(person: Person) -> None:
    await person.ask("Where am I? Get location")
    await person.page.get_by_label("Output, as JSON or text").fill('{"city": "Lisbon"}')
    await person.click("Send output")
    await expect(person.answers).to_contain_text("getLocation answered: city Lisbon")


async def test_an_answer_is_shown_while_it_grows(browser: Browser) -> None:
    more = asyncio.Event()
    finished = ModelFinished(finish_reason=FinishReason.STOP, usage=None)
    model = ScriptedModel(
        [[TextDelta(text="The first **half")], more, [TextDelta(text=" and** the second.")], [finished]]
    )
    async with running_app(model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.without_titles()
        await person.write("Hi")
        await expect(person.answers.locator("strong")).to_have_text("half")
        await expect(person.page.get_by_role("button", name="Stop the answer")).to_be_visible()
        more.set()
        await expect(person.answers.locator("p")).to_have_text("The first half and the second.")
        await person.idle()


async def test_a_source_that_is_no_address_of_the_web_is_no_link(browser: Browser) -> None:
    found = [
        SourceFound(source_id="s1", url="https://example.org/tea", title="Tea"),
        SourceFound(source_id="s2", url="javascript:document.title='hacked'", title="Trap"),
    ]
    finished = ModelFinished(finish_reason=FinishReason.STOP, usage=None)
    model = ScriptedModel([[TextDelta(text="Look.")], found, [finished]])
    async with running_app(model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.without_titles()
        answer = await person.ask("Hi")
        await expect(answer.get_by_role("link", name="Tea")).to_have_attribute("href", "https://example.org/tea")
        await expect(answer.get_by_role("link", name="Trap")).to_have_count(0)
