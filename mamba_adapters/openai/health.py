"""Whether an endpoint answers: one cheap `GET /models`, seldom."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from mamba_domain.ports.health import Health, HealthResult

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["EndpointProbe"]


class EndpointProbe:
    """A `HealthProbe`. Times are in seconds: results are kept for `fresh`, an answer is waited for `timeout` long."""

    def __init__(self, name: str, client: AsyncOpenAI, *, fresh: float = 30.0, timeout: float = 2.0) -> None:
        self.name = name
        self._client = client
        self._fresh = fresh
        self._timeout = timeout
        self._checked: float | None = None
        self._result = HealthResult(status=Health.HEALTHY)
        self._one = asyncio.Lock()

    async def check(self) -> HealthResult:
        """See the port. Callers that come while the endpoint is being asked share its answer."""
        async with self._one:
            if self._checked is None or time.monotonic() - self._checked > self._fresh:
                self._result = await self._ask()
                self._checked = time.monotonic()
            return self._result

    async def _ask(self) -> HealthResult:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                await self._client.get("/models", cast_to=object)
        except Exception:
            return HealthResult(status=Health.DEGRADED)
        return HealthResult(status=Health.HEALTHY, latency=time.monotonic() - started)
