"""The port to whoever decides how much a caller may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mamba_domain.errors import Code, Rejected
from mamba_domain.events import Usage
from mamba_domain.identity import Principal

__all__ = ["Admission", "Lease", "Quota", "Refused", "Unlimited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much there is of something, how much is left, and in how many seconds there will be more."""

    limit: int
    remaining: int
    resets_in: float


class Refused(Rejected):
    """There is no more for now: for this caller (RATE_LIMITED), or for anybody (OVERLOADED)."""

    def __init__(self, code: Code, quota: Quota, *, public_message: str | None = None, detail: str = "") -> None:
        super().__init__(code, public_message, detail=detail, retry_after=quota.resets_in)
        self.quota = quota


class Lease(Protocol):
    """Leave for one turn, held until the turn is over."""

    async def end(self, usage: Usage) -> None:
        """The turn is over and has taken this much. Gives the place back at once, even where the call is cancelled."""
        ...


class Admission(Protocol):
    """Counts turns and tokens.

    - `admit` decides without waiting for anybody to leave. Who is refused has used up nothing.
    - Counting that is out of order admits; it never holds a turn back.
    """

    def check(self) -> None:
        """Raise `Refused` (OVERLOADED) where there is no place for any turn; asked before work is put into a request."""
        ...

    async def admit(self, principal: Principal) -> Lease:
        """Take a place. Raises `Refused`."""
        ...

    async def quota(self, principal: Principal) -> Quota | None:
        """How many turns the caller may still begin; None where they are not counted."""
        ...


class Unlimited:
    """Everybody may take everything."""

    def check(self) -> None:
        """There is always a place."""

    async def admit(self, principal: Principal) -> Lease:
        """Let begin."""
        return self

    async def quota(self, principal: Principal) -> Quota | None:
        """Nothing is counted."""
        return None

    async def end(self, usage: Usage) -> None:
        """Nobody waits for the place."""
