"""What a tool is, and what can come of calling one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from mamba_domain.identity import Principal
from mamba_domain.messages import JsonObject, JsonValue

__all__ = [
    "Placement",
    "ToolCall",
    "ToolContext",
    "ToolError",
    "ToolOutcome",
    "ToolOutput",
    "ToolProgress",
    "ToolSpec",
]


class Placement(StrEnum):
    """Where a call is carried out."""

    DISPLAY = "display"
    """Nowhere: the validated input is the output, and the client draws it."""
    SERVER = "server"
    CLIENT = "client"
    """By the page: the turn ends, and the next request brings the output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as the model and the turn see it. `input_schema` is JSON Schema; `timeout` is in seconds.

    Without a `timeout` the registry's own holds.
    """

    name: str
    description: str
    input_schema: JsonObject
    placement: Placement
    dynamic: bool = False
    timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call with input that its registry accepted."""

    call_id: str
    tool: str
    input: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """For whom, and in which chat, a tool runs."""

    principal: Principal
    chat_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolProgress:
    """A preliminary output."""

    output: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutput:
    """The final output."""

    output: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolError:
    """The call failed; `error_text` is what the model and the client read."""

    error_text: str
    timed_out: bool = False


ToolOutcome: TypeAlias = ToolOutput | ToolError
