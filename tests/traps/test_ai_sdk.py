"""AI SDK 5 to 7: a chunk with a key that could reach a prototype is refused as a whole, and with it the answer."""

from __future__ import annotations

import pytest

from tests.sdk.clients import SdkClient
from tests.sdk.node import sdk_modules


@pytest.mark.skipif(sdk_modules() is not None, reason=str(sdk_modules()))
@pytest.mark.parametrize("release", ["5.0.277", "6.0.326", "7.0.173"])
async def test_a_chunk_that_could_reach_a_prototype_is_refused(release: str) -> None:
    def chunk(inside: str) -> str:
        return f'{{"type":"tool-input-available","toolCallId":"c","toolName":"t","input":{{{inside}}}}}'

    given = [chunk('"a": 1'), chunk('"__proto__": {"a": 1}'), chunk('"constructor": {"prototype": {}}')]
    async with SdkClient(release) as client:
        verdicts = await client.validate(given)
    assert [verdict.accepted for verdict in verdicts] == [True, False, False]
