"""What `mamba-server tools` prints: the tools as JSON Schema for any front end, or as TypeScript for the AI SDK.

The TypeScript names the input and the output of each tool, in the form in which `UIMessage` of the AI SDK takes its
tools: `UIMessage<unknown, UIDataTypes, MambaTools>`. What a server tool returns is unknown here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import cast

from mamba_adapters.tools.display import DISPLAY_TOOLS
from mamba_domain.messages import JsonObject, JsonValue
from mamba_domain.tools import Placement, ToolSpec

__all__ = ["tools_as_json_schema", "tools_as_table", "tools_as_typescript"]

_SCALARS = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def tools_as_table(specs: Sequence[ToolSpec]) -> str:
    """A line a tool: its name, where it is carried out, and the first line of its description."""
    width = max((len(spec.name) for spec in specs), default=0)
    lines = (f"{spec.name:{width}}  {spec.placement:7}  {spec.description.partition(chr(10))[0]}" for spec in specs)
    return "".join(f"{line}\n" for line in lines)


def tools_as_json_schema(specs: Sequence[ToolSpec]) -> str:
    """One JSON object: for each tool its description, its placement, its input and, where it is known, its output."""
    tools: dict[str, JsonObject] = {}
    for spec in specs:
        tools[spec.name] = {
            "description": spec.description,
            "placement": spec.placement.value,
            "input": _input(spec),
            **({"output": _input(spec)} if spec.placement is Placement.DISPLAY else {}),
        }
    return json.dumps(tools, indent=2, ensure_ascii=False) + "\n"


def tools_as_typescript(specs: Sequence[ToolSpec]) -> str:
    """A TypeScript module: a type for each tool's input, and `MambaTools`, which names them all."""
    types: list[str] = []
    members: list[str] = []
    taken: set[str] = set()
    for spec in specs:
        name = _type_name(spec.name, taken)
        schema = _input(spec)
        definitions = cast(dict[str, JsonObject], schema.get("$defs", {}))
        types += [
            f"export type {name}{definition} = {_type(shape, name, '')};\n" for definition, shape in definitions.items()
        ]
        types.append(f"{_comment(spec.description, '')}export type {name} = {_type(schema, name, '')};\n")
        output = name if spec.placement is Placement.DISPLAY else "unknown"
        members.append(f"  {json.dumps(spec.name)}: {{ input: {name}; output: {output} }};\n")
    return "\n".join([*types, f"export type MambaTools = {{\n{''.join(members)}}};\n"])


def _input(spec: ToolSpec) -> JsonObject:
    """The schema of the input as pages see it: that of a display tool carries its `type`."""
    shown = {tool.spec.name: tool.output_schema for tool in DISPLAY_TOOLS}
    return shown[spec.name] if spec.placement is Placement.DISPLAY and spec.name in shown else spec.input_schema


def _type(schema: JsonValue, owner: str, indent: str) -> str:
    """The TypeScript for a schema; what there is no TypeScript for is unknown."""
    if not isinstance(schema, dict):
        return "unknown"
    match schema:
        case {"$ref": str(reference)}:
            return f"{owner}{reference.removeprefix('#/$defs/')}"
        case {"const": value}:
            return json.dumps(value, ensure_ascii=False)
        case {"enum": list(values)}:
            return _union(json.dumps(value, ensure_ascii=False) for value in values)
        case {"anyOf": list(choices)} | {"oneOf": list(choices)}:
            return _union(_type(choice, owner, indent) for choice in choices)
        case {"type": list(kinds)}:
            return _union(_type({**schema, "type": kind}, owner, indent) for kind in kinds)
        case {"type": "array", "items": items}:
            return f"Array<{_type(items, owner, indent)}>"
        case {"type": "array"}:
            return "Array<unknown>"
        case {"type": "object"}:
            return _object(schema, owner, indent)
        case {"type": str(kind)} if kind in _SCALARS:
            return _SCALARS[kind]
    return "unknown"


def _object(schema: JsonObject, owner: str, indent: str) -> str:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        more = schema.get("additionalProperties")
        return f"Record<string, {_type(more, owner, indent)}>"
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    inner = indent + "  "
    lines = []
    for name, shape in properties.items():
        about = shape.get("description") if isinstance(shape, dict) else None
        mark = "" if name in needed else "?"
        key = name if name.isidentifier() and name.isascii() else json.dumps(name)
        comment = _comment(about, inner) if isinstance(about, str) else ""
        lines.append(f"{comment}{inner}{key}{mark}: {_type(shape, owner, inner)};\n")
    return f"{{\n{''.join(lines)}{indent}}}" if lines else "Record<string, never>"


def _union(types: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(types))


def _comment(text: str, indent: str) -> str:
    return f"{indent}/** {' '.join(text.split()).replace('*/', '* /')} */\n"


def _type_name(tool: str, taken: set[str]) -> str:
    """The tool's name as a type's: generateChart becomes GenerateChart, my-tool MyTool. No name is given twice."""
    words = tool.replace("-", "_").split("_")
    stem = "".join(word[:1].upper() + word[1:] for word in words)
    stem = name = stem if stem[:1].isalpha() else f"Tool{stem}"
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}{number}"
    taken.add(name)
    return name
