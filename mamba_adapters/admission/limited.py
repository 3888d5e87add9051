"""The `Admission` of a process with limits: places for turns here, turns a minute and tokens a day wherever they are counted."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from mamba_domain.errors import Code
from mamba_domain.events import Usage
from mamba_domain.identity import Principal
from mamba_domain.ports.admission import Quota, Refused

__all__ = ["Counting", "LimitedAdmission"]

_SOON = 1.0
"""Seconds after which to ask again where a place will be free when some turn ends, nobody knows when."""


class Counting(Protocol):
    """Keeps a caller's turns of a minute and tokens of a day, somewhere."""

    async def take_turn(self, subject: str, limit: int) -> bool:
        """Count one turn, unless there were `limit` in the last minute."""
        ...

    async def turns(self, subject: str, limit: int) -> Quota:
        """What is left of the turns."""
        ...

    async def tokens(self, subject: str, limit: int) -> Quota:
        """What is left of the day's tokens."""
        ...

    async def take_tokens(self, subject: str, amount: int) -> None:
        """Count tokens."""
        ...


class LimitedAdmission:
    """Places for `max_turns` turns, of one caller `turns_per_caller`; None = not limited. Only what is counted needs a meter."""

    def __init__(
        self,
        meter: Counting | None,
        *,
        max_turns: int,
        turns_per_caller: int | None = None,
        turns_per_minute: int | None = None,
        tokens_per_day: int | None = None,
    ) -> None:
        self._meter = meter
        self._max_turns = max_turns
        self._turns_per_caller = turns_per_caller
        self._turns_per_minute = turns_per_minute
        self._tokens_per_day = tokens_per_day
        self._running: Counter[str] = Counter()
        self._total = 0

    def check(self) -> None:
        """Whether the process has a place."""
        if self._total >= self._max_turns:
            raise Refused(Code.OVERLOADED, _none_left(self._max_turns), detail="limits.max_turns")

    async def admit(self, principal: Principal) -> _Place:
        """Take the place first, so that whoever asks meanwhile finds it taken; give it back where another limit refuses."""
        self.check()
        subject = principal.subject
        most = self._turns_per_caller
        if most is not None and self._running[subject] >= most:
            message = f"You have {most} answers running already. Please wait for one to end."
            raise Refused(Code.RATE_LIMITED, _none_left(most), public_message=message, detail="limits.turns_per_caller")
        place = _Place(self, subject)
        try:
            await self._check_tokens(subject)
            await self._count_turn(subject)
        except BaseException:
            place.leave()
            raise
        return place

    async def quota(self, principal: Principal) -> Quota | None:
        """The turns of this minute."""
        if self._meter is None or self._turns_per_minute is None:
            return None
        return await self._meter.turns(principal.subject, self._turns_per_minute)

    async def _check_tokens(self, subject: str) -> None:
        if self._meter is not None and self._tokens_per_day is not None:
            quota = await self._meter.tokens(subject, self._tokens_per_day)
            if not quota.remaining:
                message = "The tokens of today are used up. There will be more tomorrow."
                raise Refused(Code.RATE_LIMITED, quota, public_message=message, detail="limits.tokens_per_day")

    async def _count_turn(self, subject: str) -> None:
        most = self._turns_per_minute
        if self._meter is not None and most is not None and not await self._meter.take_turn(subject, most):
            raise Refused(Code.RATE_LIMITED, await self._meter.turns(subject, most), detail="limits.turns_per_minute")

    def enter(self, subject: str) -> None:
        """One more turn runs."""
        self._total += 1
        self._running[subject] += 1

    def leave(self, subject: str) -> None:
        """One turn less runs."""
        self._total -= 1
        self._running[subject] -= 1
        if not self._running[subject]:
            del self._running[subject]

    async def spend(self, subject: str, usage: Usage) -> None:
        """Count what a turn took."""
        if self._meter is not None and self._tokens_per_day is not None and usage.total_tokens:
            await self._meter.take_tokens(subject, usage.total_tokens)


class _Place:
    """A `Lease`; giving it back twice gives it back once."""

    __slots__ = ("_admission", "_is_held", "_subject")

    def __init__(self, admission: LimitedAdmission, subject: str) -> None:
        self._admission = admission
        self._subject = subject
        self._is_held = True
        admission.enter(subject)

    def leave(self) -> None:
        if self._is_held:
            self._is_held = False
            self._admission.leave(self._subject)

    async def end(self, usage: Usage) -> None:
        self.leave()
        await self._admission.spend(self._subject, usage)


def _none_left(limit: int) -> Quota:
    return Quota(limit=limit, remaining=0, resets_in=_SOON)
