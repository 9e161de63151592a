"""Azure Service Bus: one inbox per receiver, each with connections of its own.

Settlements are confirmed round trips; one that is not confirmed is counted and logged, and the message expected again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, cast

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusError

from connector.broker_clock import BrokerClock, Stamp
from connector.bus_access import Access
from connector.bus_connection import NOT_CONFIRMED, close_quietly, connect, failure, signed_in
from connector.clock import utc_now
from connector.errors import Transient, UnknownOutcome
from connector.inbox import ATTEMPT, FIRST_SEEN, LINEAGE, TURN, Received, copy_id
from connector.received_messages import envelope_of, first_seen

log = logging.getLogger(__name__)

MAX_CODE = 256
MAX_SENTENCE = 1024
"""Characters; a longer description can make the dead-lettered message exceed what the broker takes."""

LOCK_MARGIN = timedelta(seconds=2)
SHORTEST_WAIT = 1.0
"""Seconds that a renewal is waited for at the least."""
WEARY = 7
"""Deliveries after which a message that is given back is replaced by a fresh copy, so that the broker's own limit on
deliveries never dead-letters a message only because the service was paused: 10 unless the queue says otherwise."""


class ServiceBusInbox:
    """An ``Inbox`` on a Service Bus queue. Opens at the first receive; one object, one task.

    ``counts`` tells ``lock-lost``, ``unconfirmed``, ``completed``, ``dead-lettered``, ``redelivered``, ``released``.
    """

    def __init__(
        self,
        access: Access,
        queue: str,
        *,
        socket_timeout: float = 0.05,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._access = access
        self._queue = queue
        self._socket_timeout = socket_timeout
        self._now = now
        self._clients: list[ServiceBusClient] = []
        self._receiver: ServiceBusReceiver | None = None
        self._sender: ServiceBusSender | None = None
        self._sending = asyncio.Lock()
        self._clock = BrokerClock()
        self.counts: Counter[str] = Counter()

    async def open(self) -> None:
        """See ``Inbox``. Peeks too: the SDK may take a receiver for open before it has read the broker's refusal."""
        try:
            await (await self._opened()).peek_messages(1)
        except ServiceBusError as error:
            raise failure(error, self._queue, self._access) from error

    async def receive(self, max_messages: int, max_wait: float) -> list[Received]:
        """See ``Inbox``. Prefetch is off: what is not asked for is not locked."""
        try:
            receiver = await self._opened()
            messages = await receiver.receive_messages(max_message_count=max_messages, max_wait_time=max_wait)
        except ServiceBusError as error:
            raise failure(error, self._queue, self._access) from error
        returned = self._now()
        self._clock.saw([_stamp(message) for message in messages if _is_stamped(message)], returned)
        for message in messages:
            self._tell_end_of_lock(message, returned)
        return [Received(envelope_of(message, self._queue, self._clock.here), message) for message in messages]

    async def complete(self, received: Received) -> bool:
        """See ``Inbox``."""
        return await self._settle("completed", received, lambda: self._open().complete_message(_message(received)))

    async def dead_letter(self, received: Received, code: str, sentence: str) -> bool:
        """See ``Inbox``. Code and sentence are cut to what the broker takes."""
        return await self._settle(
            "dead-lettered",
            received,
            lambda: self._open().dead_letter_message(
                _message(received), reason=code[:MAX_CODE], error_description=sentence[:MAX_SENTENCE]
            ),
        )

    async def redeliver_at(self, received: Received, when: datetime, attempt: int) -> bool:
        """See ``Inbox``."""
        turn = _next_turn(received) if attempt == received.envelope.attempt else 0
        return await self._replace("redelivered", received, when, attempt, turn)

    async def release(self, received: Received) -> bool:
        """See ``Inbox``. A message delivered very often is replaced by a fresh copy of the same attempt."""
        envelope = received.envelope
        if envelope.delivery_count >= WEARY:
            return await self._replace("released", received, None, envelope.attempt, _next_turn(received))
        return await self._settle("released", received, lambda: self._open().abandon_message(_message(received)))

    async def renew(self, received: Received) -> datetime | None:
        """See ``Inbox``. Without an answer the lock lasts as long as it did: there is time to ask for it again."""
        message = _message(received)
        asked, end = self._now(), message.locked_until_utc
        left = timedelta() if end is None else end - asked
        try:
            # Half of what is left is for waiting, the rest for asking again.
            await self._open().renew_message_lock(message, timeout=max(left.total_seconds() / 2, SHORTEST_WAIT))
            return self._tell_end_of_lock(message, asked)
        except NOT_CONFIRMED as error:
            name = received.envelope.message_id
            may_be_kept = isinstance(error, ServiceBusError | OSError) and not isinstance(error, MessageLockLostError)
            if may_be_kept and end is not None and end - self._now() > LOCK_MARGIN:
                log.info("message %s: its lock was not renewed (%s); that is tried again", name, error)
                return end
            self.counts["lock-lost"] += 1
            log.warning("message %s: its lock could not be renewed (%s)", name, error)
            return None

    async def close(self) -> None:
        """See ``Inbox``."""
        await close_quietly(*filter(None, [self._receiver, self._sender]), *self._clients)
        self._receiver = self._sender = None
        self._clients.clear()

    async def _replace(self, name: str, received: Received, when: datetime | None, attempt: int, turn: int) -> bool:
        """Check the lock, send the copy, then complete. A crash in between leaves two; they have one subject."""
        due = None if when is None else self._clock.there(when)
        envelope = received.envelope
        locked_until = _message(received).locked_until_utc
        if locked_until is None or locked_until - self._now() < LOCK_MARGIN:
            self.counts["lock-lost"] += 1
            log.warning("message %s: no copy was made because its lock has run out", envelope.message_id)
            return False
        try:
            await self._send_copy(envelope_copy(received, due, attempt, turn))
        except NOT_CONFIRMED as error:
            self.counts["unconfirmed"] += 1
            log.warning("message %s: its copy was not accepted (%s); it will come again", envelope.message_id, error)
            return False
        return await self._settle(name, received, lambda: self._open().complete_message(_message(received)))

    def _tell_end_of_lock(self, message: ServiceBusReceivedMessage, given: datetime) -> datetime | None:
        """Have the end of the lock told by this host's clock: the SDK itself settles nothing after it."""
        told = message.locked_until_utc
        if told is not None:
            told = message._expiry = self._clock.end_of_lock(told, given)
        return told

    async def _send_copy(self, message: ServiceBusMessage) -> None:
        # A sender serves one caller at a time, while a batch is settled by many.
        async with self._sending:
            if self._sender is None:
                self._sender = self._new_client().get_queue_sender(self._queue, socket_timeout=self._socket_timeout)
            await self._sender.send_messages(message)

    async def _settle(self, name: str, received: Received, settle: Callable[[], Awaitable[None]]) -> bool:
        try:
            await settle()
        except MessageLockLostError:
            self.counts["lock-lost"] += 1
            log.warning("message %s: its lock was lost before it was %s; it will come again", _id(received), name)
            return False
        except NOT_CONFIRMED as error:
            self.counts["unconfirmed"] += 1
            log.warning("message %s: not confirmed as %s (%s); it may come again", _id(received), name, error)
            return False
        self.counts[name] += 1
        return True

    async def _opened(self) -> ServiceBusReceiver:
        """Opened by itself: opening takes half a second, and the wait of the first call would bound it too."""
        if self._receiver is None:
            await signed_in(self._access)
            receiver = self._new_client().get_queue_receiver(
                self._queue, prefetch_count=0, socket_timeout=self._socket_timeout
            )
            self._receiver = await receiver.__aenter__()
        return self._receiver

    def _open(self) -> ServiceBusReceiver:
        if self._receiver is None:
            raise RuntimeError("the receiver is closed")
        return self._receiver

    def _new_client(self) -> ServiceBusClient:
        client = connect(self._access)
        self._clients.append(client)
        return client


def probe(access: Access, queue: str) -> None:
    """Prove that this queue may be received from: opens a receiver once and closes it; no message is touched.

    Synchronous: not to be called from a thread whose event loop runs. It takes a second, a refusal some five. Raises
    ``Misconfigured`` (sign-in, wrong key, missing right, no such queue, a string nobody can read) or ``Transient``.
    """

    async def once() -> None:
        inbox = ServiceBusInbox(access, queue)
        try:
            await inbox.open()
        except UnknownOutcome as error:
            raise Transient(error.code, error.sentence) from error
        finally:
            await inbox.close()

    asyncio.run(once())


def envelope_copy(received: Received, when: datetime | None, attempt: int, turn: int) -> ServiceBusMessage:
    """The copy that carries this attempt: same content, own derived id, the lineage written into its properties."""
    envelope = received.envelope
    properties: dict[str, object] = {**envelope.properties, LINEAGE: envelope.lineage, ATTEMPT: attempt, TURN: turn}
    original = _message(received)
    # By the broker's clock, as it was told: whoever receives the copy may be another host.
    enqueued_at = first_seen(envelope.properties) or original.enqueued_time_utc
    if enqueued_at is not None:
        properties[FIRST_SEEN] = enqueued_at.isoformat()
    return ServiceBusMessage(
        envelope.body,
        message_id=copy_id(envelope.lineage, attempt, turn),
        content_type=envelope.content_type,
        correlation_id=envelope.correlation_id,
        subject=original.subject,
        reply_to=original.reply_to,
        to=original.to,
        application_properties=cast(Any, properties),
        scheduled_enqueue_time_utc=when,
    )


def _is_stamped(message: ServiceBusReceivedMessage) -> bool:
    return message.enqueued_time_utc is not None and message.locked_until_utc is not None


def _stamp(message: ServiceBusReceivedMessage) -> Stamp:
    enqueued, locked = cast(datetime, message.enqueued_time_utc), cast(datetime, message.locked_until_utc)
    return Stamp(enqueued, locked)


def _next_turn(received: Received) -> int:
    """The name of the next copy that carries the same attempt once more."""
    turn = received.envelope.properties.get(TURN)
    return turn + 1 if isinstance(turn, int) else 1


def _message(received: Received) -> ServiceBusReceivedMessage:
    return cast(ServiceBusReceivedMessage, received.handle)


def _id(received: Received) -> str:
    return received.envelope.message_id
