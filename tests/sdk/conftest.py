"""The clients that the tests of this folder run with; a process of each is kept for the tests of a module."""

from collections.abc import AsyncIterator

import pytest

from tests.sdk.clients import CLIENTS, RELEASES, SdkClient, Zod
from tests.sdk.node import sdk_modules


@pytest.fixture(scope="module")
def sdk_installed() -> None:
    """Skips the test where there are no clients to run."""
    reason = sdk_modules()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="module", params=RELEASES)
async def sdk(request: pytest.FixtureRequest, sdk_installed: None) -> AsyncIterator[SdkClient]:
    """Each release, with the newest zod that it runs with."""
    async with SdkClient(request.param) as client:
        yield client


@pytest.fixture(scope="module", params=CLIENTS, ids=lambda client: "{}-zod-{}".format(*client))
async def sdk_and_zod(request: pytest.FixtureRequest, sdk_installed: None) -> AsyncIterator[SdkClient]:
    """Each release with each zod that it runs with."""
    release: str
    zod: Zod
    release, zod = request.param
    async with SdkClient(release, zod=zod) as client:
        yield client
