"""What a model does, told by its name.

    ok                 a normal answer, as does every name that means nothing else
    echo               the last user text, in several deltas
    echo-json          the conversation as it came, as JSON text
    tool               calls a tool that the request offers, and answers when it has the output
    fault-<name>       the fault of that name

Parameters follow in any order: `-n500` 500 deltas, `-p20` 20 ms between two, `-w100` 100 ms before the first
("ok-n50-p20"). Anything before the last slash is taken for a provider's prefix and ignored.
"""

import re
from dataclasses import replace
from typing import Final

from .asked import Asked
from .faults import FAULTS, Fault
from .faults_tools import call_then_answer
from .phrases import CANARY, SENTENCE
from .replies import Answer, HttpReply, Reply
from .steps import JsonObject, say
from .wire import CREATED, dump, error_object

__all__ = ["TRAP_ANSWER", "answer_for", "model_list", "no_such_route", "text_of"]

_PARAMETER = re.compile(r"-([npw])(\d+)$")
_PIECE = 5
_LISTED = ("gpt-4o-mini", "gpt-4o", "ok", "echo", "echo-json", "tool")

TRAP_ANSWER: Final = Reply(steps=say(f"You should not be here: {CANARY}"))


def answer_for(asked: Asked, name: str) -> Answer:
    """The answer that the behaviour `name` gives to this request."""
    name = name.rpartition("/")[2]
    if name.startswith("fault-"):
        return _fault(name.removeprefix("fault-")).answer(asked)
    parameters: dict[str, int] = {}
    while found := _PARAMETER.search(name):
        parameters[found[1]] = int(found[2])
        name = name[: found.start()]
    answer = _named(asked, name, parameters.get("n"))
    if not isinstance(answer, Reply):
        return answer
    return replace(answer, first_after=parameters.get("w", 0) / 1000, every=parameters.get("p", 0) / 1000)


def text_of(name: str) -> str:
    """The whole text of a behaviour that is a turn, for a request without a conversation; else nothing."""
    answer = answer_for(Asked(api="chat", body={"model": name, "stream": True}), name)
    return answer.text if isinstance(answer, Reply) else ""


def model_list() -> HttpReply:
    """The answer of `GET /v1/models`."""
    models: list[JsonObject] = [
        {"id": name, "object": "model", "created": CREATED, "owned_by": "openai"} for name in _LISTED
    ]
    return HttpReply(status=200, body=dump({"object": "list", "data": models}))


def no_such_route(method: str, path: str) -> HttpReply:
    error = error_object("unknown_url", "invalid_request_error", f"Unknown request URL: {method} {path}.")
    return HttpReply(status=404, body=dump({"error": error}))


def _fault(name: str) -> Fault:
    if name not in FAULTS:
        raise LookupError(f"the catalogue has no fault {name!r}")
    return FAULTS[name]


def _named(asked: Asked, name: str, deltas: int | None) -> Answer:
    match name:
        case "echo":
            return Reply(steps=say(*_pieces(asked.last_user_text)))
        case "echo-json":
            return Reply(steps=say(*_pieces(dump(asked.messages).decode())))
        case "tool":
            return call_then_answer(asked)
        case _ if deltas is not None:
            return Reply(steps=say(*(f"{n} " for n in range(deltas))))
        case _:
            return Reply(steps=say(*SENTENCE))


def _pieces(text: str) -> list[str]:
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
