"""What every admission keeps to. A suite subclasses `AdmissionContract` and makes admissions with the limits asked for."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

import pytest

from mamba_domain.errors import Code
from mamba_domain.events import Usage
from mamba_domain.identity import Principal
from mamba_domain.ports.admission import Admission, Refused

__all__ = ["ALICE", "BOB", "AdmissionContract", "refusal"]

ALICE, BOB = Principal(subject="alice"), Principal(subject="bob")


async def refusal(admission: Admission, principal: Principal) -> Refused:
    """The refusal of another turn."""
    with pytest.raises(Refused) as caught:
        await admission.admit(principal)
    return caught.value


class AdmissionContract:
    """The promises of the port."""

    @abstractmethod
    def admission(
        self,
        *,
        max_turns: int = 100,
        turns_per_caller: int | None = None,
        turns_per_minute: int | None = None,
        tokens_per_day: int | None = None,
    ) -> Admission:
        """An admission that has counted nothing yet."""

    async def test_there_are_as_many_places_as_were_said_and_each_can_be_had_again(self) -> None:
        admission = self.admission(max_turns=2)
        first, _ = await admission.admit(ALICE), await admission.admit(BOB)
        error = await refusal(admission, BOB)
        assert (error.code, error.quota.limit, error.quota.remaining) == (Code.OVERLOADED, 2, 0)
        with pytest.raises(Refused):
            admission.check()
        await first.end(Usage())
        admission.check()
        await admission.admit(BOB)

    async def test_one_caller_has_a_share_and_others_have_theirs(self) -> None:
        admission = self.admission(turns_per_caller=2)
        first, _ = await admission.admit(ALICE), await admission.admit(ALICE)
        error = await refusal(admission, ALICE)
        assert (error.code, error.quota.limit, error.quota.remaining) == (Code.RATE_LIMITED, 2, 0)
        admission.check()
        await admission.admit(BOB)
        await first.end(Usage())
        await admission.admit(ALICE)

    async def test_a_caller_begins_so_many_turns_a_minute_ended_or_not(self) -> None:
        admission = self.admission(turns_per_minute=3)
        for left in (3, 2, 1):
            quota = await admission.quota(ALICE)
            assert quota is not None
            assert (quota.limit, quota.remaining) == (3, left)
            await (await admission.admit(ALICE)).end(Usage())
        error = await refusal(admission, ALICE)
        assert error.code is Code.RATE_LIMITED
        assert error.retry_after == error.quota.resets_in
        assert 50 < error.quota.resets_in <= 60
        await admission.admit(BOB)

    async def test_who_is_refused_has_used_up_nothing(self) -> None:
        admission = self.admission(max_turns=1, turns_per_minute=2)
        place = await admission.admit(ALICE)
        for _ in range(5):
            await refusal(admission, ALICE)
        await place.end(Usage())
        await admission.admit(ALICE)

    async def test_a_place_is_not_lost_where_another_limit_refuses(self) -> None:
        admission = self.admission(max_turns=1, turns_per_minute=1, turns_per_caller=1)
        await (await admission.admit(ALICE)).end(Usage())
        for _ in range(3):
            assert (await refusal(admission, ALICE)).code is Code.RATE_LIMITED
        admission.check()
        await admission.admit(BOB)

    async def test_the_tokens_of_a_day_are_used_up_by_what_turns_took(self) -> None:
        admission = self.admission(tokens_per_day=100)
        running = await admission.admit(ALICE)
        await (await admission.admit(ALICE)).end(Usage(input_tokens=60, output_tokens=39))
        await (await admission.admit(ALICE)).end(Usage())
        await running.end(Usage(output_tokens=1, reasoning_tokens=1))
        error = await refusal(admission, ALICE)
        assert (error.code, error.quota.limit, error.quota.remaining) == (Code.RATE_LIMITED, 100, 0)
        assert 0 < error.quota.resets_in <= 86_400
        await admission.admit(BOB)

    async def test_a_place_that_is_given_back_twice_is_one_place(self) -> None:
        admission = self.admission(max_turns=1)
        place = await admission.admit(ALICE)
        await place.end(Usage())
        await place.end(Usage())
        await admission.admit(ALICE)
        await refusal(admission, ALICE)

    async def test_a_crowd_gets_exactly_the_places_there_are(self) -> None:
        admission = self.admission(max_turns=7, turns_per_minute=5)
        crowd = [admission.admit(principal) for principal in [ALICE, BOB] * 20]
        answers = await asyncio.gather(*crowd, return_exceptions=True)
        assert sum(not isinstance(answer, BaseException) for answer in answers) <= 7
        assert all(isinstance(answer, Refused) for answer in answers if isinstance(answer, BaseException))
        with pytest.raises(Refused):
            admission.check()

    async def test_a_place_is_given_back_at_once_even_where_the_end_is_cancelled(self) -> None:
        admission = self.admission(max_turns=1, tokens_per_day=100)
        place = await admission.admit(ALICE)
        ending = asyncio.ensure_future(place.end(Usage(output_tokens=1)))
        await asyncio.sleep(0)
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
        admission.check()

    async def test_who_leaves_while_being_counted_leaves_no_place_taken(self) -> None:
        admission = self.admission(max_turns=1, turns_per_minute=10, tokens_per_day=10)
        for steps in range(4):
            asking = asyncio.ensure_future(admission.admit(ALICE))
            for _ in range(steps):
                await asyncio.sleep(0)
            asking.cancel()
            (answer,) = await asyncio.gather(asking, return_exceptions=True)
            if not isinstance(answer, BaseException):
                await answer.end(Usage())
            admission.check()
