"""Decides which results of a client's history a model may take for true.

A history is whatever the client sends. What a server tool said is believed where its seal proves it; a
display call's result follows from its input; what a client's own tool returned is the client's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mamba_domain.approvals import DENIED
from mamba_domain.errors import ToolFailed
from mamba_domain.messages import AssistantMessage, Message, ToolCallPart, ToolMessage, ToolResultPart
from mamba_domain.ports.seals import Seals
from mamba_domain.ports.tool_registry import ToolRegistry
from mamba_domain.tools import Placement, ToolCall, ToolContext

__all__ = ["UNVERIFIED", "calls_of", "vouch"]

UNVERIFIED = "Tool output omitted: it could not be verified."


def vouch(
    messages: Sequence[Message], *, tools: ToolRegistry, seals: Seals, context: ToolContext
) -> tuple[Message, ...]:
    """The conversation without outputs that the client may have made up.

    A tool that nobody knows any more counts as a server tool. That a person declined a call is believed,
    since it is the person's to say, but in the server's words.
    """

    def judged(result: ToolResultPart, call: ToolCallPart | None) -> ToolResultPart:
        spec = tools.find(result.tool if call is None else call.tool)
        placement = Placement.SERVER if spec is None else spec.placement
        if placement is Placement.CLIENT:
            return result
        if call is not None:
            if placement is Placement.DISPLAY and not result.failed:
                return replace(result, output=call.input)
            if placement is Placement.SERVER and result.seal is not None:
                made = ToolCall(call_id=call.call_id, tool=call.tool, input=call.input)
                if seals.verify(result.seal, made, output=result.output, failed=result.failed, context=context):
                    return result
        text = UNVERIFIED
        if result.failed and isinstance(result.output, str) and result.output.startswith(DENIED):
            text = DENIED
        elif result.failed and call is not None and spec is not None:
            text = _refusal(tools, call) or UNVERIFIED
        return replace(result, output=text, failed=True, seal=None)

    for message in messages:
        if isinstance(message, ToolMessage):
            return tuple(_mapped(messages, judged))
    return tuple(messages)


def calls_of(messages: Sequence[Message]) -> Iterator[ToolCallPart]:
    """Every call of a conversation, in order."""
    for message in messages:
        if isinstance(message, AssistantMessage):
            for part in message.parts:
                if isinstance(part, ToolCallPart):
                    yield part


def _mapped(
    messages: Sequence[Message], judged: Callable[[ToolResultPart, ToolCallPart | None], ToolResultPart]
) -> Iterator[Message]:
    """The messages with each result judged beside its call: the last before it, else the first behind it."""
    first: dict[str, ToolCallPart] = {}
    for call in calls_of(messages):
        first.setdefault(call.call_id, call)
    latest: dict[str, ToolCallPart] = {}
    for message in messages:
        if isinstance(message, ToolMessage):
            results = tuple(
                judged(result, latest.get(result.call_id) or first.get(result.call_id)) for result in message.results
            )
            yield ToolMessage(results=results)
            continue
        latest.update((call.call_id, call) for call in calls_of((message,)))
        yield message


def _refusal(tools: ToolRegistry, call: ToolCallPart) -> str | None:
    """Why the server refused the call's input, in the words that it had for it then."""
    try:
        tools.validate(call.tool, call.input)
    except ToolFailed as refusal:
        return refusal.public_message
    return None
