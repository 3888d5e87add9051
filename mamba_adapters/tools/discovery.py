"""Finds the tools that operators name in settings and that installed packages announce.

A package announces a tool, or a list of tools, as an entry point of the group `mamba.tools`.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points

from mamba_adapters.tools.functions import FunctionTool
from mamba_domain.errors import Misconfigured

__all__ = ["announced_tools", "named_tools"]

_GROUP = "mamba.tools"


def named_tools(path: str, *, setting: str) -> tuple[FunctionTool, ...]:
    """What `package.module:name` names: a tool, or a list of them. Raises `Misconfigured` for `setting`."""
    module_name, colon, attribute = path.partition(":")
    if not (colon and module_name and attribute.isidentifier()):
        raise Misconfigured(setting, f"{path!r} must have the form package.module:name")
    try:
        found = vars(importlib.import_module(module_name)).get(attribute)
    except Exception as error:
        raise Misconfigured(setting, f"{path!r} cannot be imported: {type(error).__name__}: {error}") from error
    return _checked(found, path, setting)


def announced_tools(*, setting: str) -> tuple[FunctionTool, ...]:
    """What the installed packages announce, in the order of the entry points' names."""
    tools: list[FunctionTool] = []
    for entry in sorted(entry_points(group=_GROUP), key=lambda entry: (entry.name, entry.value)):
        label = f"entry point {entry.name} = {entry.value}"
        try:
            found = entry.load()
        except Exception as error:
            raise Misconfigured(setting, f"{label} cannot be loaded: {type(error).__name__}: {error}") from error
        tools += _checked(found, label, setting)
    return tuple(tools)


def _checked(found: object, label: str, setting: str) -> tuple[FunctionTool, ...]:
    tools = tuple(found) if isinstance(found, list | tuple) else (found,)
    if not tools or not all(isinstance(tool, FunctionTool) for tool in tools):
        raise Misconfigured(setting, f"{label!r} is no tool: decorate an async function with @tool()")
    return tools
