"""The agent loop: model, tools, model, until the model has said what it wants to say.

`run_turn` is the only place that ends a turn. Whatever happens, the sink gets exactly one terminal event, last.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from mamba_domain.approvals import Verdict
from mamba_domain.calls import CallDesk
from mamba_domain.catalog import ModelCard
from mamba_domain.errors import PUBLIC_MESSAGES, Code, MambaError, ModelFailed, Rejected
from mamba_domain.estimates import estimated_usage
from mamba_domain.events import (
    FinishReason,
    ModelEvent,
    ModelFinished,
    ReasoningClosed,
    ReasoningDelta,
    Restored,
    StepFinished,
    StepStarted,
    Terminal,
    TextDelta,
    Timings,
    ToolCallCompleted,
    ToolInputDelta,
    ToolInputStarted,
    TurnCancelled,
    TurnEvent,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Usage,
)
from mamba_domain.history import repair
from mamba_domain.identity import Principal
from mamba_domain.messages import (
    AssistantMessage,
    AssistantPart,
    JsonObject,
    Message,
    ReasoningPart,
    TextPart,
    ToolMessage,
)
from mamba_domain.ports.approval_desk import ApprovalDesk
from mamba_domain.ports.chat_model import ChatModel, ModelRequest
from mamba_domain.ports.observer import TurnObserver
from mamba_domain.ports.seals import NoSeals, Seals
from mamba_domain.ports.streams import StreamSink
from mamba_domain.ports.tool_registry import ToolRegistry
from mamba_domain.results import place_results
from mamba_domain.tools import ToolContext

__all__ = ["Interruption", "Turn", "TurnLimits", "run_turn"]

_STEP_LIMIT_TEXT = "I stopped here because this answer reached its limit of steps."


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is to be answered.

    `restored` holds what the answer already says when an earlier one is continued; `used_call_ids` are the ids that it took.
    """

    message_id: str
    model: ModelCard
    messages: tuple[Message, ...]
    principal: Principal
    chat_id: str | None = None
    tools: tuple[str, ...] | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None
    response_schema: JsonObject | None = None
    restored: tuple[TurnEvent, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    used_call_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLimits:
    """How much one turn may take. Times are in seconds; `max_steps` counts the model calls that may call tools."""

    max_steps: int = 10
    max_calls_per_step: int = 16
    max_argument_bytes: int = 1 << 20
    idle_timeout: float = 60.0
    total_timeout: float = 600.0


class Interruption:
    """Tells a turn why it is being cancelled; set before the cancellation."""

    __slots__ = ("code",)

    def __init__(self) -> None:
        self.code = Code.STOPPED


async def run_turn(
    turn: Turn,
    *,
    model: ChatModel,
    tools: ToolRegistry,
    approvals: ApprovalDesk,
    sink: StreamSink,
    limits: TurnLimits,
    observer: TurnObserver,
    interruption: Interruption,
    seals: Seals | None = None,
) -> Usage:
    """Answer one turn into the sink. Never raises: a failure is the stream's last event.

    Returns what the turn took: as the provider counted it, and as an estimate where it did not come to that.
    """
    run = _Run(turn, model, tools, approvals, sink, limits, observer, seals or NoSeals())
    end: Terminal
    cause: BaseException | None = None
    observer.turn_started(model=turn.model, chat_id=turn.chat_id)
    try:
        async with asyncio.timeout(limits.total_timeout):
            finish_reason = await run.answer()
        end = TurnFinished(finish_reason=finish_reason, usage=run.usage, timings=run.timings())
    except asyncio.CancelledError as error:
        if interruption.code is Code.STOPPED:
            end = TurnCancelled(usage=run.usage, timings=run.timings())
        else:
            end, cause = run.failed(interruption.code), error
    except TimeoutError as error:
        end, cause = run.failed(Code.MODEL_TIMEOUT), error
    except (Rejected, ModelFailed) as error:
        end, cause = run.failed(error.code, error.public_message, error.retry_after), error
    except MambaError as error:
        end, cause = run.failed(error.code, error.public_message), error
    except Exception as error:
        end, cause = run.failed(Code.INTERNAL), error
    await sink.send((end,))
    observer.turn_ended(model=turn.model.id, end=end, steps=run.steps, cause=cause)
    return run.taken()


class _Run:
    """The state of one turn under way."""

    def __init__(
        self,
        turn: Turn,
        model: ChatModel,
        tools: ToolRegistry,
        approvals: ApprovalDesk,
        sink: StreamSink,
        limits: TurnLimits,
        observer: TurnObserver,
        seals: Seals,
    ) -> None:
        self._turn = turn
        self._model = model
        self._sink = sink
        self._limits = limits
        self._observer = observer
        self._started = time.monotonic()
        self._output = _Output(sink)
        self._messages = list(turn.messages)
        self._offered = tools.offered(turn.tools, turn.principal) if turn.model.supports_tools else ()
        self._calls = CallDesk(
            tools=tools,
            approvals=approvals,
            offered=frozenset(spec.name for spec in self._offered),
            context=ToolContext(principal=turn.principal, chat_id=turn.chat_id),
            emit=self._output.emit,
            observer=observer,
            max_calls=limits.max_calls_per_step,
            max_argument_bytes=limits.max_argument_bytes,
            used_ids=turn.used_call_ids,
            seals=seals,
        )
        self.usage = Usage()
        self.steps = 0
        self._estimated = Usage()
        self._under_way: tuple[ModelRequest, _Said] | None = None

    def timings(self) -> Timings:
        first = None if self._output.began is None else self._output.began - self._started
        return Timings(first_output=first, duration=time.monotonic() - self._started)

    def failed(self, code: Code, message: str | None = None, retry_after: float | None = None) -> TurnFailed:
        return TurnFailed(
            code=code,
            message=message or PUBLIC_MESSAGES[code],
            usage=self.usage,
            timings=self.timings(),
            retry_after=retry_after,
        )

    async def answer(self) -> FinishReason:
        opening: list[TurnEvent] = [TurnStarted(message_id=self._turn.message_id, model=self._turn.model.id)]
        if self._turn.restored:
            opening.append(Restored(events=self._turn.restored))
        await self._sink.send(opening)
        results = await self._calls.carry_out(self._turn.verdicts, self._turn.messages)
        self._messages = list(place_results(self._calls.vouch(self._turn.messages), results))
        while True:
            may_call = self.steps < self._limits.max_steps
            parts, finish_reason = await self._model_call(may_call=may_call)
            settled = await self._calls.settle(finish_reason, may_call=may_call)
            await self._sink.send((StepFinished(finish_reason=finish_reason),))
            self._observer.step_ended()
            if settled.waits_for_client or not settled.results:
                return finish_reason
            if not may_call:
                return await self._say_limit()
            self._messages += [
                AssistantMessage(parts=(*parts, *settled.calls)),
                ToolMessage(results=settled.results),
            ]

    async def _model_call(self, *, may_call: bool) -> tuple[tuple[AssistantPart, ...], FinishReason]:
        """One step's model call, relayed as it comes; what the model said, and why it stopped."""
        self.steps += 1
        messages, repairs = repair(self._messages)
        for rule, count in repairs.items():
            self._observer.history_repaired(rule=rule, count=count)
        request = ModelRequest(
            model=self._turn.model.upstream_model,
            messages=messages,
            tools=self._offered,
            may_call=may_call,
            temperature=self._turn.temperature,
            max_output_tokens=self._turn.max_output_tokens,
            response_schema=self._turn.response_schema,
        )
        said = _Said()
        finished: ModelFinished | None = None
        clock = asyncio.get_running_loop().time
        idle = self._limits.idle_timeout
        reads = 0
        first_read = called = clock()
        self._observer.model_called(model=self._turn.model, request=request)
        async with self._model.stream(request) as batches:
            self._under_way = (request, said)
            await self._sink.send((StepStarted(),))
            async with _Patience(idle) as patience:
                async for batch in batches:
                    patience.rest()
                    if not reads:
                        first_read = clock()
                    reads += 1
                    finished = await self._relay(batch, said)
                    patience.wait()
        if finished is None:
            raise ModelFailed(Code.MODEL_ERROR, detail="the model's stream ended without a finish reason")
        if finished.usage is not None:
            self.usage += finished.usage
            self._under_way = None
        self._estimate()
        parts = said.parts()
        self._observer.model_answered(
            said=parts,
            finished=finished,
            first_output=first_read - called,
            interval=(clock() - first_read) / (reads - 1) if reads > 1 else None,
        )
        return parts, finished.finish_reason

    def taken(self) -> Usage:
        """The usage that was told and the usage that was not."""
        self._estimate()
        return self.usage + self._estimated

    def _estimate(self) -> None:
        """Of a call whose usage nobody told, or will tell any more."""
        if self._under_way is not None:
            request, said = self._under_way
            self._estimated += estimated_usage(request.messages, said.characters)
            self._under_way = None

    async def _relay(self, batch: Sequence[ModelEvent], said: _Said) -> ModelFinished | None:
        """Pass on what one read brought."""
        finished: ModelFinished | None = None
        out: list[TurnEvent] = []
        for event in batch:
            match event:
                case TextDelta(text=text):
                    said.text(text)
                    out.append(event)
                case ReasoningDelta(text=text):
                    said.reasoning(text)
                    out.append(event)
                case ReasoningClosed():
                    said.close_reasoning(event)
                    out.append(event)
                case ToolInputStarted():
                    out += self._calls.started(event)
                case ToolInputDelta():
                    out += self._calls.argued(event)
                case ToolCallCompleted():
                    self._calls.completed(event)
                case ModelFinished():
                    finished = event
                case _:
                    out.append(event)
        await self._output.emit(out)
        return finished

    async def _say_limit(self) -> FinishReason:
        """A last step of plain text: pages that answer tool results by themselves would otherwise ask again for ever."""
        await self._output.emit(
            (StepStarted(), TextDelta(text=_STEP_LIMIT_TEXT), StepFinished(finish_reason=FinishReason.STOP))
        )
        return FinishReason.STOP


class _Patience:
    """A time-out for each wait of many, in seconds. Its one timer is moved when it rings, not for each event.

    It is patient from the start, and again from `wait` on, until `rest`.
    """

    __slots__ = ("_clock", "_seconds", "_since", "_timeout", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> _Patience:
        loop = asyncio.get_running_loop()
        self._clock = loop.time
        self._since: float | None = loop.time()
        self._timer = loop.call_later(self._seconds, self._ring)
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def rest(self) -> None:
        self._since = None

    def wait(self) -> None:
        self._since = self._clock()

    def _ring(self) -> None:
        loop = asyncio.get_running_loop()
        due = (loop.time() if self._since is None else self._since) + self._seconds
        if due <= loop.time():
            self._timeout.reschedule(due)
        else:
            self._timer = loop.call_at(due, self._ring)


class _Output:
    """What readers see of a turn, and since when."""

    def __init__(self, sink: StreamSink) -> None:
        self._sink = sink
        self.began: float | None = None

    async def emit(self, events: Sequence[TurnEvent]) -> None:
        if events:
            is_first = self.began is None
            if is_first:
                self.began = time.monotonic()
            await self._sink.send(events)
            if is_first:
                # Whoever waits for the first word gets it before the rest is even looked at.
                await asyncio.sleep(0)


class _Said:
    """Collects a step's content, in order, for the next model call."""

    def __init__(self) -> None:
        self._parts: list[TextPart | ReasoningPart] = []
        self._open: list[str] = []
        self._open_is_text = True

    @property
    def characters(self) -> int:
        """How much it is, without joining it: of an answer that is cut for its size, nobody wants another copy."""
        return sum(len(part.text) for part in self._parts) + sum(map(len, self._open))

    def text(self, text: str) -> None:
        if not self._open_is_text:
            self._close()
            self._open_is_text = True
        self._open.append(text)

    def reasoning(self, text: str) -> None:
        if self._open_is_text:
            self._close()
            self._open_is_text = False
        self._open.append(text)

    def close_reasoning(self, event: ReasoningClosed) -> None:
        text = ""
        if self._open_is_text:
            self._close()
        else:
            text = "".join(self._open)
            self._open.clear()
        self._parts.append(ReasoningPart(text=text, provider_data=event.provider_data))

    def parts(self) -> tuple[AssistantPart, ...]:
        self._close()
        return tuple(self._parts)

    def _close(self) -> None:
        if self._open:
            text = "".join(self._open)
            self._open.clear()
            self._parts.append(TextPart(text=text) if self._open_is_text else ReasoningPart(text=text))
