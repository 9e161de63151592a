"""An inbox that tells what goes through it: what was received, how old it was, how long settling took."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from connector.clock import utc_now
from connector.errors import ConnectorError
from connector.inbox import FIRST_SEEN, Inbox, Received
from connector.telemetry.codes import UNCONFIRMED, bounded
from connector.telemetry.instruments import (
    COUNT,
    DELIVERIES,
    DISPOSITION,
    ERROR,
    LAG,
    MESSAGE_ID,
    OPERATION,
    OPERATION_TIME,
    OPERATION_TYPE,
    QUEUE,
    RECEIVED,
    SERVICE_BUS,
    SYSTEM,
)
from connector.telemetry.recording import recording
from connector.telemetry.traces import Traces, link_to_senders


class MeasuredInbox:
    """An ``Inbox`` over another one. ``traces`` is shared by all inboxes of the queue; ``timer`` counts seconds."""

    def __init__(
        self,
        inbox: Inbox,
        queue: str,
        traces: Traces,
        *,
        now: Callable[[], datetime] = utc_now,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._inbox = inbox
        self._queue = queue
        self._traces = traces
        self._now = now
        self._timer = timer
        self._at_work: list[str] = []

    async def open(self) -> None:
        """See ``Inbox``."""
        await self._inbox.open()

    async def receive(self, max_messages: int, max_wait: float) -> list[Received]:
        """See ``Inbox``. A call that brings nothing leaves no span."""
        self._traces.forget(self._at_work)
        began, began_at = self._timer(), time.time_ns()
        try:
            batch = await self._inbox.receive(max_messages, max_wait)
        except ConnectorError as error:
            span = self._span("receive", "receive", began_at, Context())
            self._ended(span, "receive", self._timer() - began, bounded(error.code))
            raise
        recording().set(LAG, self._lag(batch), {QUEUE: self._queue})
        if batch:
            self._received(batch, self._timer() - began, began_at)
        return batch

    async def complete(self, received: Received) -> bool:
        """See ``Inbox``."""
        return await self._settled("complete", "complete", received, self._inbox.complete(received))

    async def dead_letter(self, received: Received, code: str, sentence: str) -> bool:
        """See ``Inbox``."""
        settling = self._inbox.dead_letter(received, code, sentence)
        return await self._settled("dead_letter", "dead_letter", received, settling)

    async def redeliver_at(self, received: Received, when: datetime, attempt: int) -> bool:
        """See ``Inbox``. What the broker sees of the message itself is that it is completed."""
        settling = self._inbox.redeliver_at(received, when, attempt)
        return await self._settled("redeliver", "complete", received, settling)

    async def release(self, received: Received) -> bool:
        """See ``Inbox``."""
        return await self._settled("abandon", "abandon", received, self._inbox.release(received))

    async def renew(self, received: Received) -> datetime | None:
        """See ``Inbox``."""
        return await self._inbox.renew(received)

    async def close(self) -> None:
        """See ``Inbox``."""
        self._traces.forget(self._at_work)
        await self._inbox.close()

    def _received(self, batch: Sequence[Received], took: float, began_at: int) -> None:
        envelopes = [received.envelope for received in batch]
        self._at_work = [envelope.message_id for envelope in envelopes]
        span = self._span("receive", "receive", began_at, Context())
        span.set_attribute(COUNT, len(batch))
        link_to_senders(span, envelopes)
        self._traces.begin(self._at_work, span)
        self._ended(span, "receive", took, None)
        told = {SYSTEM: SERVICE_BUS, OPERATION: "receive", QUEUE: self._queue}
        recording().add(RECEIVED, len(batch), told)

    async def _settled(self, name: str, disposition: str, received: Received, settling: Awaitable[bool]) -> bool:
        began, began_at = self._timer(), time.time_ns()
        confirmed = await settling
        envelope = received.envelope
        span = self._span(name, "settle", began_at, self._traces.of((envelope.message_id,)))
        if span.is_recording():
            span.set_attribute(MESSAGE_ID, envelope.message_id)
            span.set_attribute(DELIVERIES, envelope.delivery_count)
            span.set_attribute(DISPOSITION, disposition)
            link_to_senders(span, (envelope,))
        self._ended(span, name, self._timer() - began, None if confirmed else UNCONFIRMED)
        return confirmed

    def _span(self, name: str, type: str, began_at: int, context: Context) -> Span:
        return recording().tracer.start_span(
            f"{name} {self._queue}",
            context,
            SpanKind.CLIENT,
            {SYSTEM: SERVICE_BUS, OPERATION: name, OPERATION_TYPE: type, QUEUE: self._queue},
            start_time=began_at,
        )

    def _ended(self, span: Span, name: str, took: float, error: str | None) -> None:
        told = {SYSTEM: SERVICE_BUS, OPERATION: name, QUEUE: self._queue}
        if error is not None:
            told[ERROR] = error
            span.set_attribute(ERROR, error)
            span.set_status(Status(StatusCode.ERROR))
        span.end()
        recording().record(OPERATION_TIME, took, told)

    def _lag(self, batch: Sequence[Received]) -> float:
        """Copies of ours waited on purpose, and tell when the first of them was enqueued: they don't count."""
        ages = (
            self._now() - received.envelope.enqueued_at
            for received in batch
            if received.envelope.enqueued_at is not None and FIRST_SEEN not in received.envelope.properties
        )
        return max(ages, default=timedelta()).total_seconds()
