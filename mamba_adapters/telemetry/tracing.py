"""Spans of turns, steps, model calls and tool calls, with OpenTelemetry 1.45.

The names are those of the semantic conventions for generative AI. They are constants here because the published package
moves them from release to release. Prompts and answers are never attributes: `logging.prompts` is where they are asked for.

A turn runs in a task that copies the context of the request that asked for it: its span is a child of the caller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from mamba_adapters.telemetry.metrics import OTHER
from mamba_domain.catalog import ModelCard
from mamba_domain.events import ModelFinished, Terminal, TurnFailed, TurnFinished
from mamba_domain.messages import AssistantPart
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import ToolCall

__all__ = ["Tracing"]

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
CONVERSATION = "gen_ai.conversation.id"
AGENT = "gen_ai.agent.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
TOOL_NAME = "gen_ai.tool.name"
TOOL_CALL = "gen_ai.tool.call.id"
TOOL_TYPE = "gen_ai.tool.type"
ERROR = "error.type"
OUTCOME = "mamba.outcome"

_Scope: TypeAlias = MutableMapping[str, Any]
_App: TypeAlias = Callable[[_Scope, Any, Any], Awaitable[None]]


@dataclass(slots=True)
class _Open:
    """The open spans of one turn, and what undoes each one's being the current span."""

    turn: Span
    base: Context
    steps: int = 0
    step: Span | None = None
    call: Span | None = None
    tools: set[Span] = field(default_factory=set)
    undo: list[Token[Context]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Tool:
    span: Span
    token: Token[Context]


_turn: ContextVar[_Open | None] = ContextVar("mamba_traced_turn", default=None)
_tool: ContextVar[_Tool | None] = ContextVar("mamba_traced_tool", default=None)


class Tracing:
    """A `TurnObserver`, the middleware that reads a caller's trace context, and the headers that pass it on."""

    def __init__(
        self, provider: TracerProvider, *, version: str, new_processor: Callable[[], SpanProcessor] | None = None
    ) -> None:
        self._provider = provider
        self._new_processor = new_processor
        self._tracer = provider.get_tracer("mamba-server", version)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """While this lasts, spans are sent by a thread; at the end, what is left is sent, for as long as the exporter waits.

        The thread begins here, since worker processes are forked before.
        """
        if self._new_processor is not None:
            self._provider.add_span_processor(self._new_processor())
        try:
            yield
        finally:
            await asyncio.to_thread(self._provider.shutdown)

    def model_stood_in(self, by: str) -> None:
        """The model call that is under way is answered by another model."""
        trace.get_current_span().set_attribute(RESPONSE_MODEL, by)

    def outgoing_headers(self) -> Mapping[str, str]:
        """What a request to a provider carries, so that its spans join the trace."""
        headers: dict[str, str] = {}
        propagate.inject(headers)
        return headers

    def middleware(self, app: _App) -> _App:
        """The application, within the trace that its caller names."""

        async def within(scope: _Scope, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            token = context.attach(propagate.extract(carrier))
            try:
                await app(scope, receive, send)
            finally:
                context.detach(token)

        return within

    def turn_started(self, *, model: ModelCard, chat_id: str | None) -> None:
        """See `TurnObserver`."""
        attributes: dict[str, AttributeValue] = {
            OPERATION: "invoke_agent",
            AGENT: "mamba-server",
            PROVIDER: model.provider,
            REQUEST_MODEL: model.id,
        }
        if chat_id is not None:
            attributes[CONVERSATION] = chat_id
        span = self._tracer.start_span("invoke_agent mamba-server", attributes=attributes)
        _turn.set(_Open(turn=span, base=trace.set_span_in_context(span)))

    def history_repaired(self, *, rule: str, count: int) -> None:
        """See `TurnObserver`."""
        if turn := _turn.get():
            turn.turn.add_event("history.repaired", {"rule": rule, "count": count})

    def model_called(self, *, model: ModelCard, request: ModelRequest) -> None:
        """See `TurnObserver`."""
        turn = _turn.get()
        if turn is None:
            return
        turn.steps += 1
        turn.step = self._tracer.start_span(f"step {turn.steps}", turn.base, attributes={"mamba.step": turn.steps})
        in_step = trace.set_span_in_context(turn.step, turn.base)
        turn.undo.append(context.attach(in_step))
        attributes: dict[str, AttributeValue] = {
            OPERATION: "chat",
            PROVIDER: model.provider,
            REQUEST_MODEL: request.model,
        }
        if request.temperature is not None:
            attributes[REQUEST_TEMPERATURE] = request.temperature
        if request.max_output_tokens is not None:
            attributes[REQUEST_MAX_TOKENS] = request.max_output_tokens
        turn.call = self._tracer.start_span(f"chat {request.model}", in_step, SpanKind.CLIENT, attributes)
        turn.undo.append(context.attach(trace.set_span_in_context(turn.call, in_step)))

    def model_answered(
        self, *, said: Sequence[AssistantPart], finished: ModelFinished, first_output: float, interval: float | None
    ) -> None:
        """See `TurnObserver`."""
        turn = _turn.get()
        if turn is None or turn.call is None:
            return
        turn.call.set_attribute(FINISH_REASONS, (finished.finish_reason.value,))
        turn.call.set_attribute(FIRST_CHUNK, first_output)
        if finished.usage is not None:
            turn.call.set_attribute(INPUT_TOKENS, finished.usage.input_tokens)
            turn.call.set_attribute(OUTPUT_TOKENS, finished.usage.output_tokens)
        turn.call.end()
        turn.call = None
        context.detach(turn.undo.pop())

    def tool_started(self, *, call: ToolCall) -> None:
        """See `TurnObserver`."""
        turn = _turn.get()
        if turn is None:
            return
        span = self._tool_span(turn, call.tool)
        span.set_attribute(TOOL_CALL, call.call_id)
        turn.tools.add(span)
        _tool.set(_Tool(span, context.attach(trace.set_span_in_context(span))))

    def tool_ended(self, *, tool: str, outcome: str, seconds: float) -> None:
        """See `TurnObserver`. A call that nothing was run for, refused or settled by showing it, is a moment."""
        turn, running = _turn.get(), _tool.get()
        if turn is None:
            return
        if running is None:
            self._mark_call(turn, tool, outcome)
            return
        running.span.set_attribute(OUTCOME, outcome)
        if outcome != "returned":
            _fail(running.span, outcome)
        running.span.end()
        turn.tools.discard(running.span)
        context.detach(running.token)
        _tool.set(None)

    def _mark_call(self, turn: _Open, tool: str, outcome: str) -> None:
        span = self._tool_span(turn, tool)
        span.set_attribute(OUTCOME, outcome)
        if outcome != "returned":
            _fail(span, outcome)
        span.end()

    def _tool_span(self, turn: _Open, tool: str) -> Span:
        attributes: dict[str, AttributeValue] = {
            OPERATION: "execute_tool",
            TOOL_NAME: tool,
            TOOL_TYPE: "function",
        }
        # Calls that a person approved, or denied, come before the first step.
        parent = None if turn.step is not None else turn.base
        return self._tracer.start_span(f"execute_tool {tool}", parent, attributes=attributes)

    def step_ended(self) -> None:
        """See `TurnObserver`."""
        turn = _turn.get()
        if turn is None or turn.step is None:
            return
        turn.step.end()
        turn.step = None
        context.detach(turn.undo.pop())

    def turn_ended(self, *, model: str, end: Terminal, steps: int, cause: BaseException | None) -> None:
        """See `TurnObserver`."""
        turn = _turn.get()
        if turn is None:
            return
        failure = end.code.value if isinstance(end, TurnFailed) else ""
        turn.turn.set_attribute(INPUT_TOKENS, end.usage.input_tokens)
        turn.turn.set_attribute(OUTPUT_TOKENS, end.usage.output_tokens)
        if isinstance(end, TurnFinished):
            turn.turn.set_attribute(FINISH_REASONS, (end.finish_reason.value,))
        turn.turn.set_attribute(OUTCOME, failure or ("finished" if isinstance(end, TurnFinished) else "stopped"))
        for span in (*turn.tools, turn.call, turn.step, turn.turn):
            if span is not None:
                if failure:
                    _fail(span, failure)
                span.end()
        while turn.undo:
            context.detach(turn.undo.pop())
        _turn.set(None)

    def reader_joined(self) -> None:
        """See `TurnObserver`."""

    def reader_left(self) -> None:
        """See `TurnObserver`."""


def _fail(span: Span, reason: str) -> None:
    """Codes only: a cause's text may hold what a provider said."""
    span.set_attribute(ERROR, reason or OTHER)
    span.set_status(Status(StatusCode.ERROR))
