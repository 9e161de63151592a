"""What the service tells of itself while money is at work: whole, in one trace a batch, and harmless."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from opentelemetry.trace import SpanKind

from connector.telemetry.instruments import (
    CRITICAL_TIME,
    METRICS,
    OPERATION_TYPE,
    OUTCOME,
    PROCESSED,
    QUEUE,
    RECEIVED,
    SERVICE_REQUEST,
)
from service.telemetry import configure_logs
from tests.connector.telemetry.taken import Taken, taken
from tests.flow.queue_world import listen, run_until_drained
from tests.flow.test_invoices import EIGHT_HOURS_OF_ADA, create, mark_ready
from tests.flow.world import World

AMOUNTS = re.compile(r"(?<![\w.-])(?:1,?600|200|800|100)(?:\.\d+)?(?![\w-])")
"""What eight hours of Ada's are worth, and an hour, in sales and in cost; as a number of its own."""
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
TIMES = ("trace_id", "span_id", "time")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs(format="json")
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_entry_is_approved_written_and_invoiced_and_nobody_who_watches_learns_what_it_is_worth(
    world: World, lines: io.StringIO
) -> None:
    with taken() as telemetry:
        listen(world)
        world.approve(world.time("P1", "Ada"))
        run_until_drained(world)
        world.command(mark_ready(world))
        world.command(create(world))
        everything_is_told(telemetry)
        spans_are_harmless(telemetry)
    assert world.invoiced("C1") == (1, EIGHT_HOURS_OF_ADA)
    assert world.faults() == []
    logs_are_harmless(lines.getvalue(), world)


def everything_is_told(telemetry: Taken) -> None:
    """Every batch is one trace: received, processed with its requests below, settled."""
    received, processed = telemetry.spans(with_name="receive approvals"), telemetry.spans(with_name="process approvals")
    settled = [span for span in telemetry.spans() if (span.attributes or {}).get(OPERATION_TYPE) == "settle"]
    assert received
    assert len(processed) == len(received)
    contexts = {span.context.span_id for span in received if span.context is not None}
    assert {span.parent.span_id for span in (*processed, *settled) if span.parent is not None} == contexts
    works = {span.context.span_id for span in processed if span.context is not None}
    requests = [span for span in telemetry.spans() if span.parent is not None and span.parent.span_id in works]
    assert any(span.name == "POST /api/data/v9.2/$batch" for span in requests)
    assert all(span.kind is SpanKind.CLIENT and SERVICE_REQUEST in (span.attributes or {}) for span in requests)

    events = sum(telemetry.values(RECEIVED).values())
    ends = {dict(told)[OUTCOME]: number for told, number in telemetry.values(PROCESSED).items()}
    assert sum(ends.values()) == events == len(settled)
    assert {dict(told)[QUEUE] for told in telemetry.values(CRITICAL_TIME)} == {"approvals"}
    assert sum(telemetry.values(CRITICAL_TIME).values()) == ends["completed"]
    allowed = {metric.name: set(metric.attributes) for metric in METRICS}
    for metric in telemetry.metrics():
        for point in metric.data.data_points:
            assert set(point.attributes or {}) <= allowed[metric.name]
            assert not GUID.search(str(point.attributes))


def spans_are_harmless(telemetry: Taken) -> None:
    """Ids of messages and the far side's names for requests are all the ids there are."""
    for span in telemetry.spans():
        told = dict(span.attributes or {})
        told.pop("messaging.message.id", None)
        told.pop(SERVICE_REQUEST, None)
        said = f"{span.name} {told} {span.status.description} {[event.attributes for event in span.events]}"
        assert not GUID.search(said), said
        assert not AMOUNTS.search(re.sub(r"'http\.response\.status_code': \d+", "", said)), said


def logs_are_harmless(written: str, world: World) -> None:
    """Every line is an object; none holds a token, a key or an amount."""
    records = [json.loads(line) for line in written.splitlines()]
    assert any("dataverse" in record["message"] or "actual" in record["message"] for record in records)
    assert all({"time", "level", "logger", "message"} <= set(record) for record in records)
    assert any("trace_id" in record for record in records)
    key = dict(part.partition("=")[::2] for part in world.sandbox.servicebus.split(";"))["SharedAccessKey"]
    for secret in (*world.sandbox.tokens.values(), world.sandbox.token, world.sandbox.servicebus_send_key[1], key):
        assert secret not in written
    for record in records:
        said = GUID.sub("", " ".join(str(value) for name, value in record.items() if name not in TIMES))
        assert not AMOUNTS.search(said), said
