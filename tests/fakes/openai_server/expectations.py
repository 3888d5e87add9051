"""What a right service makes of each fault: data for one parametrised test.

Besides what an `Expect` says, every answer to a client ends in time, obeys its protocol, and contains none of
`FORBIDDEN`, no class name and no stack trace.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from .phrases import (
    AFTER_TOOLS,
    CANARY,
    DONE_TEXT,
    FAKE_KEY,
    INJECTION,
    LINE_SEPARATORS,
    PREFIX_TEXT,
    REFUSAL_TEXT,
    TEXT,
)

__all__ = ["EXPECTATIONS", "FORBIDDEN", "RESPONSES_EXPECTATIONS", "Bound", "Expect", "Kind"]

FORBIDDEN: Final = (CANARY, FAKE_KEY)

Kind: TypeAlias = Literal[
    "status",  # nothing was relayed: one of `statuses` with one of `codes`
    "complete",  # exactly `text`, one finish out of `finishes`, no error
    "complete_or_error",  # the same, or an error in place of the finish or of the whole answer
    "error_after_prefix",  # exactly `text`, then one error, no finish
    "survives",  # begins with `text`, then a finish or an error: never a dead connection
    "bounded",  # begins with `text`, then an error because `bound` was reached
    "tool_refused",  # the call shows an input error and is not run; the next step says `text`
    "tool_once",  # run at most once an id, with exactly the input that is shown, or an error
    "tool_never",  # not run; ends with one of `finishes`, "error" standing for an error
    "tool_bounded",  # ends because `bound` was reached
    "degraded",  # the service stays alive and calls itself degraded in its own words
]
Bound: TypeAlias = Literal["first event", "idle", "total", "bytes", "line", "steps", "calls", "arguments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """The expected outcome; `kind` tells which fields count."""

    kind: Kind
    statuses: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    retry_after: bool = False
    """Whether the answer must say when to return."""
    attempts: tuple[int, int] = (1, 1)
    """The least and the most requests that the upstream may see for one turn's first step."""
    min_wait: float = 0.0
    """Seconds that must lie between two attempts."""
    max_wait: float | None = None
    """Seconds by which the next attempt must have come."""
    text: str = ""
    finishes: frozenset[str] = frozenset({"stop"})
    bound: Bound | None = None
    """The limit that a test lowers so that the outcome comes soon."""
    rounds: int = 1
    """How many requests in a row, on pooled connections, must all end so."""

    @property
    def retryable(self) -> bool:
        return self.attempts[1] > 1


def _status(*statuses: int, codes: str, attempts: tuple[int, int] = (1, 1)) -> Expect:
    return Expect(kind="status", statuses=frozenset(statuses), codes=frozenset(codes.split()), attempts=attempts)


def _complete(text: str = TEXT, finish: str = "stop", rounds: int = 1, attempts: tuple[int, int] = (1, 1)) -> Expect:
    return Expect(kind="complete", text=text, finishes=frozenset({finish}), rounds=rounds, attempts=attempts)


def _bounded(bound: Bound, text: str = PREFIX_TEXT) -> Expect:
    return Expect(kind="bounded", text=text, bound=bound)


def _never(finish: str, bound: Bound | None = None) -> Expect:
    return Expect(kind="tool_never", finishes=frozenset({finish}), bound=bound)


_RETRIED = (2, 3)
_LIMITED = replace(_status(429, codes="RATE_LIMITED", attempts=_RETRIED), retry_after=True)
_DOWN = _status(502, 503, codes="MODEL_UNAVAILABLE MODEL_ERROR", attempts=_RETRIED)
_SILENT = replace(_status(504, codes="MODEL_TIMEOUT", attempts=(1, 3)), bound="first event")
_BAD_GATEWAY = _status(502, codes="MODEL_ERROR MODEL_UNAVAILABLE")
_OUR_KEY = _status(502, codes="MODEL_ERROR")
_INVALID = _status(400, codes="INVALID_REQUEST")
_NOTHING = _status(502, 503, 429, codes="MODEL_UNAVAILABLE MODEL_ERROR RATE_LIMITED", attempts=_RETRIED)
_BROKEN = Expect(kind="error_after_prefix", text=PREFIX_TEXT)
_BROKEN_AT_END = Expect(kind="error_after_prefix", text=TEXT)
_WHOLE = _complete()
_SURVIVES = Expect(kind="survives", text=PREFIX_TEXT)
_REFUSED = Expect(kind="tool_refused", text="".join(AFTER_TOOLS))
_ONCE = Expect(kind="tool_once", text="".join(AFTER_TOOLS))
_DEGRADED = Expect(kind="degraded", attempts=(1, 3))

EXPECTATIONS: Final[dict[str, Expect]] = {
    "429": _LIMITED,
    "429-slow-down": _LIMITED,
    "429-retry-after-s": replace(_LIMITED, min_wait=1.0),
    "429-retry-after-date": replace(_LIMITED, min_wait=0.9),
    "429-retry-after-ms": replace(_LIMITED, min_wait=0.3, max_wait=10.0),
    "429-retry-after-bad": _LIMITED,
    "429-retry-after-huge": replace(_LIMITED, attempts=(1, 1)),
    "429-quota": _status(503, codes="MODEL_UNAVAILABLE"),
    "500": _DOWN,
    "502": _DOWN,
    "502-html": _DOWN,
    "503": _DOWN,
    "520": _DOWN,
    "529": _DOWN,
    "500-empty": _DOWN,
    "500-endless-body": _DOWN,
    "500-stalled-body": _DOWN,
    "500-no-retry": _BAD_GATEWAY,
    "408": replace(_SILENT, bound=None, attempts=_RETRIED),
    "504": replace(_SILENT, bound=None, attempts=_RETRIED),
    "401": _OUR_KEY,
    "403": _OUR_KEY,
    "400": _INVALID,
    "422": _INVALID,
    "400-policy": _status(400, codes="CONTENT_FILTERED"),
    "400-context": _status(400, 413, codes="CONTEXT_TOO_LONG"),
    "404": _status(404, codes="MODEL_NOT_FOUND"),
    "413": _status(413, codes="PAYLOAD_TOO_LARGE CONTEXT_TOO_LONG"),
    "redirect-trap": _BAD_GATEWAY,
    "redirect-loop": _BAD_GATEWAY,
    "200-html": _OUR_KEY,
    "200-json": _OUR_KEY,
    "204": _OUR_KEY,
    "empty-stream": _NOTHING,
    "done-only": _NOTHING,
    "error-event-first": _NOTHING,
    "reset-before-first-delta": _NOTHING,
    "reset-before-headers": _DOWN,
    "accept-close": _DOWN,
    "garbage-headers": _DOWN,
    "huge-headers": _DOWN,
    "keepalive-late-close": _complete(rounds=3, attempts=(1, 2)),
    "stall-before-headers": _SILENT,
    "slow-headers": _SILENT,
    "stall-after-headers": _SILENT,
    "models-401": _DEGRADED,
    "models-503": _DEGRADED,
    "models-stall": replace(_DEGRADED, bound="total"),
    "models-garbage": _DEGRADED,
    "models-reset": _DEGRADED,
    "reset-midstream": _BROKEN,
    "close-midstream": _BROKEN,
    "stall-midstream": replace(_BROKEN, bound="idle"),
    "truncated-chunk": _BROKEN,
    "bad-chunk-size": _BROKEN,
    "short-content-length": _BROKEN,
    "truncated-event": _BROKEN,
    "no-finish": _BROKEN_AT_END,
    "no-finish-no-done": _BROKEN_AT_END,
    "malformed-json": _BROKEN,
    "comments-only": replace(_BROKEN, bound="idle"),
    "error-event": _BROKEN,
    "failed-event": _BROKEN,
    "no-done": _WHOLE,
    "finish-twice": _WHOLE,
    "events-after-done": _WHOLE,
    "odd-sse": _WHOLE,
    "one-byte-chunks": _WHOLE,
    "one-write": _WHOLE,
    "split-utf8": _WHOLE,
    "line-separators": _complete("".join(LINE_SEPARATORS)),
    "sse-injection": _complete("".join(INJECTION)),
    "done-in-text": _complete("".join(DONE_TEXT)),
    "gzip-stream": _WHOLE,
    "usage-only-chunk": _WHOLE,
    "prefilter-chunk": _WHOLE,
    "null-content": _WHOLE,
    "minimal-fields": _WHOLE,
    "extra-fields": _WHOLE,
    "multi-choice": _WHOLE,
    "reasoning": _WHOLE,
    "role-only": _WHOLE,
    "stall-recover": _WHOLE,
    "interim-103": _WHOLE,
    "keepalive-close": _complete(rounds=3, attempts=(1, 2)),
    "keepalive-poison": _complete(rounds=3, attempts=(1, 2)),
    "stall-after-finish": _WHOLE,
    "content-filter": _complete(PREFIX_TEXT, "content-filter"),
    "length": _complete(PREFIX_TEXT, "length"),
    "unknown-finish": _complete(finish="other"),
    "refusal": Expect(kind="complete_or_error", text="".join(REFUSAL_TEXT)),
    "nonobject-json": _SURVIVES,
    "nan-json": _SURVIVES,
    "bigint-json": _SURVIVES,
    "deep-json": _SURVIVES,
    "invalid-utf8": _SURVIVES,
    "lone-surrogates": _SURVIVES,
    "split-surrogates": _SURVIVES,
    "nul": _SURVIVES,
    "missing-choices": _SURVIVES,
    "wrong-types": _SURVIVES,
    "text-after-finish": replace(_SURVIVES, text=TEXT),
    "empty-deltas": _bounded("idle"),
    "endless": _bounded("total"),
    "endless-line": _bounded("line"),
    "gzip-bomb": _bounded("line"),
    "flood": _bounded("bytes", "flood "),
    "gigantic-delta": _bounded("line"),
    "tool-bad-json": _REFUSED,
    "tool-nonobject-args": _REFUSED,
    "tool-schema-violation": _REFUSED,
    "tool-deep-args": _REFUSED,
    "tool-bigint-args": _REFUSED,
    "tool-no-name": _REFUSED,
    "tool-unknown": _REFUSED,
    "tool-dunder": _REFUSED,
    "tool-name-injection": _REFUSED,
    "tool-dup-index": _ONCE,
    "tool-dup-id": _ONCE,
    "tool-no-index": _ONCE,
    "tool-no-id": _ONCE,
    "tool-split-name": _ONCE,
    "tool-empty-args": _ONCE,
    "tool-dup-keys": _ONCE,
    "tool-proto-keys": _ONCE,
    "tool-legacy": _ONCE,
    "tool-length": _never("length"),
    "tool-length-valid": _never("length"),
    "tool-reset-in-args": _never("error"),
    "tool-reset-after-args": _never("error"),
    "tool-stall-in-args": _never("error", "idle"),
    "tool-loop": Expect(kind="tool_bounded", bound="steps"),
    "tool-many": Expect(kind="tool_bounded", bound="calls"),
    "tool-huge-args": Expect(kind="tool_bounded", bound="arguments"),
    "tool-char-args": _ONCE,
}

RESPONSES_EXPECTATIONS: Final[dict[str, Expect]] = {
    # Without response.completed nothing says that the answer is whole.
    "stall-after-finish": replace(_BROKEN_AT_END, bound="idle"),
}
"""Where the Responses API differs."""
