"""The ports for whether the service, and what it depends on, is well."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

__all__ = ["Health", "HealthProbe", "HealthResult", "Readiness"]


class Health(StrEnum):
    """How something is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthResult:
    """One dependency's state; `latency` in seconds, where it was measured."""

    status: Health
    latency: float | None = None


class HealthProbe(Protocol):
    """Looks at one dependency. Never raises, never takes long, and asks the dependency seldom however often it is asked."""

    @property
    def name(self) -> str:
        """The key in the health answer."""
        ...

    async def check(self) -> HealthResult:
        """The dependency's state, a cached one where it is fresh enough."""
        ...


class Readiness:
    """Whether this process may take traffic: false before its start-up has ended, and from the first stop signal on."""

    def __init__(self) -> None:
        self.ready = False
