"""The page itself: its weight, its accessibility, its sizes and colours, and the inspector."""

import asyncio
import json
import re

import pytest
from playwright.async_api import Browser, Response, expect

from mamba_domain.events import FinishReason, ModelFinished, TextDelta
from tests.app.harness import Running, running_app
from tests.browser.person import AXE, Person, sitting_down
from tests.fakes.scripted_model import ScriptedModel

pytestmark = pytest.mark.timeout(150)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
MOST_SCRIPT_BYTES = 250_000


async def test_the_first_load_is_light_and_brings_neither_charts_nor_highlighting(
    browser: Browser, server: Running
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    loaded: list[Response] = []

    def note(response: Response) -> None:
        loaded.append(response)

    page.on("response", note)
    await page.goto(server.url, wait_until="networkidle")
    scripts = [response for response in loaded if response.request.resource_type == "script"]
    sizes = [(await response.request.sizes())["responseBodySize"] for response in scripts]
    assert 0 < sum(sizes) <= MOST_SCRIPT_BYTES
    [main] = [response for response in scripts if "/index-" in response.url]
    assert (await main.all_headers())["content-encoding"] in {"br", "gzip"}
    names = " ".join(response.url for response in loaded)
    assert "chart" not in names
    assert "highlight" not in names
    await context.close()


@pytest.mark.parametrize(
    ("colours", "screen"),
    [("light", {}), ("dark", {}), ("dark", PHONE)],
    ids=["light", "dark", "dark-phone"],
)
async def test_axe_finds_nothing_serious_in_any_state(
    browser: Browser, server: Running, colours: str, screen: dict[str, object]
) -> None:
    if not AXE.is_file():
        pytest.skip("axe is not installed: run python playground/build.py --dev")
    still = {"color_scheme": colours, "reduced_motion": "reduce"}
    async with sitting_down(browser, server.url, **screen, **still) as person:
        page, found = person.page, await person.violations("nothing was asked yet")
        await person.ask("Show me a feedback form, a bar chart, a pie chart, some code and a card")
        await expect(person.answers.locator("canvas").first).to_be_visible()
        await expect(person.answers.locator(".hljs-keyword").first).to_be_visible()
        found += await person.violations("the display tools")
        await person.click("New chat")
        await person.ask("Think about tea, with sources")
        await page.get_by_role("button", name="Reasoning").click()
        await person.ask("Show a table of tea sorts")
        await person.ask("What is the weather in Lisbon?")
        await person.answers.locator(".call-head").last.click()
        await person.ask("Where am I? Get location")
        await person.ask('Call send email to say "Hello"')
        await page.get_by_role("button", name=re.compile("^Model:")).click()
        found += await person.violations("reasoning, sources, tools, an approval, and the menu of models")
        await page.keyboard.press("Escape")
        await person.click("Deny")
        await person.idle()
        await page.get_by_role("button", name="Edit message").first.dispatch_event("click")
        await person.write("fail first")
        await expect(person.failure).to_be_visible()
        found += await person.violations("an error, and a message that is edited")
        await page.get_by_role("button", name="Inspector").click()
        for tab in ("Frames", "Request", "Code"):
            await page.get_by_role("tab", name=tab).click()
            found += await person.violations(f"the inspector: {tab}")
        await person.click("Close the inspector")
        if screen:
            await person.click("Chats")
            found += await person.violations("the list of chats")
        await person.click("Credentials")
        found += await person.violations("credentials")
    assert found == []


async def test_nothing_moves_for_whoever_wants_it_still(browser: Browser, server: Running) -> None:
    async with sitting_down(browser, server.url, reduced_motion="reduce") as person:
        await expect(person.page.get_by_role("button", name="New chat")).to_have_css("transition-duration", "0s")
        await expect(person.page.locator(".composer")).to_have_css("transition-duration", "0s")


async def test_a_phone_shows_everything_without_scrolling_sideways(browser: Browser, server: Running) -> None:
    async with sitting_down(browser, server.url, **PHONE) as person:
        await person.ask("Show me a registration form, a pie chart, some code and a card")
        await person.ask("Show a table of tea sorts")
        assert await person.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        assert await person.page.evaluate("() => document.querySelector('.scroller').scrollWidth <= innerWidth")
        await person.click("Chats")
        await person.page.get_by_role("dialog", name="Chats").get_by_role("button", name="New chat").click()
        await expect(person.page.get_by_role("dialog")).to_have_count(0)
        await expect(person.answers).to_have_count(0)


async def test_the_chosen_colours_are_kept(person: Person) -> None:
    await person.click("Dark colours")
    await person.page.reload()
    assert await person.page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    await person.click("Light colours")
    assert await person.page.evaluate("() => document.documentElement.dataset.theme") == "light"


async def test_the_keyboard_alone_is_enough(person: Person) -> None:
    await expect(person.message).to_be_focused()
    await person.page.keyboard.type('Call send email to say "Hello"')
    await person.page.keyboard.press("Enter")
    await expect(person.page.get_by_role("button", name="Approve")).to_be_visible()
    await expect(person.message).to_be_focused()
    for _ in range(12):
        await person.page.keyboard.press("Shift+Tab")
        if await person.page.evaluate("() => document.activeElement.textContent.trim()") == "Approve":
            break
    else:
        pytest.fail("the keyboard does not come to the button Approve")
    await person.page.keyboard.press("Enter")
    await expect(person.answers).to_contain_text("sendEmail answered")
    await expect(person.page.locator(".call-head")).to_be_focused()


async def test_a_screen_reader_is_told_when_an_answer_begins_and_ends(browser: Browser) -> None:
    more = asyncio.Event()
    model = ScriptedModel([[TextDelta(text="Tea")], more, [ModelFinished(finish_reason=FinishReason.STOP, usage=None)]])
    async with running_app(model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.without_titles()
        status = person.page.get_by_role("status").last
        await person.write("Tell me about tea")
        await expect(person.answers).to_contain_text("Tea")
        await expect(status).to_have_text("Sent. The answer is on its way.")
        more.set()
        await expect(status).to_have_text("The answer is complete.")
        await expect(person.page.get_by_role("heading", level=1)).to_have_text("Tell me about tea")


async def test_a_page_that_lost_its_server_says_so_and_keeps_the_question(person: Person) -> None:
    await person.page.route("**/api/chat", lambda route: route.abort())
    await person.write("Hello")
    await expect(person.failure).to_contain_text("The connection was lost.")
    await person.page.unroute("**/api/chat")
    await person.failure.get_by_role("button", name="Try again").click()
    await expect(person.answers).to_contain_text("demo model")


async def test_a_wait_that_the_server_asks_for_is_counted_down(person: Person) -> None:
    problem = {"detail": "Too many requests.", "code": "RATE_LIMITED", "request_id": "r-1"}
    await person.page.route(
        "**/api/chat",
        lambda route: route.fulfill(
            status=429,
            body=json.dumps(problem),
            headers={"retry-after": "90", "content-type": "application/problem+json"},
        ),
    )
    await person.page.clock.install()
    await person.write("Hello")
    await expect(person.failure.get_by_role("button", name=re.compile(r"Try again in \d\d s"))).to_be_disabled()
    await person.page.clock.fast_forward(90_000)
    await expect(person.failure.get_by_role("button", name="Try again", exact=True)).to_be_enabled()
