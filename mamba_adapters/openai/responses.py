"""The Responses API as a `ChatModel`: `POST /responses` with `stream: true` and `store: false`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

from mamba_adapters.openai.endpoint import Endpoint
from mamba_adapters.openai.response_events import ResponseEvents
from mamba_adapters.openai.response_requests import reasoning_source, reasons, response_params
from mamba_adapters.openai.retry import RetryPolicy
from mamba_domain.events import ModelEvent
from mamba_domain.messages import JsonObject
from mamba_domain.ports.chat_model import ModelRequest

__all__ = ["ResponsesModel"]


class ResponsesModel:
    """Models of one endpoint.

    `is_reasoning` says whether they think; without it the name of each decides. `reasoning_effort` and `reasoning_summary`
    are sent as they stand, for models that know them; without a summary nothing of the thinking is shown.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        retry: RetryPolicy | None = None,
        is_reasoning: bool | None = None,
        reasoning_effort: str | None = None,
        reasoning_summary: str | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._retry = retry or RetryPolicy()
        self._is_reasoning = is_reasoning
        self._reasoning: JsonObject = {}
        if reasoning_effort is not None:
            self._reasoning["effort"] = reasoning_effort
        if reasoning_summary is not None:
            self._reasoning["summary"] = reasoning_summary

    def stream(self, request: ModelRequest) -> AbstractAsyncContextManager[AsyncIterator[Sequence[ModelEvent]]]:
        """See `ChatModel`."""
        seals = reasons(request.model) if self._is_reasoning is None else self._is_reasoning
        source = reasoning_source(str(self._endpoint.client.base_url), request.model)
        params = response_params(request, seal_reasoning=seals, source=source)
        if self._reasoning:
            params["reasoning"] = self._reasoning
        return self._endpoint.answer("/responses", params, partial(ResponseEvents, source), self._retry)
