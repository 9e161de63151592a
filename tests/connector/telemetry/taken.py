"""Everything that is told to OpenTelemetry while a block runs, kept in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, Metric
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connector.telemetry import instruments
from connector.telemetry.recording import recorded_by

Told = frozenset[tuple[str, Any]]


class Taken:
    """What was told so far."""

    def __init__(self, spans: InMemorySpanExporter, reader: InMemoryMetricReader) -> None:
        self._spans = spans
        self._reader = reader

    def spans(self, *, with_name: str | None = None) -> list[ReadableSpan]:
        """All spans that have ended, or those of this name."""
        return [span for span in self._spans.get_finished_spans() if with_name in (None, span.name)]

    def one(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        (span,) = self.spans(with_name=name)
        return span

    def metrics(self) -> list[Metric]:
        """All metrics that were measured."""
        data = self._reader.get_metrics_data()
        found = [] if data is None else data.resource_metrics
        return [metric for one in found for scope in one.scope_metrics for metric in scope.metrics]

    def values(self, metric: instruments.Metric) -> dict[Told, float]:
        """Sum or state of a metric by its attributes; of a histogram, how many were measured."""
        return {
            told(point.attributes or {}): point.count if isinstance(point, HistogramDataPoint) else point.value
            for one in self.metrics()
            if one.name == metric.name
            for point in one.data.data_points
            if not hasattr(point, "scale")
        }


def told(attributes: Mapping[str, Any]) -> Told:
    """Attributes to compare with."""
    return frozenset(attributes.items())


@contextmanager
def taken() -> Iterator[Taken]:
    """Take everything while the block runs."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    meters = MeterProvider([reader], shutdown_on_exit=False)
    try:
        with recorded_by(tracers, meters):
            yield Taken(spans, reader)
    finally:
        tracers.shutdown()
        meters.shutdown()
