"""Links to entities: what senders bring in, what receivers are handed, and what they make of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sandbox.servicebus.amqp.errors import NOT_IMPLEMENTED, AmqpError, LinkError
from sandbox.servicebus.amqp.links import SendingLink, too_large
from sandbox.servicebus.amqp.states import Accepted, Modified, Received, Rejected, Released, State
from sandbox.servicebus.broker.errors import BrokerError
from sandbox.servicebus.broker.message import REASONS, Delivery
from sandbox.servicebus.broker.queue import Queue
from sandbox.servicebus.broker.sessions import SessionLock
from sandbox.servicebus.broker.store import MessageStore
from sandbox.servicebus.broker.topic import Topic
from sandbox.servicebus.conditions import as_amqp
from sandbox.servicebus.faults import BusFaults
from sandbox.servicebus.message_faults import before_settling, lose_lock, settlement, twin
from sandbox.servicebus.message_properties import revision
from sandbox.servicebus.wire import BATCH_FORMAT, read_message, split_batch, write_message

if TYPE_CHECKING:
    from sandbox.servicebus.dispatcher import Dispatcher

MAX_MESSAGE_SIZE = 256 * 1024
"""Bytes of one message, or of the messages in one batch, as on Azure's Standard tier."""
_REASON, _DESCRIPTION = REASONS


class QueueInlet:
    """Puts what a sender sends into a queue or topic: a message, or all messages of a batch or none."""

    surplus = 64 * 1024
    """Bytes a batch may take to repeat properties of its first message: clients filling it do not count them."""

    def __init__(self, queue: Queue | Topic, now: Callable[[], datetime], faults: BusFaults) -> None:
        self._queue = queue
        self._now = now
        self._faults = faults

    def arrived(self, message: bytes, message_format: int, *, answered: bool) -> State | None:
        """Enqueue; the sender hears of it when it is stored."""
        path = self._queue.path
        if not answered:
            return self._enqueue(message, message_format)
        self._faults.refuse("server_busy", path, "send")
        return self._faults.answer(path, ("send",), lambda: self._enqueue(message, message_format))

    def _enqueue(self, message: bytes, message_format: int) -> State:
        if message_format not in (0, BATCH_FORMAT):
            raise AmqpError(NOT_IMPLEMENTED, f"The message format {message_format:#x} is not supported.")
        parts = split_batch(message) if message_format == BATCH_FORMAT else [message]
        if sum(map(len, parts)) > MAX_MESSAGE_SIZE:
            raise too_large(MAX_MESSAGE_SIZE)
        drafts = [read_message(part) for part in parts]
        now = self._now()
        try:
            for draft in drafts:
                self._queue.check(draft)
        except BrokerError as refusal:
            raise as_amqp(refusal) from refusal
        for draft in drafts:
            self._queue.enqueue(draft, now)
            if self._faults.strike("duplicate", self._queue.path, "send"):
                self._queue.enqueue(twin(draft), now)
        return Accepted()

    def detached(self) -> None:
        """Nothing is kept between messages."""


class QueueOutlet:
    """Hands an entity's messages, or those of one session, to one receiver, and does what the receiver decides."""

    def __init__(
        self,
        link: SendingLink,
        store: MessageStore,
        dispatcher: Dispatcher,
        now: Callable[[], datetime],
        session: SessionLock | None = None,
    ) -> None:
        self.link = link
        self.store = store
        self.session = session
        self._dispatcher = dispatcher
        self._faults = dispatcher.faults
        self._now = now

    def serve(self, now: datetime) -> None:
        """Send the next message, locked for this receiver or, if it wants no say, removed as it leaves."""
        try:
            self.link.permit()
        except LinkError as refusal:
            self.link.session.detach(self.link, refusal)
            return
        delivery = self._overtaking(now) if self._faults.any else None
        if self.link.sends_settled:
            message = self.store.take(now, self.session) if delivery is None else delivery.message
            if delivery is not None:
                self.store.complete(delivery.lock_token, now)
            if message is not None:
                self.link.send(uuid4().bytes_le, write_message(message), settled=True)
            return
        delivery = delivery or self.store.receive(now, self.session)
        if delivery is not None:
            encoded = write_message(delivery.message, delivery.locked_until)
            self.link.send(delivery.lock_token.bytes_le, encoded, settled=False)
            if self._faults.strike("lose_lock", self.store.path, "deliver"):
                lose_lock(self.store, delivery.lock_token, self.session, now)

    def _overtaking(self, now: datetime) -> Delivery | None:
        """The second message in line, if it is to go before the first, which then is as it was."""
        if not self._faults.looms("reorder", self.store.path, "deliver"):
            return None
        first, second = self.store.receive(now, self.session), self.store.receive(now, self.session)
        if second is not None and not self._faults.strike("reorder", self.store.path, "deliver"):
            self.store.release(second.lock_token, now)
            second = None
        if first is not None:
            self.store.release(first.lock_token, now)
        return second

    def credited(self) -> None:
        """Served when the dispatcher next goes round."""
        if self.link.draining:
            self._dispatcher.drain(self.link)

    def settled(self, tag: bytes, state: State, *, answered: bool) -> State | None:
        """Settle by lock token; answered with the outcome that was asked for, or rejected with the reason."""
        token, now = UUID(bytes_le=tag), self._now()
        try:
            if not self._faults.any:
                return self._settle(token, state, now)
            operations = (settlement(state), "settle")
            before_settling(self._faults, self.store, token, self.session, now, operations, answered=answered)
            if not answered:
                return self._settle(token, state, now)
            return self._faults.answer(self.store.path, operations, lambda: self._settle(token, state, now))
        except BrokerError as refusal:
            raise as_amqp(refusal) from refusal

    def _settle(self, token: UUID, state: State, now: datetime) -> State:
        match state:
            case Accepted():
                self.store.complete(token, now)
                return state
            case Modified(undeliverable_here=True, annotations=added):
                self.store.defer(token, now, revision(added))
                return state
            case Modified(annotations=added):
                self.store.abandon(token, now, revision(added))
                return state
            case Released():
                self.store.release(token, now)
                return state
            case Rejected(condition=condition, description=description, info=info):
                reason, why = info.get(_REASON) or condition or "", info.get(_DESCRIPTION) or description or ""
                added = {name: value for name, value in info.items() if name not in REASONS}
                self.store.dead_letter(token, str(reason), str(why), now, revision(added))
                return Rejected()
            case Received():
                return state

    def detached(self) -> None:
        """The receiver is gone; what it holds stays locked until the locks end, but a session is free at once."""
        self._dispatcher.remove(self)
        if self.session is not None:
            self.store.release_session(self.session, self._now())
