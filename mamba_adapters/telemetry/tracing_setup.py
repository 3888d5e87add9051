"""Switches tracing on where the standard variables ask for it; without them nothing of OpenTelemetry is imported.

`OTEL_TRACES_EXPORTER` is `otlp`, `console` or `none`. `OTEL_EXPORTER_OTLP_ENDPOINT` or its variant for traces alone implies
`otlp`. The rest (headers, sampler, resource attributes, propagators, time-outs) is read by OpenTelemetry itself.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from mamba_domain.errors import Misconfigured

if TYPE_CHECKING:
    from mamba_adapters.telemetry.tracing import Tracing

__all__ = ["collector_takes_spans", "start_tracing", "wanted_exporter"]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def wanted_exporter(env: Mapping[str, str] = os.environ) -> Literal["otlp", "console"] | None:
    """What the variables ask for.

    Raises `Misconfigured` for an exporter that there is not, a missing extra, or an address that cannot be one.
    """
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    named = env.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if named == "none" or (not named and not any(env.get(name) for name in _ENDPOINTS)):
        return None
    if named not in ("", "otlp", "console"):
        raise Misconfigured("OTEL_TRACES_EXPORTER", "names no exporter that is here; allowed: otlp, console, none")
    if importlib.util.find_spec("opentelemetry") is None or importlib.util.find_spec("opentelemetry.sdk") is None:
        raise Misconfigured("OTEL_TRACES_EXPORTER", "needs the extra otel: pip install 'mamba-server[otel]'")
    if named == "console":
        return "console"
    for name in _ENDPOINTS:
        if env.get(name) and not env[name].strip().lower().startswith(("http://", "https://")):
            raise Misconfigured(name, "is no http or https URL, as in http://collector:4318; allowed: OTLP over HTTP")
    return "otlp"


def collector_takes_spans(seconds: float) -> bool:
    """Send the collector an export without spans, as the server would send one with them. It blocks so long at most.

    Only where `wanted_exporter` says `otlp`.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExportResult

    try:
        return OTLPSpanExporter(timeout=seconds).export(()) is SpanExportResult.SUCCESS
    except Exception:
        # An address that is none raises something of the HTTP library's.
        return False


def start_tracing(*, version: str, env: Mapping[str, str] = os.environ) -> Tracing | None:
    """Tracing to the exporter that the variables name; None where they name none."""
    exporter = wanted_exporter(env)
    if exporter is None:
        return None
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

    from mamba_adapters.telemetry.tracing import Tracing

    if exporter == "console":
        made: SpanExporter = ConsoleSpanExporter()
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        made = OTLPSpanExporter()
    described = {"service.version": version}
    if not env.get("OTEL_SERVICE_NAME") and "service.name" not in env.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        described["service.name"] = "mamba-server"
    provider = TracerProvider(resource=Resource.create(described), shutdown_on_exit=False)
    return Tracing(provider, version=version, new_processor=lambda: BatchSpanProcessor(made))
