"""What is lost on the way: connections, the ends of answers, room to keep them; and what two windows make of one chat."""

import asyncio
import json

import pytest
from playwright.async_api import Browser, expect

from mamba_app.demo import as_demo
from mamba_domain.events import FinishReason, ModelFinished, TextDelta
from tests.app.entrances import ALICE, closed_settings
from tests.app.harness import running_app, settings
from tests.browser.person import Person, sent_in, sitting_down
from tests.browser.relay import relayed
from tests.fakes.scripted_model import Script, ScriptedModel

pytestmark = pytest.mark.timeout(150)
FINISHED = ModelFinished(finish_reason=FinishReason.STOP, usage=None)
FILL = """() => {
    for (const size of [500_000, 1_000, 10]) {
        try {
            for (let n = 0; ; n += 1) localStorage.setItem(`filling.${size}.${n}`, 'x'.repeat(size));
        } catch {
            // No more of this size.
        }
    }
}"""
SWITCH_OFF = """for (const name of ['localStorage', 'sessionStorage']) {
    Object.defineProperty(window, name, { get: () => { throw new DOMException('denied', 'SecurityError'); } });
}"""
HALF = [
    {"type": "start", "messageId": "msg-1"},
    {"type": "text-start", "id": "t"},
    {"type": "text-delta", "id": "t", "delta": "The first half"},
]


async def test_a_lost_connection_is_taken_up_again_without_a_second_question(browser: Browser) -> None:
    more = asyncio.Event()
    model = ScriptedModel(in_two(more))
    async with (
        running_app(as_demo(settings()), model_for=lambda _: model) as app,
        relayed(app.url) as relay,
        sitting_down(browser, relay.url) as person,
    ):
        await person.without_titles()
        await person.write("Hello")
        await expect(person.answers).to_contain_text("The first half")
        async with person.page.expect_response("**/api/chat/*/stream") as followed:
            relay.cut()
        assert (await followed.value).status == 200
        more.set()
        await expect(person.answers.locator("p")).to_have_text("The first half and the second.")
        await person.idle()
        await expect(person.failure).to_have_count(0)
    assert len(model.requests) == 1


async def test_an_answer_that_is_gone_with_its_connection_is_kept_and_can_be_asked_for_again(browser: Browser) -> None:
    model = ScriptedModel(endless(), [[TextDelta(text="Once more.")], [FINISHED]])
    async with (
        running_app(model_for=lambda _: model) as app,
        relayed(app.url) as relay,
        sitting_down(browser, relay.url) as person,
    ):
        await person.without_titles()
        await person.write("Hello")
        await expect(person.answers).to_contain_text("The first half")
        async with person.page.expect_response("**/api/chat/*/stream") as followed:
            relay.cut()
        assert (await followed.value).status == 204
        await expect(person.failure).to_contain_text("The connection was lost.")
        await expect(person.answers).to_contain_text("The first half")
        await person.failure.get_by_role("button", name="Try again").click()
        await expect(person.answers).to_contain_text("Once more.")
        await expect(person.failure).to_have_count(0)


async def test_a_stream_that_stops_without_its_end_is_no_whole_answer(person: Person) -> None:
    frames = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in HALF)
    await person.page.route(
        "**/api/chat", lambda route: route.fulfill(body=frames, headers={"content-type": "text/event-stream"})
    )
    await person.write("Hello")
    await expect(person.answers).to_contain_text("The first half")
    await expect(person.failure).to_contain_text("The connection was lost.")


async def test_an_answer_that_ended_with_an_error_says_so_after_a_reload(person: Person) -> None:
    await person.write("Begin to answer, then fail")
    await expect(person.failure).to_be_visible()
    await expect(person.answers).not_to_contain_text("not whole")
    await person.page.reload()
    await expect(person.answers).to_contain_text("This answer ended with an error. It is not whole.")


async def test_after_a_reload_the_answer_is_taken_up_once_the_credentials_are_there_again(browser: Browser) -> None:
    more = asyncio.Event()
    model = ScriptedModel(in_two(more))
    closed = closed_settings("api_key", {"auth.open_playground": True})
    async with running_app(as_demo(closed), model_for=lambda _: model) as app, sitting_down(browser, app.url) as person:
        await person.without_titles()
        await enter(person)
        await person.write("Hello")
        await expect(person.answers).to_contain_text("The first half")
        await person.page.reload()
        await expect(person.failure).to_contain_text("401 AUTH_REQUIRED")
        await enter(person)
        await expect(person.page.get_by_role("button", name="Stop the answer")).to_be_visible()
        more.set()
        await expect(person.answers.locator("p")).to_have_text("The first half and the second.")
        await person.idle()
        await expect(person.failure).to_have_count(0)
    assert len(model.requests) == 1


async def test_two_windows_with_the_same_chat_lose_none_of_its_messages(person: Person) -> None:
    await person.ask("Hello")
    other = Person(await person.page.context.new_page(), person.origin)
    await other.open()
    await other.page.locator(".chat-open").click()
    await expect(other.answers).to_have_count(1)
    await person.ask("Show a table of tea sorts")
    await expect(other.answers).to_have_count(2)
    async with other.page.expect_request("**/api/chat") as asked:
        await other.write("Show a list of tea sorts")
    assert len(sent_in(await asked.value)["messages"]) == 5
    await other.idle()
    await expect(person.answers).to_have_count(3)
    await person.page.reload()
    await expect(person.answers).to_have_count(3)
    assert not other.complaints


async def test_an_answer_that_another_window_stops_says_so(browser: Browser) -> None:
    model = ScriptedModel(endless())
    async with (
        running_app(as_demo(settings()), model_for=lambda _: model) as app,
        sitting_down(browser, app.url) as person,
    ):
        await person.without_titles()
        async with person.page.expect_request("**/api/chat") as asked:
            await person.write("Hello")
        await expect(person.answers).to_contain_text("The first half")
        await app.http.post(f"/api/chat/{sent_in(await asked.value)['id']}/stop")
        await expect(person.answers).to_contain_text("This answer was stopped from elsewhere.")


async def test_a_browser_without_room_is_told_of_until_there_is_some(person: Person) -> None:
    notice = person.page.get_by_text("This browser has no room left")
    await person.ask("Show a table of tea sorts")
    await person.page.evaluate(FILL)
    await person.click("New chat")
    await person.ask("Hello")
    await expect(notice).to_be_visible()
    await person.page.evaluate("() => { localStorage.removeItem('filling.500000.0'); }")
    await person.ask("Hello again")
    await expect(notice).to_have_count(0)


async def test_a_browser_that_keeps_nothing_still_chats(browser: Browser, person: Person) -> None:
    context = await browser.new_context()
    await context.add_init_script(SWITCH_OFF)
    other = Person(await context.new_page(), person.origin)
    await other.open()
    answer = await other.ask("Hello")
    await expect(answer).to_contain_text("demo model")
    await other.click("Dark colours")
    assert not other.complaints
    await context.close()


async def enter(person: Person) -> None:
    """Give the page Alice's key."""
    await person.click("Credentials")
    await person.page.get_by_label("Key or token").fill(ALICE["api_key"]["x-api-key"])
    await person.click("Use it")


def in_two(more: asyncio.Event) -> Script:
    """An answer whose second half waits for a word."""
    return [[TextDelta(text="The first half")], more, [TextDelta(text=" and the second.")], [FINISHED]]


def endless() -> Script:
    """An answer that begins and never ends by itself."""
    return [[TextDelta(text="The first half")], asyncio.Event(), [FINISHED]]
