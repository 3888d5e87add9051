"""What real clients of each release sent, replayed against the assembled service as it was and with unknown things in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mamba_domain.approvals import ApprovalTicket, Verdict
from mamba_domain.events import FinishReason, ModelFinished, TextDelta
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import ToolCall, ToolContext
from tests.app.harness import Running, running_app, settings
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.tool_registry import FakeTools

FOLDER = Path(__file__).parents[1] / "adapters" / "http" / "requests"
RECORDED = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
CASES = [(release, name) for release, bodies in RECORDED.items() for name in bodies]

NOVELTIES: Sequence[Any] = (
    None,
    3,
    -0.5,
    True,
    "später",
    [],
    [{"x": [None]}],
    {},
    {"type": "text", "deep": {"er": []}},
)
UNKNOWN_PARTS: Sequence[Any] = (
    {"type": "hologram", "beam": {"watts": 3}},
    {"type": "data-weather", "id": "w", "data": {"celsius": 4}},
    {"type": "custom", "kind": "maker.thing"},
    {"type": "reasoning-file", "mediaType": "text/plain", "url": "data:,"},
    {"type": "steering-message", "id": "s", "parts": [{"type": "text", "text": "faster"}]},
    {"type": ""},
)


class Believing:
    """An approval desk that takes every verdict for true: what was recorded was asked by another server."""

    async def issue(self, call: ToolCall, context: ToolContext) -> ApprovalTicket:
        raise AssertionError("nothing is called here")

    async def redeem(self, verdicts: Sequence[Verdict], context: ToolContext) -> tuple[ToolCall, ...]:
        return tuple(ToolCall(call_id=v.call_id, tool=v.tool, input=v.input) for v in verdicts)


class Agreeable(ScriptedModel):
    """Says the same to everything."""

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[AsyncIterator[Any]]:
        async def said() -> AsyncIterator[Any]:
            yield (TextDelta(text="Well."), ModelFinished(finish_reason=FinishReason.STOP))

        self.requests.append(request)
        yield said()


@pytest.fixture(scope="module")
async def app() -> AsyncIterator[Running]:
    model = Agreeable()
    async with running_app(settings(), model_for=lambda _: model, tools=FakeTools(), approvals=Believing()) as running:
        yield running


def with_novelties(value: Any, novelty: Any, *, inside: str = "") -> Any:
    """The value with an unknown field in each object, and unknown parts among the parts."""
    if isinstance(value, list):
        items = [with_novelties(item, novelty) for item in value]
        if inside == "parts":
            half = len(items) // 2
            return [*UNKNOWN_PARTS, *items[:half], *UNKNOWN_PARTS, *items[half:], *UNKNOWN_PARTS]
        return items
    if isinstance(value, dict):
        known = {name: with_novelties(item, novelty, inside=name) for name, item in value.items()}
        return {"x-novelty": novelty, **known, "zukunft": novelty}
    return value


async def post(app: Running, body: Any) -> httpx2.Response:
    return await app.http.post("/api/chat", json=body)


@pytest.mark.parametrize(("release", "name"), CASES)
async def test_a_recorded_request_is_answered_in_its_wire(app: Running, release: str, name: str) -> None:
    response = await post(app, RECORDED[release][name])
    assert response.status_code == 200, response.text
    is_of_4 = release.startswith("4.")
    assert ("x-vercel-ai-data-stream" in response.headers) == is_of_4
    assert ("x-vercel-ai-ui-message-stream" in response.headers) == (not is_of_4)
    assert "Well." in response.text


@pytest.mark.parametrize(("release", "name"), CASES)
async def test_unknown_fields_and_parts_are_no_reason_to_refuse(app: Running, release: str, name: str) -> None:
    recorded = RECORDED[release][name]
    plain = await post(app, recorded)
    for novelty in NOVELTIES:
        response = await post(app, with_novelties(recorded, novelty))
        assert response.status_code == 200, (novelty, response.text)
        assert response.headers["content-type"] == plain.headers["content-type"]


async def test_histories_of_all_generations_mix_in_one_conversation(app: Running) -> None:
    histories = [bodies["tool-output"]["messages"] for bodies in RECORDED.values()]
    mixed = [message for history in histories for message in history]
    last = {"id": "u-last", "role": "user", "parts": [{"type": "text", "text": "And now?"}]}
    modern = await post(app, {"id": "c", "trigger": "submit-message", "messages": [*mixed, last]})
    last_of_4 = {"role": "user", "content": "And now?", "parts": last["parts"]}
    legacy = await post(app, {"id": "c", "messages": [*mixed, last_of_4]})
    assert (modern.status_code, legacy.status_code) == (200, 200)
    assert modern.headers["content-type"].startswith("text/event-stream")
    assert legacy.headers["content-type"].startswith("text/plain")
