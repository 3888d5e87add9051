"""Takes a step's tool calls from the model's first letter to their outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from mamba_domain.approvals import Verdict, denial, emulated_verdict
from mamba_domain.arguments import parse_arguments
from mamba_domain.drafts import Draft, Drafts
from mamba_domain.errors import Rejected, ToolFailed
from mamba_domain.events import (
    ApprovalRequested,
    FinishReason,
    ToolCallCompleted,
    ToolCalled,
    ToolDenied,
    ToolErrored,
    ToolInputDelta,
    ToolInputInvalid,
    ToolInputStarted,
    ToolProgressed,
    ToolReturned,
    TurnEvent,
)
from mamba_domain.messages import JsonValue, Message, ToolCallPart, ToolMessage, ToolResultPart
from mamba_domain.ports.approval_desk import ApprovalDesk
from mamba_domain.ports.observer import TurnObserver
from mamba_domain.ports.seals import Seals
from mamba_domain.ports.tool_registry import ToolRegistry
from mamba_domain.tools import (
    Placement,
    ToolCall,
    ToolContext,
    ToolError,
    ToolOutcome,
    ToolOutput,
    ToolProgress,
    ToolSpec,
)
from mamba_domain.trust import calls_of, vouch

__all__ = ["CallDesk", "Settled"]

_GONE = "The tool is no longer available."
_CUT_OFF = "The call was cut off and not executed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a step's calls. Both tuples are in the model's order."""

    calls: tuple[ToolCallPart, ...] = ()
    results: tuple[ToolResultPart, ...] = ()
    waits_for_client: bool = False


@dataclass(slots=True)
class _Ledger:
    """Results by call, until all are in."""

    calls: list[ToolCallPart] = field(default_factory=list)
    results: dict[str, ToolResultPart] = field(default_factory=dict)
    waits_for_client: bool = False


class CallDesk:
    """Judges and carries out the calls of one turn.

    A call runs only when the model finished its step legally, its name was offered, its id is new and its
    input passed the tool's own validation.
    """

    def __init__(
        self,
        *,
        tools: ToolRegistry,
        approvals: ApprovalDesk,
        offered: frozenset[str],
        context: ToolContext,
        emit: Callable[[Sequence[TurnEvent]], Awaitable[None]],
        observer: TurnObserver,
        max_calls: int,
        max_argument_bytes: int,
        used_ids: frozenset[str],
        seals: Seals,
    ) -> None:
        self._tools = tools
        self._approvals = approvals
        self._offered = offered
        self._context = context
        self._emit = emit
        self._observer = observer
        self._seals = seals
        self._known = _KnownTools(tools)
        self._drafts = Drafts(
            is_dynamic=self._known.is_dynamic,
            max_calls=max_calls,
            max_argument_bytes=max_argument_bytes,
            used_ids=used_ids,
        )

    def started(self, event: ToolInputStarted) -> Sequence[TurnEvent]:
        """A model begins a call; what to tell the readers."""
        return self._drafts.started(event)

    def argued(self, event: ToolInputDelta) -> Sequence[TurnEvent]:
        """More argument text; what to tell the readers."""
        return self._drafts.argued(event)

    def completed(self, event: ToolCallCompleted) -> None:
        """The model finished a call's arguments."""
        self._drafts.completed(event)

    def vouch(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The client's history without outputs that it may have made up."""
        return vouch(messages, tools=self._tools, seals=self._seals, context=self._context)

    async def settle(self, finish_reason: FinishReason, *, may_call: bool) -> Settled:
        """The step is over: judge its calls, run those of the server side by side, and say what came of each.

        Questions to a person come last, when everything else of the step is known.
        """
        drafts = self._drafts.take()
        if not drafts:
            return Settled()
        if finish_reason not in (FinishReason.TOOL_CALLS, FinishReason.STOP):
            await self._emit([_invalid(draft, {}, _CUT_OFF) for draft in drafts])
            return Settled()
        ledger = _Ledger()
        judged = [await self._judge(draft, ledger, may_call=may_call) for draft in drafts]
        local = [call for call in judged if call is not None and await self._is_local(call, ledger)]
        asking = [call for call in local if self._tools.needs_approval(call)]
        await self._run_all([call for call in local if call not in asking], ledger)
        for call in asking:
            await self._ask(call)
        ledger.waits_for_client |= bool(asking)
        results = tuple(ledger.results[part.call_id] for part in ledger.calls if part.call_id in ledger.results)
        return Settled(calls=tuple(ledger.calls), results=results, waits_for_client=ledger.waits_for_client)

    async def carry_out(
        self, verdicts: Sequence[Verdict], messages: Sequence[Message] = ()
    ) -> tuple[ToolResultPart, ...]:
        """Act on decisions that came with the request. When one is forged, `Rejected` and nothing runs.

        Clients without approvals give theirs as the outcome of the call, in the last of the messages.
        """
        decided = list(zip(await self._approvals.redeem(verdicts, self._context), verdicts, strict=True))
        decided += await self._emulated(messages)
        if not decided:
            return ()
        ledger = _Ledger()
        approved: list[ToolCall] = []
        for call, verdict in decided:
            if verdict.approved and self._is_available(call.tool):
                approved.append(call)
            else:
                reason = _GONE if verdict.approved else verdict.reason
                await self._deny(call, reason, ledger)
        await self._run_all(approved, ledger)
        return tuple(ledger.results[call.call_id] for call, _ in decided)

    async def _emulated(self, messages: Sequence[Message]) -> list[tuple[ToolCall, Verdict]]:
        """Decisions that look like outcomes of server calls; what awaits no decision is left to `vouch`."""
        last = messages[-1] if messages else None
        if not isinstance(last, ToolMessage):
            return []
        decided = []
        calls = {call.call_id: call for call in calls_of(messages)}
        for result in last.results:
            call = calls.get(result.call_id)
            if call is None or not self._is_server_tool(call.tool) or result.seal is not None:
                continue
            verdict = emulated_verdict(call, result.output)
            with suppress(Rejected):
                decided.append(((await self._approvals.redeem((verdict,), self._context))[0], verdict))
        return decided

    async def _deny(self, call: ToolCall, reason: str | None, ledger: _Ledger) -> None:
        dynamic = self._known.is_dynamic(call.tool)
        await self._emit((ToolDenied(call_id=call.call_id, reason=reason, dynamic=dynamic),))
        self._observer.tool_ended(tool=call.tool, outcome="denied", seconds=0.0)
        ledger.results[call.call_id] = _result(call, ToolError(error_text=denial(reason)))

    async def _judge(self, draft: Draft, ledger: _Ledger, *, may_call: bool) -> ToolCall | None:
        """Accept a call, or tell the readers and the model why not."""
        arguments: JsonValue = draft.arguments or ""
        known = self._is_available(draft.tool)
        try:
            if draft.refusal is not None:
                raise ToolFailed(draft.refusal)
            if not may_call:
                raise ToolFailed("No more calls are allowed in this answer.")
            if not known:
                raise ToolFailed("There is no such tool.")
            if draft.arguments is None:
                raise ToolFailed(_CUT_OFF)
            arguments = parse_arguments(draft.arguments)
            value = self._tools.validate(draft.tool, arguments)
        except ToolFailed as refusal:
            await self._emit((_invalid(draft, arguments, refusal.public_message),))
            self._observer.tool_ended(tool=draft.tool if known else "unknown", outcome="invalid", seconds=0.0)
            call = ToolCall(call_id=draft.call_id, tool=draft.tool, input=arguments)
            ledger.calls.append(ToolCallPart(call_id=draft.call_id, tool=draft.tool, input=arguments))
            ledger.results[draft.call_id] = _result(call, ToolError(error_text=refusal.public_message))
            return None
        ledger.calls.append(ToolCallPart(call_id=draft.call_id, tool=draft.tool, input=value))
        called = ToolCalled(call_id=draft.call_id, tool=draft.tool, input=value, dynamic=draft.dynamic)
        await self._emit((called,))
        return ToolCall(call_id=draft.call_id, tool=draft.tool, input=value)

    async def _is_local(self, call: ToolCall, ledger: _Ledger) -> bool:
        """Whether the call is the server's to carry out; settles or hands on what is not."""
        spec = self._known[call.tool]
        if spec.placement is Placement.DISPLAY:
            await self._emit((ToolReturned(call_id=call.call_id, output=call.input, dynamic=spec.dynamic),))
            self._observer.tool_ended(tool=call.tool, outcome="returned", seconds=0.0)
            ledger.results[call.call_id] = _result(call, ToolOutput(output=call.input))
        elif spec.placement is Placement.CLIENT:
            ledger.waits_for_client = True
        return spec.placement is Placement.SERVER

    async def _ask(self, call: ToolCall) -> None:
        ticket = await self._approvals.issue(call, self._context)
        request = ApprovalRequested(approval_id=ticket.approval_id, call_id=call.call_id, signature=ticket.signature)
        await self._emit((request,))

    async def _run_all(self, calls: Sequence[ToolCall], ledger: _Ledger) -> None:
        if len(calls) == 1:
            await self._run(calls[0], ledger)
            return
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(self._run(call, ledger), name=f"tool {call.tool}")

    async def _run(self, call: ToolCall, ledger: _Ledger) -> None:
        started = time.monotonic()
        dynamic = self._known.is_dynamic(call.tool)
        outcome: ToolOutcome | None = None
        self._observer.tool_started(call=call)
        async with self._tools.run(call, self._context) as steps:
            async for step in steps:
                if isinstance(step, ToolProgress):
                    await self._emit((ToolProgressed(call_id=call.call_id, output=step.output, dynamic=dynamic),))
                else:
                    outcome = step
        if outcome is None:
            outcome = ToolError(error_text="The tool gave no result.")
        ledger.results[call.call_id] = result = _result(call, outcome)
        seal = self._seals.seal(call, output=result.output, failed=result.failed, context=self._context)
        if isinstance(outcome, ToolOutput):
            ended = "returned"
            event: TurnEvent = ToolReturned(call_id=call.call_id, output=outcome.output, dynamic=dynamic, seal=seal)
        else:
            ended = "timeout" if outcome.timed_out else "failed"
            event = ToolErrored(call_id=call.call_id, error_text=outcome.error_text, dynamic=dynamic, seal=seal)
        await self._emit((event,))
        self._observer.tool_ended(tool=call.tool, outcome=ended, seconds=time.monotonic() - started)

    def _is_available(self, tool: str) -> bool:
        return tool in self._offered and self._known.find(tool) is not None

    def _is_server_tool(self, tool: str) -> bool:
        spec = self._known.find(tool)
        return spec is not None and spec.placement is Placement.SERVER


class _KnownTools:
    """The tools as a turn has met them: what readers were told of one has to stay true throughout."""

    def __init__(self, tools: ToolRegistry) -> None:
        self._tools = tools
        self._specs: dict[str, ToolSpec] = {}

    def __getitem__(self, tool: str) -> ToolSpec:
        return self._specs[tool]

    def find(self, tool: str) -> ToolSpec | None:
        if tool not in self._specs and (spec := self._tools.find(tool)) is not None:
            self._specs[tool] = spec
        return self._specs.get(tool)

    def is_dynamic(self, tool: str) -> bool:
        spec = self.find(tool)
        return spec is not None and spec.dynamic


def _invalid(draft: Draft, arguments: JsonValue, error_text: str) -> ToolInputInvalid:
    return ToolInputInvalid(
        call_id=draft.call_id, tool=draft.tool, input=arguments, error_text=error_text, dynamic=draft.dynamic
    )


def _result(call: ToolCall, outcome: ToolOutcome) -> ToolResultPart:
    if isinstance(outcome, ToolOutput):
        return ToolResultPart(call_id=call.call_id, tool=call.tool, output=outcome.output)
    return ToolResultPart(call_id=call.call_id, tool=call.tool, output=outcome.error_text, failed=True)
