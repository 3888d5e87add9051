"""The inspector: frames with their times, figures, and snippets that repeat the turn."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.app.harness import chunks_of, text_of
from tests.browser.own_page import build, served
from tests.browser.person import Person

pytestmark = pytest.mark.timeout(150)
IS_ANSWERED = """() => {
    const messages = JSON.parse(document.querySelector('pre').textContent);
    return messages.length === 4 && messages[3].metadata?.durationMs !== undefined;
}"""
PICTURE = b"\x89PNG" + bytes(range(256)) * 40


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


async def test_a_frame_opens_to_what_came_over_the_wire(person: Person) -> None:
    async with person.page.expect_response("**/api/chat") as answered:
        await person.ask("Hello")
    chunks = [it for it in chunks_of(await (await answered.value).body()) if it != "[DONE]"]
    await person.page.get_by_role("button", name="Inspector").click()
    panel = person.page.get_by_role("complementary", name="Inspector")
    await panel.get_by_role("button", name=re.compile("finish .*messageMetadata")).click()
    assert json.loads(await panel.get_by_label("Frame finish", exact=True).inner_text()) == chunks[-1]
    await panel.get_by_role("button", name="Copy all frames").click()
    await expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    copied: str = await person.page.evaluate("() => navigator.clipboard.readText()")
    assert [json.loads(line) for line in copied.splitlines() if line.startswith("{")] == chunks


async def test_the_request_is_shown_with_its_id(person: Person) -> None:
    async with person.page.expect_response("**/api/chat") as answered:
        await person.ask("Hello")
    request_id = (await answered.value).headers["x-request-id"]
    await person.page.get_by_role("button", name="Inspector").click()
    await person.page.get_by_role("tab", name="Request").click()
    panel = person.page.get_by_role("complementary", name="Inspector")
    await expect(panel).to_contain_text(request_id)
    body = json.loads(await panel.get_by_role("region", name="Body").locator("code").inner_text())
    assert body == (await answered.value).request.post_data_json


async def test_a_refusal_is_shown_as_it_came(person: Person) -> None:
    async with person.page.expect_response("**/api/chat") as refused:
        await person.ask_and_fail("fail first", "502 MODEL_ERROR")
    await person.page.get_by_role("button", name="Inspector").click()
    panel = person.page.get_by_role("complementary", name="Inspector")
    await panel.get_by_role("button", name=re.compile("^[0-9]+ *problem")).click()
    shown = await panel.get_by_label("Frame problem", exact=True).inner_text()
    assert json.loads(shown) == await (await refused.value).json()


async def test_the_curl_command_asks_again_and_gets_the_same_answer(person: Person) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    await person.ask("Hello")
    picture = {"name": "a.png", "mimeType": "image/png", "buffer": PICTURE}
    await person.page.get_by_label("Files to attach").set_input_files([picture])  # type: ignore[arg-type]
    async with person.page.expect_response("**/api/chat") as answered:
        await person.ask('Look at $HOME `it\'s` \\n "quoted"')
    shown = text_of(chunks_of(await (await answered.value).body()))
    assert "10 kB" in shown
    command = await copied(person, "curl")
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    answer, _ = await asyncio.wait_for(shell.communicate(), timeout=30)
    assert text_of(chunks_of(answer)) == shown


@pytest.mark.parametrize("way", ["asked", "regenerated"])
async def test_the_component_asks_again_and_gets_the_same_answer(
    person: Person, browser: Browser, tmp_path: Path, way: str
) -> None:
    await person.ask("Hello")
    async with person.page.expect_response("**/api/chat") as answered:
        await person.ask('Tell me about tea, it\'s for "Ada"')
    if way == "regenerated":
        async with person.page.expect_response("**/api/chat") as answered:
            await person.page.get_by_role("button", name="Regenerate answer").last.click()
        await person.idle()
    shown = text_of(chunks_of(await (await answered.value).body()))
    folder = await build(tmp_path, "tsx", await copied(person, "useChat"))
    with served(folder) as origin:
        page = await browser.new_page()
        await page.goto(origin)
        await page.get_by_role("button", name="Send").click()
        await page.wait_for_function(IS_ANSWERED)
        messages = json.loads(await page.locator("pre").inner_text())
        await page.close()
    parts = messages[-1]["parts"]
    assert "".join(part["text"] for part in parts if part["type"] == "text") == shown


async def copied(person: Person, name: str) -> str:
    """What the copy button of that snippet leaves on the clipboard."""
    await person.page.get_by_role("button", name="Inspector").click()
    await person.page.get_by_role("tab", name="Code").click()
    snippet: Locator = person.page.get_by_role("region", name=name)
    await snippet.get_by_role("button", name=f"Copy {name}").click()
    await expect(snippet.get_by_role("button", name="Copied")).to_be_visible()
    text: str = await person.page.evaluate("() => navigator.clipboard.readText()")
    return text
