"""The Chat Completions API as a `ChatModel`: `POST /chat/completions` with `stream: true`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

from mamba_adapters.openai.chunks import ChatChunks
from mamba_adapters.openai.endpoint import Endpoint
from mamba_adapters.openai.requests import chat_params
from mamba_adapters.openai.retry import RetryPolicy
from mamba_domain.events import ModelEvent
from mamba_domain.ports.chat_model import ModelRequest

__all__ = ["ChatCompletionsModel"]


class ChatCompletionsModel:
    """Models of one endpoint. `reasoning_effort` is sent as it stands, for models that know it."""

    def __init__(
        self, endpoint: Endpoint, *, retry: RetryPolicy | None = None, reasoning_effort: str | None = None
    ) -> None:
        self._endpoint = endpoint
        self._retry = retry or RetryPolicy()
        self._reasoning_effort = reasoning_effort

    def stream(self, request: ModelRequest) -> AbstractAsyncContextManager[AsyncIterator[Sequence[ModelEvent]]]:
        """See `ChatModel`."""
        params = chat_params(request)
        if self._reasoning_effort is not None:
            params["reasoning_effort"] = self._reasoning_effort
        return self._endpoint.answer("/chat/completions", params, ChatChunks, self._retry)
