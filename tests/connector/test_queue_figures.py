"""What waits on a queue is counted by looking, without touching it; by the namespace where that is too much."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import responses
from azure.servicebus import ServiceBusMessageState
from azure.servicebus.exceptions import ServiceBusConnectionError

from connector import queue_figures as module
from connector.errors import Misconfigured, Transient
from connector.inbox import Outgoing
from connector.queue_figures import QueueFigures, queue_figures
from tests.connector.local_bus import QUEUE, Bus

NOON = datetime(2026, 4, 15, 12, tzinfo=UTC)
HOST = "contoso.servicebus.windows.net"
KEY = f"Endpoint=sb://{HOST}/;SharedAccessKeyName=manage;SharedAccessKey=c2VjcmV0"
ENTRY = """<entry xmlns="http://www.w3.org/2005/Atom"><title>approvals</title><content type="application/xml">
<QueueDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
 xmlns:d="http://schemas.microsoft.com/netservices/2011/06/servicebus"><CountDetails>
<d:ActiveMessageCount>70000</d:ActiveMessageCount><d:DeadLetterMessageCount>12</d:DeadLetterMessageCount>
<d:ScheduledMessageCount>3</d:ScheduledMessageCount></CountDetails></QueueDescription></content></entry>"""


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_what_waits_comes_later_and_was_put_aside_is_counted_and_stays_where_it_is(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(Outgoing(b"aside", f"{bus.id}a"))
        await bus.inbox.dead_letter(await bus.one(), "code", "Why.")
        later = bus.clock.now() + timedelta(hours=1)
        await bus.send(*(Outgoing(b"{}", f"{bus.id}{name}") for name in "bc"))
        await bus.send(Outgoing(b"later", f"{bus.id}d", scheduled_for=later))
        locked = await bus.one()
        for _ in range(2):
            found = await asyncio.to_thread(queue_figures, bus.connection, QUEUE)
            assert (found.active, found.scheduled, found.deferred, found.dead_letters) == (2, 1, 0, 1)
            assert found.oldest is not None
            assert abs(found.oldest - bus.clock.now()) < timedelta(minutes=1)
            assert found.is_more is False
        assert await bus.inbox.complete(locked)
        bus.clock.advance(timedelta(hours=2))

    bus.run(scenario())


def test_more_than_are_looked_at_are_said_to_be_more(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 4)
    monkeypatch.setattr(module, "PEEKED", 2)

    async def scenario() -> None:
        await bus.send(*(Outgoing(b"{}", f"{bus.id}{number}") for number in range(5)))
        found = await asyncio.to_thread(queue_figures, bus.connection, QUEUE)
        assert (found.active, found.is_more) == (4, True)

    bus.run(scenario())


def test_what_takes_long_is_not_looked_at_to_its_end(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONG_ENOUGH", 0.0)

    async def scenario() -> None:
        await bus.send(Outgoing(b"{}", bus.id))
        found = await asyncio.to_thread(queue_figures, bus.connection, QUEUE)
        assert (found.active, found.is_more) == (0, True)

    bus.run(scenario())


def test_a_wrong_key_and_nobody_there_are_told_apart(bus: Bus) -> None:
    async def scenario() -> None:
        wrong = bus.connection.replace("SharedAccessKey=key", "SharedAccessKey=wrong")
        with pytest.raises(Misconfigured) as refused:
            await asyncio.to_thread(queue_figures, wrong, QUEUE)
        assert refused.value.code == "bus-sign-in"

    bus.run(scenario())


def test_a_connection_string_for_another_queue_is_said_to_be_one() -> None:
    with pytest.raises(Misconfigured, match="not for queue approvals") as refused:
        queue_figures(f"{KEY};EntityPath=other", "approvals")
    assert refused.value.code == "bus-connection-string"


def test_who_is_away_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> list[object]:
        raise ServiceBusConnectionError(message="nobody")

    monkeypatch.setattr(module, "_peeked", away)
    with pytest.raises(Transient):
        queue_figures(KEY, "approvals")


@pytest.mark.parametrize(("status", "expected"), [(200, (70000, 3, 12, False)), (401, (1000, 0, 0, True))])
def test_what_is_too_much_to_look_at_is_asked_of_the_namespace_where_that_is_allowed(
    mock: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, status: int, expected: tuple[int, int, int, bool]
) -> None:
    async def peeked(_: object, __: str, sub_queue: object) -> module.Seen:
        if sub_queue:
            return module.Seen(is_all=True)
        return module.Seen(Counter({ServiceBusMessageState.ACTIVE: module.MOST}), NOON)

    monkeypatch.setattr(module, "_peeked", peeked)
    mock.get(
        f"https://{HOST}/approvals",
        body=ENTRY if status == 200 else "<Error><Code>401</Code></Error>",
        status=status,
        content_type="application/atom+xml;type=entry;charset=utf-8",
    )
    found = queue_figures(KEY, "approvals")
    assert (found.active, found.scheduled, found.dead_letters, found.is_more) == expected
    assert isinstance(found, QueueFigures)
    assert found.oldest == NOON
    assert found.are_more_put_aside is False


class Peeked:
    """A queue of these states, each message a minute younger than the one before."""

    def __init__(self, *states: ServiceBusMessageState) -> None:
        self.messages = [
            SimpleNamespace(state=one, sequence_number=number, enqueued_time_utc=NOON + number * timedelta(minutes=1))
            for number, one in enumerate(states)
        ]
        self.asked = 0

    def get_queue_receiver(self, *_: object, **__: object) -> Peeked:
        return self

    async def __aenter__(self) -> Peeked:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def peek_messages(self, count: int, *, sequence_number: int) -> list[SimpleNamespace]:
        self.asked += 1
        return self.messages[sequence_number:][:count]


@pytest.mark.parametrize(
    ("scheduled", "active", "expected"),
    [(40, 9, (2, 40, 40, False)), (40, 0, (0, 40, None, True)), (4, 9, (6, 4, 4, False)), (0, 40, (10, 0, 0, False))],
)
def test_what_waits_behind_very_many_that_come_later_is_found(
    monkeypatch: pytest.MonkeyPatch, scheduled: int, active: int, expected: tuple[int, int, int | None, bool]
) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    monkeypatch.setattr(module, "PEEKED", 2)
    later, waits = ServiceBusMessageState.SCHEDULED, ServiceBusMessageState.ACTIVE
    client = Peeked(*[later] * scheduled, *[waits] * active)
    seen = asyncio.run(module._peeked(client, QUEUE, None))
    first = None if seen.oldest is None else (seen.oldest - NOON) // timedelta(minutes=1)
    assert (seen.states[waits], seen.states[later], first, seen.is_all) == expected
