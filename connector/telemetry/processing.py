"""What comes of messages: a span and a duration for each batch at work, and a count of how each one ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from connector.envelope import Envelope
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt, Settlement
from connector.telemetry.codes import OTHER, UNCONFIRMED, bounded
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
    SERVICE_BUS,
    SYSTEM,
)
from connector.telemetry.recording import recording
from connector.telemetry.traces import Traces, link_to_senders

Process = Callable[[Sequence[Envelope]], Sequence[Settlement]]


def measured(process: Process, queue: str, traces: Traces, timer: Callable[[], float] = time.perf_counter) -> Process:
    """The same work under a span, which is the parent of every request made by the thread that does it."""

    def work(envelopes: Sequence[Envelope]) -> Sequence[Settlement]:
        told: dict[str, str | int] = {SYSTEM: SERVICE_BUS, OPERATION: "process", QUEUE: queue}
        attributes = {**told, OPERATION_TYPE: "process", COUNT: len(envelopes)}
        if len(envelopes) == 1:
            attributes[MESSAGE_ID] = envelopes[0].message_id
        began = timer()
        # What an exception says may be of anybody's business: its type is told, the rest is in the log.
        with recording().tracer.start_as_current_span(
            f"process {queue}",
            traces.of(envelope.message_id for envelope in envelopes),
            SpanKind.CONSUMER,
            attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            link_to_senders(span, envelopes)
            try:
                settlements = process(envelopes)
            except BaseException as error:
                told[ERROR] = type(error).__name__
                raise
            else:
                told |= _error(settlements)
                return settlements
            finally:
                _mark(span, told)
                recording().record(PROCESS_TIME, timer() - began, told)

    return work


def ended(envelope: Envelope, settlement: Settlement, confirmed: bool, now: datetime) -> None:
    """Count one message by how its delivery ended."""
    queue = {QUEUE: envelope.queue}
    record = recording()
    outcome = UNCONFIRMED
    if confirmed:
        match settlement:
            case Complete(code=code):
                outcome = "completed" if code is None else "discarded"
                if envelope.enqueued_at is not None:
                    # The hosts' clocks differ: a message is never settled before it is there.
                    record.record(CRITICAL_TIME, max(0.0, (now - envelope.enqueued_at).total_seconds()), queue)
            case RedeliverAt(code=code):
                outcome = "redelivered"
                record.add(DELAYED_RETRIES, 1, {**queue, CODE: OTHER if code is None else bounded(code)})
            case DeadLetter(code=code):
                outcome = "dead-lettered"
                record.add(DEAD_LETTERS, 1, {**queue, CODE: bounded(code)})
            case Pause():
                outcome = "paused"
    record.add(PROCESSED, 1, {**queue, OUTCOME: outcome})


def unsettled(envelopes: Sequence[Envelope], outcome: str) -> None:
    """Count messages whose delivery ended without a word on what came of them: ``released`` or ``lock-lost``."""
    for envelope in envelopes:
        recording().add(PROCESSED, 1, {QUEUE: envelope.queue, OUTCOME: outcome})


def _error(settlements: Sequence[Settlement]) -> dict[str, str]:
    """The code of the first message of the batch that did not go well, if there is one."""
    code = next((one.code for one in settlements if isinstance(one, DeadLetter | Pause)), None)
    return {} if code is None else {ERROR: bounded(code)}


def _mark(span: Span, told: dict[str, str | int]) -> None:
    if ERROR in told:
        span.set_attribute(ERROR, told[ERROR])
        span.set_status(Status(StatusCode.ERROR))
