"""Faults in tool calls. Asked again with a tool's output, all but "tool-loop" answer with a text."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from .asked import Asked
from .fault_spec import CHAT, Maker, Spec
from .phrases import AFTER_TOOLS, CANARY
from .replies import Answer, Reply
from .steps import (
    Altered,
    ChatDelta,
    Hang,
    JsonObject,
    JsonValue,
    Reset,
    Step,
    ToolArguments,
    ToolCall,
    interleave,
    say,
    tool_call,
)

__all__ = ["TOOLS", "call_then_answer"]

_ID = "call_mamba0"
_PIECE = 9


def call_then_answer(asked: Asked) -> Answer:
    """A well-formed call of the tool; with its output, an answer."""
    return _turn(lambda asked: _call(asked, asked.tool_arguments))(asked)


def _turn(steps: Callable[[Asked], tuple[Step, ...]], finish: str | None = "tool_calls") -> Maker:
    def make(asked: Asked) -> Answer:
        if asked.after_tool_result:
            return Reply(steps=say(*AFTER_TOOLS))
        return Reply(steps=steps(asked), finish=finish)

    return make


def _call(asked: Asked, arguments: str, call: int = 0, id: str | None = _ID) -> tuple[ToolCall | ToolArguments, ...]:
    return tool_call(call, id, asked.tool_name, *_pieces(arguments))


def _pieces(text: str) -> list[str]:
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]


def _arguments(arguments: Callable[[Asked], str], finish: str = "tool_calls") -> Maker:
    """One call of the tool with these arguments."""
    return _turn(lambda asked: _call(asked, arguments(asked)), finish)


def _named(name: str | None) -> Maker:
    """One call, with good arguments, of something else."""
    return _turn(lambda asked: tool_call(0, _ID, name, *_pieces(asked.tool_arguments)))


def _altered(alter: Callable[[bytes], bytes], id: str | None = _ID) -> Maker:
    """One good call whose frames are altered."""
    return _turn(lambda asked: tuple(Altered(step, alter) for step in _call(asked, asked.tool_arguments, id=id)))


def _without_index(frame: bytes) -> bytes:
    frame = re.sub(rb'"tool_calls":\[\{"index":\d+,', b'"tool_calls":[{', frame)
    return re.sub(rb'"output_index":\d+,', b"", frame)


def _with_index_zero(frame: bytes) -> bytes:
    frame = re.sub(rb'"tool_calls":\[\{"index":\d+', b'"tool_calls":[{"index":0', frame)
    return re.sub(rb'"output_index":\d+', b'"output_index":0', frame)


def _two(asked: Asked, second_id: str) -> tuple[ToolCall | ToolArguments, ...]:
    first = _call(asked, asked.tool_arguments)
    return (*first, *_call(asked, asked.tool_arguments, 1, second_id))


def _first_key(asked: Asked) -> str:
    """The name of the first property of the tool's arguments."""
    properties = asked.tool_schema.get("properties")
    return next(iter(properties), "city") if isinstance(properties, Mapping) else "city"


def _with_value(asked: Asked, value: str) -> str:
    """The good arguments, but with this JSON for the first of them."""
    good: dict[str, JsonValue] = json.loads(asked.tool_arguments)
    others = "".join(f",{json.dumps(k)}:{json.dumps(v)}" for k, v in good.items() if k != _first_key(asked))
    return f"{{{json.dumps(_first_key(asked))}:{value}{others}}}"


def _violation(asked: Asked) -> str:
    properties = asked.tool_schema.get("properties")
    names = list(properties) if isinstance(properties, Mapping) else []
    return json.dumps({name: {"wrong": [CANARY]} for name in names} | {"unexpected": True})


def _with_member(asked: Asked, member: str) -> str:
    good = asked.tool_arguments
    return good[:-1] + ("," if len(good) > 2 else "") + member + "}"


def _split_name(asked: Asked) -> tuple[Step, ...]:
    name = asked.tool_name
    halves: tuple[JsonObject, ...] = (
        {"id": _ID, "type": "function", "function": {"name": name[:3], "arguments": ""}},
        {"function": {"name": name[3:]}},
    )
    parts = tuple(ChatDelta({"tool_calls": [{"index": 0, **half}]}) for half in halves)
    return (*parts, *(ToolArguments(0, piece) for piece in _pieces(asked.tool_arguments)))


def _legacy(asked: Asked) -> tuple[Step, ...]:
    opening = ChatDelta({"function_call": {"name": asked.tool_name, "arguments": ""}})
    pieces = (ChatDelta({"function_call": {"arguments": piece}}) for piece in _pieces(asked.tool_arguments))
    return (opening, *pieces)


def _broken_off(*steps: Step, whole: bool) -> Maker:
    def call(asked: Asked) -> tuple[Step, ...]:
        begun = _call(asked, asked.tool_arguments)
        return (*(begun if whole else begun[: max(2, len(begun) - 1)]), *steps)

    return _turn(call, None)


def _long_string(asked: Asked, size: int) -> str:
    return _with_value(asked, json.dumps("a" * (size - len(_with_value(asked, '""')))))


def _char_by_char(asked: Asked) -> tuple[Step, ...]:
    return tool_call(0, _ID, asked.tool_name, *_long_string(asked, 20_000))


def _huge(asked: Asked) -> tuple[Step, ...]:
    whole = _long_string(asked, 2**23)
    return tool_call(0, _ID, asked.tool_name, *(whole[n : n + 65536] for n in range(0, len(whole), 65536)))


def _loop(asked: Asked) -> Answer:
    return Reply(steps=_call(asked, asked.tool_arguments, id=f"call_loop{len(asked.messages)}"), finish="tool_calls")


def _many(asked: Asked) -> tuple[Step, ...]:
    return interleave(*(_call(asked, asked.tool_arguments, n, f"call_many{n}") for n in range(64)))


TOOLS: Final[dict[str, Spec]] = {
    "tool-bad-json": Spec("arguments that are no JSON", _arguments(lambda asked: asked.tool_arguments[:-1] + ",")),
    "tool-nonobject-args": Spec("arguments that are an array", _arguments(lambda asked: '["Paris"]')),
    "tool-schema-violation": Spec("arguments that the schema forbids", _arguments(_violation)),
    "tool-deep-args": Spec(
        "arguments of 100000 nested arrays",
        _turn(lambda asked: tool_call(0, _ID, asked.tool_name, _with_value(asked, "[" * 100_000 + "]" * 100_000))),
    ),
    "tool-bigint-args": Spec(
        "an integer of 5000 digits as argument", _arguments(lambda asked: _with_value(asked, "9" * 5000))
    ),
    "tool-no-name": Spec("a call without a name", _named(None)),
    "tool-unknown": Spec("a call of a tool that was not offered", _named("no_such_tool")),
    "tool-dunder": Spec("a call of an attribute of Python's objects", _named("__class__")),
    "tool-name-injection": Spec("a tool name that looks like events", _named('x"}\n\ndata: [DONE]\n\n')),
    "tool-dup-index": Spec(
        "two calls at the same index",
        _turn(lambda asked: tuple(Altered(step, _with_index_zero) for step in _two(asked, "call_mamba1"))),
    ),
    "tool-dup-id": Spec("two calls with the same id", _turn(lambda asked: _two(asked, _ID))),
    "tool-no-index": Spec("a call without an index", _altered(_without_index)),
    "tool-no-id": Spec("a call without an id", _turn(lambda asked: _call(asked, asked.tool_arguments, id=None))),
    "tool-split-name": Spec("a name in two pieces", _turn(_split_name), CHAT),
    "tool-empty-args": Spec("an empty string for arguments", _arguments(lambda asked: "")),
    "tool-dup-keys": Spec(
        "the same argument twice",
        _arguments(lambda asked: _with_member(asked, f'{json.dumps(_first_key(asked))}:"Oslo"')),
    ),
    "tool-proto-keys": Spec(
        "arguments that pollute prototypes",
        _arguments(lambda asked: _with_member(asked, '"__proto__":{"admin":true}')),
    ),
    "tool-legacy": Spec("the deprecated function_call", _turn(_legacy, "function_call"), CHAT),
    "tool-length": Spec(
        "the token limit cuts the arguments", _arguments(lambda asked: asked.tool_arguments[:-1], "length")
    ),
    "tool-length-valid": Spec(
        "the token limit strikes right after complete arguments",
        _arguments(lambda asked: asked.tool_arguments, "length"),
    ),
    "tool-reset-in-args": Spec("reset inside the arguments", _broken_off(Reset(), whole=False)),
    "tool-reset-after-args": Spec("reset after the arguments, before the finish", _broken_off(Reset(), whole=True)),
    "tool-stall-in-args": Spec("silence inside the arguments", _broken_off(Hang(), whole=False)),
    "tool-loop": Spec("calls the tool again and again", _loop),
    "tool-many": Spec("64 calls at once, interleaved", _turn(_many)),
    "tool-huge-args": Spec("8 MiB of arguments", _turn(_huge)),
    "tool-char-args": Spec("20000 deltas of one character of arguments", _turn(_char_by_char)),
}
