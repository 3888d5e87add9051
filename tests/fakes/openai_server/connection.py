"""One connection: its requests in turn, each answered or given up when the client leaves."""

import asyncio
import time
from collections.abc import Callable
from itertools import count

from .asked import Asked
from .delivery import Hangup, Line, deliver
from .http1 import Inbox, Request
from .journal import Journal, Received
from .replies import Answer

__all__ = ["Choose", "Connection"]

Choose = Callable[[Request, int], tuple[Asked, Answer] | bytes]
"""What to do about the n-th request of a connection: an answer, or the bytes of a control response."""


class Connection:
    """Serves until either side ends it; a broken connection is not an error here."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, journal: Journal, *, trap: bool
    ) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        self._inbox = Inbox(reader)
        self._writer = writer
        self._journal = journal
        self._trap = trap

    async def serve(self, choose: Choose) -> None:
        self._journal.total_connections += 1
        self._journal.open_connections += 1
        filling = asyncio.create_task(self._inbox.fill())
        try:
            await self._answer_all(choose, self._journal.total_connections)
        except (Hangup, ConnectionError):
            pass
        finally:
            filling.cancel()
            self._writer.close()
            self._journal.open_connections -= 1
            self._journal.changed()

    async def _answer_all(self, choose: Choose, connection: int) -> None:
        for nth in count(1):
            request = await self._inbox.request()
            if request is None:
                return
            chosen = choose(request, nth)
            if isinstance(chosen, bytes):
                self._writer.write(chosen)
            else:
                await self._answer(self._received(request, connection), *chosen)
            if request.wants_close or self._inbox.gone.is_set():
                return

    def _received(self, request: Request, connection: int) -> Received:
        return Received(
            number=self._journal.total + 1,
            connection=connection,
            method=request.method,
            path=request.path,
            headers=request.headers,
            body=request.json,
            started_at=request.arrived_at,
            trap=self._trap,
        )

    async def _answer(self, received: Received, asked: Asked, answer: Answer) -> None:
        """Stops giving the answer in the turn of the event loop in which the client's leaving is seen."""
        self._journal.begin(received)
        giving = asyncio.create_task(deliver(Line(self._writer, received), asked, answer))
        leaving = asyncio.create_task(self._inbox.gone.wait())
        try:
            await asyncio.wait((giving, leaving), return_when=asyncio.FIRST_COMPLETED)
            if giving.done():
                await giving
            received.aborted_at = None if giving.done() else self._inbox.gone_at
        except ConnectionError:
            await leaving
            received.aborted_at = self._inbox.gone_at
        finally:
            received.finished_at = None if received.aborted else time.monotonic()
            giving.cancel()
            leaving.cancel()
            await asyncio.gather(giving, leaving, return_exceptions=True)
            self._journal.end(received)
