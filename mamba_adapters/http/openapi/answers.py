"""What the server answers besides streams, as models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mamba_domain.errors import Code

__all__ = [
    "Alive",
    "HealthReport",
    "ModelList",
    "OpenAiAnswer",
    "OpenAiError",
    "OpenAiModel",
    "OpenAiModels",
    "Problem",
    "Title",
]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(_Closed):
    """A failure before any output (RFC 9457). With `Accept: text/plain` the answer is `detail` alone."""

    type: str
    title: str
    status: int
    detail: str
    code: Code
    request_id: str


class Model(_Closed):
    """A model on offer."""

    id: str = Field(examples=["openai/gpt-4o-mini"])
    name: str
    provider: str
    description: str
    context_window: int | None
    supports_tools: bool


class ModelList(_Closed):
    """The models that the caller may use; the first one is the default."""

    models: list[Model]


class Check(_Closed):
    """How one dependency is."""

    status: Literal["healthy", "degraded", "unhealthy"]
    latency_ms: float | None = None


class HealthReport(_Closed):
    """How the server and what it depends on are."""

    status: Literal["healthy", "degraded", "unhealthy"]
    version: str
    timestamp: str
    checks: dict[str, Check]


class Alive(_Closed):
    """One word."""

    status: str


class Title(_Closed):
    """A conversation's name, or word that the page has to find one itself."""

    title: str
    use_fallback: bool = Field(alias="useFallback")


class OpenAiErrorBody(BaseModel):
    """What OpenAI's clients look at."""

    message: str
    type: str
    code: str | None = None


class OpenAiError(_Closed):
    """A failure in the shape of OpenAI's API."""

    error: OpenAiErrorBody


class OpenAiAnswer(BaseModel):
    """A completion in the shape of OpenAI's API; with `stream`, chunks of it."""

    id: str
    object: Literal["chat.completion", "chat.completion.chunk"]
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any] | None = None


class OpenAiModel(BaseModel):
    """A model in the shape of OpenAI's API."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class OpenAiModels(BaseModel):
    """The models in the shape of OpenAI's API."""

    object: Literal["list"]
    data: list[OpenAiModel]
