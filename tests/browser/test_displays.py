"""The four display tools, drawn for people: forms, charts, code and cards."""

import json

import pytest
from playwright.async_api import Browser, expect

from tests.app.harness import running_app
from tests.browser.person import Person, sent_in, sitting_down
from tests.fakes.scripted_model import ScriptedModel, call_script, text_script

pytestmark = pytest.mark.timeout(150)
KINDS = ("line", "bar", "pie", "area")
IS_DRAWN = """canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.some(value => value !== 0);
}"""


async def test_a_form_is_filled_in_and_sent_back_as_the_next_message(person: Person) -> None:
    await person.ask("Show me a contact form")
    form = person.page.get_by_role("form", name="Contact us")
    await form.get_by_role("button", name="Send", exact=True).click()
    assert await form.get_by_label("Your name").evaluate("field => field.validity.valueMissing")
    await form.get_by_label("Your name").fill("Ada")
    await form.get_by_label("E-mail").fill("ada@example.org")
    await form.get_by_label("Topic").select_option("Praise")
    await form.get_by_label("Message").fill("It works")
    async with person.page.expect_request("**/api/chat") as asked:
        await form.get_by_role("button", name="Send", exact=True).click()
    sent = sent_in(await asked.value)
    assert "- Your name: Ada" in sent["messages"][-1]["parts"][0]["text"]
    assert "- Topic: Praise" in sent["messages"][-1]["parts"][0]["text"]
    await expect(person.page.get_by_label("Contact us, sent")).to_contain_text("ada@example.org")
    await expect(person.answers.last).to_contain_text("that has arrived")


@pytest.mark.parametrize("form", ["feedback", "registration"])
async def test_every_kind_of_field_is_drawn(person: Person, form: str) -> None:
    await person.ask(f"Show me a {form} form")
    kinds = {"feedback": ["range", "radio", "number", "date"], "registration": ["email", "file", "checkbox"]}
    for kind in kinds[form]:
        await expect(person.answers.locator(f"input[type={kind}]").first).to_be_visible()


async def test_whoever_sends_a_form_sees_the_answer_wherever_the_form_was(person: Person) -> None:
    await person.ask("Show me a contact form")
    await person.ask("A table about tea, a list about tea")
    await person.ask("A long answer about tea")
    form = person.page.get_by_role("form", name="Contact us")
    await form.get_by_label("Your name").fill("Ada")
    await form.get_by_label("E-mail").fill("ada@example.org")
    await form.get_by_label("Message").fill("It works")
    await form.get_by_label("Message").press("Tab")
    await form.get_by_role("button", name="Send", exact=True).click()
    await expect(person.answers.last).to_contain_text("that has arrived")
    await expect(person.answers.last).to_be_in_viewport()
    await expect(person.message).to_be_focused()


async def test_each_kind_of_chart_is_drawn_by_the_library_that_comes_when_it_is_needed(person: Person) -> None:
    async with person.page.expect_response("**/playground/chart-canvas-*.js"):
        await person.ask("Draw a line, a bar, a pie and an area chart")
    charts = person.answers.get_by_role("img")
    await expect(charts).to_have_count(4)
    for number, kind in enumerate(KINDS):
        name = await charts.nth(number).get_attribute("aria-label")
        assert name is not None
        assert name.startswith(f"{kind} chart")
        await charts.nth(number).scroll_into_view_if_needed()
        drawn = await charts.nth(number).element_handle()
        await person.page.wait_for_function(IS_DRAWN, arg=drawn)


async def test_a_chart_can_be_read_as_a_table(person: Person) -> None:
    await person.ask("Draw a pie chart")
    chart = person.answers.locator(".chart")
    name = await chart.get_by_role("img").get_attribute("aria-label")
    assert name is not None
    assert name.startswith("pie chart")
    await chart.get_by_role("button", name="Table").click()
    assert await chart.get_by_role("row").count() > 3


async def test_code_has_a_name_numbers_colours_and_a_copy(person: Person) -> None:
    async with person.page.expect_response("**/playground/highlight-*.js"):
        await person.ask("Write a Python script for prime numbers")
    listing = person.answers.get_by_role("figure", name="primes.py")
    await expect(listing.locator(".hljs-keyword").first).to_have_text("from")
    await listing.get_by_role("button", name="Copy code").click()
    await expect(listing.get_by_role("button", name="Copied")).to_be_visible()
    copied: str = await person.page.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith("from collections.abc import Iterator\n")
    assert await listing.locator("pre").inner_text() == copied
    numbers = await listing.locator(".code-numbers span").all_inner_texts()
    assert numbers == [str(number) for number in range(1, len(copied.split("\n")) + 1)]


async def test_code_that_may_be_changed_is_sent_back_changed(browser: Browser) -> None:
    code = {"language": "python", "filename": "a.py", "code": "print(1)\n", "editable": True}
    model = ScriptedModel(
        call_script(("c", "generateCode", json.dumps(code))), text_script("Done."), text_script("Ok.")
    )
    async with running_app(model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.without_titles()
        await person.ask("Some code")
        await person.click("Edit code")
        await person.page.get_by_label("a.py").fill("print(2)")
        async with person.page.expect_request("**/api/chat") as asked:
            await person.click("Send changes")
        assert "print(2)" in sent_in(await asked.value)["messages"][-1]["parts"][0]["text"]
        await person.idle()


async def test_a_card_shows_the_picture_that_came_along(person: Person) -> None:
    await person.ask("Show a travel card for Lisbon")
    picture = person.answers.get_by_role("img", name="A bridge over the river")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("async image => { await image.decode(); return image.naturalWidth; }") > 0


@pytest.mark.parametrize("kind", ["image", "video"])
async def test_media_that_lie_elsewhere_are_a_link_and_are_not_fetched(browser: Browser, kind: str) -> None:
    card = {"title": "Oslo", "media": {"type": kind, "url": "https://media.example.com/oslo", "alt": "The fjord"}}
    model = ScriptedModel(call_script(("c", "generateCard", json.dumps(card))), text_script("There."))
    async with running_app(model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.without_titles()
        answer = await person.ask("A card")
        link = answer.get_by_role("article", name="Oslo").get_by_role("link", name="The fjord")
        await expect(link).to_have_attribute("href", "https://media.example.com/oslo")
        await expect(link).to_contain_text("media.example.com")


async def test_a_press_on_a_card_is_the_next_message(person: Person) -> None:
    await person.ask("Show a travel card for Lisbon")
    await person.click("Book")
    await expect(person.page.get_by_role("article", name="You").last).to_contain_text("Book: Lisbon")
    await expect(person.answers).to_have_count(2)
