"""OpenAI's own routes, so that any client of its Chat Completions API can use this server: its models, limits and tools.

Tools that a request declares are the client's to carry out; the server's own run inside the turn and stay hidden. Display
tools are not offered: nobody would draw them. Parameters that change what is asked for in a way that cannot be honoured are
refused; those that only shape it (penalties, seeds, log probabilities) are ignored and counted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_adapters.http.bodies import Invalid, Problem
from mamba_adapters.http.convertors import ANY
from mamba_adapters.http.intake import Intake, new_message_id, principal_of
from mamba_adapters.http.wire.openai_chat import OpenAiChunks, OpenAiDocument
from mamba_adapters.http.wire.tool_declarations import declared_tools
from mamba_domain.catalog import ModelCard, ModelCatalog
from mamba_domain.declared import Declaration
from mamba_domain.messages import JsonObject, JsonValue, Message, ToolMessage
from mamba_domain.tools import Placement, ToolSpec
from mamba_domain.trust import calls_of

__all__ = ["OpenAiRoutes"]

_READ = frozenset({"messages", "model", "temperature", "max_tokens", "max_completion_tokens"})
_OBEYED = frozenset({"stream", "stream_options", "tools", "tool_choice", "response_format", "n"})


class OpenAiRoutes:
    """Handlers for clients of OpenAI's API."""

    def __init__(self, intake: Intake, *, catalog: ModelCatalog) -> None:
        self._intake = intake
        self._catalog = catalog

    def routes(self) -> list[Route]:
        """The routes, in matching order."""
        return [
            Route("/v1/chat/completions", self.post_completion, methods=["POST"]),
            Route("/v1/models", self.get_models, methods=["GET"]),
            Route(f"/v1/models/{{model_id:{ANY}}}", self.get_model, methods=["GET"]),
        ]

    async def post_completion(self, request: Request) -> Response:
        """Run one turn, and stream it where the request says so."""
        body = await self._intake.json_object(request)
        _check(body)
        may_call = body.get("tool_choice") != "none"
        tools = declared_tools(_functions(body)) if may_call else ()
        known = {name: value for name, value in body.items() if name in _READ}
        turn = self._intake.read(request, known, new_id=lambda: new_message_id("chatcmpl-"))
        _note_ignored(request, body)
        messages = _merged(turn.messages)
        turn = replace(
            turn,
            messages=messages,
            tools=None if may_call else (),
            declared=Declaration(tools=tools, beside=frozenset({Placement.SERVER})),
            response_schema=_response_schema(body),
            used_call_ids=frozenset(call.call_id for call in calls_of(messages)),
        )
        return await self._intake.run(turn, _encoder(body, tools))

    async def get_models(self, request: Request) -> Response:
        """The models that the caller may use."""
        cards = self._catalog.available_to(principal_of(request))
        return _json({"object": "list", "data": [_model(card) for card in cards]})

    async def get_model(self, request: Request) -> Response:
        """One model; its id may have slashes."""
        return _json(_model(self._catalog.resolve(request.path_params["model_id"], principal_of(request))))


def _encoder(body: JsonObject, tools: Sequence[ToolSpec]) -> OpenAiChunks | OpenAiDocument:
    created, declared = int(time.time()), frozenset(spec.name for spec in tools)
    if body.get("stream") is not True:
        return OpenAiDocument(created=created, declared=declared)
    options = body.get("stream_options")
    include_usage = isinstance(options, dict) and options.get("include_usage") is True
    return OpenAiChunks(created=created, declared=declared, include_usage=include_usage)


def _note_ignored(request: Request, body: JsonObject) -> None:
    """Parameters that change nothing here, for the access line."""
    count = sum(value is not None and name not in _READ and name not in _OBEYED for name, value in body.items())
    if count:
        state = request.scope["state"]
        state["ignored"] = {**state.get("ignored", {}), "parameter": count}


def _check(body: JsonObject) -> None:
    """Refuse what cannot be honoured."""
    if body.get("n") not in (None, 1):
        raise _invalid("/n", "must be 1: one answer a request")
    if body.get("tool_choice") not in (None, "auto", "none"):
        raise _invalid("/tool_choice", 'must be "auto" or "none"')
    if not isinstance(body.get("stream"), bool | None):
        raise _invalid("/stream", "must be true or false")
    if not isinstance(body.get("stream_options"), dict | None):
        raise _invalid("/stream_options", "must be an object")


def _functions(body: JsonObject) -> list[JsonValue]:
    """The declarations inside `tools`."""
    tools = body.get("tools")
    if tools is None:
        return []
    if not isinstance(tools, list):
        raise _invalid("/tools", "must be a list")
    for tool in tools:
        if not isinstance(tool, dict) or tool.get("type", "function") != "function":
            raise _invalid("/tools", "must be functions")
    return [tool["function"] if isinstance(tool, dict) and "function" in tool else tool for tool in tools]


def _response_schema(body: JsonObject) -> JsonObject | None:
    match body.get("response_format"):
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return {"type": "object"}
        case {"type": "json_schema", "json_schema": {"schema": dict(schema), **rest}}:
            name = rest.get("name")
            return {"title": name, **schema} if isinstance(name, str) and "title" not in schema else schema
    raise _invalid("/response_format", "must be of type text, json_object or json_schema")


def _merged(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The results of a step in one message; here each has its own."""
    merged: list[Message] = []
    for message in messages:
        if isinstance(message, ToolMessage) and merged and isinstance(last := merged[-1], ToolMessage):
            merged[-1] = ToolMessage(results=(*last.results, *message.results))
        else:
            merged.append(message)
    return tuple(merged)


def _model(card: ModelCard) -> JsonObject:
    return {"id": card.id, "object": "model", "created": 0, "owned_by": card.provider}


def _json(body: JsonObject) -> Response:
    return Response(orjson.dumps(body), headers={"cache-control": "no-store"}, media_type="application/json")


def _invalid(pointer: str, reason: str) -> Invalid:
    return Invalid((Problem(pointer=pointer, reason=reason),))
