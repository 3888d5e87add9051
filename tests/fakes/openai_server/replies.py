"""What the fake can be told to answer: one vocabulary for both APIs.

- `Reply`: a model turn as a sequence of steps, rendered in the wire format of the API that was asked;
- `HttpReply`: a plain HTTP response, such as an error status;
- `RawReply`: bytes straight onto the connection, with no HTTP around them but what they contain.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .steps import Close, Failure, Finish, Hang, Repeat, Reset, Step, Text, Unframed, Until, Wait

__all__ = [
    "Answer",
    "Dialect",
    "HttpReply",
    "Packing",
    "RawReply",
    "Reply",
    "Usage",
]

Packing: TypeAlias = Literal["frames", "bytes", "one-write", "split-utf8", "gzip", "odd"]
"""How frames become writes: an HTTP chunk a frame; a chunk a byte; all in one write, head included; chunks
that end inside characters; gzip, flushed at each frame; every oddity that the SSE grammar allows."""

Dialect: TypeAlias = Literal["full", "minimal", "extra"]
"""How many fields a frame has: today's OpenAI; no more than needed; with unknown ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts; `cached` are part of `input`, `reasoning` part of `output`."""

    input: int = 11
    output: int = 7
    cached: int = 3
    reasoning: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One model turn.

    After the steps come `Finish(finish)` and `Done()`, unless `finish` is None: then the body just ends,
    and the steps may say by themselves what an ending is. To a request without `stream` the same turn is
    answered as one JSON document, broken in its middle where a step breaks the connection.
    """

    steps: tuple[Step, ...] = ()
    finish: str | None = "stop"
    opening: bool = True
    """Whether the stream begins with its usual first frames (the role chunk, `response.created`)."""
    usage: Usage | None = Usage()
    first_after: float = 0.0
    """Seconds between the response head and the first frame."""
    every: float = 0.0
    """Seconds between two steps."""
    packing: Packing = "frames"
    dialect: Dialect = "full"
    headers: tuple[tuple[str, str], ...] = ()
    before_head: bytes = b""
    """Bytes on the connection before the status line."""
    after_body: bytes = b""
    """Bytes on the connection right after the body, in the same write as its end."""
    then_close: bool = False
    """Closes after the response without having said so."""

    @property
    def text(self) -> str:
        """The text of the first choice up to the first step that breaks the answer off."""
        return "".join(_texts(self.steps))

    @property
    def ending(self) -> str | None:
        """How the turn finishes: `finish`, or what the first `Finish` among the steps says."""
        reasons = (step.reason for step in self.steps if isinstance(step, Finish))
        return self.finish or next(reasons, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """A whole HTTP response; `Content-Length` and the usual upstream headers are added."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str | None = "application/json"
    first_after: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReply:
    """Bytes on the connection: `Unframed`, `Wait`, `Until`, `Repeat` and endings; closed at the end."""

    steps: "tuple[Unframed | Wait | Until | Repeat | Hang | Close | Reset, ...]"


Answer: TypeAlias = Reply | HttpReply | RawReply


def _texts(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        match step:
            case Text(text=text, choice=0):
                yield text
            case Repeat(steps=inner, times=int(times)):
                yield "".join(_texts(inner)) * times
            case Repeat() | Hang() | Close() | Reset() | Failure() | Finish() | Unframed():
                return
            case _:
                pass
