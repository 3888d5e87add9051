"""Whatever a model says: what the client gets is what `/openapi.json` describes. The suite of the faults judges the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.app.described import check_described
from tests.app.harness import chunks_of, settings
from tests.app.serving import serving
from tests.fakes.openai_server import (
    Api,
    Citation,
    Close,
    Failure,
    FakeOpenAI,
    Reasoning,
    Refusal,
    Reply,
    Reset,
    Step,
    Text,
    tool_call,
)

ADAPTERS: dict[Api, str] = {"chat": "openai-chat", "responses": "openai-responses"}
WORDS = st.text(max_size=12)
CALLS = st.sampled_from([("generateCard", '{"title": "Oslo"}'), ("generateCard", "{}"), ("nobody", "[]"), ("", "")])
SAID: st.SearchStrategy[Step] = st.one_of(
    WORDS.map(Text),
    WORDS.map(Reasoning),
    WORDS.map(Refusal),
    st.builds(Citation, url=st.sampled_from(["https://a.example/", "javascript:a", ""]), title=WORDS),
)
ENDS: st.SearchStrategy[tuple[Step, ...]] = st.sampled_from([(), (Failure(),), (Close(),), (Reset(),)])
REASONS = st.sampled_from(["stop", "length", "content_filter", "tool_calls", "something_new"])


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """An answer with calls or without, that ends well or not."""
    steps = draw(st.lists(SAID, max_size=6))
    for number, (name, arguments) in enumerate(draw(st.lists(CALLS, max_size=2))):
        steps.extend(tool_call(number, f"call-{number}", name, arguments))
    return Reply(steps=(*steps, *draw(ENDS)), finish=draw(REASONS))


@pytest.mark.parametrize("api", ADAPTERS)
@hypothesis_settings(max_examples=40, deadline=None)
@given(reply=replies(), release=st.sampled_from(["5.0.0", "6.0.326"]))
async def test_every_answer_that_a_model_makes_is_described(api: Api, reply: Reply, release: str) -> None:
    values = {"model.adapter": ADAPTERS[api], "openai.api_key": "sk-ours", "openai.max_attempts": 1}
    async with FakeOpenAI() as upstream:
        upstream.script([reply])
        async with serving(settings({**values, "openai.base_url": upstream.base_url, "chat.max_steps": 2})) as app:
            body = {"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]}
            answer = await app.http.post("/api/chat", json=body, headers={"x-mamba-ui": release})
    is_stream = answer.headers["content-type"].startswith("text/event-stream")
    check_described(answer, chunks_of(answer.content) if is_stream else [])
