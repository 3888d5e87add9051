"""Records what the real clients send: `python -m tests.adapters.http.record_requests`.

Each release holds the same conversation with a server that follows a script. The bodies of its requests are written to
`requests/RELEASE.json` by the name of what the user did. Run it again when a release is added; needs the clients that
`python -m tests.sdk.install` installs.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.sdk.clients import SdkClient
from tests.sdk.scripted_server import Answer, data_lines, serve, ui_message_stream

__all__ = ["FOLDER", "RELEASES"]

FOLDER = Path(__file__).parent / "requests"
RELEASES = ("4.3.19", "5.0.0", "5.0.277", "6.0.0", "6.0.326", "7.0.0", "7.0.173")

PIXEL = "data:image/png;base64,iVBORw0KGgo="
PAGE = "https://example.org/weather"
_SIGNING = ("6.0.326", "7.0.0", "7.0.173")
_CITY = {"city": "Oslo"}
_START: dict[str, Any] = {"type": "start", "messageId": "a1"}
_STEP: dict[str, Any] = {"type": "start-step"}
_END: dict[str, Any] = {"type": "finish-step"}


def _text(text: str) -> list[dict[str, Any]]:
    chunks = [{"type": "text-start"}, {"type": "text-delta", "delta": text}, {"type": "text-end"}]
    return [{**chunk, "id": "t"} for chunk in chunks]


def _tool(call_id: str, tool: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool-input-available", "toolCallId": call_id, "toolName": tool, "input": _CITY, **more}


def _modern(release: str) -> list[Answer]:
    """A rich answer that waits for the page's own tool; its end; and a question, where the release can be asked."""
    asking: list[dict[str, Any]] = []
    if release >= "6":
        asked = {"type": "tool-approval-request", "approvalId": "ap1", "toolCallId": "c4"}
        asking = [_tool("c4", "book"), {**asked, "signature": "signed"} if release in _SIGNING else asked]
    rich = [
        _START,
        _STEP,
        {"type": "reasoning-start", "id": "r"},
        {"type": "reasoning-delta", "id": "r", "delta": "Look it up."},
        {"type": "reasoning-end", "id": "r", "providerMetadata": {"mamba": {"item": "rs_1"}}},
        *_text("One moment."),
        _tool("c1", "weather"),
        _tool("c2", "wind", dynamic=True),
        {"type": "tool-output-available", "toolCallId": "c1", "output": {"celsius": 4}},
        {"type": "tool-output-error", "toolCallId": "c2", "errorText": "No wind gauge.", "dynamic": True},
        {"type": "message-metadata", "messageMetadata": {"seals": {"c1": "sealed"}}},
        _END,
        _STEP,
        {"type": "source-url", "sourceId": "s1", "url": PAGE, "title": "Weather"},
        {"type": "file", "url": PIXEL, "mediaType": "image/png"},
        {"type": "data-note", "data": {"a": 1}},
        _tool("c3", "locate"),
        _END,
        {"type": "finish"},
    ]
    told = [_START, _STEP, *_text("It is cold here."), _END, {"type": "finish"}]
    more = [{"type": "start", "messageId": "a2"}, _STEP, *_text("Indeed."), *asking, _END, {"type": "finish"}]
    return [Answer(ui_message_stream(chunks)) for chunks in (rich, told, more, told)]


def _legacy() -> list[Answer]:
    """The same in the protocol of release 4, as far as it has words for it."""
    end = {"finishReason": "stop", "usage": {"promptTokens": 1, "completionTokens": 1}}
    step = {**end, "isContinued": False}
    call = {"args": _CITY}
    rich: list[tuple[str, Any]] = [
        ("f", {"messageId": "a1"}),
        ("g", "Look it up."),
        ("0", "One moment."),
        ("9", {"toolCallId": "c1", "toolName": "weather", **call}),
        ("9", {"toolCallId": "c2", "toolName": "wind", **call}),
        ("a", {"toolCallId": "c1", "result": {"celsius": 4}}),
        ("a", {"toolCallId": "c2", "result": {"error": "No wind gauge."}}),
        ("e", step),
        ("f", {"messageId": "a1"}),
        ("h", {"sourceType": "url", "id": "s1", "url": PAGE, "title": "Weather"}),
        ("k", {"mimeType": "image/png", "data": PIXEL.partition(",")[2]}),
        ("2", [{"note": 1}]),
        ("9", {"toolCallId": "c3", "toolName": "locate", **call}),
        ("e", step),
        ("d", end),
    ]
    told: list[tuple[str, Any]] = [("f", {"messageId": "a1"}), ("0", "It is cold here."), ("e", step), ("d", end)]
    more: list[tuple[str, Any]] = [("f", {"messageId": "a2"}), ("0", "Indeed."), ("e", step), ("d", end)]
    return [Answer(data_lines(*lines), content_type="text/plain") for lines in (rich, told, more, told)]


async def _bodies(release: str) -> dict[str, Any]:
    script = _legacy() if release.startswith("4.") else _modern(release)
    async with serve(*script) as server, SdkClient(release) as sdk:
        chat = await sdk.chat(
            f"{server.url}/api/chat", id="chat-1", auto_send="tools", client_tools={"locate": {"street": "Storgata"}}
        )
        files = [{"type": "file", "mediaType": "image/png", "filename": "sky.png", "url": PIXEL}]
        await chat.send("How is the weather?", files=files, body={"model": "gpt-4o-mini"})
        names = ["first", "tool-output"]
        state = await chat.send("Brr.")
        names.append("follow-up")
        if release >= "6":
            await chat.approve("ap1", approved=True, reason="Go on.")
            await chat.send()
            names.append("approval")
        else:
            await chat.regenerate()
            names.append("regeneration")
        await chat.edit(state.messages[0]["id"], "And now?")
        names.append("edit")
    return dict(zip(names, [asked.body for asked in server.asked], strict=True))


async def _record() -> None:
    FOLDER.mkdir(exist_ok=True)
    for release in RELEASES:
        text = json.dumps(await _bodies(release), indent=1, ensure_ascii=False)
        (FOLDER / f"{release}.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(_record())
