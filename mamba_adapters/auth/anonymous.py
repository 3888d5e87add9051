"""`auth.mode = "none"`: everybody is the same nobody."""

from __future__ import annotations

from mamba_domain.identity import ANONYMOUS, Credentials, Principal

__all__ = ["Anonymous"]


class Anonymous:
    """An `Authenticator` that asks for nothing and reads nothing."""

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Let in."""
        return ANONYMOUS
