"""Where telemetry goes: to a collector that is there, to one that is not, and to one that is not installed."""

from __future__ import annotations

import gzip
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import SecretStr, ValidationError

from connector.telemetry.instruments import HEARTBEAT
from connector.telemetry.recording import recording
from service.exporting import APPLICATION_INSIGHTS, TO_NOBODY_ELSE, exporting
from service.not_configured import NotConfigured
from service.telemetry_settings import TelemetrySettings
from tests.service.processes import IN_TIME, clean_environment

KEY = "3b1c7f6e-0000-4000-8000-0000000000aa"
NOTHING_ELSE = '{"itemsReceived": 1, "itemsAccepted": 1, "errors": []}'


class Collector:
    """Keeps what is posted to it, by path."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.posted: list[tuple[str, bytes]] = []

    def got(self, path: str) -> bytes:
        """The only body posted there."""
        (body,) = [body for where, body in self.posted if where == path]
        return body


@contextmanager
def listening(*, silent: threading.Event | None = None) -> Iterator[Collector]:
    """A collector on this machine; one that is ``silent`` answers nobody until that is set."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            collector.posted.append((self.path, plain))
            if silent is not None:
                silent.wait(30)
            answer = NOTHING_ELSE.encode() if "track" in self.path else b""
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield collector
    finally:
        if silent is not None:
            silent.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("OTEL_", "APPLICATIONINSIGHTS_"))]:
        monkeypatch.delenv(name)
    for name in TO_NOBODY_ELSE:
        # Set and taken off again, so that what is set by the exporter is undone too.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def tell_something() -> None:
    with recording().tracer.start_as_current_span("work"):
        recording().add(HEARTBEAT, 3, {})


def test_a_collector_gets_spans_and_metrics_when_the_service_ends_under_the_name_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listening() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "billing-west")
        with exporting(TelemetrySettings(exporter="otlp")):
            tell_something()

        spans = ExportTraceServiceRequest.FromString(collector.got("/v1/traces")).resource_spans[0]
        metrics = ExportMetricsServiceRequest.FromString(collector.got("/v1/metrics")).resource_metrics[0]
    assert [span.name for span in spans.scope_spans[0].spans] == ["work"]
    measured = {metric.name: metric for metric in metrics.scope_metrics[0].metrics}
    assert measured[HEARTBEAT.name].sum.data_points[0].as_int == 3
    who = {one.key: one.value.string_value for one in spans.resource.attributes}
    assert who["service.name"] == "billing-west"
    assert {"service.version", "service.instance.id"} <= set(who)


def test_azure_monitor_gets_spans_and_metrics_without_a_complaint_and_nobody_else_gets_anything(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with listening() as collector:
        given = SecretStr(f"InstrumentationKey={KEY};IngestionEndpoint={collector.url}/")
        with exporting(TelemetrySettings(exporter="azure-monitor", connection_string=given)):
            tell_something()
        told = [one for path, body in collector.posted if "track" in path for one in json.loads(body)]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert all(os.environ[name] == "true" for name in TO_NOBODY_ELSE)
    assert {one["data"]["baseType"] for one in told} == {"RemoteDependencyData", "MetricData"}
    text = json.dumps(told)
    assert '"name": "work"' in text
    assert HEARTBEAT.name in text


def test_a_collector_that_is_not_there_costs_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with listening() as collector:
        gone = collector.url
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", gone)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    worked = []
    with exporting(TelemetrySettings(exporter="otlp")):
        tell_something()
        worked.append("on")
    assert worked == ["on"]
    assert caplog.text


def test_a_collector_that_does_not_answer_keeps_the_service_no_longer_than_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.exporting.FLUSH_WITHIN", 0.2)
    answer = threading.Event()
    with listening(silent=answer) as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        began = time.monotonic()
        with exporting(TelemetrySettings(exporter="otlp")):
            tell_something()
        took = time.monotonic() - began
        answer.set()
        for thread in threading.enumerate():
            if thread.name == "telemetry":
                thread.join(30)
    assert took < 5
    assert "could not be exported within" in caplog.text


def test_on_the_console_it_goes_to_stderr_because_stdout_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    with exporting(TelemetrySettings(exporter="console")):
        tell_something()
    said = capsys.readouterr()
    assert said.out == ""
    assert '"name": "work"' in said.err
    assert HEARTBEAT.name in said.err


@pytest.mark.parametrize(
    ("exporter", "module", "command"),
    [
        ("otlp", "opentelemetry.exporter.otlp.proto.http.trace_exporter", 'pip install "psa-connector[telemetry]"'),
        ("console", "opentelemetry.sdk.trace.export", 'pip install "psa-connector[telemetry]"'),
        ("azure-monitor", "azure.monitor.opentelemetry.exporter", 'pip install "psa-connector[azure-monitor]"'),
    ],
)
def test_an_exporter_that_is_not_installed_is_named_with_the_command_that_installs_it(
    exporter: str, module: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    given = {"exporter": exporter, "connection_string": f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1/"}
    with pytest.raises(NotConfigured) as caught, exporting(TelemetrySettings.model_validate(given)):
        pytest.fail("it must not begin")
    (fault,) = caught.value.faults
    assert exporter in fault
    assert command in fault


def test_azure_monitor_without_a_connection_string_is_refused_by_name() -> None:
    with pytest.raises(NotConfigured) as caught, exporting(TelemetrySettings(exporter="azure-monitor")):
        pytest.fail("it must not begin")
    (fault,) = caught.value.faults
    assert "PSA_CONNECTOR_TELEMETRY__CONNECTION_STRING" in fault
    assert APPLICATION_INSIGHTS in fault


@pytest.mark.parametrize(
    "given", ["", "secret-value", "InstrumentationKey=x", "InstrumentationKey=x;IngestionEndpoint="]
)
def test_what_is_no_connection_string_is_refused_without_showing_it(given: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TelemetrySettings(exporter="azure-monitor", connection_string=SecretStr(given))
    assert "is no connection string" in str(caught.value)
    assert "secret-value" not in str(caught.value)


def test_without_an_exporter_nothing_of_the_sdk_is_imported() -> None:
    code = (
        "import sys, service.app\nfrom service.exporting import exporting\n"
        "from service.telemetry_settings import TelemetrySettings\nwith exporting(TelemetrySettings()):\n    pass\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry.') and '.sdk' in name])"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=IN_TIME,
        check=True,
    )
    assert done.stdout.strip() == "[]"
