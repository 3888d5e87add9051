"""The page itself: its weight, its accessibility, its sizes and colours, and the inspector."""

import json
import re

import pytest
from playwright.async_api import Browser, Response, expect

from tests.app.harness import Running
from tests.browser.person import AXE, Person, sitting_down

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


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("screen", [{}, PHONE], ids=["large", "phone"])
async def test_axe_finds_nothing_serious(
    browser: Browser, server: Running, colours: str, screen: dict[str, object]
) -> None:
    if not AXE.is_file():
        pytest.skip("axe is not installed: run make playground")
    still = {"color_scheme": colours, "reduced_motion": "reduce"}
    async with sitting_down(browser, server.url, **screen, **still) as person:
        found = await person.violations()
        await person.ask("Show me a feedback form, a bar chart, a pie chart, some code and a card")
        await expect(person.answers.locator("canvas").first).to_be_visible()
        await expect(person.answers.locator(".hljs-keyword").first).to_be_visible()
        found += await person.violations()
        await person.click("New chat")
        await person.ask("Think about tea, with sources")
        await person.ask("Show a table of tea sorts")
        await person.ask("What is the weather in Lisbon?")
        await person.answers.locator(".call-head").last.click()
        await person.ask('Call send email to say "Hello"')
        found += await person.violations()
        await person.click("Deny")
        await person.idle()
        await person.write("fail first")
        await expect(person.failure).to_be_visible()
        found += await person.violations()
        await person.page.get_by_role("button", name="Inspector").click()
        for tab in ("Frames", "Request", "Code"):
            await person.page.get_by_role("tab", name=tab).click()
            found += await person.violations()
    assert found == []


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
    await person.page.keyboard.press("Enter")
    await expect(person.answers).to_contain_text("sendEmail answered")


async def test_a_screen_reader_is_told_when_an_answer_begins_and_ends(person: Person) -> None:
    status = person.page.locator(".for-readers[role=status]")
    await person.write("What is the weather in Lisbon?")
    await expect(status).to_have_text("Sent. The answer is on its way.")
    await expect(status).to_have_text("The answer is complete.")


async def test_the_inspector_lists_the_frames_of_the_last_turn_with_their_times(person: Person) -> None:
    await person.page.get_by_role("button", name="Inspector").click()
    await person.ask("Tell me about tea")
    panel = person.page.get_by_role("complementary", name="Inspector")
    await expect(panel.locator(".frame-type").first).to_have_text("start")
    await expect(panel.locator(".frame-type").last).to_have_text("[DONE]")
    figures = dict(
        zip(await panel.locator("dt").all_inner_texts(), await panel.locator("dd").all_inner_texts(), strict=True)
    )
    assert re.fullmatch(r"\d+ ms", figures["First token"])
    assert re.fullmatch(r"[\d.]+", figures["Tokens / s"])
    grouped = await panel.locator(".frame").count()
    await panel.get_by_label("Group deltas").uncheck()
    assert await panel.locator(".frame").count() > grouped


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
            headers={"retry-after": "2", "content-type": "application/problem+json"},
        ),
    )
    await person.write("Hello")
    await expect(person.failure.get_by_role("button", name=re.compile("Try again in [12] s"))).to_be_disabled()
    await expect(person.failure.get_by_role("button", name="Try again", exact=True)).to_be_enabled()
