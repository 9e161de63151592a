"""What the probe of a queue says about a real local broker, and that it takes nothing out of the queue."""

from __future__ import annotations

import asyncio
import socket

import pytest

from connector.errors import ConnectorError, Misconfigured, Transient, UnknownOutcome
from connector.inbox import Outgoing
from connector.servicebus import ServiceBusInbox, probe
from tests.connector.local_bus import QUEUE, Bus


async def said_of(connection: str, queue: str) -> ConnectorError | None:
    """What the probe raises in a thread of its own; the broker answers from this one."""
    try:
        await asyncio.to_thread(probe, connection, queue)
    except ConnectorError as error:
        return error
    return None


def test_a_queue_that_can_be_received_from_passes_the_probe_and_keeps_its_messages_untouched(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(Outgoing(b"{}", bus.id))
        assert await said_of(bus.connection, QUEUE) is None
        received = await bus.one()
        assert (received.envelope.message_id, received.envelope.delivery_count) == (bus.id, 0)
        await bus.inbox.complete(received)

    bus.run(scenario())


def test_a_wrong_key_a_missing_right_and_a_missing_queue_fail_the_probe_as_our_fault(bus: Bus) -> None:
    async def scenario() -> None:
        wrong_key = bus.connection.replace("SharedAccessKey=key", "SharedAccessKey=no")
        said = await asyncio.gather(
            said_of(wrong_key, QUEUE),
            said_of(bus.server.connection_string("sender"), QUEUE),
            said_of(bus.connection, "nowhere"),
        )
        assert [(type(error), error and error.code) for error in said] == [
            (Misconfigured, "bus-sign-in"),
            (Misconfigured, "bus-sign-in"),
            (Misconfigured, "bus-queue"),
        ]

    bus.run(scenario())


def test_an_unreadable_connection_string_fails_the_probe_without_being_repeated() -> None:
    with pytest.raises(Misconfigured) as caught:
        probe("SharedAccessKey=secret", QUEUE)
    assert caught.value.code == "bus-connection-string"
    assert "secret" not in str(caught.value)


def test_a_bus_that_cannot_be_reached_fails_the_probe_as_something_that_passes() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        endpoint = f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=a;SharedAccessKey=b"
        with pytest.raises(Transient):
            probe(f"{endpoint};UseDevelopmentEmulator=true", QUEUE)


def test_a_bus_that_does_not_answer_in_time_fails_the_probe_as_something_that_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def silent(_: ServiceBusInbox) -> None:
        raise UnknownOutcome("bus-no-answer", "No answer.")

    monkeypatch.setattr(ServiceBusInbox, "open", silent)
    with pytest.raises(Transient, match="bus-no-answer"):
        probe("", QUEUE)
