"""What a person does with chats: stop, repeat, edit, attach, leave and come back."""

import re

from playwright.async_api import Browser, expect

from mamba_adapters.demo.chat_model import DemoModel
from mamba_app.demo import as_demo
from tests.app.harness import running_app, settings
from tests.browser.person import Person, sent_in, sitting_down


async def test_a_stop_ends_the_answer_here_and_on_the_server(browser: Browser) -> None:
    model = DemoModel(words_per_second=40)
    async with (
        running_app(as_demo(settings()), model_for=lambda _: model) as app,
        sitting_down(browser, app.url) as person,
    ):
        async with person.page.expect_request("**/api/chat") as asked:
            await person.write("Write a long answer about tea")
        chat_id = sent_in(await asked.value)["id"]
        await expect(person.answers).to_contain_text("Where it comes from")
        async with person.page.expect_response(f"**/api/chat/{chat_id}/stop") as told:
            await person.click("Stop the answer")
        assert (await told.value).status == 204
        await expect(person.answers).to_contain_text("You stopped this answer.")
        assert (await app.http.get(f"/api/chat/{chat_id}/stream")).status_code == 204


async def test_a_reload_takes_up_the_running_answer(browser: Browser) -> None:
    model = DemoModel(words_per_second=60)
    async with (
        running_app(as_demo(settings()), model_for=lambda _: model) as app,
        sitting_down(browser, app.url) as person,
    ):
        await person.write("Write a long answer about tea")
        await expect(person.answers).to_contain_text("1. Where it comes from")
        await person.page.reload()
        await expect(person.answers).to_contain_text("2. What it is made of", timeout=15_000)
        await expect(person.answers.get_by_role("heading", name="1. Where it comes from")).to_have_count(1)
        await expect(person.answers).to_have_count(1)
        await person.click("Stop the answer")


async def test_an_answer_that_the_server_gave_up_at_the_reload_says_so(browser: Browser) -> None:
    model = DemoModel(words_per_second=40)
    async with running_app(model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.write("Write a long answer about tea")
        await expect(person.answers).to_contain_text("1. Where it comes from")
        await person.page.reload()
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
    ).to_be_visible()


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


async def test_credentials_are_sent_and_kept_in_memory_only(person: Person) -> None:
    await person.click("Credentials")
    await person.page.get_by_label("Key or token").fill("a-secret-key")
    await person.click("Use it")
    async with person.page.expect_request("**/api/chat") as asked:
        await person.write("Hello")
    assert (await asked.value).headers["authorization"] == "Bearer a-secret-key"
    await person.idle()
    kept = await person.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "a-secret-key" not in kept
    await person.page.reload()
    async with person.page.expect_request("**/api/chat") as asked:
        await person.write("Hello again")
    assert "authorization" not in (await asked.value).headers
    await person.idle()


async def test_a_server_that_wants_credentials_is_given_them(browser: Browser) -> None:
    key = "a-key-of-sixteen-characters"
    closed = settings({"auth.mode": "api_key", "auth.api_key": key, "auth.open_playground": True})
    async with running_app(closed) as app, sitting_down(browser, app.url) as person:
        asks = person.page.get_by_text("This server asks for credentials.")
        await expect(asks).to_be_visible()
        await person.write("Hello")
        await expect(person.failure).to_contain_text("401 AUTH_REQUIRED")
        await person.failure.get_by_role("button", name="Enter credentials").click()
        await person.page.get_by_label("Key or token").fill(key)
        await person.click("Use it")
        await expect(asks).to_have_count(0)
        await person.failure.get_by_role("button", name="Try again").click()
        await expect(person.answers).to_contain_text("demo model")
