"""Admission where nothing is limited."""

from __future__ import annotations

from mamba_domain.events import Usage
from mamba_domain.identity import Principal
from mamba_domain.ports.admission import Unlimited


async def test_without_limits_there_is_always_a_place_and_nothing_is_counted() -> None:
    admission, caller = Unlimited(), Principal(subject="alice")
    for _ in range(1000):
        admission.check()
        lease = await admission.admit(caller)
        await lease.end(Usage(output_tokens=1_000_000))
    assert await admission.quota(caller) is None
