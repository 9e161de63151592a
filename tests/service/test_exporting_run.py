"""``run`` in a process of its own with a collector beside it."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from connector.telemetry.instruments import BREAKER, BUDGET_USED, HEARTBEAT
from sandbox.world import Sandbox
from service.cli.main import main
from service.local_world import register_in
from tests.service.processes import IN_TIME, pointing_at, started, wait_for
from tests.service.test_exporting import listening


@pytest.mark.posix
def test_a_service_that_is_stopped_sends_its_last_figures_and_logs_as_it_was_told(tmp_path: Path) -> None:
    with Sandbox() as world, listening() as collector:
        register_in(world)
        told = {
            **pointing_at(world.dataverse, world.token, world.servicebus),
            "PSA_CONNECTOR_TELEMETRY__EXPORTER": "otlp",
            "PSA_CONNECTOR_LOGS__FORMAT": "json",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }
        with started("run", cwd=tmp_path, **told) as process:
            line = wait_for(process, "patience: ")
            process.send_signal(signal.SIGTERM)
            assert process.wait(IN_TIME) == 0
        sent = ExportMetricsServiceRequest.FromString(collector.got("/v1/metrics")).resource_metrics[0]
        assert collector.got("/v1/traces")
    assert json.loads(line)["logger"] == "service.app"
    measured = {metric.name for metric in sent.scope_metrics[0].metrics}
    assert HEARTBEAT.name in measured
    assert {BREAKER.name, BUDGET_USED.name}.isdisjoint(measured), "nothing is at work any more"


@pytest.mark.usefixtures("all_set")
def test_a_service_that_cannot_export_as_told_does_not_start_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PSA_CONNECTOR_TELEMETRY__EXPORTER", "otlp")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    monkeypatch.setattr(sys, "argv", ["psa-connector", "run"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 3
    assert 'pip install "psa-connector[telemetry]"' in capsys.readouterr().err
