"""The use case that every wire calls: start a turn, follow it, stop it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from mamba_domain.approvals import Verdict
from mamba_domain.catalog import ModelCard, ModelCatalog
from mamba_domain.declared import Declaration, DeclaredTools
from mamba_domain.errors import Code, Rejected
from mamba_domain.events import TurnEvent
from mamba_domain.identity import Principal
from mamba_domain.messages import JsonObject, Message, SystemMessage
from mamba_domain.ports.approval_desk import ApprovalDesk
from mamba_domain.ports.background import Background, Running
from mamba_domain.ports.chat_model import ChatModel
from mamba_domain.ports.observer import TurnObserver
from mamba_domain.ports.seals import Seals
from mamba_domain.ports.streams import Follower, StreamId, StreamKey, StreamSink, StreamStore
from mamba_domain.ports.tool_registry import ToolRegistry
from mamba_domain.turn import Interruption, Turn, TurnLimits, run_turn

__all__ = ["Chat", "ChatPolicy", "ChatRequest", "OnDisconnect"]


class OnDisconnect(StrEnum):
    """What becomes of a running turn when its last reader has left."""

    CANCEL = "cancel"
    LINGER = "linger"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatPolicy:
    """The operator's choices. `linger_seconds` counts from the moment when the last reader left."""

    system_prompt: str = ""
    client_system_messages: Literal["keep", "drop", "reject"] = "keep"
    max_output_tokens: int | None = None
    on_disconnect: OnDisconnect = OnDisconnect.CANCEL
    linger_seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A request for one answer, as a wire understood it.

    `message_id` names the answer, new or continued. `tools` are names that narrow the server's tools, `declared` tools that
    the client brings along. With a `response_schema` the answer is one JSON value that fits it.
    """

    principal: Principal
    messages: tuple[Message, ...]
    message_id: str
    chat_id: str | None = None
    model_id: str | None = None
    tools: tuple[str, ...] | None = None
    declared: Declaration | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None
    response_schema: JsonObject | None = None
    restored: tuple[TurnEvent, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    used_call_ids: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Live:
    """A turn of this process. A cancellation that comes before the turn's first step waits for that step."""

    interruption: Interruption
    running: Running | None = None
    timer: asyncio.TimerHandle | None = None
    begun: bool = False
    interrupted: bool = False

    def begin(self) -> None:
        self.begun = True
        if self.interrupted and self.running is not None:
            self.running.cancel()

    def interrupt(self, code: Code) -> None:
        self.interruption.code = code
        self.interrupted = True
        if self.begun and self.running is not None:
            self.running.cancel()


class Chat:
    """Runs turns beside the requests that asked for them, and lets any number of readers follow each."""

    def __init__(
        self,
        *,
        catalog: ModelCatalog,
        model_for: Callable[[ModelCard], ChatModel],
        tools: ToolRegistry,
        approvals: ApprovalDesk,
        seals: Seals,
        streams: StreamStore,
        background: Background,
        observer: TurnObserver,
        new_stream_id: Callable[[], str],
        limits: TurnLimits,
        policy: ChatPolicy,
    ) -> None:
        self._catalog = catalog
        self._model_for = model_for
        self._tools = tools
        self._approvals = approvals
        self._seals = seals
        self._streams = streams
        self._background = background
        self._observer = observer
        self._new_stream_id = new_stream_id
        self._limits = limits
        self._policy = policy
        self._live: dict[StreamId, _Live] = {}

    @property
    def running_turns(self) -> int:
        """How many turns are under way in this process."""
        return len(self._live)

    def start(self, request: ChatRequest) -> StreamId:
        """Begin a turn and return at once. Raises `Rejected` for an unknown model or refused instructions."""
        card = self._catalog.resolve(request.model_id, request.principal)
        turn = Turn(
            message_id=request.message_id,
            model=card,
            messages=self._instructed(request.messages),
            principal=request.principal,
            chat_id=request.chat_id,
            tools=request.tools,
            temperature=request.temperature,
            max_output_tokens=_least(request.max_output_tokens, self._policy.max_output_tokens),
            response_schema=request.response_schema,
            restored=request.restored,
            verdicts=request.verdicts,
            used_call_ids=request.used_call_ids,
        )
        stream_id = StreamId(self._new_stream_id())
        key = _key(request.principal, request.chat_id) if request.chat_id is not None else None
        live = self._live[stream_id] = _Live(Interruption())
        tools = self._tools if request.declared is None else DeclaredTools(request.declared, self._tools)
        work = self._run(turn, tools, stream_id, self._streams.open(stream_id, key), live)
        live.running = self._background.start(work, name=f"turn {stream_id}")
        return stream_id

    async def running(self, chat_id: str, principal: Principal) -> StreamId | None:
        """The stream that runs in a chat of this principal; None for unknown, finished and foreign alike."""
        return await self._streams.running(_key(principal, chat_id))

    async def stop(self, chat_id: str, principal: Principal) -> None:
        """End the chat's running turn, if there is one; its readers get the end of the stream."""
        stream_id = await self._streams.running(_key(principal, chat_id))
        live = self._live.get(stream_id) if stream_id is not None else None
        if live is not None:
            live.interrupt(Code.STOPPED)

    def stop_all(self) -> None:
        """The process ends: every turn fails with SHUTTING_DOWN, so that no cut answer looks like a whole one."""
        for live in list(self._live.values()):
            live.interrupt(Code.SHUTTING_DOWN)

    @asynccontextmanager
    async def follow(self, stream_id: StreamId) -> AsyncIterator[Follower | None]:
        """Read a stream from its first event; None where there is nothing. The last reader's leaving may end the turn."""
        live = self._live.get(stream_id)
        if live is not None and live.timer is not None:
            live.timer.cancel()
            live.timer = None
        try:
            async with self._streams.follow(stream_id) as follower:
                yield follower
        finally:
            self._reader_left(stream_id)

    async def _run(self, turn: Turn, tools: ToolRegistry, stream_id: StreamId, sink: StreamSink, live: _Live) -> None:
        live.begin()
        try:
            await run_turn(
                turn,
                model=self._model_for(turn.model),
                tools=tools,
                approvals=self._approvals,
                seals=self._seals,
                sink=sink,
                limits=self._limits,
                observer=self._observer,
                interruption=live.interruption,
            )
        finally:
            del self._live[stream_id]
            if live.timer is not None:
                live.timer.cancel()

    def _reader_left(self, stream_id: StreamId) -> None:
        live = self._live.get(stream_id)
        if live is None or self._streams.followers(stream_id):
            return
        if self._policy.on_disconnect is OnDisconnect.CANCEL:
            live.interrupt(Code.STOPPED)
        elif self._policy.on_disconnect is OnDisconnect.LINGER:
            loop = asyncio.get_running_loop()
            live.timer = loop.call_later(self._policy.linger_seconds, live.interrupt, Code.STOPPED)

    def _instructed(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The operator's instructions first, the client's as the policy says."""
        if self._policy.client_system_messages != "keep" and any(isinstance(m, SystemMessage) for m in messages):
            if self._policy.client_system_messages == "reject":
                raise Rejected(Code.INVALID_REQUEST, "System messages are not accepted here.")
            messages = tuple(m for m in messages if not isinstance(m, SystemMessage))
        if self._policy.system_prompt:
            return (SystemMessage(text=self._policy.system_prompt), *messages)
        return messages


def _key(principal: Principal, chat_id: str) -> StreamKey:
    return StreamKey(subject=principal.subject, chat_id=chat_id)


def _least(asked: int | None, allowed: int | None) -> int | None:
    return min((n for n in (asked, allowed) if n is not None), default=None)
