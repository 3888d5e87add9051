"""Requests in few words, and what the reader makes of them."""

from typing import Any

import pytest

from mamba_adapters.http.bodies import Invalid
from mamba_adapters.http.wire.ui_messages import ReadChat, ReadLimits, read_chat
from mamba_domain.identity import ANONYMOUS
from mamba_domain.messages import Message, TextPart, ToolCallPart, UserMessage

__all__ = ["CALL", "HI", "PIXEL", "assistant", "read", "refused", "said", "text", "tool", "user"]

PIXEL = "data:image/png;base64,iVBORw0KGgo="
HI = UserMessage(parts=(TextPart(text="Hi"),))
CALL = ToolCallPart(call_id="c1", tool="look-up", input={"q": 1})


def read(*messages: Any, limits: ReadLimits | None = None, **more: Any) -> ReadChat:
    body = {"messages": list(messages), **more}
    return read_chat(body, principal=ANONYMOUS, limits=limits or ReadLimits(), new_id=lambda: "new")


def said(*messages: Any, **more: Any) -> tuple[Message, ...]:
    """The conversation as the domain knows it."""
    return read(*messages, **more).request.messages


def refused(*messages: Any, limits: ReadLimits | None = None, **more: Any) -> list[str]:
    """Where the problems are."""
    with pytest.raises(Invalid) as caught:
        read(*messages, limits=limits, **more)
    return [problem.pointer for problem in caught.value.problems]


def user(*parts: Any) -> dict[str, Any]:
    return {"id": "u", "role": "user", "parts": list(parts)}


def assistant(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"id": "a1", "role": "assistant", "parts": list(parts), **more}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def tool(state: str, **more: Any) -> dict[str, Any]:
    """`CALL` in a state, as AI SDK 5 to 7 write it."""
    return {"type": "tool-look-up", "toolCallId": "c1", "state": state, "input": {"q": 1}, **more}
