"""What a person does with chats: stop, repeat, edit, attach, leave and come back."""

import asyncio
import re

import pytest
from playwright.async_api import Browser, expect

from mamba_app.demo import as_demo
from mamba_domain.events import FinishReason, ModelFinished, TextDelta
from tests.app.harness import running_app, settings
from tests.browser.person import Person, sent_in, sitting_down
from tests.fakes.scripted_model import Script, ScriptedModel

pytestmark = pytest.mark.timeout(150)
BRING = """async (element, way) => {
    const canvas = new OffscreenCanvas(8, 8);
    canvas.getContext('2d').fillRect(0, 0, 8, 8);
    const carried = new DataTransfer();
    carried.items.add(new File([await canvas.convertToBlob()], 'dot.png', { type: 'image/png' }));
    const drop = () => new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true });
    const paste = () => new ClipboardEvent('paste', { clipboardData: carried, bubbles: true, cancelable: true });
    element.dispatchEvent(way === 'drop' ? drop() : paste());
}"""
TOO_HIGH = """() => {
    const box = document.querySelector('.scroller');
    return box.firstElementChild.offsetHeight - box.clientHeight;
}"""
"""Pixels by which the chat is higher than the place that it has."""
TWO_DRAWINGS = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
FINISHED = ModelFinished(finish_reason=FinishReason.STOP, usage=None)


async def test_a_stop_ends_the_answer_here_and_on_the_server(browser: Browser) -> None:
    model = ScriptedModel(endless("The first half"))
    async with (
        running_app(as_demo(settings()), model_for=lambda _: model) as app,
        sitting_down(browser, app.url) as person,
    ):
        await person.without_titles()
        async with person.page.expect_request("**/api/chat") as asked:
            await person.write("Hello")
        chat_id = sent_in(await asked.value)["id"]
        await expect(person.answers).to_contain_text("The first half")
        async with person.page.expect_response(f"**/api/chat/{chat_id}/stop") as told:
            await person.click("Stop the answer")
        assert (await told.value).status == 204
        await expect(person.answers).to_contain_text("You stopped this answer.")
        await expect(person.message).to_be_focused()
        assert (await app.http.get(f"/api/chat/{chat_id}/stream")).status_code == 204
        assert model.open_streams == 0


async def test_a_stop_does_not_send_what_is_being_written(browser: Browser) -> None:
    model = ScriptedModel(endless("The first half"))
    async with (
        running_app(as_demo(settings()), model_for=lambda _: model) as app,
        sitting_down(browser, app.url) as person,
    ):
        await person.without_titles()
        await person.write("Hello")
        await expect(person.answers).to_contain_text("The first half")
        await person.message.fill("A draft")
        await person.click("Stop the answer")
        await expect(person.answers).to_contain_text("You stopped this answer.")
        await person.idle()
        await expect(person.message).to_have_value("A draft")
        await expect(person.page.get_by_role("article", name="You")).to_have_count(1)


async def test_a_reload_takes_up_the_running_answer(browser: Browser) -> None:
    more = asyncio.Event()
    model = ScriptedModel([[TextDelta(text="The first half")], more, [TextDelta(text=" and the second.")], [FINISHED]])
    async with (
        running_app(as_demo(settings()), model_for=lambda _: model) as app,
        sitting_down(browser, app.url) as person,
    ):
        await person.without_titles()
        await person.write("Hello")
        await expect(person.answers).to_contain_text("The first half")
        await person.page.reload()
        await expect(person.page.get_by_role("button", name="Stop the answer")).to_be_visible()
        more.set()
        await expect(person.answers.locator("p")).to_have_text("The first half and the second.")
        await person.idle()
        await expect(person.failure).to_have_count(0)
    assert len(model.requests) == 1


async def test_an_answer_that_the_server_gave_up_at_the_reload_says_so(browser: Browser) -> None:
    model = ScriptedModel(endless("The first half"))
    async with running_app(model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.without_titles()
        await person.write("Hello")
        await expect(person.answers).to_contain_text("The first half")
        await person.page.reload()
        await expect(person.answers).to_contain_text("The first half")
        await expect(person.answers).to_contain_text("cut off when the page was left")


async def test_chats_are_kept_over_a_reload_with_the_titles_that_the_server_gave(person: Person) -> None:
    await person.ask("Tell me about green mambas")
    title = person.page.get_by_role("navigation", name="Chats").get_by_role("button", name="Green mambas", exact=True)
    await expect(title).to_be_visible()
    await person.click("New chat")
    await expect(person.page.get_by_role("heading", name="What would you like to see?")).to_be_visible()
    await person.ask("Show a list of tea sorts")
    await person.page.reload()
    await title.click()
    await expect(person.page.get_by_role("article", name="You")).to_have_text("Tell me about green mambas")
    await title.hover()
    await person.page.get_by_role("button", name="Delete Green mambas").click()
    await expect(title).to_have_count(0)
    await expect(person.answers).to_have_count(0)


async def test_without_a_title_from_the_server_the_first_words_stand_for_it(person: Person) -> None:
    await person.without_titles()
    await person.ask("Tell me about green mambas")
    await expect(person.page.get_by_role("navigation", name="Chats")).to_contain_text("Tell me about green mambas")


async def test_a_chat_is_renamed(person: Person) -> None:
    await person.ask("Tell me about green mambas")
    await person.page.locator(".chat-row").hover()
    await person.page.get_by_role("button", name="Rename Green mambas").click()
    field = person.page.get_by_label("Title of the chat")
    await field.fill("Snakes")
    await field.press("Enter")
    await expect(
        person.page.get_by_role("navigation", name="Chats").get_by_role("button", name="Snakes", exact=True)
    ).to_be_focused()


async def test_an_answer_is_regenerated_in_its_place(person: Person) -> None:
    await person.ask("Tell me about tea")
    async with person.page.expect_request("**/api/chat") as asked:
        await person.click("Regenerate answer")
    assert sent_in(await asked.value)["trigger"] == "regenerate-message"
    await person.idle()
    await expect(person.answers).to_have_count(1)


async def test_an_edited_message_replaces_what_follows_it(person: Person) -> None:
    await person.ask("Tell me about tea")
    await person.ask("Tell me about coffee")
    first = person.page.get_by_role("article", name="You").first
    await first.hover()
    await first.get_by_role("button", name="Edit message").click()
    await person.page.get_by_role("textbox", name="Edit message").fill("Tell me about cocoa")
    await person.page.get_by_role("textbox", name="Edit message").press("Enter")
    await expect(person.answers).to_have_count(1)
    await expect(person.answers).to_contain_text("cocoa")
    await expect(person.page.get_by_role("article", name="You")).to_have_text("Tell me about cocoa")


async def test_files_are_attached_removed_and_sent(person: Person) -> None:
    files = [
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Buy tea"},
        {"name": "wrong.txt", "mimeType": "text/plain", "buffer": b"no"},
    ]
    await person.page.get_by_label("Files to attach").set_input_files(files)  # type: ignore[arg-type]
    await person.click("Remove wrong.txt")
    async with person.page.expect_request("**/api/chat") as asked:
        await person.write("Read this")
    [part, _] = sent_in(await asked.value)["messages"][0]["parts"]
    assert part["filename"] == "notes.txt"
    assert part["url"] == "data:text/plain;base64,QnV5IHRlYQ=="
    await expect(person.answers).to_contain_text("notes.txt")


@pytest.mark.parametrize("way", ["drop", "paste"])
async def test_a_picture_that_is_dropped_or_pasted_is_attached_and_shown(person: Person, way: str) -> None:
    await person.message.evaluate(BRING, way)
    await expect(person.page.get_by_role("list", name="Attached")).to_contain_text("dot.png")
    await person.ask("Look")
    picture = person.page.get_by_role("article", name="You").get_by_role("img", name="dot.png")
    assert await picture.evaluate("async image => { await image.decode(); return image.naturalWidth; }") == 8
    await expect(person.answers).to_contain_text("dot.png (image/png")


async def test_the_chosen_model_is_asked(person: Person) -> None:
    await person.page.get_by_role("button", name=re.compile("^Model:")).click()
    await person.page.keyboard.press("ArrowDown")
    await person.page.keyboard.press("Enter")
    async with person.page.expect_request("**/api/chat") as asked:
        await person.write("Hello")
    request = await asked.value
    assert sent_in(request)["model"] == "openai/gpt-4o"
    assert re.fullmatch(r"\d+\.\d+\.\d+", request.headers["x-mamba-ui"])
    await person.idle()


async def test_a_chat_whose_model_is_gone_asks_the_one_that_the_page_shows(person: Person) -> None:
    await person.ask("Hello")
    await person.page.evaluate(
        "() => localStorage.setItem('mamba.chats', localStorage.getItem('mamba.chats').replace('gpt-4o-mini', 'gone'))"
    )
    await person.page.reload()
    await expect(person.page.get_by_role("button", name="Model: gpt-4o-mini (demo)")).to_be_visible()
    async with person.page.expect_request("**/api/chat") as asked:
        await person.write("Hello again")
    assert sent_in(await asked.value)["model"] == "openai/gpt-4o-mini"
    await person.idle()


async def test_a_message_that_is_edited_stays_in_view(person: Person) -> None:
    await person.ask("Hello")
    await person.page.set_viewport_size({"width": 1360, "height": 880 + await person.page.evaluate(TOO_HIGH)})
    await person.page.evaluate(TWO_DRAWINGS)
    asked = person.page.get_by_role("article", name="You")
    await asked.hover()
    await asked.get_by_role("button", name="Edit message").click()
    field = person.page.get_by_role("textbox", name="Edit message")
    await expect(field).to_be_focused()
    await person.page.evaluate(TWO_DRAWINGS)
    await expect(field).to_be_in_viewport(ratio=1)
    await field.press("Escape")
    await expect(asked).to_have_text("Hello")
    await expect(asked.get_by_role("button", name="Edit message")).to_be_focused()


def endless(text: str) -> Script:
    """An answer that begins and never ends by itself."""
    return [[TextDelta(text=text)], asyncio.Event(), [FINISHED]]
