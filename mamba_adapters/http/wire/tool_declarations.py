"""Tools that a request declares, as OpenAI's functions and AG-UI's tools have them: name, description, JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mamba_adapters.http.bodies import Invalid, Problem
from mamba_domain.messages import JsonObject, JsonValue
from mamba_domain.tools import Placement, ToolSpec

__all__ = ["declared_tools"]

_MOST = 128
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_INPUT: JsonObject = {"type": "object", "properties": {}}


def declared_tools(declarations: Sequence[JsonValue]) -> tuple[ToolSpec, ...]:
    """The tools, to be carried out by the client. Raises `Invalid` for what models would refuse."""
    if len(declarations) > _MOST:
        raise _invalid(f"has {len(declarations)} tools; at most {_MOST} are allowed")
    found: dict[str, ToolSpec] = {}
    for declaration in declarations:
        spec = _spec(declaration)
        if spec.name in found:
            raise _invalid("has two tools of one name")
        found[spec.name] = spec
    return tuple(found.values())


def _spec(declaration: JsonValue) -> ToolSpec:
    if not isinstance(declaration, dict):
        raise _invalid("must have an object for each tool")
    name, description = declaration.get("name"), declaration.get("description")
    schema = declaration.get("parameters")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _invalid("must have names of 1 to 64 letters, digits, _ and -")
    if not isinstance(schema, dict | None):
        raise _invalid("must have a JSON Schema, an object, as parameters")
    return ToolSpec(
        name=name,
        description=description if isinstance(description, str) else "",
        input_schema=schema or _NO_INPUT,
        placement=Placement.CLIENT,
    )


def _invalid(reason: str) -> Invalid:
    return Invalid((Problem(pointer="/tools", reason=reason),))
