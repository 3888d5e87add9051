"""Requests without sense are refused or answered, and never a fault of the server's."""

from __future__ import annotations

import random

import pytest

from tests.app.fuzzing import fuzz


@pytest.mark.parametrize("mode", ["none", "api_key", "jwt"])
async def test_no_request_that_chance_makes_breaks_the_service(mode: str) -> None:
    statuses, faults = await fuzz(mode, 500, seed=random.randrange(10**9))
    assert faults == []
    assert {200, 400, 404, 405, 415, 422} <= set(statuses)
