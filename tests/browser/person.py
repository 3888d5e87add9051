"""A person in front of the page: one browser window with what it would complain about."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Request, expect

from mamba_adapters.http.pages import BUILT_PAGE
from tests.architecture.sources import ROOT

__all__ = ["AXE", "PATIENCE", "Person", "chromium", "missing", "sent_in", "sitting_down"]

AXE = ROOT / "playground" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE = 30_000
"""Milliseconds that anything may take: a test waits for what it wants to see, and a slow machine is no fault."""
expect.set_options(timeout=PATIENCE)

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The browser of this machine."""
    return next((path for name in _NAMES if (path := shutil.which(name)) is not None), None)


def missing() -> str | None:
    """Why the page cannot be looked at here; None when it can."""
    if chromium() is None:
        return "there is no Chromium: install the package chromium of the system"
    if not (BUILT_PAGE / "index.html").is_file():
        return "the page is not built: run make playground"
    return None


@dataclass
class Person:
    """Asks, reads and clicks. `complaints` are errors of the console and of scripts, `elsewhere` requests to other origins."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)

    @property
    def message(self) -> Locator:
        """The field in which messages are written."""
        return self.page.get_by_label("Message", exact=True)

    @property
    def answers(self) -> Locator:
        """All answers."""
        return self.page.get_by_role("article", name="Answer")

    @property
    def failure(self) -> Locator:
        """What is shown when an answer failed."""
        return self.page.get_by_role("alert", name="Error")

    async def open(self, path: str = "/") -> None:
        """Load the page, until it can be used."""
        await self.page.goto(self.origin + path)
        await expect(self.message).to_be_visible()

    async def write(self, text: str) -> None:
        """Send a message."""
        await self.message.fill(text)
        await self.message.press("Enter")

    async def ask(self, text: str) -> Locator:
        """Send a message and wait for the whole answer."""
        before = await self.answers.count()
        await self.write(text)
        await expect(self.answers).to_have_count(before + 1)
        await self.idle()
        return self.answers.last

    async def ask_and_fail(self, text: str, words: str) -> None:
        """Send a message that is refused with these words."""
        await self.write(text)
        await expect(self.failure).to_contain_text(words)

    async def idle(self) -> None:
        """Wait until nothing is being answered."""
        await expect(self.page.get_by_role("button", name="Stop the answer")).to_have_count(0)

    async def click(self, name: str) -> None:
        """Press the button of that name."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def without_titles(self) -> None:
        """Keep the page from asking for titles, which the same model would answer."""
        await self.page.route("**/title/generate", lambda route: route.fulfill(json={"title": "", "useFallback": True}))

    async def violations(self, state: str) -> list[str]:
        """What axe finds serious or critical in this state of the page, one line each."""
        await self.page.evaluate(AXE.read_text("utf-8"))
        found: dict[str, Any] = await self.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{state}: {rule['id']} ({rule['impact']}): {node['html'][:160]} {node['failureSummary']}"
            for rule in found["violations"]
            if rule["impact"] in {"serious", "critical"}
            for node in rule["nodes"]
        ]

    def _heard(self, message: ConsoleMessage) -> None:
        # A refused request is always told by the browser itself; what the page makes of it is tested by itself.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.elsewhere.append(request.url)


def sent_in(request: Request) -> Any:
    """The JSON that the page sent."""
    return request.post_data_json


@asynccontextmanager
async def sitting_down(browser: Browser, origin: str, **options: Any) -> AsyncIterator[Person]:
    """A window of its own, with nothing remembered. At the end nobody may have complained or asked elsewhere."""
    screen = {"viewport": {"width": 1360, "height": 880}, "permissions": ["clipboard-read", "clipboard-write"]}
    context = await browser.new_context(**{**screen, **options})
    context.set_default_timeout(PATIENCE)
    person = Person(await context.new_page(), origin)
    try:
        await person.open()
        yield person
        assert not person.complaints, person.complaints
        assert not person.elsewhere, person.elsewhere
    finally:
        await context.close()
