"""Proof that an output is this server's: an implementation of `mamba_domain.ports.seals` by HMAC."""

from __future__ import annotations

from mamba_adapters.approvals.keyring import Keyring
from mamba_domain.messages import JsonValue
from mamba_domain.tools import ToolCall, ToolContext

__all__ = ["HmacSeals"]

_PURPOSE = "mamba-seal-1"


class HmacSeals:
    """The sealer. It keeps nothing: a seal holds wherever, and as long as, its secret is known."""

    def __init__(self, *, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, call: ToolCall, *, output: JsonValue, failed: bool, context: ToolContext) -> str | None:
        """The proof; None for an output that has no canonical form."""
        try:
            return self._keyring.sign(*_bound(call, output, failed, context))
        except (ValueError, RecursionError):
            return None

    def verify(self, seal: str, call: ToolCall, *, output: JsonValue, failed: bool, context: ToolContext) -> bool:
        """Whether `seal` was given for exactly this outcome."""
        try:
            return self._keyring.verify(seal, *_bound(call, output, failed, context))
        except (ValueError, RecursionError):
            return False


def _bound(call: ToolCall, output: JsonValue, failed: bool, context: ToolContext) -> tuple[JsonValue, ...]:
    return (_PURPOSE, context.principal.subject, call.call_id, call.tool, call.input, output, failed)
