"""The inbox and the outbox with the official SDK in between, against the sandbox's Service Bus on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusConnectionError,
    ServiceBusError,
)

from connector import servicebus
from connector.bus_connection import connect, failure
from connector.envelope import Envelope
from connector.errors import ConnectorError, Misconfigured, Rejected, Transient, UnknownOutcome
from connector.inbox import ATTEMPT, FIRST_SEEN, LINEAGE, Outgoing, Received
from connector.outbox import Outbox
from connector.servicebus import ServiceBusInbox
from connector.settlement import Complete, RedeliverAt, Settlement
from connector.worker import Pace, Worker
from tests.connector.local_bus import QUEUE, Bus


def message(name: str, **more: object) -> Outgoing:
    return Outgoing(f'{{"name":"{name}"}}'.encode(), name, **more)  # type: ignore[arg-type]


def test_a_message_arrives_as_an_envelope_with_every_name_decoded_and_is_completed(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(message(bus.id, correlation_id="c1", properties={"http://x/Claims/Organization": "org", "n": 3}))
        received = await bus.one()

        envelope = received.envelope
        assert (envelope.message_id, envelope.lineage, envelope.attempt) == (bus.id, bus.id, 0)
        assert (envelope.body, envelope.content_type) == (f'{{"name":"{bus.id}"}}'.encode(), "application/json")
        assert envelope.properties == {"http://x/Claims/Organization": "org", "n": 3}
        assert (envelope.correlation_id, envelope.delivery_count, envelope.queue) == ("c1", 0, QUEUE)
        assert envelope.enqueued_at is not None
        assert envelope.locked_until is not None
        assert envelope.enqueued_at.tzinfo is not None
        assert await bus.inbox.complete(received)
        assert not await bus.inbox.complete(received)
        assert bus.inbox.counts == {"completed": 1, "unconfirmed": 1}
        assert bus.server.counts(QUEUE).active == 0

    bus.run(scenario())


def test_a_dead_lettered_message_carries_code_and_sentence_cut_to_what_the_broker_takes(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(message(bus.id))
        assert await bus.inbox.dead_letter(await bus.one(), "c" * 300, "s" * 5000)

        [dead] = await bus.dead_letters(1)
        assert dead.dead_letter_reason == "c" * servicebus.MAX_CODE
        assert dead.dead_letter_error_description == "s" * servicebus.MAX_SENTENCE

    bus.run(scenario())


def test_a_lock_can_be_renewed(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(message(bus.id))
        received = await bus.one()
        bus.clock.advance(timedelta(seconds=20))

        renewed = await bus.inbox.renew(received)

        assert renewed is not None
        assert received.envelope.locked_until is not None
        assert renewed > received.envelope.locked_until
        bus.clock.advance(timedelta(seconds=20))
        assert await bus.inbox.complete(received)

    bus.run(scenario())


def test_bodies_of_every_kind_become_bytes_and_a_message_without_id_gets_a_lasting_name(bus: Bus) -> None:
    async def scenario() -> None:
        async with connect(bus.connection) as client, client.get_queue_sender(QUEUE) as sender:
            await sender.send_messages(AmqpAnnotatedMessage(value_body="text"))
            await sender.send_messages(AmqpAnnotatedMessage(value_body=b"bytes"))
            await sender.send_messages(AmqpAnnotatedMessage(value_body={"a": 1}))
            await sender.send_messages(AmqpAnnotatedMessage(data_body=[b"in ", b"parts"]))
            await sender.send_messages(
                ServiceBusMessage(b"x", application_properties={LINEAGE: "l", ATTEMPT: 2, FIRST_SEEN: "never"})
            )
        batch: list[Received] = []
        while len(batch) < 5:
            batch += await bus.inbox.receive(5 - len(batch), 5)

        assert [received.envelope.body for received in batch] == [b"text", b"bytes", b"", b"in parts", b"x"]
        assert all(received.envelope.message_id for received in batch)
        assert (batch[4].envelope.lineage, batch[4].envelope.attempt) == ("l", 2)
        assert batch[4].envelope.enqueued_at is not None
        assert await asyncio.gather(*(bus.inbox.complete(received) for received in batch)) == [True] * 5

    bus.run(scenario())


def test_more_messages_than_one_batch_holds_are_sent_in_order(bus: Bus) -> None:
    async def scenario() -> None:
        large = [Outgoing(b"x" * 200_000, f"{bus.id}-{number}") for number in range(8)]
        async with Outbox(bus.connection, QUEUE) as outbox:
            await outbox.send([*large, message(f"{bus.id}-last")])
            await outbox.send([])
        assert bus.server.counts(QUEUE).active == 9

    bus.run(scenario())


def test_a_scheduled_message_is_sent_for_later(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(message(bus.id, scheduled_for=bus.clock.now() + timedelta(minutes=5)))
        assert bus.server.counts(QUEUE).active == 0
        bus.clock.advance(timedelta(minutes=5, seconds=1))
        assert await bus.inbox.complete(await bus.one())

    bus.run(scenario())


def test_an_unknown_queue_and_a_wrong_key_are_our_fault(bus: Bus) -> None:
    async def scenario() -> None:
        nowhere = ServiceBusInbox(bus.connection, "nowhere")
        stranger = ServiceBusInbox(bus.connection.replace("SharedAccessKey=key", "SharedAccessKey=no"), QUEUE)
        try:
            with pytest.raises(Misconfigured, match="nowhere"):
                await nowhere.receive(1, 1)
            with pytest.raises(Misconfigured, match="bus-sign-in"):
                await stranger.receive(1, 1)
        finally:
            await nowhere.close()
            await stranger.close()

    bus.run(scenario())


def test_a_connection_string_that_is_none_is_our_fault_and_is_not_repeated_in_the_message() -> None:
    async def scenario() -> None:
        with pytest.raises(Misconfigured) as caught:
            await ServiceBusInbox("SharedAccessKey=secret", QUEUE).receive(1, 1)
        assert "secret" not in str(caught.value)

    asyncio.run(scenario())


def test_a_bus_that_is_not_there_is_transient() -> None:
    async def scenario() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            inbox = ServiceBusInbox(
                f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true",
                QUEUE,
            )
            with pytest.raises(Transient):
                await inbox.receive(1, 1)
            await inbox.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ServiceBusAuthenticationError(), Misconfigured),
        (MessagingEntityNotFoundError(message=None), Misconfigured),
        (MessageSizeExceededError(message=None), Rejected),
        (OperationTimeoutError(), UnknownOutcome),
        (ServiceBusConnectionError(), Transient),
        (ServiceBusError("anything"), Transient),
    ],
)
def test_each_error_of_the_sdk_means_one_failure(error: ServiceBusError, kind: type[ConnectorError]) -> None:
    assert type(failure(error, QUEUE)) is kind


def test_the_worker_empties_a_real_queue_with_a_retry_in_between_and_stops_without_a_lock(bus: Bus) -> None:
    async def scenario() -> None:
        seen: list[tuple[str, int]] = []

        def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
            settlements: list[Settlement] = []
            for envelope in envelopes:
                seen.append((envelope.lineage, envelope.attempt))
                again = envelope.lineage == f"{bus.id}-3" and envelope.attempt == 0
                settlements.append(RedeliverAt(bus.clock.now(), 1, "not yet") if again else Complete("done"))
            return settlements

        await bus.send(*(message(f"{bus.id}-{number}") for number in range(30)))
        worker = Worker(
            lambda: ServiceBusInbox(bus.connection, QUEUE, now=bus.clock.now),
            process,
            lambda: None,
            pace=Pace(receivers=2, largest_batch=10, max_wait=0.3),
        )
        run = asyncio.ensure_future(worker.run())
        async with asyncio.timeout(20):
            while worker.status().counts.get("completed", 0) < 30:
                await asyncio.sleep(0.02)
            worker.stop()
            await run
        assert sorted(seen) == sorted([*((f"{bus.id}-{number}", 0) for number in range(30)), (f"{bus.id}-3", 1)])
        counts = bus.server.counts(QUEUE)
        assert counts.active == 0
        assert worker.status().counts == {"completed": 30, "redelivered": 1}

    bus.run(scenario())
