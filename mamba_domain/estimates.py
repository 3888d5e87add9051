"""How many tokens a model call took whose provider did not say: one that was cut short, or by a provider that never says.

A rule of thumb, on the same side for everybody: four characters of text are a token, an attached file a thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from mamba_domain.events import Usage
from mamba_domain.messages import (
    AssistantMessage,
    AssistantPart,
    FilePart,
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

__all__ = ["estimated_usage"]

_CHARACTERS = 4
_FILE = 1000 * _CHARACTERS


def estimated_usage(asked: Sequence[Message], said: int) -> Usage:
    """The tokens of a request and of as many characters of the answer as have come."""
    return Usage(input_tokens=_tokens(sum(map(_message, asked))), output_tokens=_tokens(said))


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS)


def _message(message: Message) -> int:
    match message:
        case SystemMessage(text=text):
            return len(text)
        case UserMessage(parts=parts) | AssistantMessage(parts=parts):
            return sum(map(_part, parts))
        case ToolMessage(results=results):
            return sum(_value(result.output) for result in results)
        case _ as unreachable:
            assert_never(unreachable)


def _part(part: UserPart | AssistantPart) -> int:
    match part:
        case TextPart(text=text) | ReasoningPart(text=text):
            return len(text)
        case FilePart():
            return _FILE
        case ToolCallPart(tool=tool, input=value):
            return len(tool) + _value(value)
        case _ as unreachable:
            assert_never(unreachable)


def _value(value: JsonValue) -> int:
    """About as many characters as the value has when it is written down."""
    return len(value) if isinstance(value, str) else len(str(value))
