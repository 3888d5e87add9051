"""The use case that every wire calls: start a turn, follow it, stop it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from mamba_domain.approvals import Verdict
from mamba_domain.catalog import ModelCard, ModelCatalog
from mamba_domain.declared import Declaration, DeclaredTools
from mamba_domain.errors import PUBLIC_MESSAGES, Code, Rejected
from mamba_domain.events import TurnEvent, TurnFailed, Usage
from mamba_domain.identity import Principal
from mamba_domain.messages import JsonObject, Message, SystemMessage
from mamba_domain.ports.admission import Admission, Lease
from mamba_domain.ports.approval_desk import ApprovalDesk
from mamba_domain.ports.background import Background, Running
from mamba_domain.ports.chat_model import ChatModel
from mamba_domain.ports.observer import TurnObserver
from mamba_domain.ports.replicas import Replicas
from mamba_domain.ports.seals import Seals
from mamba_domain.ports.streams import Follower, RequestKey, StreamId, StreamKey, StreamSink, StreamStore
from mamba_domain.ports.tool_registry import ToolRegistry
from mamba_domain.turn import Interruption, Turn, TurnLimits, run_turn

__all__ = ["Chat", "ChatBusy", "ChatPolicy", "ChatRequest", "NameTaken", "OnDisconnect", "Streams", "WhenBusy"]

_READ_ELSEWHERE = 6.0
"""Seconds for which a reader in another process counts as one, after each sign of it."""


class OnDisconnect(StrEnum):
    """What becomes of a running turn when its last reader has left."""

    CANCEL = "cancel"
    LINGER = "linger"
    CONTINUE = "continue"


class WhenBusy(StrEnum):
    """What becomes of a message for a chat whose turn is still running."""

    REPLACE = "replace"
    REJECT = "reject"


class ChatBusy(Rejected):
    """The chat is being answered already, and the operator wants that answer to end first."""

    def __init__(self) -> None:
        super().__init__(Code.INVALID_REQUEST, "This chat is still being answered. Please wait, or stop the answer.")


class NameTaken(Rejected):
    """The request bears the name of an earlier one that asked for something else."""

    def __init__(self) -> None:
        super().__init__(Code.INVALID_REQUEST, "This Idempotency-Key was used for another request.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatPolicy:
    """The operator's choices. `linger_seconds` counts from the moment when the last reader left."""

    system_prompt: str = ""
    client_system_messages: Literal["keep", "drop", "reject"] = "keep"
    max_output_tokens: int | None = None
    on_disconnect: OnDisconnect = OnDisconnect.CANCEL
    linger_seconds: float = 30.0
    when_busy: WhenBusy = WhenBusy.REPLACE


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A request for one answer, as a wire understood it.

    `message_id` names the answer, new or continued. `tools` are names that narrow the server's tools, `declared` tools that
    the client brings along. With a `response_schema` the answer is one JSON value that fits it. A request with a
    `request_key` may be asked again: it gets the stream of the first time, which outlives a lost connection for that.
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
    request_key: RequestKey | None = None


class Streams(StreamStore, Replicas, Protocol):
    """Streams, wherever in the service they are written."""


@dataclass(slots=True)
class _Live:
    """A turn of this process. A cancellation that comes before the turn's first step waits for that step."""

    interruption: Interruption
    on_disconnect: OnDisconnect
    running: Running | None = None
    timer: asyncio.TimerHandle | None = None
    begun: bool = False
    interrupted: bool = False

    def begin(self) -> None:
        self.begun = True
        if self.interrupted and self.running is not None:
            self.running.cancel()

    def interrupt(self, code: Code) -> None:
        """The first reason counts: a second cancellation would break into the clearing up after the first."""
        if self.interrupted:
            return
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
        streams: Streams,
        admission: Admission,
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
        self._admission = admission
        self._background = background
        self._observer = observer
        self._new_stream_id = new_stream_id
        self._limits = limits
        self._policy = policy
        self._live: dict[StreamId, _Live] = {}
        streams.attend(self)

    @property
    def running_turns(self) -> int:
        """How many turns are under way in this process."""
        return len(self._live)

    async def start(self, request: ChatRequest) -> StreamId:
        """Begin a turn, or find the one that the same request began before; nothing of the answer is waited for.

        Raises `Rejected` for an unknown model or refused instructions, `NameTaken`, `ChatBusy`, and what admission raises.
        """
        turn = self._turn(request)
        stream_id = StreamId(self._new_stream_id())
        name = request.request_key
        if name is not None:
            claim = await self._streams.claim(name, stream_id)
            if claim is not None:
                if claim.fingerprint != name.fingerprint:
                    raise NameTaken
                return claim.stream_id
        key = _key(request.principal, request.chat_id) if request.chat_id is not None else None
        lease: Lease | None = None
        try:
            lease = await self._admission.admit(request.principal)
            if key is not None:
                await self._enter(key)
        except BaseException:
            if name is not None:
                self._streams.release(name)
            if lease is not None:
                await lease.end(Usage())
            raise
        live = self._live[stream_id] = _Live(Interruption(), self._on_disconnect(request))
        tools = self._tools if request.declared is None else DeclaredTools(request.declared, self._tools)
        work = self._run(turn, tools, stream_id, self._streams.open(stream_id, key, name), live, lease)
        live.running = self._background.start(work, name=f"turn {stream_id}")
        return stream_id

    async def resumable(self, chat_id: str, principal: Principal) -> StreamId | None:
        """The stream to follow in a chat of this principal; None for unknown, finished and foreign alike."""
        return await self._streams.resumable(_key(principal, chat_id))

    async def stop(self, chat_id: str, principal: Principal) -> None:
        """End the chat's running turn, if there is one; its readers get the end of the stream."""
        stream_id = await self._streams.running(_key(principal, chat_id))
        if stream_id in self._live:
            self.stop_asked(stream_id)
        elif stream_id is not None:
            await self._streams.stop(stream_id)

    def stop_all(self) -> None:
        """The process ends: every turn fails with SHUTTING_DOWN, so that no cut answer looks like a whole one."""
        for live in list(self._live.values()):
            live.interrupt(Code.SHUTTING_DOWN)
        self._streams.hang_up(TurnFailed(code=Code.SHUTTING_DOWN, message=PUBLIC_MESSAGES[Code.SHUTTING_DOWN]))

    def stop_asked(self, stream_id: StreamId) -> None:
        """See `TurnOwner`."""
        live = self._live.get(stream_id)
        if live is not None:
            live.interrupt(Code.STOPPED)

    def read_elsewhere(self, stream_id: StreamId) -> None:
        """See `TurnOwner`."""
        live = self._live.get(stream_id)
        if live is not None and live.timer is not None:
            self._linger(live, max(self._policy.linger_seconds, _READ_ELSEWHERE))

    @asynccontextmanager
    async def follow(self, stream_id: StreamId) -> AsyncIterator[Follower | None]:
        """Read a stream from its first event; None where there is nothing. The last reader's leaving may end the turn."""
        live = self._live.get(stream_id)
        if live is not None and live.timer is not None:
            live.timer.cancel()
            live.timer = None
        try:
            async with self._streams.follow(stream_id) as follower:
                self._observer.reader_joined()
                try:
                    yield follower
                finally:
                    self._observer.reader_left()
        finally:
            self._reader_left(stream_id)

    async def _run(
        self, turn: Turn, tools: ToolRegistry, stream_id: StreamId, sink: StreamSink, live: _Live, lease: Lease
    ) -> None:
        live.begin()
        usage = Usage()
        try:
            usage = await run_turn(
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
            await lease.end(usage)

    def _turn(self, request: ChatRequest) -> Turn:
        return Turn(
            message_id=request.message_id,
            model=self._catalog.resolve(request.model_id, request.principal),
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

    async def _enter(self, key: StreamKey) -> None:
        """A chat has one running turn: the store stops the former one, where the operator does not want it spared."""
        if self._policy.when_busy is WhenBusy.REJECT and await self._streams.running(key) is not None:
            raise ChatBusy

    def _on_disconnect(self, request: ChatRequest) -> OnDisconnect:
        """Whoever names a request may ask it again, and must then not find that leaving has ended it."""
        policy = self._policy.on_disconnect
        if request.request_key is not None and policy is OnDisconnect.CANCEL:
            return OnDisconnect.LINGER
        return policy

    def _reader_left(self, stream_id: StreamId) -> None:
        live = self._live.get(stream_id)
        if live is None or self._streams.followers(stream_id):
            return
        if live.on_disconnect is OnDisconnect.CANCEL:
            live.interrupt(Code.STOPPED)
        elif live.on_disconnect is OnDisconnect.LINGER:
            self._linger(live, self._policy.linger_seconds)

    def _linger(self, live: _Live, seconds: float) -> None:
        if live.timer is not None:
            live.timer.cancel()
        live.timer = asyncio.get_running_loop().call_later(seconds, live.interrupt, Code.STOPPED)

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
