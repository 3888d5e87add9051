"""What operators and front ends ask about the server: its models and its health."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_domain.catalog import ModelCard, ModelCatalog
from mamba_domain.identity import ANONYMOUS
from mamba_domain.messages import JsonObject
from mamba_domain.ports.health import Health, HealthProbe, Readiness

__all__ = ["InfoRoutes"]

_NO_STORE = {"cache-control": "no-store"}


class InfoRoutes:
    """Handlers for `/models` and `/health`."""

    def __init__(
        self, catalog: ModelCatalog, *, probes: tuple[HealthProbe, ...], readiness: Readiness, version: str
    ) -> None:
        self._catalog = catalog
        self._probes = probes
        self._readiness = readiness
        self._version = version

    def routes(self) -> list[Route]:
        """The routes, in matching order."""
        return [
            Route("/models", self.models),
            Route("/health", self.health),
        ]

    def probes(self) -> list[Route]:
        """The routes for the platform, which has no credentials and learns nothing else from them."""
        return [
            Route("/health/live", self.live),
            Route("/health/ready", self.ready),
        ]

    async def models(self, request: Request) -> Response:
        """The models that the caller may use; the first one is the default."""
        principal = request.scope["state"].get("principal", ANONYMOUS)
        return _json({"models": [_card(card) for card in self._catalog.available_to(principal)]})

    async def health(self, request: Request) -> Response:
        """Dependencies included; each probe caches, so that asking often costs the upstream nothing."""
        checks: JsonObject = {}
        degraded = False
        results = await asyncio.gather(*(probe.check() for probe in self._probes))
        for probe, result in zip(self._probes, results, strict=True):
            degraded = degraded or result.status is not Health.HEALTHY
            check: JsonObject = {"status": result.status.value}
            if result.latency is not None:
                check["latency_ms"] = round(result.latency * 1000, 1)
            checks[probe.name] = check
        if not self._readiness.ready:
            status, code = Health.UNHEALTHY, 503
        else:
            status, code = (Health.DEGRADED if degraded else Health.HEALTHY), 200
        body: JsonObject = {
            "status": status.value,
            "version": self._version,
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "checks": checks,
        }
        return _json(body, status=code)

    async def live(self, request: Request) -> Response:
        """The process answers."""
        return _json({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        """Whether to send traffic here."""
        if self._readiness.ready:
            return _json({"status": "ready"})
        return _json({"status": "not ready"}, status=503)


def _card(card: ModelCard) -> JsonObject:
    return {
        "id": card.qualified_id,
        "name": card.name or card.id,
        "provider": card.provider,
        "description": card.description,
        "context_window": card.context_window,
        "supports_tools": card.supports_tools,
    }


def _json(body: JsonObject, *, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, _NO_STORE, media_type="application/json")
