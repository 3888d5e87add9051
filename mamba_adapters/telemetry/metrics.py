"""Prometheus metrics: what turns, models, tools, the store and HTTP did, with prometheus-client 0.26.

Every label has a bounded set of values: models are those of the catalog and tools those of the registry, else "other";
routes are the patterns that the application serves. Nothing is counted per delta, and nothing per caller.

With one process the metrics are its own. With several, `workers.share_metrics` makes them add up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from mamba_domain.catalog import ModelCard
from mamba_domain.events import ModelFinished, Terminal, TurnCancelled, TurnFailed
from mamba_domain.messages import AssistantPart
from mamba_domain.ports.chat_model import ModelRequest
from mamba_domain.tools import ToolCall

__all__ = ["OTHER", "Metrics"]

OTHER = "other"
_SHARED = "PROMETHEUS_MULTIPROC_DIR"
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_FIRST_OUTPUT = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_INTERVAL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_TURN = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_WORK = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """A `TurnObserver`, an `EndpointObserver`, a `StoreObserver`, and what the HTTP layer tells of its requests."""

    def __init__(
        self, *, models: Collection[str], is_tool: Callable[[str], bool] = lambda _: True, version: str = ""
    ) -> None:
        self._models = frozenset(models)
        self._is_tool = is_tool
        self._registry = registry = CollectorRegistry()
        if _SHARED not in os.environ:
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
        self._make_turn_metrics(registry)
        self._make_upkeep_metrics(registry)
        build = Gauge(
            "mamba_build_info", "The version that runs.", ["version"], registry=registry, multiprocess_mode="max"
        )
        build.labels(version).set(1)

    def render(self) -> tuple[bytes, str]:
        """All metrics in Prometheus' text format, and its content type."""
        registry = self._registry
        if _SHARED in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def turn_started(self, *, model: ModelCard, chat_id: str | None) -> None:
        """See `TurnObserver`."""
        self._running.inc()

    def history_repaired(self, *, rule: str, count: int) -> None:
        """See `TurnObserver`."""
        self._repairs.labels(rule).inc(count)

    def model_called(self, *, model: ModelCard, request: ModelRequest) -> None:
        """See `TurnObserver`."""

    def model_answered(
        self, *, said: Sequence[AssistantPart], finished: ModelFinished, first_output: float, interval: float | None
    ) -> None:
        """See `TurnObserver`."""
        if interval is not None:
            self._interval.observe(interval)

    def tool_started(self, *, call: ToolCall) -> None:
        """See `TurnObserver`."""

    def tool_ended(self, *, tool: str, outcome: str, seconds: float) -> None:
        """See `TurnObserver`."""
        name = tool if self._is_tool(tool) else OTHER
        self._tools.labels(name, outcome).inc()
        if seconds:  # what is not carried out here takes no time
            self._tool_seconds.labels(name).observe(seconds)

    def step_ended(self) -> None:
        """See `TurnObserver`."""

    def turn_ended(self, *, model: str, end: Terminal, steps: int, cause: BaseException | None) -> None:
        """See `TurnObserver`."""
        name = model if model in self._models else OTHER
        self._running.dec()
        self._turns.labels(name, _outcome(end)).inc()
        self._turn_seconds.labels(name).observe(end.timings.duration)
        self._steps.labels(name).inc(steps)
        if end.timings.first_output is not None:
            self._first_output.labels(name).observe(end.timings.first_output)
        usage = end.usage
        for kind, count in (
            ("input", usage.input_tokens - usage.cached_input_tokens),
            ("input_cached", usage.cached_input_tokens),
            ("output", usage.output_tokens - usage.reasoning_tokens),
            ("output_reasoning", usage.reasoning_tokens),
        ):
            if count > 0:
                self._tokens.labels(name, kind).inc(count)

    def reader_joined(self) -> None:
        """See `TurnObserver`."""
        self._followers.inc()

    def reader_left(self) -> None:
        """See `TurnObserver`."""
        self._followers.dec()

    def attempt_failed(self, *, endpoint: str, code: str) -> None:
        """See `EndpointObserver`."""
        self._endpoint_failures.labels(endpoint, code).inc()

    def attempt_repeated(self, *, endpoint: str) -> None:
        """See `EndpointObserver`."""
        self._endpoint_retries.labels(endpoint).inc()

    def breaker_changed(self, *, endpoint: str, is_open: bool) -> None:
        """See `EndpointObserver`."""
        self._breaker.labels(endpoint).set(1 if is_open else 0)

    def model_stood_in(self, *, model: str, by: str) -> None:
        """A fallback answers for a model; both are ids of the settings."""
        self._fallbacks.labels(model, by).inc()

    def store_written(self, *, lag: float) -> None:
        """See `StoreObserver`."""
        self._store_lag.observe(lag)

    def store_failed(self, *, operation: str) -> None:
        """See `StoreObserver`."""
        self._store_failures.labels(operation).inc()

    def request_ended(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """An HTTP request is answered to its end. `route` is the pattern that matched; `status` 0 is none."""
        known = method if method in _METHODS else OTHER
        self._requests.labels(known, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def parts_ignored(self, *, kind: str, count: int) -> None:
        """A request had parts or fields that nobody reads; `kind` is one of few names."""
        self._ignored.labels(kind).inc(count)

    def _make_turn_metrics(self, registry: CollectorRegistry) -> None:
        self._turns = Counter(
            "mamba_turns", "Turns that ended, by model and outcome.", ["model", "outcome"], registry=registry
        )
        self._turn_seconds = _histogram(registry, "mamba_turn_duration_seconds", "Length of a turn.", _TURN, "model")
        self._first_output = _histogram(
            registry,
            "mamba_time_to_first_output_seconds",
            "From a turn's start to its first output.",
            _FIRST_OUTPUT,
            "model",
        )
        self._interval = _histogram(
            registry, "mamba_delta_interval_seconds", "Mean time between the deltas of a model's answer.", _INTERVAL
        )
        self._steps = Counter("mamba_steps", "Model calls of turns.", ["model"], registry=registry)
        self._tokens = Counter("mamba_tokens", "Tokens as providers count them.", ["model", "kind"], registry=registry)
        self._tools = Counter(
            "mamba_tool_calls", "Tool calls that were settled.", ["tool", "outcome"], registry=registry
        )
        self._tool_seconds = _histogram(
            registry, "mamba_tool_duration_seconds", "Time that a tool call took.", _WORK, "tool"
        )
        self._repairs = Counter(
            "mamba_history_repairs", "Mended faults of conversations that clients sent.", ["rule"], registry=registry
        )
        self._running = _gauge(registry, "mamba_turns_running", "Turns under way.")
        self._followers = _gauge(registry, "mamba_followers", "Readers of streams, each an open answer.")

    def _make_upkeep_metrics(self, registry: CollectorRegistry) -> None:
        self._endpoint_failures = Counter(
            "mamba_endpoint_failures",
            "Failed attempts to open an answer.",
            ["endpoint", "code"],
            registry=registry,
        )
        self._endpoint_retries = Counter(
            "mamba_endpoint_retries", "Attempts that followed a failed one.", ["endpoint"], registry=registry
        )
        self._fallbacks = Counter(
            "mamba_fallbacks", "Answers that another model gave.", ["model", "by"], registry=registry
        )
        self._breaker = _gauge(
            registry, "mamba_endpoint_breaker_open", "Processes that leave an endpoint alone.", "endpoint"
        )
        self._store_lag = _histogram(
            registry, "mamba_store_lag_seconds", "Time until what was said is safe in the store.", _WORK
        )
        self._store_failures = Counter(
            "mamba_store_failures", "What the store was asked and did not do.", ["operation"], registry=registry
        )
        self._requests = Counter(
            "mamba_http_requests", "HTTP requests that ended.", ["method", "route", "status"], registry=registry
        )
        self._request_seconds = _histogram(
            registry, "mamba_http_request_duration_seconds", "From a request to its answer's end.", _TURN, "route"
        )
        self._ignored = Counter(
            "mamba_ignored", "Parts and fields of requests that nobody reads.", ["kind"], registry=registry
        )


def _histogram(
    registry: CollectorRegistry, name: str, meaning: str, buckets: Sequence[float], *labels: str
) -> Histogram:
    return Histogram(name, meaning, labels, buckets=buckets, registry=registry)


def _gauge(registry: CollectorRegistry, name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(name, meaning, labels, registry=registry, multiprocess_mode="livesum")


def _outcome(end: Terminal) -> str:
    """The code of a failure, else how the turn ended, in few words."""
    if isinstance(end, TurnFailed):
        return end.code.value
    return "stopped" if isinstance(end, TurnCancelled) else "finished"
