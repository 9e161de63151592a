"""The namespace: what stands behind each address, and who may reach it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from sandbox.clock import Clock
from sandbox.servicebus.addresses import Address, parse_address, path_of
from sandbox.servicebus.amqp.connection import Connection
from sandbox.servicebus.amqp.container import Scheduler
from sandbox.servicebus.amqp.errors import (
    INVALID_FIELD,
    LINK_STOLEN,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    RESOURCE_LIMIT_EXCEEDED,
    AmqpError,
)
from sandbox.servicebus.amqp.links import ReceivingLink, SendingLink, terminus_fields
from sandbox.servicebus.amqp.types import Symbol, UInt
from sandbox.servicebus.broker.broker import Broker
from sandbox.servicebus.broker.queue import Queue, ReceivingEntity
from sandbox.servicebus.broker.store import MessageStore
from sandbox.servicebus.broker.topic import Subscription, Topic
from sandbox.servicebus.cbs import CbsService
from sandbox.servicebus.dispatcher import Dispatcher
from sandbox.servicebus.faults import BusFaults
from sandbox.servicebus.frame_faults import FrameFaults
from sandbox.servicebus.management import ManagementService
from sandbox.servicebus.queue_links import MAX_MESSAGE_SIZE, QueueInlet, QueueOutlet
from sandbox.servicebus.requests import ReplyOutlet, RequestInlet, Service
from sandbox.servicebus.sas import LISTEN, SEND, Grants, SharedKey
from sandbox.servicebus.session_links import asked_session, attach_session

_CBS = "$cbs"
_MOST_WITHOUT_TOKEN = 32
"""Links of one connection before any token was accepted: what each may keep in memory is bounded, and so is the sum."""
_COORDINATOR = (0x30, "amqp:coordinator:list")


class Namespace:
    """All connections' common ground. Whoever calls in from a connection holds ``lock``."""

    name = "psa-connector-sandbox"

    def __init__(self, broker: Broker, keys: Iterable[SharedKey], clock: Clock, on_output: Callable[[], None]) -> None:
        self.lock: AbstractContextManager[object] = threading.RLock()
        self.broker = broker
        self.keys = {key.name: key for key in keys}
        self.faults = BusFaults(clock, self._knows)
        """What goes wrong on demand."""
        self.interference = FrameFaults(self.faults)
        self.dispatcher = Dispatcher(self.faults)
        self.connections: dict[Connection, Grants] = {}
        self._clock = clock
        self._on_output = on_output

    def connect(self, scheduler: Scheduler) -> Connection:
        """A new connection's protocol."""
        connection = Connection(self, scheduler)
        self.connections[connection] = Grants()
        return connection

    def touched(self) -> None:
        """See ``Container.touched``."""
        self._on_output()

    def closed(self, connection: Connection) -> None:
        """See ``Container.closed``."""
        self.connections.pop(connection, None)

    def turn(self) -> float | None:
        """Hand out messages, make everything last, and only then let the answers leave.

        Returns in how many seconds something comes due, None if nothing is waited for.
        """
        with self.lock:
            self.interference.strike_now(self.connections)
            now = self._clock.now()
            # First what comes due, in every queue: it may put messages where a receiver is waiting.
            self.broker.advance(now)
            self.dispatcher.pump(now)
            moments = (self.broker.next_moment(), self.dispatcher.next_moment())
            moment = min((each for each in moments if each is not None), default=None)
            self.broker.storage.commit()
            for connection in list(self.connections):
                connection.flush()
            return None if moment is None else (moment - now).total_seconds()

    def attach(self, link: SendingLink | ReceivingLink) -> None:
        """See ``Container.attach``. A link that has the name and direction of another takes its place."""
        for other in link.session.connection.links:
            if (other.attach.name, other.attach.role) == (link.attach.name, link.attach.role):
                other.session.detach(other, AmqpError(LINK_STOLEN, "Another link of this name was attached."))
        sends = isinstance(link, SendingLink)
        terminus = link.source if sends else link.target
        if terminus is not None and terminus.descriptor in _COORDINATOR:
            raise AmqpError(NOT_IMPLEMENTED, "The sandbox's Service Bus has no transactions.")
        fields = terminus_fields(terminus)
        if not fields or not isinstance(fields[0], str):
            raise AmqpError(INVALID_FIELD, "The link names no address.")
        link.max_message_size = MAX_MESSAGE_SIZE
        link.properties = {Symbol("com.microsoft:max-message-batch-size"): UInt(MAX_MESSAGE_SIZE)}
        grants = self.connections[link.session.connection]
        if not grants.any and len(link.session.connection.links) >= _MOST_WITHOUT_TOKEN:
            raise AmqpError(RESOURCE_LIMIT_EXCEEDED, "So many links need a token first.")
        if path_of(fields[0]) == _CBS:
            _serve(link, _CBS, CbsService(self.keys, grants, _wall_clock))
            return
        address = parse_address(fields[0])
        entity = self._entity(address)
        for kind in ("detach_link", "server_busy"):
            self.faults.refuse(kind, address.entity, "attach")
        if address.management:
            self._attach_management(link, address, entity, grants)
        elif isinstance(link, SendingLink):
            _permit(link, grants, LISTEN, address.entity)
            if isinstance(entity, Topic):
                raise AmqpError(NOT_ALLOWED, f"{entity.path} is a topic: messages are received from its subscriptions.")
            self._attach_receiver(link, entity, fields)
        else:
            _permit(link, grants, SEND, address.entity)
            if not isinstance(entity, Queue | Topic):
                what = "subscription" if isinstance(entity, Subscription) else "dead-letter queue"
                raise AmqpError(NOT_ALLOWED, f"Messages cannot be sent to a {what}.")
            link.inlet = QueueInlet(entity, self._clock.now, self.faults)

    def _attach_receiver(self, link: SendingLink, store: MessageStore, source: list[object]) -> None:
        asked = asked_session(source)
        if asked is not None:
            attach_session(link, store, asked, self.dispatcher, self._clock.now)
            return
        if store.sessions is not None:
            raise AmqpError(NOT_ALLOWED, f"{store.path} has sessions: a receiver has to accept one of them.")
        if isinstance(store, ReceivingEntity) and store.forward_to is not None:
            raise AmqpError(NOT_ALLOWED, f"{store.path} forwards its messages to {store.forward_to}.")
        outlet = QueueOutlet(link, store, self.dispatcher, self._clock.now)
        link.outlet = outlet
        self.dispatcher.add(outlet)

    def _attach_management(
        self, link: SendingLink | ReceivingLink, address: Address, entity: MessageStore | Topic, grants: Grants
    ) -> None:
        # Some clients show a token for the node itself, and none for the entity.
        node = f"{address.entity}/$management"
        if not grants.rights(node, _wall_clock()):
            grants.require(LISTEN, node, _wall_clock())

        def require(right: str) -> None:
            grants.require(right, node, _wall_clock())

        service = ManagementService(entity, require, self._clock.now, link.session.connection, self.faults)
        _serve(link, f"{entity.path}/$management", service)

    def _knows(self, path: str) -> bool:
        """Whether there is an entity of this path; ``$cbs`` counts as one, management nodes are part of theirs."""
        if path == _CBS:
            return True
        try:
            address = parse_address(path)
            self._entity(address)
        except AmqpError:
            return False
        return not address.management

    def _entity(self, address: Address) -> MessageStore | Topic:
        if not address.path and address.management:
            raise AmqpError(NOT_IMPLEMENTED, "Entities cannot be managed here: describe them in a Config.json.")
        found = self.broker.find(address.path)
        if found is not None:
            return found.dead_letters if address.dead_letter else found
        topic = self.broker.find_topic(address.path)
        if topic is None or address.dead_letter:
            raise AmqpError(NOT_FOUND, f"The messaging entity {address.entity!r} could not be found.")
        return topic


def _serve(link: SendingLink | ReceivingLink, node: str, service: Service) -> None:
    if isinstance(link, SendingLink):
        link.outlet = ReplyOutlet(link, node)
    else:
        link.inlet = RequestInlet(link, node, service)


def _permit(link: SendingLink | ReceivingLink, grants: Grants, right: str, path: str) -> None:
    """Raise unless the right is there, now and whenever the link is used."""
    link.permit = lambda: grants.require(right, path, _wall_clock())
    link.permit()


def _wall_clock() -> datetime:
    """Tokens are dated by the real clocks of those who make them; advancing the sandbox must not age them."""
    return datetime.now(UTC)
