"""Turns a typed async function into a tool.

The first parameter is a pydantic model, the second, if there is one, a `ToolContext`. What the function
returns is the output. An async generator shows progress: everything that it yields is shown at once, each
in place of the one before, and the last of it is the output.

A plain function is refused: it would hold up every other stream of the process while it runs. Slow code
that cannot wait belongs into `await asyncio.to_thread(...)`.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from mamba_adapters.tools.inputs import read_input
from mamba_adapters.tools.schemas import input_schema
from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonValue
from mamba_domain.tools import Placement, ToolCall, ToolContext, ToolOutcome, ToolOutput, ToolProgress, ToolSpec

__all__ = ["FunctionTool", "tool"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTool:
    """A function as a tool. `function` is what the author wrote."""

    spec: ToolSpec
    function: Callable[..., Any]
    model: type[BaseModel]
    takes_context: bool
    approval: bool | Callable[[Any], bool]

    def validate(self, arguments: JsonValue) -> JsonValue:
        """The arguments as they came, if the model accepts them: a person who approves sees what was asked for."""
        read_input(self.model, arguments)
        return arguments

    def needs_approval(self, arguments: JsonValue) -> bool:
        """Always, never, or as the predicate says; a predicate that fails says yes."""
        if isinstance(self.approval, bool):
            return self.approval
        try:
            return bool(self.approval(read_input(self.model, arguments)))
        except Exception:
            _log.exception("tool.approval_predicate_failed", extra={"tool": self.spec.name})
            return True

    async def steps(self, call: ToolCall, context: ToolContext) -> AsyncGenerator[ToolProgress | ToolOutcome, None]:
        """Run the function."""
        arguments = (read_input(self.model, call.input), *((context,) if self.takes_context else ()))
        if not inspect.isasyncgenfunction(self.function):
            yield ToolOutput(output=_jsonable(await self.function(*arguments)))
            return
        last: ToolOutput | None = None
        async with aclosing(self.function(*arguments)) as values:
            async for value in values:
                last = ToolOutput(output=_jsonable(value))
                yield ToolProgress(output=last.output)
        if last is not None:
            yield last


def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
    approval: bool | Callable[[Any], bool] = False,
) -> Callable[[Callable[..., Any]], FunctionTool]:
    """Decorate an async function to make it a tool; `timeout` is in seconds.

    Name and description default to the function's name and the first paragraph of its docstring. `approval` is
    whether a person must agree to each call, or a function that decides it by the input. Raises `TypeError` for a
    function that cannot be a tool.
    """

    def decorate(function: Callable[..., Any]) -> FunctionTool:
        if not (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)):
            raise TypeError(f"the tool {_label(function)} must be an async function")
        model, takes_context = _parameters(function)
        about = description or (inspect.getdoc(function) or "").partition("\n\n")[0]
        if not about:
            raise TypeError(f"the tool {_label(function)} needs a description or a docstring")
        try:
            schema = input_schema(model)
        except Exception as error:
            raise TypeError(f"the input of the tool {_label(function)} has no JSON Schema: {error}") from error
        spec = ToolSpec(
            name=name or function.__name__,
            description=about,
            input_schema=schema,
            placement=Placement.SERVER,
            timeout=timeout,
        )
        return FunctionTool(spec=spec, function=function, model=model, takes_context=takes_context, approval=approval)

    return decorate


def _parameters(function: Callable[..., Any]) -> tuple[type[BaseModel], bool]:
    """The class of the input, and whether the function wants the context."""
    try:
        hints = get_type_hints(function)
    except NameError as error:
        raise TypeError(f"the types of the tool {_label(function)} cannot be read: {error}") from error
    parameters = list(inspect.signature(function).parameters.values())
    types = [hints.get(parameter.name) for parameter in parameters]
    positional = all(
        parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) for parameter in parameters
    )
    first = types[0] if types else None
    if (
        not positional
        or not (isinstance(first, type) and issubclass(first, BaseModel))
        or types[1:] not in ([], [ToolContext])
    ):
        raise TypeError(f"the tool {_label(function)} must take a pydantic model and, if it likes, a ToolContext")
    return first, len(types) > 1


def _jsonable(value: object) -> JsonValue:
    try:
        output: JsonValue = to_jsonable_python(value)
    except Exception as error:
        raise ToolFailed("The tool's output is not JSON.", detail=str(error)) from error
    return output


def _label(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
