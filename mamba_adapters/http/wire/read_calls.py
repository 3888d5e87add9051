"""Reads the calls of an assistant's message, as AI SDK 5 to 7, AI SDK 4 and OpenAI write them."""

from __future__ import annotations

from mamba_adapters.http.wire.read_notes import Notes
from mamba_adapters.http.wire.read_steps import Call, Denial
from mamba_domain.approvals import Verdict, denial
from mamba_domain.arguments import parse_arguments
from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonObject, JsonValue, ToolCallPart, ToolResultPart

__all__ = ["CallReader"]

_FAILED = "The call failed."


class CallReader:
    """The calls of one message. `decides`: a person's decisions in it count; they are void in messages of the past.

    Each method gives None for a call that is left out, because it is unfinished or a problem was noted. `ids` are the ids of
    all that were seen.
    """

    def __init__(self, notes: Notes, *, seals: JsonObject, decides: bool) -> None:
        self.ids: set[str] = set()
        self._notes = notes
        self._seals = seals
        self._decides = decides

    def tool_part(self, part: JsonObject, name: JsonValue, pointer: str, *, dynamic: bool) -> Call | None:
        """A tool part of AI SDK 5 to 7. Calls that a provider carried out itself are calls like any other."""
        given = part.get("input")
        state = part.get("state")
        if given is None and state == "output-error":
            given = part.get("rawInput")
        name_field = "toolName" if part.get("type") == "dynamic-tool" else "type"
        made = self._made(part, "toolCallId", name, name_field, given, pointer)
        if made is None:
            return None
        match state:
            case "output-available":
                is_final = part.get("preliminary") is not True
                return Call(
                    part=made, dynamic=dynamic, result=self._returned(made, part.get("output")) if is_final else None
                )
            case "output-error":
                text = part.get("errorText")
                said = _FAILED if text is None else self._notes.text(text, f"{pointer}/errorText")
                return Call(part=made, dynamic=dynamic, result=self._failed(made, said))
            case "output-denied":
                refusal = Denial(reason=self._reason(part.get("approval"), pointer))
                return Call(
                    part=made, dynamic=dynamic, result=self._failed(made, denial(refusal.reason)), denial=refusal
                )
            case "approval-responded" if self._decides:
                return Call(part=made, dynamic=dynamic, verdict=self._verdict(made, part.get("approval"), pointer))
            case "input-available" | "approval-requested" | "approval-responded":
                return Call(part=made, dynamic=dynamic)
            case "input-streaming":
                self._notes.ignore("call:input-streaming")
            case str():
                self._notes.ignore("call:unknown-state")
            case _:
                self._notes.problem(f"{pointer}/state", "must be a text")
        return None

    def invocation(self, value: JsonValue, pointer: str) -> Call | None:
        """A tool invocation of AI SDK 4."""
        if not isinstance(value, dict):
            self._notes.problem(pointer, "must be an object")
            return None
        made = self._made(value, "toolCallId", value.get("toolName"), "toolName", value.get("args"), pointer)
        if made is None:
            return None
        match value.get("state"):
            case "result":
                match value.get("result"):
                    case {"error": str(text), **rest} if not rest and self._seal(made) is not None:
                        # The protocol has no failed calls: this is how the server wrote one.
                        return Call(part=made, result=self._failed(made, self._notes.text(text, f"{pointer}/result")))
                    case output:
                        return Call(part=made, result=self._returned(made, output))
            case "call":
                return Call(part=made)
            case "partial-call":
                self._notes.ignore("call:input-streaming")
            case str():
                self._notes.ignore("call:unknown-state")
            case _:
                self._notes.problem(f"{pointer}/state", "must be a text")
        return None

    def openai_call(self, value: JsonValue, pointer: str) -> Call | None:
        """One of OpenAI's `tool_calls`; its result is a message of its own."""
        if not isinstance(value, dict):
            self._notes.problem(pointer, "must be an object")
            return None
        if value.get("type") not in (None, "function"):
            self._notes.ignore("call:unknown-type")
            return None
        function = value.get("function")
        if not isinstance(function, dict):
            self._notes.problem(f"{pointer}/function", "must be an object")
            return None
        given = _parsed(function.get("arguments"))
        made = self._made(value, "id", function.get("name"), "function/name", given, pointer)
        return None if made is None else Call(part=made)

    def _made(
        self, owner: JsonObject, id_field: str, name: JsonValue, name_field: str, given: JsonValue, pointer: str
    ) -> ToolCallPart | None:
        known_id = self._notes.needed_id(owner.get(id_field), f"{pointer}/{id_field}")
        tool = self._notes.needed_id(name, f"{pointer}/{name_field}")
        if known_id is None or tool is None:
            return None
        self.ids.add(known_id)
        return ToolCallPart(call_id=known_id, tool=tool, input={} if given is None else self._notes.value(given))

    def _returned(self, made: ToolCallPart, output: JsonValue) -> ToolResultPart:
        return ToolResultPart(
            call_id=made.call_id, tool=made.tool, output=self._notes.value(output), seal=self._seal(made)
        )

    def _failed(self, made: ToolCallPart, text: str) -> ToolResultPart:
        return ToolResultPart(call_id=made.call_id, tool=made.tool, output=text, failed=True, seal=self._seal(made))

    def _seal(self, made: ToolCallPart) -> str | None:
        seal = self._seals.get(made.call_id)
        return seal if isinstance(seal, str) else None

    def _verdict(self, made: ToolCallPart, approval: JsonValue, pointer: str) -> Verdict | None:
        pointer = f"{pointer}/approval"
        if not isinstance(approval, dict):
            self._notes.problem(pointer, "must be an object")
            return None
        approval_id = self._notes.needed_id(approval.get("id"), f"{pointer}/id")
        approved, signature = approval.get("approved"), approval.get("signature")
        if not isinstance(approved, bool):
            self._notes.problem(f"{pointer}/approved", "must be true or false")
            return None
        if approval_id is None:
            return None
        return Verdict(
            approval_id=approval_id,
            call_id=made.call_id,
            tool=made.tool,
            input=made.input,
            approved=approved,
            reason=self._reason(approval, pointer),
            signature=signature if isinstance(signature, str) else None,
        )

    def _reason(self, approval: JsonValue, pointer: str) -> str | None:
        reason = approval.get("reason") if isinstance(approval, dict) else None
        return None if reason is None else self._notes.text(reason, f"{pointer}/reason")


def _parsed(arguments: JsonValue) -> JsonValue:
    """OpenAI writes arguments as JSON text."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return parse_arguments(arguments)
    except ToolFailed:
        return arguments
