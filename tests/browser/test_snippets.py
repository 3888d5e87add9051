"""The snippets of the README, as they are written there, in pages of their own."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from mamba_app.demo import as_demo
from mamba_domain.events import FinishReason, ModelFinished, TextDelta
from tests.app.harness import Running, running_app, settings
from tests.architecture.sources import ROOT
from tests.browser.own_page import build, node, served
from tests.fakes.scripted_model import ScriptedModel

pytestmark = pytest.mark.timeout(150)
README = ROOT / "README.md"


def snippet(language: str) -> str:
    """The only block of the README in this language."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    [found] = blocks
    assert "http://localhost:8000/" in found
    return found


@pytest.mark.parametrize("language", ["tsx", "vue"])
async def test_the_component_of_the_readme_chats(
    browser: Browser, server: Running, tmp_path: Path, language: str
) -> None:
    folder = await build(tmp_path, language, snippet(language).replace("http://localhost:8000", server.url))
    with served(folder) as origin:
        page = await browser.new_page()
        await page.goto(origin)
        await page.get_by_label("Message").fill("Hello")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("p").nth(1)).to_contain_text("assistant:")
        await expect(page.locator("p").nth(1)).to_contain_text("I am the demo model")
        await expect(page.get_by_role("alert")).to_have_count(0)
        await page.close()


async def test_a_stop_in_the_component_of_the_readme_stops_and_sends_nothing(browser: Browser, tmp_path: Path) -> None:
    finished = ModelFinished(finish_reason=FinishReason.STOP, usage=None)
    model = ScriptedModel([[TextDelta(text="The first half")], asyncio.Event(), [finished]])
    async with running_app(as_demo(settings()), model_for=lambda _: model) as app:
        folder = await build(tmp_path, "tsx", snippet("tsx").replace("http://localhost:8000", app.url))
        with served(folder) as origin:
            page = await browser.new_page()
            await page.goto(origin)
            await page.get_by_label("Message").fill("Hello")
            await page.get_by_role("button", name="Send").click()
            await expect(page.locator("p").nth(1)).to_contain_text("The first half")
            await page.get_by_label("Message").fill("A draft")
            await page.get_by_role("button", name="Stop").click()
            await expect(page.get_by_role("button", name="Send")).to_be_enabled()
            await expect(page.get_by_label("Message")).to_have_value("A draft")
            await expect(page.locator("p")).to_have_count(2)
            await page.close()


async def test_the_plain_script_of_the_readme_prints_the_answer(server: Running, tmp_path: Path) -> None:
    (tmp_path / "chat.mjs").write_text(snippet("js").replace("http://localhost:8000", server.url), "utf-8")
    assert "demo model" in "".join((await node("chat.mjs", folder=tmp_path)).split("\n"))
