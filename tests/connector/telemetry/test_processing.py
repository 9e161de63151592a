from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from connector.envelope import Envelope
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt, Settlement
from connector.telemetry.instruments import (
    CODE,
    COUNT,
    CRITICAL_TIME,
    DEAD_LETTERS,
    DELAYED_RETRIES,
    ERROR,
    MESSAGE_ID,
    OPERATION,
    OPERATION_TYPE,
    OUTCOME,
    PROCESS_TIME,
    PROCESSED,
    QUEUE,
    SYSTEM,
)
from connector.telemetry.processing import ended, measured
from connector.telemetry.recording import recording
from connector.telemetry.traces import Traces
from tests.connector.fakes import NOW
from tests.connector.telemetry.taken import Taken, told
from tests.connector.telemetry.test_receiving import SENDER, TRACE

OURS = {SYSTEM: "servicebus", OPERATION: "process", QUEUE: "events"}


def message(name: str = "a", **properties: object) -> Envelope:
    return Envelope(name, b"secret body", None, properties, enqueued_at=NOW, queue="events")


def test_a_batch_at_work_is_a_span_in_the_trace_it_was_received_in_and_what_it_asks_for_is_below_it(
    taken: Taken,
) -> None:
    traces = Traces()
    with recording().tracer.start_as_current_span("receive events") as received:
        traces.begin(["b"], received)

    def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
        with recording().tracer.start_as_current_span("request"):
            return [Complete("done") for _ in envelopes]

    settlements = measured(process, "events", traces)([message("a", traceparent=SENDER), message("b")])

    span, request = taken.one("process events"), taken.one("request")
    assert settlements == [Complete("done"), Complete("done")]
    assert span.kind is SpanKind.CONSUMER
    assert span.parent == received.get_span_context()
    assert request.parent == span.get_span_context()
    assert span.attributes == {**OURS, OPERATION_TYPE: "process", COUNT: 2}
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE]
    assert span.status.status_code is StatusCode.UNSET
    assert taken.values(PROCESS_TIME) == {told(OURS): 1}
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_message_alone_is_named(taken: Taken) -> None:
    measured(lambda _: [Complete("done")], "events", Traces())([message("a")])
    assert (taken.one("process events").attributes or {})[MESSAGE_ID] == "a"


@pytest.mark.parametrize("end", [DeadLetter("no-price", "It costs 12.34."), Pause("no-role", "Anna took it away.")])
def test_a_batch_that_does_not_go_well_says_why_by_code_and_not_in_words(end: Settlement, taken: Taken) -> None:
    measured(lambda _: [Complete("done"), end], "events", Traces())([message("a"), message("b")])
    span = taken.one("process events")
    assert isinstance(end, DeadLetter | Pause)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert (span.attributes or {})[ERROR] == end.code
    assert taken.values(PROCESS_TIME) == {told({**OURS, ERROR: end.code}): 1}


def test_a_mistake_in_the_code_goes_through_and_only_its_type_is_told(taken: Taken) -> None:
    def fails(_: Sequence[Envelope]) -> list[Settlement]:
        raise ZeroDivisionError("12.34 for Anna")

    with pytest.raises(ZeroDivisionError):
        measured(fails, "events", Traces())([message()])
    span = taken.one("process events")
    assert (span.attributes or {})[ERROR] == "ZeroDivisionError"
    assert (span.status.description, list(span.events)) == (None, [])
    assert taken.values(PROCESS_TIME) == {told({**OURS, ERROR: "ZeroDivisionError"}): 1}


@pytest.mark.parametrize(
    ("settlement", "outcome"),
    [
        (Complete("done"), "completed"),
        (Complete("nobody's concern", "no-price"), "discarded"),
        (RedeliverAt(NOW, 1, "again", "no-answer"), "redelivered"),
        (DeadLetter("no-price", "It costs 12.34."), "dead-lettered"),
        (Pause("no-role", "Anna took it away."), "paused"),
        (Pause("no-role", "Anna took it away.", RedeliverAt(NOW, 0, "later")), "paused"),
    ],
)
@pytest.mark.parametrize("confirmed", [True, False])
def test_every_end_of_a_message_is_counted_once(
    settlement: Settlement, outcome: str, confirmed: bool, taken: Taken
) -> None:
    ended(message(), settlement, confirmed, NOW + timedelta(seconds=3))
    expected = outcome if confirmed else "unconfirmed"
    assert taken.values(PROCESSED) == {told({QUEUE: "events", OUTCOME: expected}): 1}
    by_code = taken.values(DELAYED_RETRIES) | taken.values(DEAD_LETTERS)
    codes = {"redelivered": "no-answer", "dead-lettered": "no-price"}
    assert by_code == ({told({QUEUE: "events", CODE: codes[expected]}): 1} if expected in codes else {})
    assert len(taken.values(CRITICAL_TIME)) == (expected in ("completed", "discarded"))


@pytest.mark.parametrize(("seconds", "measured"), [(30, 30), (-2, 0)])
def test_the_critical_time_is_from_first_enqueued_to_completed_whoever_s_clock_is_fast(
    seconds: int, measured: int, taken: Taken
) -> None:
    ended(message(), Complete("done"), True, NOW + timedelta(seconds=seconds))
    (metric,) = [one for one in taken.metrics() if one.name == CRITICAL_TIME.name]
    (point,) = metric.data.data_points
    assert getattr(point, "sum", None) == measured
