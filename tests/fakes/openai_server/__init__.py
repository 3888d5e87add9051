"""A fake OpenAI for tests: real HTTP on loopback, both APIs, and every way in which an upstream can fail.

    async with FakeOpenAI() as upstream:
        upstream.script(["fault-503", Reply(steps=say("Hello ", "there"))])
        ...                                  # point the service at upstream.base_url
        first, second = upstream.requests

Without a script the model's name decides: see `behaviours` for names and `FAULTS` for the catalogue.
"""

from .asked import Api
from .expectations import FORBIDDEN, Expect
from .faults import FAULTS, Fault
from .journal import Received
from .phrases import AFTER_TOOLS, CANARY, FAKE_KEY, POISON, PREFIX, PREFIX_TEXT, SENTENCE, TEXT
from .process import FakeOpenAIProcess
from .replies import Answer, HttpReply, RawReply, Reply, Usage
from .server import MODELS, FakeOpenAI, serving_in_thread
from .steps import (
    Altered,
    ChatDelta,
    Citation,
    Close,
    Done,
    Failure,
    Finish,
    Frame,
    Hang,
    Reasoning,
    Refusal,
    Repeat,
    Reset,
    ResponsesEvent,
    Seal,
    Step,
    Text,
    ToolArguments,
    ToolCall,
    Unframed,
    Until,
    Wait,
    WindUp,
    interleave,
    say,
    think,
    tool_call,
)
from .unreachable import UNREACHABLE, Unreachable

__all__ = [
    "AFTER_TOOLS",
    "CANARY",
    "FAKE_KEY",
    "FAULTS",
    "FORBIDDEN",
    "MODELS",
    "POISON",
    "PREFIX",
    "PREFIX_TEXT",
    "SENTENCE",
    "TEXT",
    "UNREACHABLE",
    "Altered",
    "Answer",
    "Api",
    "ChatDelta",
    "Citation",
    "Close",
    "Done",
    "Expect",
    "Failure",
    "FakeOpenAI",
    "FakeOpenAIProcess",
    "Fault",
    "Finish",
    "Frame",
    "Hang",
    "HttpReply",
    "RawReply",
    "Reasoning",
    "Received",
    "Refusal",
    "Repeat",
    "Reply",
    "Reset",
    "ResponsesEvent",
    "Seal",
    "Step",
    "Text",
    "ToolArguments",
    "ToolCall",
    "Unframed",
    "Unreachable",
    "Until",
    "Usage",
    "Wait",
    "WindUp",
    "interleave",
    "say",
    "serving_in_thread",
    "think",
    "tool_call",
]
