"""Who traces and metrics are exported to while the service runs: set up at the start, flushed at the end.

Exporting goes on in threads of its own; what fails there is logged and never touches the work.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING
from uuid import uuid4

from service.not_configured import NotConfigured
from service.telemetry_settings import TelemetrySettings

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter

log = logging.getLogger(__name__)

NAME = "psa-connector"
FLUSH_WITHIN = 5.0
"""Seconds that stopping waits for what is still to be exported."""
EXTRAS = {"otlp": "telemetry", "console": "telemetry", "azure-monitor": "azure-monitor"}
"""What has to be installed for an exporter."""
APPLICATION_INSIGHTS = "APPLICATIONINSIGHTS_CONNECTION_STRING"
"""The variable in which Azure's hosts give the connection string to a program."""
TO_NOBODY_ELSE = (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
)
"""Azure Monitor's exporter would also tell its maker of itself and ask there for settings.

And with every export of spans it would say once more who tells, which it looks for where we leave nothing, and logs as
an error.
"""


@contextmanager
def exporting(settings: TelemetrySettings) -> Iterator[None]:
    """Export while the block runs, as the settings say; then send the rest, for ``FLUSH_WITHIN`` at the longest.

    Raises ``NotConfigured`` for an exporter that is not installed, or that is not told where to.
    """
    if settings.exporter == "none":
        yield
        return
    try:
        spans, metrics = exporters(settings)
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        extra = EXTRAS[settings.exporter]
        sentence = f'telemetry.exporter is {settings.exporter}, which is not installed: pip install "{NAME}[{extra}]"'
        raise NotConfigured([sentence]) from error
    from connector.telemetry.recording import recorded_by

    resource = _resource()
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(spans))
    meters = MeterProvider([PeriodicExportingMetricReader(metrics)], resource=resource, shutdown_on_exit=False)
    log.info("telemetry goes to %s", settings.exporter)
    try:
        with recorded_by(tracers, meters):
            yield
    finally:
        _within(FLUSH_WITHIN, tracers.shutdown, meters.shutdown)


def exporters(settings: TelemetrySettings) -> tuple[SpanExporter, MetricExporter]:
    """The two exporters the settings ask for. Raises ``ImportError`` when they are not installed."""
    if settings.exporter == "console":
        from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr), ConsoleMetricExporter(out=sys.stderr)
    if settings.exporter == "otlp":
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(), OTLPMetricExporter()
    return _azure_monitor(settings)


def _azure_monitor(settings: TelemetrySettings) -> tuple[SpanExporter, MetricExporter]:
    given = settings.connection_string
    connection_string = given.get_secret_value() if given is not None else os.environ.get(APPLICATION_INSIGHTS)
    if not connection_string:
        name = "PSA_CONNECTOR_TELEMETRY__CONNECTION_STRING"
        raise NotConfigured([f"{name} is missing: azure-monitor needs it, or {APPLICATION_INSIGHTS}."])
    for variable in TO_NOBODY_ELSE:
        os.environ.setdefault(variable, "true")
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter

    # What can't be sent is not kept on disk either: nobody asked for files.
    return (
        AzureMonitorTraceExporter(connection_string=connection_string, disable_offline_storage=True),
        AzureMonitorMetricExporter(connection_string=connection_string, disable_offline_storage=True),
    )


def _resource() -> Resource:
    """Who it is that tells; the standard OTEL_* variables go first."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    ours = {"service.name": NAME, "service.version": version(NAME), "service.instance.id": str(uuid4())}
    return Resource.create(ours).merge(OTELResourceDetector().detect())


def _within(seconds: float, *ends: Callable[[], object]) -> None:
    """End each in a thread of its own; what takes longer is left behind, as threads that keep no process alive."""
    threads = [threading.Thread(target=_quietly, args=(end,), daemon=True, name="telemetry") for end in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds / len(threads))
    if any(thread.is_alive() for thread in threads):
        log.warning("the last telemetry could not be exported within %.0f s and is lost", seconds)


def _quietly(end: Callable[[], object]) -> None:
    """The boundary of what exports: whatever it fails of, the work is done and the service ends as it should."""
    try:
        end()
    except Exception as error:  # noqa: BLE001 — an exporter's failure is nobody's but its own
        log.warning("the last telemetry could not be exported (%s: %s)", type(error).__name__, error)
