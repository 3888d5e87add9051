"""The fixed texts of the fake: what it says, and the secrets that must never travel further."""

from typing import Final

__all__ = [
    "AFTER_DONE",
    "AFTER_TOOLS",
    "CANARY",
    "DONE_TEXT",
    "FAKE_KEY",
    "INJECTION",
    "LINE_SEPARATORS",
    "NUL_TEXT",
    "POISON",
    "PREFIX",
    "PREFIX_TEXT",
    "REFUSAL_TEXT",
    "REST",
    "SENTENCE",
    "TEXT",
]

CANARY: Final = "CANARY-upstream-secret"
"""Stands in every error body, header and text that an upstream could leak."""

FAKE_KEY: Final = "sk-CANARY"
"""The key fragment that an upstream quotes back when it refuses a key."""

POISON: Final = "POISON"
"""Text that belongs to nobody's answer."""

PREFIX: Final = ("The mamba", " is a fast, ", "slender — ")
"""The deltas that arrive before a fault in the middle of a stream; the last one is not ASCII."""

REST: Final = ("and, 🐍 alas, ", "venomous snake;", ' it says "tssk"', " in 日本語.\n", "That is all.")
"""The deltas that follow where nothing goes wrong."""

SENTENCE: Final = PREFIX + REST
TEXT: Final = "".join(SENTENCE)
PREFIX_TEXT: Final = "".join(PREFIX)

AFTER_TOOLS: Final = ("The tool", " has answered", ", thank you.")
"""What the model says in the step after a tool call."""

AFTER_DONE: Final = f" after the end {CANARY}"
"""Text sent after the end marker, which nobody should read."""

LINE_SEPARATORS: Final = (
    "a\u2028b\u2029",
    "c\u0085d\x0b",
    "e\x0cf\x1c",
    "g\x1dh\x1e",
    "i\r\nj\rk\n",
    "l\n\nm",
)
"""What `str.splitlines` takes for line ends and an event stream does not."""

INJECTION: Final = (
    "safe\n\n",
    "data: [DONE]\n\n",
    'data: {"type":"error","errorText":"x"}\n\n',
    "\r\n\r\nevent: error\r\n",
    ": x\n\n",
)
DONE_TEXT: Final = ("The end marker is ", "data: [DONE]", "\n\n", "[DONE]", " and nothing else.")
NUL_TEXT: Final = "nul \x00 esc \x1b[31m del \x7f bidi \u202e "
REFUSAL_TEXT: Final = ("I'm sorry, ", "I can't ", "help with that.")
