"""Every operation that the document describes, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from mamba_adapters.http.openapi import answers, requests
from mamba_adapters.http.openapi.answers import Problem
from mamba_adapters.http.openapi.examples import (
    AGUI,
    CHAT,
    COMPLETION,
    OBJECT,
    OPENAI,
    STREAM_EXAMPLE,
    TITLE,
    Examples,
)

__all__ = ["OPERATIONS", "REQUESTS", "RESPONSES", "Operation"]

_MODEL = ("400", "401", "403", "404", "409", "413", "415", "422", "429", "502", "503", "504")
_CALLER = ("401", "403")


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}


def _json(model: type[BaseModel], text: str) -> dict[str, Any]:
    return {"200": {"description": text, "content": {"application/json": _reference(model)}}}


def _json_text_or_end(schema: str) -> dict[str, Any]:
    """What `data:` of an event holds."""
    chunk = {"contentMediaType": "application/json", "contentSchema": {"$ref": f"#/components/schemas/{schema}"}}
    return {"type": "string", "anyOf": [{"const": "[DONE]"}, chunk]}


_EVENTS: dict[str, Any] = {
    "schema": {
        "type": "object",
        "description": "One event. `data` is a UiMessageChunk as JSON text, or `[DONE]` after the last one.",
        "required": ["data"],
        "properties": {
            "data": _json_text_or_end("UiMessageChunk"),
        },
    },
    "examples": {"answer": {"summary": "A short answer, event by event.", "value": STREAM_EXAMPLE}},
}
_STREAM: dict[str, Any] = {
    "200": {
        "description": "The answer, as it is made. The content type is that of the wire that was chosen.",
        "headers": {"X-Request-ID": {"schema": {"type": "string"}}},
        "content": {"text/event-stream": _EVENTS, "text/plain": {"schema": {"type": "string"}}},
    }
}
_NOTHING: dict[str, Any] = {"204": {"description": "There is nothing to follow."}}
_PROTOCOL = {
    "name": "protocol",
    "in": "query",
    "description": "Forces a wire; the shape of the request chooses it without.",
    "schema": {"type": "string", "enum": ["ai-sdk", "ai-sdk-v4", "text"]},
}
_RELEASE = {
    "name": "X-Mamba-UI",
    "in": "header",
    "description": "The release of the AI SDK that the page uses, so that it gets all that this release knows.",
    "schema": {"type": "string", "pattern": r"^\d{1,4}(\.\d{1,4}(\.\d{1,6})?)?$"},
    "example": "6.0.12",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A name for this request: sent again under it, it is answered by the same turn.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
_CHAT_ID = {"name": "chat_id", "in": "path", "required": True, "schema": {"type": "string"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What can be done at some addresses; the first address gives the operation its name in clients."""

    name: str
    method: Literal["get", "post"]
    paths: tuple[str, ...]
    tag: str
    summary: str
    description: str = ""
    bodies: tuple[type[BaseModel], ...] = ()
    examples: Examples = field(default_factory=dict)
    answers: Mapping[str, Any]
    parameters: tuple[Mapping[str, Any], ...] = ()
    failures: tuple[str, ...] = ()
    failure: type[BaseModel] = Problem
    failure_type: str = "application/problem+json"
    is_open: bool = False


_CHATS = ("/api/chat", "/chat", "/chat/completions")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="chat",
        method="post",
        paths=_CHATS,
        tag="Chat",
        summary="Run one chat turn and stream it",
        description="Takes what `useChat` of AI SDK 4 to 7 sends, and the simple shape of role and content.",
        bodies=(requests.SimpleChat, requests.UiChat, requests.UiLastMessageChat),
        examples=CHAT,
        answers=_STREAM,
        parameters=(_PROTOCOL, _RELEASE, _KEY),
        failures=_MODEL,
    ),
    Operation(
        name="follow",
        method="get",
        paths=tuple(f"{path}/{{chat_id}}/stream" for path in _CHATS),
        tag="Chat",
        summary="Follow the running turn of a chat from its first event",
        answers={**_STREAM, **_NOTHING},
        parameters=(_CHAT_ID, _PROTOCOL, _RELEASE),
        failures=("400", *_CALLER),
    ),
    Operation(
        name="stop",
        method="post",
        paths=tuple(f"{path}/{{chat_id}}/stop" for path in _CHATS),
        tag="Chat",
        summary="Stop the running turn of a chat",
        description="Its readers get the end of the stream. Stopping twice, or nothing, is no failure.",
        answers={"204": {"description": "Nothing runs in this chat any more."}},
        parameters=(_CHAT_ID,),
        failures=_CALLER,
    ),
    Operation(
        name="completion",
        method="post",
        paths=("/api/completion", "/completion"),
        tag="Chat",
        summary="Answer a prompt, without tools",
        bodies=(requests.Completion,),
        examples=COMPLETION,
        answers=_STREAM,
        parameters=(_PROTOCOL, _RELEASE),
        failures=_MODEL,
    ),
    Operation(
        name="object",
        method="post",
        paths=("/api/object", "/object"),
        tag="Chat",
        summary="Make one JSON value that fits a schema",
        bodies=(requests.ObjectBody,),
        examples=OBJECT,
        answers={
            "200": {
                "description": "The value's JSON text, as it is made.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
        parameters=(
            {"name": "schema", "in": "query", "description": "A schema of the settings.", "schema": {"type": "string"}},
        ),
        failures=_MODEL,
    ),
    Operation(
        name="title",
        method="post",
        paths=("/title/generate", "/generate-title"),
        tag="Chat",
        summary="Name a conversation",
        bodies=(requests.TitleRequest,),
        examples=TITLE,
        answers=_json(answers.Title, "A title, or an empty one with `useFallback`, whatever went wrong."),
        failures=("400", "401", "403", "413", "415", "422"),
    ),
    Operation(
        name="openai_chat",
        method="post",
        paths=("/v1/chat/completions",),
        tag="Other wires",
        summary="OpenAI's Chat Completions",
        bodies=(requests.OpenAiChat,),
        examples=OPENAI,
        answers={
            "200": {
                "description": "A completion, or with `stream` its chunks.",
                "content": {
                    "application/json": _reference(answers.OpenAiAnswer),
                    "text/event-stream": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "data": _json_text_or_end("OpenAiAnswer"),
                            },
                        }
                    },
                },
            }
        },
        failures=_MODEL,
        failure=answers.OpenAiError,
        failure_type="application/json",
    ),
    Operation(
        name="openai_models",
        method="get",
        paths=("/v1/models",),
        tag="Other wires",
        summary="The models, as OpenAI lists them",
        answers=_json(answers.OpenAiModels, "The models that the caller may use."),
        failures=_CALLER,
        failure=answers.OpenAiError,
        failure_type="application/json",
    ),
    Operation(
        name="openai_model",
        method="get",
        paths=("/v1/models/{model_id}",),
        tag="Other wires",
        summary="One model, as OpenAI shows it",
        answers=_json(answers.OpenAiModel, "The model."),
        parameters=({"name": "model_id", "in": "path", "required": True, "schema": {"type": "string"}},),
        failures=("401", "403", "404"),
        failure=answers.OpenAiError,
        failure_type="application/json",
    ),
    Operation(
        name="agui",
        method="post",
        paths=("/api/agui", "/agui"),
        tag="Other wires",
        summary="Run one turn of an AG-UI thread",
        bodies=(requests.AgUiRun,),
        examples=AGUI,
        answers={
            "200": {
                "description": "AG-UI events.",
                "content": {
                    "text/event-stream": {
                        "schema": {
                            "type": "object",
                            "properties": {"data": {"type": "string", "contentMediaType": "application/json"}},
                        }
                    }
                },
            }
        },
        failures=_MODEL,
    ),
    Operation(
        name="models",
        method="get",
        paths=("/models",),
        tag="Server",
        summary="The models on offer",
        answers=_json(answers.ModelList, "The models that the caller may use; the first one is the default."),
        failures=_CALLER,
    ),
    Operation(
        name="health",
        method="get",
        paths=("/health",),
        tag="Server",
        summary="How the server and its dependencies are",
        answers={
            **_json(answers.HealthReport, "Healthy, or degraded: a dependency is not well."),
            "503": {
                "description": "The server starts or ends.",
                "content": {"application/json": _reference(answers.HealthReport)},
            },
        },
        failures=_CALLER,
    ),
    Operation(
        name="health_stream",
        method="get",
        paths=("/health/stream",),
        tag="Server",
        summary="A paced stream, for tests of the way in between",
        description="One event every 0.2 seconds, with its number and the server's clock; `mamba-server doctor` reads it.",
        answers={
            "200": {
                "description": "The events.",
                "content": {"text/event-stream": {"schema": {"type": "object"}}},
            }
        },
        failures=_CALLER,
    ),
    Operation(
        name="live",
        method="get",
        paths=("/health/live",),
        tag="Server",
        summary="Whether the process answers",
        answers=_json(answers.Alive, "It does."),
        is_open=True,
    ),
    Operation(
        name="ready",
        method="get",
        paths=("/health/ready",),
        tag="Server",
        summary="Whether to send traffic here",
        answers={
            **_json(answers.Alive, "Yes."),
            "503": {
                "description": "Not yet, or not any more.",
                "content": {"application/json": _reference(answers.Alive)},
            },
        },
        is_open=True,
    ),
    Operation(
        name="metrics",
        method="get",
        paths=("/metrics",),
        tag="Server",
        summary="Metrics for Prometheus",
        answers={
            "200": {
                "description": "Prometheus' text format.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
        failures=_CALLER,
    ),
)
"""In the order in which the pages show them."""

REQUESTS: tuple[type[BaseModel], ...] = (
    requests.SimpleChat,
    requests.UiChat,
    requests.UiLastMessageChat,
    requests.Completion,
    requests.ObjectBody,
    requests.TitleRequest,
    requests.OpenAiChat,
    requests.AgUiRun,
)
RESPONSES: tuple[type[BaseModel], ...] = (
    answers.ModelList,
    answers.HealthReport,
    answers.Alive,
    answers.Title,
    answers.OpenAiAnswer,
    answers.OpenAiError,
    answers.OpenAiModels,
    answers.OpenAiModel,
)
