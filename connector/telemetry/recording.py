"""Where spans and measurements go: to whatever OpenTelemetry providers this process has, or to nobody.

Nothing here needs the SDK. Without one everything is taken and forgotten, which costs next to nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation
from opentelemetry.trace import TracerProvider

from connector.telemetry.instruments import METRICS, Metric, Shape

SCOPE = "psa_connector"
"""What our spans and metrics are filed under."""

Attributes = Mapping[str, str | int]
Reading = Callable[[], Iterable[tuple[float, Attributes]]]
"""Looks at what is watched: a value for each set of attributes."""

_readings: dict[str, list[Reading]] = {}


class Recording:
    """A tracer and every instrument there is, of the given providers or of the process's own.

    Safe between threads. ``add`` is for counters, ``record`` for histograms, ``set`` for gauges.
    """

    def __init__(self, tracers: TracerProvider | None = None, meters: MeterProvider | None = None) -> None:
        self.tracer = trace.get_tracer(SCOPE, tracer_provider=tracers)
        self._meter = metrics.get_meter(SCOPE, meter_provider=meters)
        self._instruments: dict[str, Any] = {metric.name: _made(self._meter, metric) for metric in METRICS}
        self._making = threading.Lock()

    def add(self, metric: Metric, amount: float, attributes: Attributes) -> None:
        """So many more."""
        self._instrument(metric).add(amount, attributes)

    def record(self, metric: Metric, value: float, attributes: Attributes) -> None:
        """One more measured."""
        self._instrument(metric).record(value, attributes)

    def set(self, metric: Metric, value: float, attributes: Attributes) -> None:
        """It stands at this now."""
        self._instrument(metric).set(value, attributes)

    def _instrument(self, metric: Metric) -> Any:
        """One of those above this package is made when it is first used."""
        if metric.name not in self._instruments:
            with self._making:
                if metric.name not in self._instruments:
                    self._instruments[metric.name] = _made(self._meter, metric)
        return self._instruments[metric.name]


def recording() -> Recording:
    """Where to, right now."""
    return _current


@contextmanager
def recorded_by(tracers: TracerProvider | None, meters: MeterProvider | None) -> Iterator[Recording]:
    """Send everything to these providers while the block runs."""
    global _current
    before, _current = _current, Recording(tracers, meters)
    try:
        yield _current
    finally:
        _current = before


@contextmanager
def watched(metric: Metric, reading: Reading) -> Iterator[None]:
    """Look at this whenever somebody collects, while the block runs."""
    readings = _readings.setdefault(metric.name, [])
    readings.append(reading)
    try:
        yield
    finally:
        readings.remove(reading)


def _made(meter: Meter, metric: Metric) -> Any:
    match metric.shape:
        case Shape.COUNTER:
            return meter.create_counter(metric.name, metric.unit, metric.meaning)
        case Shape.HISTOGRAM:
            bounds = list(metric.bounds)
            return meter.create_histogram(
                metric.name, metric.unit, metric.meaning, explicit_bucket_boundaries_advisory=bounds
            )
        case Shape.GAUGE:
            return meter.create_gauge(metric.name, metric.unit, metric.meaning)
        case Shape.WATCHED:
            looked_at = [partial(_look, metric.name)]
            return meter.create_observable_gauge(metric.name, looked_at, metric.unit, metric.meaning)


def _look(name: str, _: CallbackOptions) -> Iterable[Observation]:
    return [Observation(value, attributes) for reading in _readings.get(name, ()) for value, attributes in reading()]


_current = Recording()
