"""The connections to a Redis server (redis-py 8, server 6.2 or later), and what is known of its health.

Whatever goes wrong is `Unavailable`: a connection, a refusal for want of memory, a wrong password, a redirection of a
cluster. The log gets the class of the error when that begins, and one line when it is over; never a text of the client or
the server, which may hold an address or a password.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from mamba_domain.errors import Misconfigured

__all__ = ["Command", "Link", "Unavailable", "age_of", "fields_of"]

log = structlog.stdlib.get_logger("mamba.redis")

Command: TypeAlias = tuple[str | bytes | int | float, ...]

_CONNECT_TIMEOUT = 1.0
_REPLY_TIMEOUT = 2.0
_PATIENCE = 4.0
"""Seconds for everything: on a new connection the greetings take as many round trips as there are."""
_MOST_CONNECTIONS = 8
_CAUTION = 1.0
"""Seconds after an answer that did not come in which nobody waits for another."""


class Unavailable(Exception):
    """The server did not do what it was asked."""


class Link:
    """Sends commands. `blocking_seconds` is how long the reading connection waits for news."""

    def __init__(self, url: str, *, password: str | None = None, blocking_seconds: float = 1.0) -> None:
        self._client = _client(url, password, reply_timeout=_REPLY_TIMEOUT)
        self._reading = _client(url, password, reply_timeout=_REPLY_TIMEOUT + blocking_seconds)
        self._block = int(blocking_seconds * 1000)
        self._failing_since: float | None = None
        self._unanswered_at = float("-inf")
        self.latency: float | None = None
        """Seconds that the last sign of life took; None when it failed."""

    @property
    def is_well(self) -> bool:
        """Whether what was last to be written was written."""
        return self._failing_since is None

    async def ask(self, *commands: Command, within: float = _PATIENCE) -> list[Any]:
        """Carry out commands at one go: the replies. Raises `Unavailable`, at once where a moment ago nobody answered.

        That it went well says nothing of the server's health: a full one still answers questions.
        """
        if time.monotonic() - self._unanswered_at < _CAUTION:
            raise Unavailable
        replies = await self._exchange(commands, within)
        if any(isinstance(reply, RedisError) for reply in replies):
            raise Unavailable
        return replies

    async def send(self, commands: Sequence[Command], *, within: float = _PATIENCE) -> list[Any]:
        """Carry out commands that write: the replies, of which each may be an error. Raises `Unavailable`."""
        replies = await self._exchange(commands, within)
        refusal = next((reply for reply in replies if isinstance(reply, RedisError)), None)
        if refusal is None:
            self._succeeded()
        else:
            self._failed(refusal)
        return replies

    async def _exchange(self, commands: Sequence[Command], within: float) -> list[Any]:
        try:
            async with asyncio.timeout(within), self._client.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                replies: list[Any] = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as error:
            self._unanswered_at = time.monotonic()
            self._failed(error)
            raise Unavailable from error
        self._unanswered_at = float("-inf")
        return replies

    async def news(self, after: dict[str, bytes], *, count: int) -> dict[str, list[Any]]:
        """Wait for entries of streams, each behind an id: what came, by key. Raises `Unavailable`."""
        try:
            command = ("XREAD", "COUNT", count, "BLOCK", self._block, "STREAMS", *after, *after.values())
            reply = await self._reading.execute_command(*command)  # type: ignore[no-untyped-call]
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable from error
        return {key.decode(): entries for key, entries in reply or ()}

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()
        await self._reading.aclose()

    def _failed(self, error: Exception) -> None:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            log.warning("redis.unavailable", cause=_cause_of(error))

    def _succeeded(self) -> None:
        if self._failing_since is not None:
            log.info("redis.available", after_seconds=round(time.monotonic() - self._failing_since, 1))
            self._failing_since = None


def fields_of(entry: Any) -> dict[bytes, bytes]:
    """The fields of an entry of a Redis stream, as it stands in a reply."""
    flat = entry[1]
    return dict(zip(flat[::2], flat[1::2], strict=True))


def age_of(entry: Any, now: Any) -> float:
    """The seconds since an entry was written, by the server's clock; `now` is its reply to `TIME`."""
    seconds, micros = now
    return int(seconds) + int(micros) / 1_000_000 - int(entry[0].partition(b"-")[0]) / 1000


def _cause_of(error: BaseException) -> str:
    """The class of what lies beneath: redis-py reports a wrong password as a lost connection."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return type(error).__name__


def _client(url: str, password: str | None, *, reply_timeout: float) -> Redis:
    # An option that is given takes the place of what the URL says.
    given: dict[str, Any] = {} if password is None else {"password": password}
    if not url.startswith("unix:"):
        given["socket_keepalive"] = True
    try:
        # Whoever finds all connections taken waits for one: after a replica's end all its readers come at once.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_MOST_CONNECTIONS,
            timeout=_REPLY_TIMEOUT,
            protocol=2,
            client_name="mamba-server",
            driver_info=None,
            socket_connect_timeout=_CONNECT_TIMEOUT,
            socket_timeout=reply_timeout,
            retry=Retry(NoBackoff(), 0),
            **given,
        )
        pool.make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError):
        raise Misconfigured("redis.url", "is no URL of a Redis server") from None
    # Nothing is connected yet: what the URL says has only been judged. Replies as they are: this adapter reads them itself.
    client = Redis.from_pool(pool)
    client.response_callbacks.clear()
    return client
