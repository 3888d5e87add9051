"""One browser for the tests of a module, and for each test a server and a window of its own."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright
from playwright.async_api import Error as PlaywrightError

from mamba_adapters.demo.chat_model import DemoModel
from mamba_app.demo import as_demo
from tests.app.harness import Running, running_app, settings
from tests.browser.person import Person, chromium, missing, sitting_down

SWITCHES = ("--no-sandbox", "--disable-dev-shm-usage")
"""As root in a container there is neither a sandbox nor much shared memory."""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium; the test is skipped, with the reason, where there is none or where it does not start."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    async with async_playwright() as driver:
        try:
            found = await driver.chromium.launch(executable_path=chromium(), args=list(SWITCHES), timeout=60_000)
        except PlaywrightError as error:
            pytest.skip(f"{chromium()} is there but does not start: {why(error)}")
        try:
            yield found
        finally:
            await found.close()


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """The demo as `mamba-server serve --demo` starts it, speaking faster than a person reads."""
    model = DemoModel(words_per_second=1000)
    async with running_app(as_demo(settings()), model_for=lambda _: model) as app:
        yield app


@pytest.fixture
async def person(browser: Browser, server: Running) -> AsyncIterator[Person]:
    """Somebody who has just opened the page on a large screen."""
    async with sitting_down(browser, server.url) as one:
        yield one


def why(error: PlaywrightError) -> str:
    """What the browser said itself, without the driver's log of how it was called."""
    lines = [line.partition("[err]")[2].strip() for line in error.message.splitlines() if "[err]" in line]
    return lines[-1] if lines else error.message.splitlines()[0]
