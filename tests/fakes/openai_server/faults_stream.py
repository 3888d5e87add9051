"""Faults of the stream itself: broken off before its end, or without bounds."""

from typing import Final

from .asked import Asked
from .delivery import frames_of
from .fault_spec import RESPONSES, Spec, always, amid, cut_short, ending_with
from .http1 import head
from .phrases import (
    PREFIX,
    SENTENCE,
)
from .replies import Answer, RawReply, Reply
from .steps import Altered, Close, Done, Failure, Frame, Hang, Repeat, Reset, Text, Unframed, WindUp, say

__all__ = ["BOUNDLESS", "BROKEN"]

_BEGUN = say(*PREFIX)
_WHOLE = say(*SENTENCE)


def _short_content_length(asked: Asked) -> Answer:
    """Promises fewer bytes than the stream has: the promised part ends inside the frame after the prefix."""
    prefix = b"".join(frames_of(asked, Reply(steps=_BEGUN, finish=None)))
    whole = b"".join(frames_of(asked, Reply(steps=_WHOLE)))
    sizes = (("content-type", "text/event-stream"), ("content-length", str(len(prefix) + 20)))
    return RawReply(steps=(Unframed(head(200, *sizes) + whole), Close()))


def _no_finish(asked: Asked) -> Answer:
    return Reply(steps=(*_WHOLE, WindUp(), Frame(b"data: [DONE]\n\n")), finish=None)


BROKEN: Final[dict[str, Spec]] = {
    "reset-midstream": Spec("reset after three deltas", cut_short(Reset())),
    "close-midstream": Spec("closed after three deltas, without the last chunk", cut_short(Close())),
    "stall-midstream": Spec("silence after three deltas", cut_short(Hang())),
    "truncated-chunk": Spec(
        "closed inside a chunk", cut_short(Unframed(b'1f4\r\ndata: {"id":"chatcmpl'), Close()), plain=False
    ),
    "bad-chunk-size": Spec("a chunk size that is no number", cut_short(Unframed(b"ZZZ\r\ndata"), Close()), plain=False),
    "short-content-length": Spec("a Content-Length that cuts the stream", _short_content_length, plain=False),
    "truncated-event": Spec(
        "a clean end inside an event",
        cut_short(Frame(b'data: {"id":"chatcmpl-C0ffee00mamba","obj')),
        plain=False,
    ),
    "no-finish": Spec("the whole text and [DONE], but no finish", _no_finish, plain=False),
    "no-finish-no-done": Spec("the whole text and a clean end, but no finish", ending_with(), plain=False),
    "malformed-json": Spec(
        "one delta is no JSON", amid(Altered(Text("lost"), lambda f: f.replace(b"}", b"", 1))), plain=False
    ),
    "comments-only": Spec(
        "after three deltas nothing but comments",
        cut_short(Repeat((Frame(b": keep-alive\n\n"),), every=0.05)),
        plain=False,
    ),
    "error-event": Spec("an error after three deltas", cut_short(Failure(), Done()), plain=False),
    "failed-event": Spec(
        "response.failed after three deltas",
        cut_short(WindUp(), Failure(failed=True)),
        RESPONSES,
        plain=False,
    ),
}

BOUNDLESS: Final[dict[str, Spec]] = {
    "empty-deltas": Spec("empty deltas for ever", cut_short(Repeat((Text(""),), every=0.05)), plain=False),
    "endless": Spec("text for ever", cut_short(Repeat((Text("and so on "),), every=0.01)), plain=False),
    "endless-line": Spec(
        "a line that never ends",
        cut_short(Frame(b'data: {"id":"'), Repeat((Frame(b"l" * 65536),))),
        plain=False,
    ),
    "gzip-bomb": Spec(
        "1 GiB of one line in 1 MiB of gzip",
        always(
            Reply(
                steps=(*_BEGUN, Frame(b'data: {"id":"'), Repeat((Frame(b"0" * 2**20),), times=1024)),
                finish=None,
                packing="gzip",
            )
        ),
        plain=False,
    ),
    "flood": Spec(
        "300000 deltas as fast as they are taken", always(Reply(steps=(Repeat((Text("flood "),), 300_000),)))
    ),
    "gigantic-delta": Spec("one delta of 8 MiB", amid(Text("g" * 2**23))),
}
