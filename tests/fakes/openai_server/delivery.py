"""Puts an answer on a connection, byte for byte as it was described."""

import asyncio
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NoReturn

from .asked import Asked
from .chat_wire import ChatWire
from .http1 import head
from .journal import Received
from .packing import Packer, packer_for
from .replies import Answer, HttpReply, RawReply, Reply
from .responses_wire import ResponsesWire
from .steps import Close, ContentStep, Done, Finish, Hang, Repeat, Reset, Step, Unframed, Until, Wait
from .wire import Wire, dump

__all__ = ["Hangup", "Line", "deliver", "frames_of", "wire_for"]

_BATCH = 64
_SSE = ("content-type", "text/event-stream; charset=utf-8")
_CHUNKED = ("transfer-encoding", "chunked")


class Hangup(Exception):
    """The connection has been ended on purpose."""


class Line:
    """The writing side of a connection, for one answer."""

    def __init__(self, writer: asyncio.StreamWriter, received: Received) -> None:
        self._writer = writer
        self._received = received
        self._given = 0

    def _count(self) -> None:
        self._received.bytes_sent = self._given - self._writer.transport.get_write_buffer_size()

    async def write(self, data: bytes) -> None:
        """Returns when the operating system has taken the bytes; lets other connections have their turn."""
        self._given += len(data)
        self._writer.write(data)
        self._count()
        try:
            await self._writer.drain()
        finally:
            self._count()
        await asyncio.sleep(0)

    async def hang(self) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets this event")

    def close(self) -> NoReturn:
        self._writer.close()
        raise Hangup

    def reset(self) -> NoReturn:
        connection = self._writer.get_extra_info("socket")
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        raise Hangup


async def deliver(line: Line, asked: Asked, answer: Answer) -> None:
    """Gives the whole answer; raises Hangup where that ends the connection."""
    match answer:
        case HttpReply():
            await asyncio.sleep(answer.first_after)
            await line.write(http_response(answer))
        case RawReply(steps=steps):
            for step in steps:
                await _act(line, step)
            line.close()
        case Reply() if asked.stream:
            await _stream(line, asked, answer)
        case Reply():
            await _document(line, asked, answer)


def wire_for(asked: Asked, reply: Reply) -> Wire:
    return ResponsesWire(asked, reply) if asked.api == "responses" else ChatWire(asked, reply)


def frames_of(asked: Asked, reply: Reply) -> list[bytes]:
    """The frames of a reply that contains nothing but content."""
    wire = wire_for(asked, reply)
    opening = wire.opening() if reply.opening else []
    return [*opening, *(frame for step in _all_steps(reply) for frame in wire.frames(_content(step)))]


def http_response(reply: HttpReply) -> bytes:
    kind = (("content-type", reply.content_type),) if reply.content_type else ()
    length = () if reply.status == 204 else (("content-length", str(len(reply.body))),)
    return head(reply.status, *kind, *length, *reply.headers) + reply.body


async def _stream(line: Line, asked: Asked, reply: Reply) -> None:
    wire = wire_for(asked, reply)
    packer = packer_for(reply.packing)
    for data in packer.head(reply.before_head + head(200, _SSE, _CHUNKED, *reply.headers)):
        await line.write(data)
    await asyncio.sleep(reply.first_after)
    await _write_frames(line, packer, wire.opening() if reply.opening else [])
    for number, step in enumerate(_all_steps(reply)):
        if number and reply.every:
            await asyncio.sleep(reply.every)
        await _play(line, wire, packer, step)
    for data in packer.end(reply.after_body):
        await line.write(data)
    if reply.then_close:
        line.close()


def _all_steps(reply: Reply) -> Iterator[Step]:
    yield from reply.steps
    if reply.finish is not None:
        yield Finish(reply.finish)
        yield Done()


async def _play(line: Line, wire: Wire, packer: Packer, step: Step) -> None:
    match step:
        case Repeat(every=0.0):
            await _play_in_batches(line, wire, packer, step)
        case Repeat(steps=steps, every=every):
            for _ in _turns(step.times):
                for inner in steps:
                    await _play(line, wire, packer, inner)
                await asyncio.sleep(every)
        case Unframed() | Wait() | Until() | Hang() | Close() | Reset():
            await _act(line, step)
        case _:
            await _write_frames(line, packer, wire.frames(step))


async def _play_in_batches(line: Line, wire: Wire, packer: Packer, repeat: Repeat) -> None:
    """As fast as the socket takes it: several frames to a write, each still its own HTTP chunk."""
    batch: list[bytes] = []
    for turn in _turns(repeat.times):
        for step in repeat.steps:
            batch += (data for frame in wire.frames(_content(step)) for data in packer.frame(frame))
        if turn % _BATCH == 0 or sum(map(len, batch)) > 65536:
            await line.write(b"".join(batch))
            batch.clear()
    await line.write(b"".join(batch))


def _turns(times: int | None) -> Iterator[int]:
    turn = 0
    while times is None or turn < times:
        turn += 1
        yield turn


async def _write_frames(line: Line, packer: Packer, frames: Iterable[bytes]) -> None:
    for frame in frames:
        for data in packer.frame(frame):
            await line.write(data)


async def _act(line: Line, step: Step) -> None:
    """The steps that are about the connection rather than about the turn."""
    match step:
        case Unframed(data=data):
            await line.write(data)
        case Wait(seconds=seconds):
            await asyncio.sleep(seconds)
        case Until(gate=gate):
            await gate.wait()
        case Hang():
            await line.hang()
        case Close():
            line.close()
        case Reset():
            line.reset()
        case Repeat(steps=steps, every=every):
            for _ in _turns(step.times):
                for inner in steps:
                    await _act(line, inner)
                await asyncio.sleep(every)
        case _:
            raise TypeError(f"a raw reply cannot say {step!r}")


def _content(step: Step) -> ContentStep:
    if isinstance(step, Unframed | Wait | Until | Hang | Close | Reset | Repeat):
        raise TypeError(f"only content can be rendered, not {step!r}")
    return step


async def _document(line: Line, asked: Asked, reply: Reply) -> None:
    """The turn as one JSON document, half of it where a step breaks the connection."""
    body = dump(wire_for(asked, reply).document(reply))
    waits = sum(step.seconds for step in reply.steps if isinstance(step, Wait))
    await asyncio.sleep(reply.first_after + waits)
    for step in reply.steps:
        if isinstance(step, Until):
            await step.gate.wait()
    broken = next((step for step in reply.steps if isinstance(step, Hang | Close | Reset)), None)
    if broken is not None:
        sizes = ("content-type", "application/json"), ("content-length", str(len(body)))
        await line.write(head(200, *sizes, *reply.headers) + body[: len(body) // 2])
        await _act(line, broken)
    packer = packer_for(reply.packing if reply.packing != "odd" else "frames")
    first = reply.before_head + head(200, ("content-type", "application/json"), _CHUNKED, *reply.headers)
    for data in (*packer.head(first), *packer.frame(body), *packer.end(reply.after_body)):
        await line.write(data)
    if reply.then_close:
        line.close()
