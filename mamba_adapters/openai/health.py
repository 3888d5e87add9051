"""How an endpoint is: what real traffic says, and where there is none, one cheap `GET /models`, seldom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mamba_adapters.openai.decoding import parse_payload
from mamba_domain.ports.health import Health, HealthResult

if TYPE_CHECKING:
    from mamba_adapters.openai.endpoint import Endpoint
    from mamba_adapters.openai.transport import Body

__all__ = ["EndpointProbe", "ModelList", "model_list"]

_LONGEST_LIST = 8 << 20


@dataclass(frozen=True, slots=True)
class ModelList:
    """An endpoint's answer to `GET /models`, as it came: no content where that was too long to be a list."""

    headers: Mapping[str, str]
    content: bytes


async def model_list(endpoint: Endpoint) -> ModelList:
    """Ask for the list: the cheapest question that needs the key. Raises what the `openai` package raises."""
    from openai import AsyncStream

    from mamba_adapters.openai.transport import BODY

    stream = await endpoint.client.get("/models", cast_to=object, stream=True, stream_cls=AsyncStream[object])
    body: Body = stream.response.extensions[BODY]
    content = bytearray()
    try:
        async for data in body:
            content += data
            if len(content) > _LONGEST_LIST:
                content.clear()
                break
    finally:
        await body.aclose()
    return ModelList(stream.response.headers, bytes(content))


class EndpointProbe:
    """A `HealthProbe`. Times are in seconds: what is known counts for `fresh`, an answer is waited for `timeout` long.

    The latency is that of real calls to their first event, or of the probe where there were none.
    """

    def __init__(self, endpoint: Endpoint, *, fresh: float = 30.0, timeout: float = 2.0) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._fresh = fresh
        self._timeout = timeout
        self._checked: float | None = None
        self._result = HealthResult(status=Health.HEALTHY)
        self._one = asyncio.Lock()

    async def check(self) -> HealthResult:
        """See the port. Callers that come while the endpoint is being asked share its answer."""
        if self._endpoint.is_left_alone or self._is_fresh(self._endpoint.refused_at):
            return HealthResult(status=Health.DEGRADED)
        if self._is_fresh(self._endpoint.answered_at):
            return HealthResult(status=Health.HEALTHY, latency=self._endpoint.latency)
        async with self._one:
            if not self._is_fresh(self._checked):
                self._result = await self._ask()
                self._checked = time.monotonic()
            return self._result

    def _is_fresh(self, moment: float | None) -> bool:
        return moment is not None and time.monotonic() - moment < self._fresh

    async def _ask(self) -> HealthResult:
        """An endpoint without such a list says 404, and is there."""
        from openai import NotFoundError

        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                is_well = isinstance(parse_payload((await model_list(self._endpoint)).content), dict)
        except NotFoundError:
            is_well = True
        except Exception:
            is_well = False
        if not is_well:
            return HealthResult(status=Health.DEGRADED)
        return HealthResult(status=Health.HEALTHY, latency=time.monotonic() - started)
