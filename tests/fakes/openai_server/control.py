"""The control routes, by which another process scripts the fake and reads its journal.

GET  /_log      {"requests": [...], "trapped": [...]}, oldest first
GET  /_stats    what is open, and totals
POST /_reset    drops scripts and journal
POST /_script   {"answers": [...], "model": null, "tool": null}, each answer a behaviour's name or an object:

{"text": [...], "reasoning": [...], "refusal": [...], "encrypted_content": "",
 "tools": [{"id", "name", "arguments": [fragments]}], "interleaved": false,
 "citations": [{"url", "title", "start", "end"}], "error": "code",
 "then": "hang" | "close" | "reset", "finish": "stop", "first_after": 0, "every": 0}
{"status": 429, "headers": {...}, "body": "text" or JSON}
{"raw": "bytes as latin-1 text"}
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .http1 import Request
from .replies import Answer, HttpReply, RawReply, Reply
from .steps import (
    Citation,
    Close,
    Failure,
    Hang,
    Refusal,
    Reset,
    Step,
    Unframed,
    interleave,
    say,
    think,
    tool_call,
)
from .wire import dump

if TYPE_CHECKING:
    from .server import FakeOpenAI

__all__ = ["answer_from_json", "control_response"]

_ENDINGS: Mapping[str, Step] = {"hang": Hang(), "close": Close(), "reset": Reset()}


def control_response(upstream: "FakeOpenAI", request: Request) -> HttpReply:
    """Does what a control request asks; 400 with the reason where it makes no sense."""
    match request.method, request.path:
        case "GET", "/_log":
            log = [received.json() for received in upstream.requests]
            trapped = [received.json() for received in upstream.journal.trapped]
            return _json(200, {"requests": log, "trapped": trapped})
        case "GET", "/_stats":
            return _json(200, upstream.journal.stats())
        case "POST", "/_reset":
            upstream.reset()
            return _json(200, {})
        case "POST", "/_script":
            return _script(upstream, request.body)
        case _:
            return _json(404, {"error": "no such control route"})


def answer_from_json(given: Any) -> Answer | str:
    """An answer from its JSON form; raises ValueError, KeyError or TypeError where it is none."""
    if isinstance(given, str):
        return given
    if not isinstance(given, Mapping):
        raise TypeError("an answer is a name or an object")
    if "raw" in given:
        return RawReply(steps=(Unframed(given["raw"].encode("latin-1")),))
    if "status" in given:
        body = given.get("body", "")
        headers = tuple(given.get("headers", {}).items())
        return HttpReply(
            status=given["status"],
            headers=headers,
            body=body.encode() if isinstance(body, str) else dump(body),
        )
    tools = given.get("tools", [])
    broken = "then" in given or "error" in given
    return Reply(
        steps=tuple(_steps(given)),
        finish=given.get("finish", None if broken else "tool_calls" if tools else "stop"),
        first_after=given.get("first_after", 0.0),
        every=given.get("every", 0.0),
    )


def _steps(given: Mapping[str, Any]) -> Iterator[Step]:
    yield from think(*given.get("reasoning", []), encrypted_content=given.get("encrypted_content", ""))
    yield from say(*given.get("text", []))
    yield from (Citation(**citation) for citation in given.get("citations", []))
    yield from map(Refusal, given.get("refusal", []))
    calls: list[Sequence[Step]] = [
        tool_call(number, tool["id"], tool["name"], *tool["arguments"])
        for number, tool in enumerate(given.get("tools", []))
    ]
    in_turn = [step for call in calls for step in call]
    yield from interleave(*calls) if given.get("interleaved") else in_turn
    if "error" in given:
        yield Failure(given["error"])
    if "then" in given:
        yield _ENDINGS[given["then"]]


def _script(upstream: "FakeOpenAI", body: bytes) -> HttpReply:
    try:
        order = json.loads(body)
        answers = [answer_from_json(answer) for answer in order["answers"]]
    except (ValueError, KeyError, TypeError) as error:
        return _json(400, {"error": f"{type(error).__name__}: {error}"})
    upstream.script(answers, model=order.get("model"))
    upstream.tool = order.get("tool") or upstream.tool
    return _json(200, {})


def _json(status: int, value: Mapping[str, Any]) -> HttpReply:
    return HttpReply(status=status, body=json.dumps(value).encode())
