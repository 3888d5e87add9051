"""Carries one stream to one client: the follower's events, through a codec, as frames of an ASGI response.

The head is held back until there is something to show, so that a failure before it is an honest HTTP status. From then on
a failure is an event of the stream. One task does all of this; sse-starlette's own response would spend five on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial

from sse_starlette.sse import AppStatus, EventSourceResponse
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mamba_adapters.http.handover import hand_over
from mamba_adapters.http.peer import JoinedWrites, Outlet, outlet_of, peer_of, watch_receive
from mamba_adapters.http.problems import problem
from mamba_adapters.http.wire.codec import WireEncoder
from mamba_domain.chat import Chat
from mamba_domain.errors import Code
from mamba_domain.events import (
    ReasoningDelta,
    Restored,
    StepStarted,
    TextDelta,
    ToolInputDelta,
    TurnCancelled,
    TurnEvent,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from mamba_domain.ports.streams import Follower, StreamId

__all__ = ["Delivery", "TurnResponse"]

_SILENT = (TurnStarted, Restored, StepStarted)
_DELTAS = (TextDelta, ReasoningDelta, ToolInputDelta)

AppStatus.enable_automatic_graceful_drain = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How streams are carried; times are in seconds.

    `commit_after`: how long the head waits for the first output. `keep_alive`: how long a stream is silent before a sign
    of life. `merge`: the least time between two frames of one part. `send_timeout`: how long a client may not read.
    """

    commit_after: float = 10.0
    keep_alive: float = 15.0
    merge: float = 0.025
    send_timeout: float = 30.0


class TurnResponse(Response):
    """The answer to a request for a turn, or for a turn that is running already."""

    def __init__(self, chat: Chat, stream_id: StreamId, encoder: WireEncoder, delivery: Delivery) -> None:
        self.status_code = 200
        self.background = None
        self.raw_headers = list(_head(encoder.media_type, tuple(encoder.headers.items())))
        self._chat = chat
        self._stream_id = stream_id
        self._encoder = encoder
        self._delivery = delivery
        self._sent = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say what is to be sent. It begins when the layers in between have returned."""
        hand_over(scope, self._answer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold, commit, relay, end."""
        async with self._chat.follow(self._stream_id) as follower:
            if follower is None:
                await _nothing_there(scope)(scope, receive, send)
                return
            async with _leaving_with_the_client(scope, receive, follower):
                opening = await self._hold(follower)
                failure = opening[-1] if opening else None
                if isinstance(failure, TurnFailed) and (
                    self._encoder.is_document or all(isinstance(event, _SILENT) for event in opening[:-1])
                ):
                    _note_end(scope, failure)
                    answer = problem(
                        HTTPConnection(scope),
                        failure.code,
                        detail=failure.message,
                        retry_after=failure.retry_after,
                    )
                    await answer(scope, receive, send)
                elif opening:
                    await self._relay(opening, follower, scope, send)

    async def _hold(self, follower: Follower) -> list[TurnEvent]:
        """What is to be said first: up to the first output, the end, or the commit time, whichever comes first.

        Of a document that is all of it.
        """
        opening: list[TurnEvent] = []
        is_document = self._encoder.is_document
        until = None if is_document else asyncio.get_running_loop().time() + self._delivery.commit_after
        while events := await follower.next(until=until):
            opening += events
            if not is_document and not all(isinstance(event, _SILENT) for event in events):
                break
        return opening

    async def _relay(self, events: Sequence[TurnEvent], follower: Follower, scope: Scope, send: Send) -> None:
        clock = asyncio.get_running_loop().time
        encoder, delivery = self._encoder, self._delivery
        with JoinedWrites(scope):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            self.raw_headers.clear()
            is_reading = await self._send(send, encoder.encode(events), scope)
        outlet = outlet_of(scope)
        pass_on = partial(self._pass_on, outlet) if outlet is not None else None
        taken: Sequence[TurnEvent] | None = events
        is_merging = False
        while is_reading:
            if taken and isinstance(taken[-1], TurnFinished | TurnFailed | TurnCancelled):
                _note_end(scope, taken[-1])
                if encoder.is_cut:
                    await _cut(scope)
                    return
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            if taken:
                self._sent = clock()
                is_merging = isinstance(taken[-1], _DELTAS)
            taken = await follower.next(
                not_before=self._sent + delivery.merge if is_merging else 0.0,
                until=self._sent + delivery.keep_alive,
                take_deltas=pass_on,
            )
            if taken:
                frames = encoder.encode(taken)
            elif taken is not None:
                return
            elif (now := clock()) - self._sent < delivery.keep_alive:
                frames, is_merging = b"", True
            else:
                frames, is_merging = encoder.keep_alive, False
                self._sent = now
            is_reading = await self._send(send, frames, scope)

    def _pass_on(self, outlet: Outlet, deltas: Sequence[TurnEvent]) -> float | None:
        """Most of an answer goes this way: it wakes no task, and passes through no layer."""
        self._sent = asyncio.get_running_loop().time()
        return self._sent + self._delivery.merge if outlet.write(self._encoder.encode(deltas)) else None

    async def _send(self, send: Send, frames: bytes, scope: Scope) -> bool:
        """Send; False when the client read nothing for too long and was cut off. A send that need not wait costs no timer."""
        sending = send({"type": "http.response.body", "body": frames, "more_body": True})
        peer = peer_of(scope)
        if peer is not None and not peer.must_wait:
            await sending
            return True
        try:
            async with asyncio.timeout(self._delivery.send_timeout):
                await sending
        except TimeoutError:
            if peer is not None:
                peer.abort()
            return False
        return True


def _nothing_there(scope: Scope) -> Response:
    """Somebody who comes back finds nothing to resume; somebody who asks again by name has to be told."""
    if scope["method"] == "GET":
        return Response(status_code=204)
    detail = "The answer to this Idempotency-Key is not kept any more."
    return problem(HTTPConnection(scope), Code.INVALID_REQUEST, status=409, detail=detail)


async def _cut(scope: Scope) -> None:
    """Drop the connection, so that the client cannot take the answer for a whole one. Another server than ours does that
    by itself when an answer stays without its end.
    """
    peer = peer_of(scope)
    if peer is not None:
        gone = asyncio.Event()
        peer.when_gone(gone.set)
        peer.abort()
        await gone.wait()


@asynccontextmanager
async def _leaving_with_the_client(scope: Scope, receive: Receive, follower: Follower) -> AsyncIterator[None]:
    """The follower's wait ends when the client leaves."""
    peer = peer_of(scope)
    if peer is not None:
        peer.when_gone(follower.leave)
        try:
            yield
        finally:
            peer.forget(follower.leave)
        return
    watch = asyncio.create_task(watch_receive(receive, follower.leave), name="client watch")
    try:
        yield
    finally:
        watch.cancel()


def _note_end(scope: Scope, end: TurnFinished | TurnFailed | TurnCancelled) -> None:
    """For the access line."""
    scope.setdefault("state", {})["turn_end"] = end


@lru_cache(maxsize=64)
def _head(media_type: str, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    """What sse-starlette's response says before its body. There are as many of these as wires."""
    response = EventSourceResponse(_nothing(), headers=dict(headers), media_type=media_type, ping=0)
    return tuple(response.raw_headers)


async def _nothing() -> AsyncIterator[bytes]:
    """A body for whom only the head is wanted."""
    return
    yield b""
