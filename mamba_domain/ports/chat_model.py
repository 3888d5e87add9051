"""The port to a language model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from mamba_domain.events import ModelEvent
from mamba_domain.messages import JsonObject, Message
from mamba_domain.tools import ToolSpec

__all__ = ["ChatModel", "ModelRequest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One model call. `model` is the name that the provider knows; messages are in the order that they were said.

    With `may_call` false the tools are only described, so that earlier calls make sense; the model must answer in words.
    With a `response_schema`, a JSON Schema, the words are one JSON value that fits it.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    may_call: bool = True
    temperature: float | None = None
    max_output_tokens: int | None = None
    response_schema: JsonObject | None = None


class ChatModel(Protocol):
    """Answers a conversation.

    - `stream` yields batches: what one read brought, in order, never empty. Adjacent deltas of a batch are merged.
    - The last event of the last batch is `ModelFinished`; a stream that ends without it raises `ModelFailed`.
    - A call is `ToolInputStarted`, any `ToolInputDelta`, `ToolCallCompleted`, under one `call_id`. Calls may interleave.
    - Raises `ModelFailed`, or `Rejected` where the provider says that the request itself cannot be served. Entering the
      context raises what fails before any event; retries happen there and only there.
    - Leaving the context, by cancellation too, closes the connection to the provider before it returns.
    """

    def stream(self, request: ModelRequest) -> AbstractAsyncContextManager[AsyncIterator[Sequence[ModelEvent]]]:
        """Start one model call."""
        ...
