"""Notices that a client has left, without a task that waits for it.

uvicorn tells an application so only through `receive`, which some task must be waiting in. `PeerProtocol` calls back
instead: one stream then costs two tasks, its request and its turn. Under another server, `watch_receive` does it the
standard way.
"""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

__all__ = ["JoinedWrites", "Outlet", "Peer", "PeerProtocol", "outlet_of", "peer_of", "watch_receive"]

_STATE_KEY = "peer"
_CYCLE_KEY = "cycle"
_UNSENT_LIMIT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_UNSENT_BYTES = 16 * 1024
"""What the kernel takes ahead of the network. Left alone it takes megabytes, and a client that reads nothing goes unnoticed
until the model has said most of its answer.
"""


class Peer:
    """One client's connection."""

    __slots__ = ("_callbacks", "_flow", "_transport", "gone")

    def __init__(self, transport: asyncio.Transport, flow: FlowControl) -> None:
        self._transport = transport
        self._flow = flow
        self._callbacks: list[Callable[[], None]] = []
        self.gone = False

    @property
    def must_wait(self) -> bool:
        """Whether the client reads slower than we write, so that the next send would wait."""
        return self._flow.write_paused

    def when_gone(self, callback: Callable[[], None]) -> None:
        """Call once when the client leaves; at once where it has left already."""
        if self.gone:
            callback()
        else:
            self._callbacks.append(callback)

    def forget(self, callback: Callable[[], None]) -> None:
        """The answer is over: do not call."""
        if callback in self._callbacks:
            self._callbacks.remove(callback)

    def abort(self) -> None:
        """Drop the connection with all that was not yet sent."""
        self._transport.abort()

    def lost(self) -> None:
        """The connection is closed."""
        self.gone = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


class Outlet:
    """Where the body of one answer goes, without the steps between an application and its connection."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    @property
    def is_open(self) -> bool:
        """Whether the answer has begun, and its body is sent in chunks."""
        cycle = self._cycle
        return bool(cycle.response_started and cycle.chunked_encoding and cycle.scope["method"] != "HEAD")

    def write(self, data: bytes) -> bool:
        """Send a part of the body at once; whether another one may follow before the client has read more."""
        cycle = self._cycle
        if data and not cycle.disconnected:
            cycle.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        return not cycle.flow.write_paused


class JoinedWrites:
    """What is written of an answer within this context leaves as one piece at its end: the reader wakes once, not twice."""

    __slots__ = ("_cycle", "_held", "_transport")

    def __init__(self, scope: Scope) -> None:
        self._cycle = _cycle_of(scope)
        self._held: list[bytes] = []

    def __enter__(self) -> None:
        if self._cycle is not None:
            self._transport = self._cycle.transport
            self._cycle.transport = self  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        if self._cycle is not None:
            self._cycle.transport = self._transport
            if self._held:
                self._transport.write(b"".join(self._held))

    def write(self, data: bytes) -> None:
        """Keep it back."""
        self._held.append(data)


class PeerProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools. From a request's state, `peer_of` and `outlet_of` find it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the peer where every request of this connection finds it."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if _UNSENT_LIMIT is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, _UNSENT_LIMIT, _UNSENT_BYTES)
        self._peer = Peer(transport, self.flow)
        self.app_state = {**self.app_state, _STATE_KEY: self._peer}

    def on_headers_complete(self) -> None:
        """Put the way to the answer where the request finds it, whose task runs later. It leads to the request again."""
        super().on_headers_complete()
        self.cycle.scope["state"][_CYCLE_KEY] = weakref.ref(self.cycle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits, and leave no timer behind: it would keep what a reset connection had for as long as it runs."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._peer.lost()


def peer_of(scope: Scope) -> Peer | None:
    """The client's connection, where the server is ours."""
    state: dict[str, Any] = scope.get("state", {})
    peer = state.get(_STATE_KEY)
    return peer if isinstance(peer, Peer) else None


def outlet_of(scope: Scope) -> Outlet | None:
    """Where the answer's body goes, where the server is ours."""
    cycle = _cycle_of(scope)
    if cycle is None:
        return None
    outlet = Outlet(cycle)
    return outlet if outlet.is_open else None


def _cycle_of(scope: Scope) -> RequestResponseCycle | None:
    cycle = scope.get("state", {}).get(_CYCLE_KEY, lambda: None)()
    return cycle if isinstance(cycle, RequestResponseCycle) else None


async def watch_receive(receive: Receive, callback: Callable[[], None]) -> None:
    """Wait for the client's leaving in the way that every ASGI server offers."""
    while (await receive())["type"] != "http.disconnect":
        """A late part of the body; nobody wants it."""
    callback()
