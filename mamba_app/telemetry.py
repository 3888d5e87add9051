"""What measures the service: the log always, metrics and traces as the settings and the environment say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import Route
from starlette.types import ASGIApp

from mamba_adapters.config.settings import Settings
from mamba_adapters.http.metrics_route import MetricsRoute
from mamba_adapters.telemetry.fan_out import FanOut
from mamba_adapters.telemetry.tracing_setup import start_tracing
from mamba_adapters.telemetry.turn_log import TurnLog
from mamba_domain.ports.observer import TurnObserver

if TYPE_CHECKING:
    from mamba_adapters.telemetry.metrics import Metrics
    from mamba_adapters.telemetry.tracing import Tracing

__all__ = ["Telemetry", "telemetry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """The observers of the whole service. `metrics` counts even where `/metrics` is not served: it costs next to nothing."""

    turn_log: TurnLog
    metrics: Metrics
    tracing: Tracing | None
    observer: TurnObserver
    serves_metrics: bool

    def routes(self) -> list[Route]:
        """`/metrics`, where it is switched on."""
        return MetricsRoute(self.metrics.render).routes() if self.serves_metrics else []

    def traced(self, app: ASGIApp) -> ASGIApp:
        """The application, within its callers' traces."""
        return app if self.tracing is None else self.tracing.middleware(app)

    @property
    def outgoing_headers(self) -> Callable[[], Mapping[str, str]] | None:
        """What requests to providers carry, so that they join the trace."""
        return None if self.tracing is None else self.tracing.outgoing_headers

    def model_stood_in(self, model: str, by: str) -> None:
        """A fallback, `by` its id, answers for a model."""
        self.metrics.model_stood_in(model=model, by=by)
        if self.tracing is not None:
            self.tracing.model_stood_in(by)

    @property
    def connections(self) -> Sequence[AbstractAsyncContextManager[object]]:
        """What lives as long as the application."""
        return () if self.tracing is None else (self.tracing.sending(),)


def telemetry(settings: Settings, *, models: Sequence[str], is_tool: Callable[[str], bool], version: str) -> Telemetry:
    """Make the observers. Raises `Misconfigured` where the environment asks for tracing that cannot be had."""
    # Imported here, because several workers have to be announced before (`mamba_adapters.telemetry.workers`).
    from mamba_adapters.telemetry.metrics import Metrics

    turn_log = TurnLog(prompts=settings.logging.prompts)
    metrics = Metrics(models=models, is_tool=is_tool, version=version)
    tracing = start_tracing(version=version)
    observers: list[TurnObserver] = [turn_log, metrics]
    if tracing is not None:
        # First, so that the log's lines and the tools' work are within the span.
        observers.insert(0, tracing)
    return Telemetry(
        turn_log=turn_log,
        metrics=metrics,
        tracing=tracing,
        observer=FanOut(*observers),
        serves_metrics=settings.server.metrics,
    )
