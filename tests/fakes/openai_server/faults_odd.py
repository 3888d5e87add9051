"""Streams that end well but look odd: legal and unusual, or with something in the middle that is neither."""

import re
from collections.abc import Callable
from typing import Final

from .asked import Asked
from .chat_wire import ChatWire
from .delivery import frames_of
from .fault_spec import CHAT, Spec, always, amid, ending_with
from .http1 import head
from .packing import chunk
from .phrases import (
    AFTER_DONE,
    DONE_TEXT,
    INJECTION,
    LINE_SEPARATORS,
    NUL_TEXT,
    POISON,
    PREFIX,
    REFUSAL_TEXT,
    REST,
    SENTENCE,
)
from .replies import Answer, Reply
from .steps import (
    Altered,
    ChatDelta,
    Done,
    Finish,
    Frame,
    Hang,
    JsonObject,
    Refusal,
    Step,
    Text,
    Wait,
    WindUp,
    interleave,
    say,
    think,
)
from .wire import dump, sse

__all__ = ["HOSTILE", "UNUSUAL"]

_BEGUN = say(*PREFIX)
_WHOLE = say(*SENTENCE)


def _insert(fields: bytes) -> Callable[[bytes], bytes]:
    """Puts fields at the beginning of a frame's JSON object."""
    return lambda frame: frame.replace(b"data: {", b"data: {" + fields + b",", 1)


def _odd_text(old: bytes, new: bytes) -> Step:
    """A text delta in which some bytes are exchanged."""
    return Altered(Text("café @ "), lambda frame: frame.replace(old, new))


def _poison(asked: Asked) -> Answer:
    body = b"".join(map(chunk, frames_of(asked, Reply(steps=say(POISON))))) + b"0\r\n\r\n"
    kind = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))
    return Reply(steps=_WHOLE, after_body=head(200, *kind) + body)


def _stall_after_finish(asked: Asked) -> Answer:
    ending: Step = Finish() if asked.api == "chat" else WindUp()
    return Reply(steps=(*_WHOLE, ending, Hang()), finish=None)


def _with_odd_frames(asked: Asked) -> Answer:
    """Empty choices and a filter's verdict before the first delta, as some hosts send it."""
    verdict: JsonObject = {
        "choices": [],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
    }
    return Reply(steps=(Frame(sse(dump({"id": "", "object": "", "model": "", **verdict}))), *_WHOLE), opening=False)


def _with_usage_amid(asked: Asked) -> Answer:
    body = {**asked.body, "stream_options": {"include_usage": True}}
    wire = ChatWire(Asked(api="chat", body=body), Reply())
    usage = wire.frames(Done())[0]
    return Reply(steps=(Frame(usage), *_BEGUN, Frame(usage), *say(*REST)))


def _wrong_types(asked: Asked) -> Answer:
    wrong = (
        _odd_text(b'"caf\xc3\xa9 @ "', b'{"text":["no string"]}'),
        Altered(Text("x"), lambda frame: re.sub(rb'"choices":\[.*\]', b'"choices":{"0":"x"}', frame)),
        Altered(Text("x"), lambda frame: re.sub(rb'"(type|object)":"[^"]*"', rb'"\1":17', frame)),
    )
    return Reply(steps=(*_BEGUN, *wrong, *say(*REST)))


_BIG = b"9" * 5000
_DEEP = b'"x_deep":' + b"[" * 100_000 + b"]" * 100_000

UNUSUAL: Final[dict[str, Spec]] = {
    "no-done": Spec("no [DONE] after the finish", ending_with(Finish()), CHAT),
    "finish-twice": Spec("says twice that it finished", ending_with(Finish(), Finish(), Done())),
    "events-after-done": Spec(
        "goes on talking after the end",
        ending_with(Finish(), Done(), Text(AFTER_DONE), Finish("length"), Done()),
    ),
    "odd-sse": Spec("every oddity that the SSE grammar allows", always(Reply(steps=_WHOLE, packing="odd"))),
    "one-byte-chunks": Spec("one byte a chunk and a write", always(Reply(steps=_WHOLE, packing="bytes"))),
    "one-write": Spec("head and body in one write", always(Reply(steps=_WHOLE, packing="one-write"))),
    "split-utf8": Spec("chunks end inside characters", always(Reply(steps=_WHOLE, packing="split-utf8"))),
    "line-separators": Spec(
        "characters at which careless readers split lines", always(Reply(steps=say(*LINE_SEPARATORS)))
    ),
    "sse-injection": Spec("text that looks like events", always(Reply(steps=say(*INJECTION)))),
    "done-in-text": Spec("text that looks like the end marker", always(Reply(steps=say(*DONE_TEXT)))),
    "gzip-stream": Spec("gzip, flushed at every event", always(Reply(steps=_WHOLE, packing="gzip"))),
    "usage-only-chunk": Spec("usage without choices at the beginning and in the middle", _with_usage_amid, CHAT),
    "prefilter-chunk": Spec("a filter's verdict without choices comes first", _with_odd_frames, CHAT),
    "null-content": Spec(
        "deltas whose content is null",
        amid(ChatDelta({"content": None}), ChatDelta({"content": None})),
        CHAT,
    ),
    "minimal-fields": Spec("no field more than needed", always(Reply(steps=_WHOLE, dialect="minimal"))),
    "extra-fields": Spec("unknown fields and events everywhere", always(Reply(steps=_WHOLE, dialect="extra"))),
    "multi-choice": Spec(
        "a second choice between the deltas of the first",
        always(Reply(steps=interleave(_WHOLE, tuple(Text(f"other{n} ", 1) for n in range(len(SENTENCE)))))),
        CHAT,
    ),
    "reasoning": Spec(
        "thinks before it speaks",
        always(Reply(steps=(*think("Let me ", "think… ", "done.", encrypted_content="Z2VoZWlt"), *_WHOLE))),
    ),
    "role-only": Spec("deltas with a role and nothing else", amid(*[ChatDelta({"role": "assistant"})] * 3), CHAT),
    "stall-recover": Spec("a pause of one second in the middle", amid(Wait(1.0))),
    "interim-103": Spec(
        "early hints before the response",
        always(Reply(steps=_WHOLE, before_head=b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n")),
    ),
    "keepalive-close": Spec(
        "closes after the answer without having said so", always(Reply(steps=_WHOLE, then_close=True))
    ),
    "keepalive-poison": Spec("sends an answer that nobody asked for behind the answer", _poison, plain=False),
    "stall-after-finish": Spec(
        "silence after the last delta; Chat has said its finish", _stall_after_finish, plain=False
    ),
    "content-filter": Spec("broken off by the content filter", always(Reply(steps=_BEGUN, finish="content_filter"))),
    "length": Spec("broken off by the token limit", always(Reply(steps=_BEGUN, finish="length"))),
    "unknown-finish": Spec("finishes for an unknown reason", always(Reply(steps=_WHOLE, finish="eos_token"))),
    "refusal": Spec("the model refuses", always(Reply(steps=tuple(map(Refusal, REFUSAL_TEXT))))),
}

HOSTILE: Final[dict[str, Spec]] = {
    "nonobject-json": Spec(
        "events that are JSON but no objects",
        amid(*(Frame(sse(data)) for data in (b"42", b'"text"', b"null", b"[1,2]", b"true"))),
        plain=False,
    ),
    "nan-json": Spec("a number that JSON does not have", amid(Altered(Text("x"), _insert(b'"x_n":NaN'))), plain=False),
    "bigint-json": Spec(
        "an integer of 5000 digits", amid(Altered(Text("x"), _insert(b'"x_big":' + _BIG))), plain=False
    ),
    "deep-json": Spec("100000 nested arrays", amid(Altered(Text("x"), _insert(_DEEP))), plain=False),
    "invalid-utf8": Spec("bytes that are no UTF-8", amid(_odd_text(b"@", b"\xff\xc3\x28")), plain=False),
    "lone-surrogates": Spec("half a character", amid(Text("half \ud83d of it "), Text("\udc0d"))),
    "split-surrogates": Spec("a character's halves in two deltas", amid(Text("\ud83d"), Text("\udc0d"))),
    "nul": Spec("control characters in the text", amid(Text(NUL_TEXT))),
    "missing-choices": Spec(
        "a delta whose essential field is missing",
        amid(Altered(Text("x"), lambda frame: re.sub(rb'"(choices":|delta":")', rb'"x_\1', frame))),
        plain=False,
    ),
    "wrong-types": Spec("fields of the wrong types", _wrong_types, plain=False),
    "text-after-finish": Spec(
        "text after it said that it finished", ending_with(Finish(), Text("late"), Done()), plain=False
    ),
}
