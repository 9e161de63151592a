from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from connector.envelope import Envelope
from connector.errors import Transient
from connector.inbox import FIRST_SEEN, Received
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
    SYSTEM,
)
from connector.telemetry.receiving import MeasuredInbox
from connector.telemetry.traces import Traces
from tests.connector.fakes import NOW, FakeInbox, FakeQueue, JumpingTime
from tests.connector.telemetry.taken import Taken, told

TRACE, OTHER_TRACE = "0af7651916cd43dd8448eb211c80319c", "1af7651916cd43dd8448eb211c80319c"
SENDER, OLDER_SENDER = f"00-{TRACE}-b7ad6b7169203331-01", f"00-{OTHER_TRACE}-b7ad6b7169203332-01"
FROM_EVENTS = {SYSTEM: "servicebus", QUEUE: "events"}


class Deaf(FakeInbox):
    """Nobody confirms that anything is completed."""

    async def complete(self, received: Received) -> bool:
        return False


def message(name: str, **properties: object) -> Envelope:
    return Envelope(name, b"secret body", None, properties, delivery_count=2, enqueued_at=NOW)


def inbox_with(*waiting: Envelope, inner: type[FakeInbox] = FakeInbox) -> tuple[FakeQueue, MeasuredInbox]:
    time = JumpingTime()
    queue = FakeQueue(time, waiting=list(waiting))
    time.present = NOW + timedelta(seconds=7)
    return queue, MeasuredInbox(inner(queue), "events", Traces(), now=time.now)


def test_a_receive_call_tells_how_many_came_and_links_to_who_sent_them(taken: Taken) -> None:
    waiting = [
        message("a", traceparent=SENDER, tracestate="k=v"),
        message("b", **{"Diagnostic-Id": OLDER_SENDER}),
        message("c", traceparent="no trace at all"),
        message("d"),
    ]
    _, inbox = inbox_with(*waiting)
    assert len(asyncio.run(inbox.receive(10, 1))) == 4

    span = taken.one("receive events")
    assert span.kind is SpanKind.CLIENT
    assert span.attributes == {**FROM_EVENTS, OPERATION: "receive", OPERATION_TYPE: "receive", COUNT: 4}
    links = [(f"{link.context.trace_id:032x}", (link.attributes or {})[MESSAGE_ID]) for link in span.links]
    assert links == [(TRACE, "a"), (OTHER_TRACE, "b")]
    assert span.links[0].context.trace_state.get("k") == "v"
    assert taken.values(RECEIVED) == {told({**FROM_EVENTS, OPERATION: "receive"}): 4}
    assert taken.values(OPERATION_TIME) == {told({**FROM_EVENTS, OPERATION: "receive"}): 1}
    assert taken.values(LAG) == {told({QUEUE: "events"}): 7}


def test_a_receive_call_that_brings_nothing_leaves_no_span_and_says_that_nothing_lags(taken: Taken) -> None:
    queue, inbox = inbox_with(message("a"))

    async def twice() -> None:
        await inbox.receive(1, 1)
        asyncio.get_running_loop().call_soon(queue.arrived.set)
        assert await inbox.receive(1, 1) == []

    asyncio.run(twice())
    assert len(taken.spans()) == 1
    assert taken.values(LAG) == {told({QUEUE: "events"}): 0}


def test_a_copy_of_ours_waited_on_purpose_and_is_no_lag(taken: Taken) -> None:
    _, inbox = inbox_with(message("copy", **{FIRST_SEEN: NOW.isoformat()}))
    asyncio.run(inbox.receive(1, 1))
    assert taken.values(LAG) == {told({QUEUE: "events"}): 0}


def test_a_receive_call_that_fails_is_told_by_its_code_and_raises_on(taken: Taken) -> None:
    queue, inbox = inbox_with()
    queue.refusal = Transient("bus-unreachable", "The queue of Anna is not there.")
    with pytest.raises(Transient):
        asyncio.run(inbox.receive(1, 1))
    span = taken.one("receive events")
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert (span.attributes or {})[ERROR] == "bus-unreachable"
    assert taken.values(OPERATION_TIME) == {told({**FROM_EVENTS, OPERATION: "receive", ERROR: "bus-unreachable"}): 1}


@pytest.mark.parametrize(
    ("settle", "name", "disposition"),
    [
        (lambda inbox, one: inbox.complete(one), "complete", "complete"),
        (lambda inbox, one: inbox.redeliver_at(one, NOW, 1), "redeliver", "complete"),
        (lambda inbox, one: inbox.dead_letter(one, "no-price", "It costs 12.34."), "dead_letter", "dead_letter"),
        (lambda inbox, one: inbox.release(one), "abandon", "abandon"),
    ],
)
def test_settling_belongs_to_the_trace_of_the_batch(
    settle: Callable[[MeasuredInbox, Received], Awaitable[bool]], name: str, disposition: str, taken: Taken
) -> None:
    _, inbox = inbox_with(message("a", traceparent=SENDER))

    async def through() -> None:
        (one,) = await inbox.receive(1, 1)
        assert await settle(inbox, one)

    asyncio.run(through())
    received, settled = taken.one("receive events"), taken.one(f"{name} events")
    assert settled.parent == received.get_span_context()
    assert settled.kind is SpanKind.CLIENT
    assert settled.attributes == {
        **FROM_EVENTS,
        OPERATION: name,
        OPERATION_TYPE: "settle",
        MESSAGE_ID: "a",
        DELIVERIES: 2,
        DISPOSITION: disposition,
    }
    assert [f"{link.context.trace_id:032x}" for link in settled.links] == [TRACE]
    assert taken.values(OPERATION_TIME)[told({**FROM_EVENTS, OPERATION: name})] == 1


def test_a_settlement_that_nobody_confirms_is_an_error_and_answered_as_before(taken: Taken) -> None:
    _, inbox = inbox_with(message("a"), inner=Deaf)

    async def through() -> None:
        (one,) = await inbox.receive(1, 1)
        assert not await inbox.complete(one)

    asyncio.run(through())
    span = taken.one("complete events")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})[ERROR] == "unconfirmed"


def test_what_is_no_business_of_the_measuring_goes_through(taken: Taken) -> None:
    queue, inbox = inbox_with(message("a"))

    async def through() -> None:
        await inbox.open()
        (one,) = await inbox.receive(1, 1)
        assert await inbox.renew(one) is not None
        await inbox.close()

    asyncio.run(through())
    assert (queue.tried, queue.renewed, queue.closed) == (1, ["a"], 1)
    assert [span.name for span in taken.spans()] == ["receive events"]


def test_messages_that_were_never_settled_are_forgotten_with_the_next_call(taken: Taken) -> None:
    traces = Traces()
    time = JumpingTime()
    queue = FakeQueue(time, waiting=[message("lost"), message("next")])
    inbox = MeasuredInbox(FakeInbox(queue), "events", traces, now=time.now)
    asyncio.run(inbox.receive(1, 1))
    assert traces.of(["lost"])
    asyncio.run(inbox.receive(1, 1))
    assert not traces.of(["lost"])
    assert traces.of(["lost", "next"])
