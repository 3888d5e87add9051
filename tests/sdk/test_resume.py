"""Cut at any byte, on its way to a real npm client: who comes back has the whole message, as if nothing had happened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice

import pytest

from tests.fakes.redis_server import RedisServer
from tests.sdk.clients import SdkClient
from tests.sdk.cuts import RESUMING, Scene, cuts_of, scene

CUTS = 3


@pytest.fixture(scope="module", params=["4.3.19", "5.0.277", "6.0.326", "7.0.173"])
async def sdk(request: pytest.FixtureRequest, sdk_installed: None) -> AsyncIterator[SdkClient]:
    """The newest release of each major; the command line has the oldest ones, too."""
    assert request.param in RESUMING
    async with SdkClient(request.param) as client:
        yield client


async def differences(played: Scene, sdk: SdkClient, *, other_replica: bool) -> list[str]:
    cuts = cuts_of(sdk.release, seed=7, other_replica=other_replica)
    return [(await played.cut(sdk, cut)).difference for cut in islice(cuts, CUTS)]


async def test_a_cut_answer_is_whole_again_on_the_same_server(sdk: SdkClient) -> None:
    async with scene() as played:
        assert await differences(played, sdk, other_replica=False) == [""] * CUTS


async def test_a_cut_answer_is_whole_again_on_either_server(sdk: SdkClient, redis: RedisServer) -> None:
    async with scene(redis=redis, other_replica=True) as played:
        assert await differences(played, sdk, other_replica=True) == [""] * CUTS
