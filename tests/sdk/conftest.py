"""The client that a test of this folder runs with: `sdk`, for each release and zod."""

from collections.abc import AsyncIterator

import pytest

from tests.sdk.clients import CLIENTS, SdkClient
from tests.sdk.node import sdk_modules


@pytest.fixture(params=CLIENTS, ids=lambda client: f"ai-{client[0]}-zod-{client[1]}")
async def sdk(request: pytest.FixtureRequest) -> AsyncIterator[SdkClient]:
    reason = sdk_modules()
    if reason is not None:
        pytest.skip(reason)
    release, zod = request.param
    async with SdkClient(release, zod=zod) as client:
        yield client
