"""The AG-UI route: `RunAgentInput` in, events out.

Tools of the input are the client's to carry out; the server's own and the display tools are offered beside them. A thread is
a chat. `forwardedProps` may name `model`, `temperature` and `max_tokens`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_adapters.http.bodies import Invalid, Problem
from mamba_adapters.http.intake import Intake, new_message_id
from mamba_adapters.http.wire.agui import AgUiEncoder, sealed_result
from mamba_adapters.http.wire.tool_declarations import declared_tools
from mamba_domain.declared import Declaration
from mamba_domain.messages import JsonObject, JsonValue, Message, ToolMessage, ToolResultPart
from mamba_domain.tools import Placement
from mamba_domain.trust import calls_of

__all__ = ["AGUI_PATHS", "AgUiRoutes"]

AGUI_PATHS = ("/agui", "/api/agui")
_PROPS = ("model", "temperature", "max_tokens")
_MEDIA_PARTS = frozenset({"image", "audio", "video", "document"})


class AgUiRoutes:
    """Handlers for AG-UI clients."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def routes(self) -> list[Route]:
        """The routes, in matching order."""
        return [Route(path, self.post_run, methods=["POST"]) for path in AGUI_PATHS]

    async def post_run(self, request: Request) -> Response:
        """Run one turn of a thread."""
        body = await self._intake.json_object(request)
        thread_id, run_id = _text(body, "threadId"), _text(body, "runId")
        tools = declared_tools(_list(body, "tools"))
        turn = self._intake.read(request, _as_chat(body, thread_id))
        messages = tuple(_with_results(turn.messages, _results(body)))
        turn = replace(
            turn,
            messages=messages,
            message_id=new_message_id(),
            restored=(),
            declared=Declaration(tools=tools, beside=frozenset({Placement.SERVER, Placement.DISPLAY})),
            used_call_ids=frozenset(call.call_id for call in calls_of(messages)),
        )
        return await self._intake.run(turn, AgUiEncoder(thread_id=thread_id, run_id=run_id))


def _text(body: JsonObject, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid((Problem(pointer=f"/{name}", reason="must be a text"),))
    return value


def _list(body: JsonObject, name: str) -> list[JsonValue]:
    value = body.get(name)
    if not isinstance(value, list | None):
        raise Invalid((Problem(pointer=f"/{name}", reason="must be a list"),))
    return value or []


def _as_chat(body: JsonObject, thread_id: str) -> JsonObject:
    """The input as a chat request."""
    messages = body.get("messages")
    context = _context(body.get("context"))
    read: list[JsonValue] = [{"role": "system", "content": context}] if context else []
    if isinstance(messages, list):
        read += [_message(message) if isinstance(message, dict) else message for message in messages]
    props = body.get("forwardedProps")
    named = {name: props[name] for name in _PROPS if name in props} if isinstance(props, dict) else {}
    return {**named, "id": thread_id, "messages": read}


def _context(value: JsonValue) -> str:
    """What the page says about itself, as instructions."""
    entries = [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    return "\n".join(f"{entry.get('description', '')}: {entry.get('value', '')}" for entry in entries)


def _message(message: JsonObject) -> JsonObject:
    """A message in OpenAI's words, which differ in little."""
    match message.get("role"):
        case "assistant":
            said: JsonObject = {"role": "assistant", "content": message.get("content") or ""}
            return {**said, "tool_calls": message["toolCalls"]} if message.get("toolCalls") else said
        case "tool":
            return {**message, "tool_call_id": message.get("toolCallId")}
        case "user" if isinstance(parts := message.get("content"), list):
            return {**message, "content": [_part(part) if isinstance(part, dict) else part for part in parts]}
        case _:
            return message


def _part(part: JsonObject) -> JsonObject:
    kind = part.get("type")
    source = part.get("source")
    if kind in _MEDIA_PARTS and isinstance(source, dict):
        url, media_type = source.get("value"), source.get("mimeType")
        if source.get("type") == "data":
            url = f"data:{media_type};base64,{url}"
        return {"type": "file", "mediaType": media_type or ("image/*" if kind == "image" else None), "url": url}
    if kind == "binary":
        media_type, data = part.get("mimeType"), part.get("data")
        url = f"data:{media_type};base64,{data}" if isinstance(data, str) else part.get("url")
        return {"type": "file", "mediaType": media_type, "url": url, "filename": part.get("filename")}
    return part


def _results(body: JsonObject) -> dict[str, JsonObject]:
    """The messages that bring results, by call."""
    messages = body.get("messages")
    found = [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []
    return {
        call_id: message
        for message in found
        if message.get("role") == "tool" and isinstance(call_id := message.get("toolCallId"), str)
    }


def _with_results(messages: tuple[Message, ...], results: Mapping[str, JsonObject]) -> Iterator[Message]:
    """The conversation with results as they were made: one message a step, with form and seal."""
    row: list[ToolResultPart] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            row += [_as_made(result, results.get(result.call_id, {})) for result in message.results]
            continue
        if row:
            yield ToolMessage(results=tuple(row))
            row = []
        yield message
    if row:
        yield ToolMessage(results=tuple(row))


def _as_made(result: ToolResultPart, message: JsonObject) -> ToolResultPart:
    message_id = message.get("id")
    sealed = sealed_result(message_id) if isinstance(message_id, str) else None
    if sealed is None:
        return replace(result, failed=isinstance(message.get("error"), str))
    form, seal = sealed
    output = result.output
    if form == "json" and isinstance(output, str):
        try:
            output = orjson.loads(output)
        except orjson.JSONDecodeError:
            return result
    return replace(result, output=output, failed=form == "error", seal=seal)
