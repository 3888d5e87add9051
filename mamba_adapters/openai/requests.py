"""Turns a model request into the parameters of `POST /chat/completions`. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mamba_adapters.openai.structured import json_schema
from mamba_domain.messages import (
    AssistantMessage,
    FilePart,
    JsonObject,
    JsonValue,
    Message,
    SystemMessage,
    TextPart,
    ToolCallPart,
    ToolMessage,
    UserMessage,
    UserPart,
)
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import ToolSpec

__all__ = ["chat_params", "output_text"]


def chat_params(request: ModelRequest, *, stream: bool = True) -> JsonObject:
    """The request body. Reasoning is left out: this API takes none back."""
    params: JsonObject = {"model": request.model, "messages": list(_messages(request.messages))}
    if stream:
        params["stream"] = True
        params["stream_options"] = {"include_usage": True}
    if request.tools:
        params["tools"] = [_tool(spec) for spec in request.tools]
        if not request.may_call:
            params["tool_choice"] = "none"
    if request.temperature is not None:
        params["temperature"] = request.temperature
    if request.max_output_tokens is not None:
        params["max_completion_tokens"] = request.max_output_tokens
    if request.response_schema is not None:
        params["response_format"] = {"type": "json_schema", "json_schema": json_schema(request.response_schema)}
    return params


def output_text(output: JsonValue) -> str:
    """A tool's output as the text that a model reads."""
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, separators=(",", ":"))


def _messages(messages: Iterable[Message]) -> Iterable[JsonValue]:
    for message in messages:
        match message:
            case SystemMessage(text=text):
                yield {"role": "system", "content": text}
            case UserMessage(parts=parts):
                yield {"role": "user", "content": _user_content(parts)}
            case AssistantMessage():
                if (assistant := _assistant(message)) is not None:
                    yield assistant
            case ToolMessage(results=results):
                for result in results:
                    yield {
                        "role": "tool",
                        "tool_call_id": result.call_id,
                        "content": output_text(result.output),
                    }


def _user_content(parts: tuple[UserPart, ...]) -> JsonValue:
    if all(isinstance(part, TextPart) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, TextPart))
    return [_user_part(part) for part in parts]


def _user_part(part: UserPart) -> JsonObject:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if part.media_type.startswith("image"):
        return {"type": "image_url", "image_url": {"url": part.url}}
    if part.media_type in _AUDIO_FORMATS and part.url.startswith("data:"):
        audio = part.url.partition(",")[2]
        return {
            "type": "input_audio",
            "input_audio": {"data": audio, "format": _AUDIO_FORMATS[part.media_type]},
        }
    return {"type": "file", "file": _file(part)}


def _file(part: FilePart) -> JsonObject:
    if part.url.startswith("data:"):
        return {"filename": part.filename or "file", "file_data": part.url}
    return {"filename": part.filename or "file", "file_url": part.url}


def _assistant(message: AssistantMessage) -> JsonObject | None:
    text = "".join(part.text for part in message.parts if isinstance(part, TextPart))
    calls: list[JsonValue] = [_call(part) for part in message.parts if isinstance(part, ToolCallPart)]
    if not text and not calls:
        return None
    assistant: JsonObject = {"role": "assistant", "content": text or None}
    if calls:
        assistant["tool_calls"] = calls
    return assistant


def _call(part: ToolCallPart) -> JsonObject:
    arguments = json.dumps(
        part.input if isinstance(part.input, dict) else {}, ensure_ascii=False, separators=(",", ":")
    )
    return {"id": part.call_id, "type": "function", "function": {"name": part.tool, "arguments": arguments}}


def _tool(spec: ToolSpec) -> JsonObject:
    function: JsonObject = {
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.input_schema,
    }
    return {"type": "function", "function": function}


_AUDIO_FORMATS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}
