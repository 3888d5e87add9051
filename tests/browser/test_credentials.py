"""Credentials: asked for where the server wants them, sent with every request, and kept in the memory of the page alone."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.app.entrances import ALICE, closed_settings
from tests.app.harness import running_app
from tests.browser.person import Person, sitting_down

pytestmark = pytest.mark.timeout(150)
KEPT = """async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state,
    document.documentElement.outerHTML,
])"""
OTHER_STORES = "async () => [...await indexedDB.databases(), ...await caches.keys()]"
SECRETS = {mode: re.sub("^Bearer ", "", next(iter(ALICE[mode].values()))) for mode in ("api_key", "jwt")}


@pytest.mark.parametrize("mode", ["api_key", "jwt"])
async def test_a_server_that_wants_credentials_is_given_them_and_the_page_writes_them_down_nowhere(
    browser: Browser, mode: str
) -> None:
    secret = SECRETS[mode]
    closed = closed_settings(mode, {"auth.open_playground": True})
    async with running_app(closed) as app, sitting_down(browser, app.url) as person:
        asks = person.page.get_by_text("This server asks for credentials.")
        await expect(asks).to_be_visible()
        await person.write("Hello")
        await expect(person.failure).to_contain_text("401 AUTH_REQUIRED")
        await person.failure.get_by_role("button", name="Enter credentials").click()
        field = person.page.get_by_label("Key or token")
        await expect(field).to_be_focused()
        await expect(field).to_have_attribute("type", "password")
        await field.fill("wrong")
        await person.click("Use it")
        await person.failure.get_by_role("button", name="Try again").click()
        await expect(person.failure).to_contain_text("401 AUTH_INVALID")
        await person.failure.get_by_role("button", name="Enter credentials").click()
        await field.fill(secret)
        await person.click("Use it")
        await expect(asks).to_have_count(0)
        async with person.page.expect_request("**/api/chat") as asked:
            await person.failure.get_by_role("button", name="Try again").click()
        assert (await asked.value).headers["authorization"] == f"Bearer {secret}"
        await expect(person.answers).to_contain_text("demo model")
        await person.page.get_by_role("button", name="Inspector").click()
        await person.page.get_by_role("tab", name="Code").click()
        await expect(person.page.get_by_role("region", name="curl")).to_contain_text("Bearer $MAMBA_KEY")
        assert secret not in await person.page.evaluate(KEPT)
        assert await person.page.evaluate(OTHER_STORES) == []
        assert await person.page.context.cookies() == []
        await person.page.reload()
        await expect(asks).to_be_visible()
        await person.ask_and_fail("Hello again", "401 AUTH_REQUIRED")


async def test_credentials_are_taken_back_by_an_empty_field(person: Person) -> None:
    await person.click("Credentials")
    await person.page.get_by_label("Key or token").fill("a-secret-key")
    await person.click("Use it")
    await person.click("Credentials (set)")
    await person.click("Use it")
    async with person.page.expect_request("**/api/chat") as asked:
        await person.write("Hello")
    assert "authorization" not in (await asked.value).headers
    await person.idle()


@pytest.mark.parametrize("way", ["Cancel", "Escape"])
async def test_whoever_closes_the_dialog_is_back_where_it_was_opened(person: Person, way: str) -> None:
    await person.click("Credentials")
    await expect(person.page.get_by_role("dialog")).to_be_visible()
    if way == "Escape":
        await person.page.keyboard.press("Escape")
    else:
        await person.click("Cancel")
    await expect(person.page.get_by_role("dialog")).to_have_count(0)
    await expect(person.page.get_by_role("button", name="Credentials")).to_be_focused()
