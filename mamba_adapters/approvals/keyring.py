"""The secrets that sign: the first one signs, all of them verify, so that secrets can be exchanged one by one."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from mamba_adapters.approvals.canonical import canonical_json
from mamba_domain.errors import Misconfigured
from mamba_domain.messages import JsonValue

__all__ = ["Keyring"]

_SHORTEST = 32


class Keyring:
    """HMAC-SHA256 over the canonical JSON of a list whose first item names what the signature is for.

    `setting` names where the secrets come from, for the operator whose secrets are too short.
    """

    def __init__(self, secrets: Sequence[str], *, setting: str) -> None:
        self._keys = [secret.encode() for secret in secrets]
        if not self._keys:
            raise Misconfigured(setting, "must hold at least one secret")
        if min(map(len, self._keys)) < _SHORTEST:
            raise Misconfigured(setting, f"every secret must have at least {_SHORTEST} bytes")

    def sign(self, *fields: JsonValue) -> str:
        """The signature of these fields, in 43 letters. Raises what `canonical_json` raises."""
        return _signature(self._keys[0], _text(fields))

    def verify(self, signature: str, *fields: JsonValue) -> bool:
        """Whether one of the secrets made this signature, in a time that does not tell which or how nearly."""
        given, text = signature.encode("utf-8", "replace"), _text(fields)
        found = [hmac.compare_digest(_signature(key, text).encode(), given) for key in self._keys]
        return any(found)


def _text(fields: Sequence[JsonValue]) -> bytes:
    return canonical_json(list(fields)).encode("utf-8", "surrogatepass")


def _signature(key: bytes, text: bytes) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)).rstrip(b"=").decode()
