"""Spans of whole turns, as a collector receives them from the assembled service, and the trace's way in and out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mamba_adapters.telemetry.tracing_setup import start_tracing, wanted_exporter
from mamba_domain.errors import Code, Misconfigured, ModelFailed
from mamba_domain.tools import Placement
from tests.adapters.telemetry.collector import Collector, collecting
from tests.app.harness import chat_body, running_app, settings
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.scripted_model import ScriptedModel, call_script, text_script
from tests.fakes.tool_registry import FakeTool, FakeTools, returning

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
CALLER = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector, named by the standard variable."""
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        yield found


async def test_a_turn_is_a_span_with_its_steps_model_calls_and_tool_calls_inside(collector: Collector) -> None:
    model = ScriptedModel(
        call_script(("c1", "weather", "{}"), ("c2", "wind", "{}")), text_script("Cold ", "and windy.")
    )
    tools = FakeTools(FakeTool(name="weather", steps=returning("cold")), FakeTool(name="wind"))
    async with running_app(settings(), model_for=lambda _: model, tools=tools) as app:
        await app.http.post("/api/chat", json=chat_body(), headers=CALLER)
    turn, first, second = (collector.named(name) for name in ("invoke_agent mamba-server", "step 1", "step 2"))
    assert collector.service == "mamba-server"
    assert {span.trace_id for span in collector.spans} == {TRACE}
    assert turn.parent_id == SPAN
    assert turn.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert turn.attributes["gen_ai.conversation.id"] == "chat-1"
    assert turn.attributes["gen_ai.usage.input_tokens"] == 20
    assert turn.attributes["mamba.outcome"] == "finished"
    assert first.parent_id == second.parent_id == turn.span_id
    calls = [span for span in collector.spans if span.name == "chat gpt-4o-mini"]
    assert {span.parent_id for span in calls} == {first.span_id, second.span_id}
    for call in calls:
        assert call.attributes["gen_ai.operation.name"] == "chat"
        assert call.attributes["gen_ai.provider.name"] == "openai"
        assert call.attributes["gen_ai.request.model"] == "gpt-4o-mini"
        assert call.attributes["gen_ai.usage.output_tokens"] == 5
        assert call.attributes["gen_ai.response.time_to_first_chunk"] >= 0
    assert {tuple(call.attributes["gen_ai.response.finish_reasons"]) for call in calls} == {("tool-calls",), ("stop",)}
    for name in ("weather", "wind"):
        tool = collector.named(f"execute_tool {name}")
        assert tool.parent_id == first.span_id
        assert tool.attributes["gen_ai.tool.name"] == name
        assert tool.attributes["gen_ai.operation.name"] == "execute_tool"
    assert len(collector.spans) == 7
    assert not any(span.failed for span in collector.spans)


async def test_a_call_that_nothing_is_run_for_is_in_the_trace_as_well(collector: Collector) -> None:
    model = ScriptedModel(call_script(("c1", "card", "{}"), ("c2", "nobody-has-it", "{}")), text_script("Here."))
    card = FakeTool(name="card", placement=Placement.DISPLAY)
    async with running_app(settings(), model_for=lambda _: model, tools=FakeTools(card)) as app:
        await app.http.post("/api/chat", json=chat_body())
    step, shown, refused = (collector.named(name) for name in ("step 1", "execute_tool card", "execute_tool unknown"))
    assert shown.parent_id == refused.parent_id == step.span_id
    assert (shown.failed, shown.attributes["mamba.outcome"]) == (False, "returned")
    assert (refused.failed, refused.attributes["mamba.outcome"]) == (True, "invalid")


async def test_a_failure_marks_every_span_that_it_left_open_and_tells_a_code_only(collector: Collector) -> None:
    model = ScriptedModel([ModelFailed(Code.MODEL_ERROR, detail="what a provider said")])
    async with running_app(settings(), model_for=lambda _: model) as app:
        await app.chat()
    assert [span.name for span in collector.spans] == ["chat gpt-4o-mini", "step 1", "invoke_agent mamba-server"]
    assert all(span.failed and span.attributes["error.type"] == "MODEL_ERROR" for span in collector.spans)
    assert "provider said" not in repr(collector.spans)


async def test_what_people_and_models_say_is_in_no_span(collector: Collector) -> None:
    model = ScriptedModel(call_script(("c1", "weather", '{"city": "Sesame"}')), text_script("Open sesame"))
    tools = FakeTools(FakeTool(name="weather", steps=returning("sesame seeds")))
    async with running_app(settings(), model_for=lambda _: model, tools=tools) as app:
        await app.chat("sesame?")
    assert collector.spans
    assert "sesame" not in repr(collector.spans).lower()


async def test_the_provider_gets_the_model_calls_trace_context(collector: Collector) -> None:
    async with FakeOpenAI() as upstream:
        values = {"model.adapter": "openai-chat", "openai.api_key": "sk-test", "openai.base_url": upstream.base_url}
        async with running_app(settings(values)) as app:
            await app.http.post("/api/chat", json=chat_body(), headers=CALLER)
        (asked,) = upstream.requests
    headers = _headers(asked.headers)
    assert headers["traceparent"] == f"00-{TRACE}-{collector.named('chat gpt-4o-mini').span_id}-01"


async def test_without_the_variables_nothing_is_sent_along() -> None:
    async with FakeOpenAI() as upstream:
        values = {"model.adapter": "openai-chat", "openai.api_key": "sk-test", "openai.base_url": upstream.base_url}
        async with running_app(settings(values)) as app:
            await app.http.post("/api/chat", json=chat_body(), headers=CALLER)
        (asked,) = upstream.requests
    assert "traceparent" not in _headers(asked.headers)


def test_switched_off_it_is_not_even_imported() -> None:
    program = "import sys, mamba_app.serve, mamba_adapters.telemetry.tracing_setup as setup; "
    program += "assert setup.start_tracing(version='1', env={}) is None; "
    program += "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == 0


@pytest.mark.parametrize(
    ("env", "exporter"),
    [
        ({}, None),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, None),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp"),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, None),
    ],
)
def test_the_standard_variables_decide(env: Mapping[str, str], exporter: str | None) -> None:
    assert wanted_exporter(env) == exporter


def test_an_exporter_that_there_is_not_stops_the_start() -> None:
    with pytest.raises(Misconfigured, match="otlp, console, none"):
        start_tracing(version="1", env={"OTEL_TRACES_EXPORTER": "zipkin"})


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_an_address_without_a_scheme_as_grpc_has_it_stops_the_start(name: str) -> None:
    with pytest.raises(Misconfigured, match="no http or https URL") as caught:
        start_tracing(version="1", env={name: "collector:4317"})
    assert caught.value.key == name


def _headers(given: Any) -> dict[str, str]:
    pairs = given.items() if isinstance(given, Mapping) else given
    return {str(name).lower(): str(value) for name, value in pairs}
