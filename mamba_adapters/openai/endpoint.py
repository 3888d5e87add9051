"""One connection to a provider, shared by every model that is reached through it, whatever the API.

Here is the one way in which an answer is opened, read and ended. The `openai` package opens the stream (connection pool,
error classes); its bytes are read here, one decode pass a network read. Attempts, the retry budget and the circuit breaker
belong to the connection, since it is the connection that fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from mamba_adapters.openai.answer import OpenAnswer
from mamba_adapters.openai.breaker import CircuitBreaker
from mamba_adapters.openai.decoding import Decoder
from mamba_adapters.openai.errors import KeyRefused, from_openai
from mamba_adapters.openai.retry import RetryBudget, RetryPolicy, with_retries
from mamba_domain.errors import Code, MambaError, ModelFailed, Rejected
from mamba_domain.events import ModelEvent
from mamba_domain.messages import JsonObject
from mamba_domain.ports.upkeep import EndpointObserver, NoUpkeep

if TYPE_CHECKING:
    from mamba_adapters.openai.client import Client

__all__ = ["Endpoint"]

log = structlog.stdlib.get_logger("mamba.endpoint")

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_KEY_LOG_SECONDS = 60.0
_SMOOTHING = 0.2


class Endpoint:
    """Times are in seconds and hold for one attempt: `first_event_timeout` from sending to the first event of the answer,
    `idle_timeout` from there to the first one worth relaying, since models think before they speak.

    `outgoing_headers` is asked for each attempt: what joins the provider's work to the trace of the one who asked.
    """

    def __init__(
        self,
        new_client: Callable[[], Client],
        *,
        name: str = "openai",
        first_event_timeout: float = 30.0,
        idle_timeout: float = 60.0,
        observer: EndpointObserver | None = None,
        outgoing_headers: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self.name = name
        self._new_client = new_client
        self.latency: float | None = None
        """Seconds from sending to the first event, smoothed over the calls."""
        self.answered_at: float | None = None
        """When the last call began to be answered, by the monotonic clock."""
        self.refused_at: float | None = None
        """When the key was refused, until a call is answered."""
        self._first_event_timeout = first_event_timeout
        self._idle_timeout = idle_timeout
        self._observer = observer or NoUpkeep()
        self._outgoing_headers = outgoing_headers
        self._breaker = CircuitBreaker()
        self._budget = RetryBudget()
        self._key_logged_at: float | None = None

    @cached_property
    def client(self) -> Client:
        """The package's client, made when it is first needed: importing the package takes longer than all of start-up."""
        return self._new_client()

    async def aclose(self) -> None:
        """Close every connection."""
        if "client" in self.__dict__:
            await self.client.close()

    @property
    def is_left_alone(self) -> bool:
        """Whether calls are refused, because the endpoint failed every one of late."""
        return self._breaker.is_open

    @asynccontextmanager
    async def answer(
        self, path: str, params: JsonObject, new_decoder: Callable[[], Decoder], retry: RetryPolicy
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        """One model call, as `ChatModel` promises it."""
        answer = await self._open(path, params, new_decoder, retry)
        del params
        try:
            async with aclosing(answer.batches()) as batches:
                yield batches
        finally:
            await answer.aclose()

    async def _open(
        self, path: str, params: JsonObject, new_decoder: Callable[[], Decoder], retry: RetryPolicy
    ) -> OpenAnswer:
        wait = self._breaker.refusal()
        if wait is not None:
            raise ModelFailed(Code.MODEL_UNAVAILABLE, detail=f"{self.name} is left alone", retry_after=wait)
        self._budget.count_call()
        is_first = True

        async def attempt() -> OpenAnswer:
            nonlocal is_first
            try:
                return await self._attempt(path, params, new_decoder())
            except MambaError as error:
                self._note_failure(error, is_first=is_first)
                raise
            finally:
                is_first = False

        return await with_retries(attempt, retry, may_retry=self._may_retry)

    async def _attempt(self, path: str, params: JsonObject, decoder: Decoder) -> OpenAnswer:
        """Send, and read until there is something to relay."""
        started = time.monotonic()
        answer: OpenAnswer | None = None
        try:
            async with asyncio.timeout(self._first_event_timeout) as deadline:

                def answered() -> None:
                    self._note_answer(time.monotonic() - started)
                    deadline.reschedule(asyncio.get_running_loop().time() + self._idle_timeout)

                headers = self._outgoing_headers() if self._outgoing_headers is not None else _NO_HEADERS
                answer = OpenAnswer(await self.client.open_stream(path, params, headers), decoder)
                await answer.open(answered)
                return answer
        except BaseException as error:
            if answer is not None:
                await answer.aclose()
            if isinstance(error, MambaError) or not isinstance(error, Exception):
                raise
            raise from_openai(error) from error

    def _may_retry(self, error: ModelFailed) -> bool:
        retried = not self._breaker.is_open and self._budget.take()
        if retried:
            self._observer.attempt_repeated(endpoint=self.name)
            log.info("endpoint.retried", endpoint=self.name, code=str(error.code), detail=error.detail)
        return retried

    def _note_answer(self, seconds: float) -> None:
        self.latency = seconds if self.latency is None else self.latency + _SMOOTHING * (seconds - self.latency)
        self.answered_at = time.monotonic()
        self.refused_at = None
        self._note_recovery()

    def _note_recovery(self) -> None:
        if self._breaker.succeeded():
            self._observer.breaker_changed(endpoint=self.name, is_open=False)
            log.warning("endpoint.recovered", endpoint=self.name)

    def _note_failure(self, error: MambaError, *, is_first: bool) -> None:
        """A call counts once, however often it is tried. An endpoint that says no, or not now, is there."""
        self._observer.attempt_failed(endpoint=self.name, code=error.code.value)
        if isinstance(error, KeyRefused):
            self._note_refused_key(error)
        if isinstance(error, Rejected | KeyRefused) or error.code is Code.RATE_LIMITED:
            self._note_recovery()
        elif isinstance(error, ModelFailed) and error.retryable and is_first and self._breaker.failed():
            self._observer.breaker_changed(endpoint=self.name, is_open=True)
            log.warning("endpoint.left_alone", endpoint=self.name, code=str(error.code), detail=error.detail)

    def _note_refused_key(self, error: KeyRefused) -> None:
        self.refused_at = now = time.monotonic()
        if self._key_logged_at is None or now - self._key_logged_at >= _KEY_LOG_SECONDS:
            self._key_logged_at = now
            log.error("endpoint.key_refused", endpoint=self.name, detail=error.detail)
