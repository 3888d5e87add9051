"""What `mamba-server tools` prints can be used by front ends as it is."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from mamba_adapters.tools.display import DISPLAY_TOOLS
from mamba_app.tool_commands import tools_as_json_schema, tools_as_table, tools_as_typescript
from mamba_domain.messages import JsonObject
from mamba_domain.tools import Placement, ToolSpec

DISPLAY = [tool.spec for tool in DISPLAY_TOOLS]


def server_tool(name: str, schema: JsonObject, description: str = "Do it.") -> ToolSpec:
    return ToolSpec(name=name, description=description, input_schema=schema, placement=Placement.SERVER)


def test_the_schemas_of_display_tools_are_those_of_their_output() -> None:
    printed = json.loads(tools_as_json_schema(DISPLAY))
    chart = printed["generateChart"]
    assert chart["placement"] == "display"
    assert chart["input"] == chart["output"]
    validator = Draft202012Validator(chart["output"])
    right = {"type": "chart", "chartType": "pie", "title": "t", "data": [{"label": "a", "value": 1}]}
    assert validator.is_valid(right)
    assert not validator.is_valid({**right, "type": "form"})


def test_the_output_of_a_server_tool_is_not_known() -> None:
    printed = json.loads(tools_as_json_schema([server_tool("weather", {"type": "object"})]))
    assert printed == {"weather": {"description": "Do it.", "placement": "server", "input": {"type": "object"}}}


def test_typescript_has_a_type_for_each_tool_and_one_for_all() -> None:
    printed = tools_as_typescript(DISPLAY)
    assert (
        "/** Show the user a chart of labelled numbers. */\n"
        "export type GenerateChart = {\n"
        '  type: "chart";\n'
        '  chartType: "line" | "bar" | "pie" | "area";\n'
        "  title: string;\n"
        "  description?: string;\n"
        "  data: Array<{\n"
        "    label: string;\n"
        "    value: number;\n"
        "  }>;\n"
        "};\n"
    ) in printed
    assert '  "generateChart": { input: GenerateChart; output: GenerateChart };\n' in printed


def test_typescript_for_every_kind_of_schema() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "a-b": {"type": ["integer", "null"]},
            "list": {"type": "array"},
            "map": {"type": "object", "additionalProperties": {"type": "number"}},
            "any": {},
            "all": True,
            "nothing": {"type": "object", "properties": {}},
            "choice": {"anyOf": [{"type": "string"}, {"const": "é"}, {"type": "string"}]},
            "tree": {"$ref": "#/$defs/Tree"},
            "odd": {"type": "file"},
        },
        "required": ["list"],
        "$defs": {
            "Tree": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}
        },
    }
    assert tools_as_typescript([server_tool("my-tool", schema, "Ends */ here.\nYes.")]) == (
        "export type MyToolTree = {\n"
        "  kids?: Array<MyToolTree>;\n"
        "};\n"
        "\n"
        "/** Ends * / here. Yes. */\n"
        "export type MyTool = {\n"
        '  "a-b"?: number | null;\n'
        "  list: Array<unknown>;\n"
        "  map?: Record<string, number>;\n"
        "  any?: unknown;\n"
        "  all?: unknown;\n"
        "  nothing?: Record<string, never>;\n"
        '  choice?: string | "é";\n'
        "  tree?: MyToolTree;\n"
        "  odd?: unknown;\n"
        "};\n"
        "\n"
        "export type MambaTools = {\n"
        '  "my-tool": { input: MyTool; output: unknown };\n'
        "};\n"
    )


def test_each_type_has_a_name_of_its_own_that_typescript_takes() -> None:
    printed = tools_as_typescript([server_tool(name, {"type": "object"}) for name in ("a-b", "a_b", "2nd", "_")])
    names = [line.split()[2] for line in printed.splitlines() if line.startswith("export type")]
    assert names == ["AB", "AB2", "Tool2nd", "Tool", "MambaTools"]


def test_the_table_has_a_line_for_each_tool() -> None:
    printed = tools_as_table([server_tool("weather", {}, "Say it.\n\nAt length."), DISPLAY[1]])
    assert printed == (
        "weather        server   Say it.\ngenerateChart  display  Show the user a chart of labelled numbers.\n"
    )
    assert tools_as_table([]) == ""
