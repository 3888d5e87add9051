"""Tools that the page carries out: declared in settings, judged by their JSON Schema (draft 2020-12)."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from mamba_domain.errors import Misconfigured, ToolFailed
from mamba_domain.messages import JsonObject, JsonValue
from mamba_domain.tools import Placement, ToolSpec

__all__ = ["ClientTool"]

_LONGEST_FAULT = 300


class ClientTool:
    """One such tool. `setting` names the place of its declaration, for the operator who made a mistake there.

    References lead within the schema only: nothing is ever fetched.
    """

    def __init__(self, *, name: str, description: str, input_schema: JsonObject, setting: str) -> None:
        if input_schema.get("type") != "object":
            raise Misconfigured(f"{setting}.input_schema", 'must have "type": "object"')
        try:
            Draft202012Validator.check_schema(input_schema)
        except SchemaError as error:
            raise Misconfigured(f"{setting}.input_schema", f"is no JSON Schema: {error.message}") from None
        nothing_else: Registry[Any] = Registry()
        self._validator = Draft202012Validator(input_schema, registry=nothing_else)
        self.spec = ToolSpec(name=name, description=description, input_schema=input_schema, placement=Placement.CLIENT)

    def validate(self, arguments: JsonValue) -> JsonValue:
        """The arguments as they came, if the schema allows them."""
        try:
            fault = best_match(self._validator.iter_errors(arguments))
        except (Unresolvable, RecursionError) as error:
            raise ToolFailed("The arguments could not be checked.", detail=str(error)) from error
        if fault is not None:
            place = ".".join(map(str, fault.absolute_path)) or "input"
            raise ToolFailed(f"Invalid arguments. {place}: {fault.message}"[:_LONGEST_FAULT])
        return arguments
