"""`auth.mode = "api_key"`: a caller is whoever holds one of the configured keys.

Only digests are kept. A presented key is compared with every one of them, in the same time whether and where it matches.
A key may come as `X-API-Key` or as a bearer token; where both come, they have to be the same.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import Credentials, Principal

__all__ = ["ApiKey", "ApiKeys", "digest_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key: its SHA-256 digest, and whom it stands for. `principal.subject` is the key's name."""

    digest: bytes = field(repr=False)
    principal: Principal


class ApiKeys:
    """An `Authenticator` over a list of keys, no two of which share digest or name."""

    def __init__(self, keys: Sequence[ApiKey]) -> None:
        self._keys = tuple(keys)

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Find the key's owner."""
        presented = credentials.api_key if credentials.api_key is not None else credentials.bearer
        if presented is None:
            raise Rejected(Code.AUTH_REQUIRED, detail="no key")
        digest = digest_of(presented)
        if credentials.bearer is not None and not hmac.compare_digest(digest_of(credentials.bearer), digest):
            raise Rejected(Code.AUTH_INVALID, detail="two keys")
        found: Principal | None = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key.principal
        if found is None:
            raise Rejected(Code.AUTH_INVALID, detail="unknown key")
        return found


def digest_of(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
