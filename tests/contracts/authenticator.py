"""What every authenticator keeps to. A suite subclasses `AuthenticatorContract` and says what it is to judge."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import Credentials, Principal
from mamba_domain.ports.authenticator import Authenticator

__all__ = ["AuthenticatorContract", "Case", "refusal"]

HOSTILE = ("", " ", "\x00", "é", "\ud83d", "a" * 65_536, "Bearer x", "null", "a.b.c", "..", "{}", "%s%n", "' OR 1=1 --")


@dataclass(frozen=True, kw_only=True)
class Case:
    """An authenticator, the credentials of two callers that it knows, and whether it asks for any."""

    authenticator: Authenticator
    first: Credentials
    second: Credentials
    is_open: bool = False


async def refusal(authenticator: Authenticator, credentials: Credentials) -> Rejected:
    """The refusal of these credentials."""
    with pytest.raises(Rejected) as caught:
        await authenticator.authenticate(credentials)
    return caught.value


class AuthenticatorContract:
    """The promises of the port."""

    @pytest.fixture
    async def case(self) -> Case:
        raise NotImplementedError

    async def test_the_same_caller_is_the_same_subject_every_time(self, case: Case) -> None:
        subjects = {(await case.authenticator.authenticate(case.first)).subject for _ in range(3)}
        assert len(subjects) == 1

    async def test_two_callers_are_two_subjects(self, case: Case) -> None:
        first: Principal = await case.authenticator.authenticate(case.first)
        second = await case.authenticator.authenticate(case.second)
        assert case.is_open or first.subject != second.subject

    async def test_no_credentials_are_required_not_invalid(self, case: Case) -> None:
        if not case.is_open:
            assert (await refusal(case.authenticator, Credentials())).code is Code.AUTH_REQUIRED

    @pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
    async def test_whatever_is_presented_is_refused_in_one_way(self, case: Case, value: str) -> None:
        if case.is_open:
            return
        error = await refusal(case.authenticator, Credentials(bearer=value))
        assert error.code is Code.AUTH_INVALID
        assert len(error.detail) < 100
        assert not value.strip() or value not in error.detail
