"""Another model answers where the one that was asked for cannot: a `ChatModel` around several others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import structlog

from mamba_domain.errors import ModelFailed
from mamba_domain.events import ModelEvent
from mamba_domain.ports.chat_model import ChatModel, ModelRequest

__all__ = ["Fallback", "FallbackModel"]

log = structlog.stdlib.get_logger("mamba.fallback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """A model that can stand in; `upstream_model` is its name at its provider, `id` the one that clients know."""

    id: str
    model: ChatModel
    upstream_model: str
    supports_tools: bool = True


class FallbackModel:
    """Asks `first`, then each fallback in order, until one begins to answer.

    Only a failure of the provider is passed over, and only before the first event: what is said once is not said again by
    somebody else. Where all fail, the first one's failure is raised, since that is the model that was asked for. `stood_in`
    is told the id of each fallback that begins to answer.
    """

    def __init__(
        self, first: ChatModel, fallbacks: Sequence[Fallback], *, stood_in: Callable[[str], None] = lambda _: None
    ) -> None:
        self._first = first
        self._fallbacks = tuple(fallbacks)
        self._stood_in = stood_in

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        """See `ChatModel`."""
        async with AsyncExitStack() as stack:
            try:
                batches = await stack.enter_async_context(self._first.stream(request))
            except ModelFailed as failure:
                batches = await self._instead(request, failure, stack)
            yield batches

    async def _instead(
        self, request: ModelRequest, failure: ModelFailed, stack: AsyncExitStack
    ) -> AsyncIterator[Sequence[ModelEvent]]:
        last = failure
        for fallback in self._fallbacks:
            log.warning("model.fell_back", model=request.model, to=fallback.id, code=str(last.code), detail=last.detail)
            asked = replace(request, model=fallback.upstream_model)
            if not fallback.supports_tools:
                asked = replace(asked, tools=())
            try:
                batches = await stack.enter_async_context(fallback.model.stream(asked))
            except ModelFailed as error:
                last = error
            else:
                self._stood_in(fallback.id)
                return batches
        raise failure
