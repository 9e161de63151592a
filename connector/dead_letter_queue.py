"""The dead letters of a queue: looked at without a lock, and taken out one by one.

Service Bus hands out dead letters in their order only. To reach one, those in front of it are received too; they stay
locked until the end, so that they do not come again, and are then given back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError

from connector.broker_clock import BrokerClock, Stamp
from connector.bus_access import Access
from connector.bus_connection import NOT_CONFIRMED, close_quietly, connect, failure, signed_in
from connector.clock import utc_now
from connector.envelope import Envelope
from connector.received_messages import envelope_of
from connector.replays import DESCRIPTION, REASON, replay_id, replay_properties

log = logging.getLogger(__name__)

PEEKED = 200
"""Messages that are looked at together."""
TAKEN = 50
"""Messages that are locked together: they are settled long before their locks run out."""
HELD = 1000
"""Messages in front that are given back at the end; what was passed before them comes free as its lock runs out."""


@dataclass(frozen=True, slots=True)
class PutAside:
    """A dead letter as it was seen.

    ``sequence`` names it within its queue. ``is_whole``: its body can be carried over as it is. ``handle``: what it is
    settled by, if it is locked for us.
    """

    sequence: int
    code: str
    sentence: str
    envelope: Envelope
    is_whole: bool = True
    handle: object = None


class DeadLetterQueue:
    """The dead letters of one queue, over one connection: ``async with DeadLetterQueue(…) as queue``; one task."""

    def __init__(self, access: Access, queue: str, *, wait: float = 5.0, now: Callable[[], datetime] = utc_now) -> None:
        self.queue = queue
        self._access = access
        self._wait = wait
        self._now = now
        self._clock = BrokerClock()
        self._client = connect(access)
        self._receiver: ServiceBusReceiver | None = None
        self._sender = self._client.get_queue_sender(queue)

    async def __aenter__(self) -> DeadLetterQueue:
        return self

    async def __aexit__(self, *_: object) -> None:
        await close_quietly(*filter(None, [self._receiver, self._sender]), self._client)

    async def peek(self, after: int = 0, most: int = PEEKED) -> list[PutAside]:
        """The next ones behind this sequence number, whoever has them locked. Raises ``ConnectorError``."""
        try:
            receiver = await self._opened()
            found = await receiver.peek_messages(most, sequence_number=after + 1)
        except ServiceBusError as error:
            raise failure(error, self.queue, self._access) from error
        return [self._seen(message) for message in found]

    async def take(
        self, wanted: Collection[int], is_stopped: Callable[[], bool] = lambda: False
    ) -> AsyncGenerator[list[PutAside], None]:
        """Lock those of these that are there and free, some at a time. Raises ``ConnectorError``.

        Settle each part before the next is asked for.
        """
        left, passed = set(wanted), set[int]()
        held: deque[ServiceBusReceivedMessage] = deque(maxlen=HELD)
        try:
            while left and not is_stopped():
                batch = await self._received()
                mine = [one for one in batch if one.sequence_number in left]
                others = [one for one in batch if one.sequence_number not in left]
                new = {one.sequence_number or 0 for one in others} - passed
                held.extend(others)
                passed |= new
                left -= {one.sequence_number or 0 for one in mine}
                if mine:
                    yield [self._seen(one) for one in mine]
                elif not new:
                    # The queue is at its end, or those in front come round again.
                    return
        finally:
            await asyncio.gather(*(self._give_back(one) for one in held))
            # What is given back is handed to whoever asked last, which is us; only closing leaves it to others.
            await close_quietly(*filter(None, [self._receiver]))
            self._receiver = None

    async def send_again(self, letters: Sequence[PutAside], run: UUID) -> list[PutAside]:
        """Send a copy of each to the queue, in few batches; those that the queue takes no more, as they are too large.

        Within one ``run`` the copy of a letter bears one id. Raises ``ConnectorError``; some may be sent by then.
        """
        too_large = []
        await signed_in(self._access)
        try:
            batch = await self._sender.create_message_batch()
            for letter in letters:
                copy = replayed(letter, run)
                try:
                    batch.add_message(copy)
                except MessageSizeExceededError:
                    if len(batch):
                        await self._sender.send_messages(batch)
                    batch = await self._sender.create_message_batch()
                    try:
                        batch.add_message(copy)
                    except MessageSizeExceededError:
                        too_large.append(letter)
            if len(batch):
                await self._sender.send_messages(batch)
            return too_large
        except ServiceBusError as error:
            raise failure(error, self.queue, self._access) from error

    async def remove(self, letter: PutAside) -> bool:
        """Take it out for good; ``False``: nobody confirmed it, and it may still be there."""
        try:
            await (await self._opened()).complete_message(cast(ServiceBusReceivedMessage, letter.handle))
        except NOT_CONFIRMED as error:
            log.info("dead letter %d of %s: not confirmed as removed (%s)", letter.sequence, self.queue, error)
            return False
        return True

    async def give_back(self, letter: PutAside) -> None:
        """Leave it where it was."""
        await self._give_back(cast(ServiceBusReceivedMessage, letter.handle))

    async def _give_back(self, message: ServiceBusReceivedMessage) -> None:
        # What can't be given back comes free as its lock runs out.
        with suppress(*NOT_CONFIRMED):
            await (await self._opened()).abandon_message(message)

    async def _received(self) -> list[ServiceBusReceivedMessage]:
        asked = self._now()
        try:
            receiver = await self._opened()
            messages = await receiver.receive_messages(max_message_count=TAKEN, max_wait_time=self._wait)
        except ServiceBusError as error:
            raise failure(error, self.queue, self._access) from error
        returned = self._now()
        stamped = [one for one in messages if one.enqueued_time_utc and one.locked_until_utc]
        self._clock.saw(
            [Stamp(cast(datetime, one.enqueued_time_utc), cast(datetime, one.locked_until_utc)) for one in stamped],
            returned,
        )
        for one in stamped:
            # The SDK settles nothing after the end of a lock, which is told by the broker's clock.
            one._expiry = self._clock.end_of_lock(cast(datetime, one.locked_until_utc), asked)
        return messages

    async def _opened(self) -> ServiceBusReceiver:
        if self._receiver is None:
            await signed_in(self._access)
            receiver = self._client.get_queue_receiver(
                self.queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER, prefetch_count=0, socket_timeout=0.05
            )
            self._receiver = await receiver.__aenter__()
        return self._receiver

    def _seen(self, message: ServiceBusReceivedMessage) -> PutAside:
        envelope = envelope_of(message, self.queue)
        return PutAside(
            sequence=message.sequence_number or 0,
            code=str(envelope.properties.get(REASON) or message.dead_letter_reason or ""),
            sentence=str(envelope.properties.get(DESCRIPTION) or message.dead_letter_error_description or ""),
            envelope=envelope,
            is_whole=_is_whole(message, envelope),
            handle=message,
        )


def replayed(letter: PutAside, run: UUID) -> ServiceBusMessage:
    """The copy that begins a new lineage, with what its sender put into it.

    A time to live is not carried over: whoever sends it again says that it counts still. Nor is a session: the
    queues have none.
    """
    original, envelope = cast(ServiceBusReceivedMessage, letter.handle), letter.envelope
    return ServiceBusMessage(
        envelope.body,
        message_id=replay_id(envelope, run),
        content_type=envelope.content_type,
        correlation_id=envelope.correlation_id,
        subject=original.subject,
        reply_to=original.reply_to,
        reply_to_session_id=original.reply_to_session_id,
        to=original.to,
        application_properties=cast(Any, replay_properties(envelope)),
    )


def _is_whole(message: ServiceBusReceivedMessage, envelope: Envelope) -> bool:
    """Its body has been read byte for byte: neither one of several values, nor a message the SDK fails to read."""
    is_read = envelope.enqueued_at is not None
    return is_read and (message.body_type == AmqpMessageBodyType.DATA or bool(envelope.body))
