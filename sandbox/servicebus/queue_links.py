"""Links to queues: what senders bring in, what receivers are handed, and what they make of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

from sandbox.servicebus.amqp.errors import NOT_IMPLEMENTED, AmqpError
from sandbox.servicebus.amqp.links import SendingLink
from sandbox.servicebus.amqp.states import Accepted, Modified, Received, Rejected, Released, State
from sandbox.servicebus.broker.errors import BrokerError
from sandbox.servicebus.broker.queue import MessageStore, Queue
from sandbox.servicebus.conditions import as_amqp
from sandbox.servicebus.wire import BATCH_FORMAT, read_message, split_batch, write_message

MAX_MESSAGE_SIZE = 256 * 1024
"""Bytes of one message, or of one batch, as on Azure's Standard tier."""
_REASON, _DESCRIPTION = "DeadLetterReason", "DeadLetterErrorDescription"


class QueueInlet:
    """Puts what a sender sends into a queue: a message, or all messages of a batch or none."""

    def __init__(self, queue: Queue, now: Callable[[], datetime]) -> None:
        self._queue = queue
        self._now = now

    def arrived(self, message: bytes, message_format: int) -> State:
        """Enqueue; the sender hears of it when it is stored."""
        if message_format not in (0, BATCH_FORMAT):
            raise AmqpError(NOT_IMPLEMENTED, f"The message format {message_format:#x} is not supported.")
        parts = split_batch(message) if message_format == BATCH_FORMAT else [message]
        drafts = [read_message(part) for part in parts]
        now = self._now()
        for draft in drafts:
            self._queue.enqueue(draft, now)
        return Accepted()

    def detached(self) -> None:
        """Nothing is kept between messages."""


class QueueOutlet:
    """Hands a queue's messages to one receiver, and does what the receiver decides."""

    def __init__(
        self, link: SendingLink, store: MessageStore, dispatcher: Dispatcher, now: Callable[[], datetime]
    ) -> None:
        self.link = link
        self.store = store
        self._dispatcher = dispatcher
        self._now = now

    def serve(self, now: datetime) -> None:
        """Send the next message, locked for this receiver or, if it wants no say, removed as it leaves."""
        if self.link.sends_settled:
            message = self.store.take(now)
            if message is not None:
                self.link.send(uuid4().bytes_le, write_message(message), settled=True)
            return
        delivery = self.store.receive(now)
        if delivery is not None:
            encoded = write_message(delivery.message, delivery.locked_until)
            self.link.send(delivery.lock_token.bytes_le, encoded, settled=False)

    def credited(self) -> None:
        """Served when the dispatcher next goes round."""
        if self.link.draining:
            self._dispatcher.drain(self.link)

    def settled(self, tag: bytes, state: State) -> State:
        """Settle by lock token; answered with the outcome that was asked for, or rejected with the reason."""
        token, now = UUID(bytes_le=tag), self._now()
        try:
            return self._settle(token, state, now)
        except BrokerError as refusal:
            raise as_amqp(refusal) from refusal

    def _settle(self, token: UUID, state: State, now: datetime) -> State:
        match state:
            case Accepted():
                self.store.complete(token, now)
                return state
            case Modified(undeliverable_here=True):
                self.store.defer(token, now)
                return state
            case Modified():
                self.store.abandon(token, now)
                return state
            case Released():
                self.store.release(token, now)
                return state
            case Rejected(condition=condition, description=description, info=info):
                reason = str(info.get(_REASON) or condition or "")
                self.store.dead_letter(token, reason, str(info.get(_DESCRIPTION) or description or ""), now)
                return Rejected()
            case Received():
                return state

    def detached(self) -> None:
        """The receiver is gone; what it holds stays locked until the locks end."""
        self._dispatcher.remove(self)


class Dispatcher:
    """Hands waiting messages to receivers with credit, one each in turn."""

    def __init__(self) -> None:
        self._receivers: dict[MessageStore, deque[QueueOutlet]] = {}
        self._draining: list[SendingLink] = []

    def add(self, outlet: QueueOutlet) -> None:
        """A receiver attached."""
        self._receivers.setdefault(outlet.store, deque()).append(outlet)

    def remove(self, outlet: QueueOutlet) -> None:
        """A receiver is gone."""
        outlets = self._receivers.get(outlet.store)
        if outlets is not None and outlet in outlets:
            outlets.remove(outlet)
            if not outlets:
                del self._receivers[outlet.store]

    def drain(self, link: SendingLink) -> None:
        """A receiver wants its credit used up now, or back."""
        self._draining.append(link)

    def pump(self, now: datetime) -> None:
        """Send what can be sent, then give drained credit back."""
        for store, outlets in self._receivers.items():
            passed = 0
            while passed < len(outlets) and store.has_active(now):
                outlet = outlets[0]
                outlets.rotate(-1)
                if outlet.link.ready:
                    outlet.serve(now)
                    passed = 0
                else:
                    passed += 1
        draining, self._draining = self._draining, []
        for link in draining:
            link.drained()
