"""Turns a model request into the parameters of `POST /responses`. Pure.

Nothing is stored at the provider: the whole conversation goes along each time, and what a model thought comes back sealed
and is handed over again, in front of the item that it led to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from mamba_adapters.openai.requests import output_text
from mamba_adapters.openai.structured import json_schema
from mamba_domain.messages import (
    AssistantMessage,
    FilePart,
    JsonObject,
    JsonValue,
    Message,
    ReasoningPart,
    SystemMessage,
    TextPart,
    ToolCallPart,
    ToolMessage,
    UserMessage,
    UserPart,
)
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import ToolSpec

__all__ = ["reasoning_source", "reasons", "response_params"]

_LEAST_OUTPUT_TOKENS = 16
"""The API refuses a lower limit."""
_SEALED_REASONING = "reasoning.encrypted_content"
_WITHOUT_REASONING = ("gpt-3", "gpt-4", "chatgpt-", "gpt-5-chat", "ft:gpt-3", "ft:gpt-4")


def reasons(model: str) -> bool:
    """Whether a model of that name thinks before it speaks. The API refuses to seal the reasoning of those that do not."""
    return not model.rpartition("/")[2].startswith(_WITHOUT_REASONING)


def reasoning_source(base_url: str, model: str) -> str:
    """A mark for who can open a sealed reasoning: a model behind one connection, and nobody else."""
    return hashlib.blake2s(f"{base_url} {model}".encode(), digest_size=6).hexdigest()


def response_params(request: ModelRequest, *, seal_reasoning: bool, source: str = "") -> JsonObject:
    """The request body. Reasoning from another `source` than this one is left out."""
    instructions = list(takewhile(lambda message: isinstance(message, SystemMessage), request.messages))
    spoken = request.messages[len(instructions) :]
    params: JsonObject = {
        "model": request.model,
        "input": list(_items(spoken, source)),
        "stream": True,
        "store": False,
    }
    if instructions:
        params["instructions"] = "\n\n".join(m.text for m in instructions if isinstance(m, SystemMessage))
    if seal_reasoning:
        params["include"] = [_SEALED_REASONING]
    if request.tools:
        params["tools"] = [_tool(spec) for spec in request.tools]
        if not request.may_call:
            params["tool_choice"] = "none"
    if request.temperature is not None:
        params["temperature"] = request.temperature
    if request.max_output_tokens is not None:
        params["max_output_tokens"] = max(_LEAST_OUTPUT_TOKENS, request.max_output_tokens)
    if request.response_schema is not None:
        params["text"] = {"format": {"type": "json_schema", **json_schema(request.response_schema)}}
    return params


def _items(messages: Iterable[Message], source: str) -> Iterator[JsonValue]:
    for message in messages:
        match message:
            case SystemMessage(text=text):
                yield {"role": "system", "content": text}
            case UserMessage(parts=parts):
                yield {"role": "user", "content": [_user_part(part) for part in parts]}
            case AssistantMessage(parts=parts):
                for part in _paired(parts, source):
                    yield _assistant_item(part)
            case ToolMessage(results=results):
                for result in results:
                    output = output_text(result.output)
                    yield {"type": "function_call_output", "call_id": result.call_id, "output": output}


def _user_part(part: UserPart) -> JsonObject:
    if isinstance(part, TextPart):
        return {"type": "input_text", "text": part.text}
    if part.media_type.startswith("image"):
        return {"type": "input_image", "image_url": part.url, "detail": "auto"}
    return _file(part)


def _file(part: FilePart) -> JsonObject:
    if part.url.startswith("data:"):
        return {"type": "input_file", "filename": part.filename or "file", "file_data": part.url}
    return {"type": "input_file", "file_url": part.url}


_Said = TextPart | ReasoningPart | ToolCallPart


def _paired(parts: Sequence[object], source: str) -> Iterator[_Said]:
    """The parts that the API takes, each call right behind the reasoning that led to it.

    Reasoning that nobody here can open, or whose call is not there any more, is left out: the API would refuse it.
    """
    thoughts = [part for part in parts if isinstance(part, ReasoningPart) and _is_readable(part, source)]
    calls = {part.call_id for part in parts if isinstance(part, ToolCallPart)}
    before = {call_id: thought for thought in thoughts if (call_id := _field(thought, "before")) in calls}
    for part in parts:
        if isinstance(part, ToolCallPart):
            if (thought := before.get(part.call_id)) is not None:
                yield thought
            yield part
        elif isinstance(part, TextPart) or (
            isinstance(part, ReasoningPart) and part in thoughts and not _field(part, "before")
        ):
            yield part


def _is_readable(part: ReasoningPart, source: str) -> bool:
    return bool(_field(part, "id") and _field(part, "encrypted_content")) and _field(part, "source") == source


def _field(part: ReasoningPart, name: str) -> str:
    value = (part.provider_data or {}).get(name)
    return value if isinstance(value, str) else ""


def _assistant_item(part: _Said) -> JsonObject:
    match part:
        case TextPart(text=text):
            return {"role": "assistant", "content": text}
        case ReasoningPart(text=text):
            summary: list[JsonValue] = [{"type": "summary_text", "text": text}] if text else []
            return {
                "type": "reasoning",
                "id": _field(part, "id"),
                "summary": summary,
                "encrypted_content": _field(part, "encrypted_content"),
            }
        case ToolCallPart(call_id=call_id, tool=tool, input=value):
            arguments = json.dumps(value if isinstance(value, dict) else {}, ensure_ascii=False, separators=(",", ":"))
            return {"type": "function_call", "call_id": call_id, "name": tool, "arguments": arguments}


def _tool(spec: ToolSpec) -> JsonObject:
    """Without `strict: false` the API would rewrite schemas that leave anything open, or refuse them."""
    return {
        "type": "function",
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.input_schema,
        "strict": False,
    }
