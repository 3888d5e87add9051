"""Tools that a request brings along: its client carries them out, in this turn and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from mamba_domain.identity import Principal
from mamba_domain.messages import JsonValue
from mamba_domain.ports.tool_registry import ToolRegistry
from mamba_domain.tools import Placement, ToolCall, ToolContext, ToolOutcome, ToolProgress, ToolSpec

__all__ = ["Declaration", "DeclaredTools"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a client can carry out. `beside` are the placements of the server's tools that are offered with them."""

    tools: tuple[ToolSpec, ...]
    beside: frozenset[Placement]


class DeclaredTools:
    """A `ToolRegistry` for one turn: the client's tools in front of the server's.

    A declared name hides a tool of the server that has the same one. A name that nobody knows is the client's: it is found,
    so that what the client reports of an earlier call is believed, and never offered. Inputs are the client's to judge.
    """

    def __init__(self, declaration: Declaration, registry: ToolRegistry) -> None:
        self._declared = {spec.name: spec for spec in declaration.tools}
        self._beside = declaration.beside
        self._registry = registry

    def offered(self, names: Sequence[str] | None, principal: Principal) -> tuple[ToolSpec, ...]:
        """See `ToolRegistry`; the names narrow the server's tools only."""
        beside = (
            spec
            for spec in self._registry.offered(names, principal)
            if spec.placement in self._beside and spec.name not in self._declared
        )
        return (*beside, *self._declared.values())

    def find(self, name: str) -> ToolSpec | None:
        """See `ToolRegistry`."""
        return self._declared.get(name) or self._registry.find(name) or _unknown(name)

    def validate(self, name: str, arguments: JsonValue) -> JsonValue:
        """See `ToolRegistry`."""
        return arguments if self._is_clients(name) else self._registry.validate(name, arguments)

    def needs_approval(self, call: ToolCall) -> bool:
        """See `ToolRegistry`."""
        return not self._is_clients(call.tool) and self._registry.needs_approval(call)

    def run(
        self, call: ToolCall, context: ToolContext
    ) -> AbstractAsyncContextManager[AsyncIterator[ToolProgress | ToolOutcome]]:
        """See `ToolRegistry`."""
        return self._registry.run(call, context)

    def _is_clients(self, name: str) -> bool:
        return name in self._declared or self._registry.find(name) is None


def _unknown(name: str) -> ToolSpec:
    return ToolSpec(name=name, description="", input_schema={}, placement=Placement.CLIENT)
