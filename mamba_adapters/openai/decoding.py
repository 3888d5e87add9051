"""What the decoders of both APIs share: reading an event's JSON, and mending what JSON can do to text.

Events are read as plain JSON: building the `openai` package's typed objects costs many times what reading them does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from mamba_domain.errors import Code, MambaError, ModelFailed
from mamba_domain.events import ModelEvent, ReasoningDelta, TextDelta

__all__ = ["Decoder", "Surrogates", "add_reasoning", "add_text", "parse_payload", "token_count"]


class Decoder(Protocol):
    """Turns the events of one answer into model events.

    `stopped` is true once the model has said why it stopped, or the stream that it is over: what still comes adds no
    content. `complete` is true when nothing at all is to come. `failure` is why the answer is broken: it is to be raised
    once the events that were decoded before it have been passed on.
    """

    stopped: bool
    complete: bool
    failure: MambaError | None

    def decode(self, payloads: Sequence[bytes]) -> list[ModelEvent]:
        """The events of one read, adjacent deltas merged."""
        ...

    def finish(self) -> list[ModelEvent]:
        """What the end of the stream adds. Raises `ModelFailed` where the model never said why it stopped."""
        ...


def parse_payload(payload: bytes) -> Any:
    """One event's JSON. What orjson refuses (lone surrogates, NaN, bad UTF-8) gets a second, tolerant reading."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:
            return json.loads(payload.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise ModelFailed(Code.MODEL_ERROR, detail=f"an event is not JSON: {type(error).__name__}") from None


def token_count(value: object) -> int:
    """A count as a provider sent it; anything odd counts as nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def add_text(text: str, out: list[ModelEvent]) -> None:
    """Append text, to the last event where that is text too."""
    if text:
        last = out[-1] if out else None
        if type(last) is TextDelta:
            out[-1] = TextDelta(text=last.text + text)
        else:
            out.append(TextDelta(text=text))


def add_reasoning(text: str, out: list[ModelEvent]) -> None:
    """Append reasoning, to the last event where that is reasoning too."""
    if text:
        last = out[-1] if out else None
        if type(last) is ReasoningDelta:
            out[-1] = ReasoningDelta(text=last.text + text)
        else:
            out.append(ReasoningDelta(text=text))


class Surrogates:
    """Mends text whose UTF-16 surrogates came apart: halves of two deltas are joined, a lone one becomes U+FFFD."""

    __slots__ = ("_high",)

    def __init__(self) -> None:
        self._high = ""

    def mend(self, text: str) -> str:
        """The text that can be passed on; a high half at its end waits for the next call."""
        if not self._high and text.isascii():
            return text
        text = self._high + text
        self._high = ""
        if "\ud800" <= text[-1:] <= "\udbff":
            self._high = text[-1]
            text = text[:-1]
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text

    def flush(self) -> str:
        """What still waits, at the end."""
        high, self._high = self._high, ""
        return "\ufffd" if high else ""
