"""The port to whoever decides who a caller is."""

from __future__ import annotations

from typing import Protocol

from mamba_domain.identity import Credentials, Principal

__all__ = ["Authenticator"]


class Authenticator(Protocol):
    """Turns credentials into a principal.

    - The same caller gets the same subject every time; two callers never share one.
    - What is missing is AUTH_REQUIRED; what is there and does not prove anybody is AUTH_INVALID, for every reason alike.
      AUTH_EXPIRED is said only of credentials that were right once, FORBIDDEN only to somebody who is known.
    - What cannot be judged at the moment is OVERLOADED, never let through.
    - `detail` of a refusal names the reason in words of ours; it holds nothing of what was presented.
    - It never raises anything but `Rejected`, whatever the credentials are.
    """

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Who this is. Raises `Rejected`."""
        ...
