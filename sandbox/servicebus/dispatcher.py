"""Who gets what: waiting messages to receivers with credit, and free sessions to those who wait for one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.amqp.links import SendingLink
from sandbox.servicebus.amqp.states import Accepted, State
from sandbox.servicebus.broker.sessions import SessionLock
from sandbox.servicebus.broker.store import MessageStore
from sandbox.servicebus.conditions import SESSION_LOCK_LOST, TIMEOUT
from sandbox.servicebus.faults import BusFaults
from sandbox.servicebus.queue_links import QueueOutlet


@dataclass(eq=False)
class Waiting:
    """A receiver whose attach is answered when a session becomes free, or its time is over."""

    link: SendingLink
    store: MessageStore
    deadline: datetime
    granted: Callable[[SessionLock], None]
    forget: Callable[[Waiting], None]
    gone: bool = field(default=False, init=False)

    def credited(self) -> None:
        """Credit is kept by the link until there is something to send."""

    def settled(self, tag: bytes, state: State, *, answered: bool) -> State:
        """Nothing was sent, so nothing is settled."""
        return Accepted()

    def detached(self) -> None:
        """The receiver gave up waiting: it must not be given a session any more."""
        self.gone = True
        self.forget(self)


class Dispatcher:
    """Hands waiting messages to receivers with credit, one each in turn. ``faults``: see ``BusFaults``."""

    def __init__(self, faults: BusFaults) -> None:
        self.faults = faults
        self._receivers: dict[MessageStore, deque[QueueOutlet]] = {}
        self._draining: list[SendingLink] = []
        self._waiting: list[Waiting] = []

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

    def wait(
        self, link: SendingLink, store: MessageStore, deadline: datetime, granted: Callable[[SessionLock], None]
    ) -> None:
        """A receiver wants whichever session becomes free until the deadline."""
        waiting = Waiting(link, store, deadline, granted, self._waiting_over)
        link.outlet = waiting
        self._waiting.append(waiting)

    def next_moment(self) -> datetime | None:
        """When the first of those who wait for a session gives up."""
        return min((each.deadline for each in self._waiting), default=None)

    def pump(self, now: datetime) -> None:
        """End what lost its session, give out sessions, send what can be sent, then give drained credit back."""
        self._end_lost_sessions(now)
        self._give_out_sessions(now)
        for store, outlets in list(self._receivers.items()):
            passed = 0
            while passed < len(outlets) and store.has_active(now):
                outlet = outlets[0]
                outlets.rotate(-1)
                if outlet.link.ready and (outlet.session is None or store.has_active(now, outlet.session)):
                    self._serve(outlet, now)
                    passed = 0
                else:
                    passed += 1
        draining, self._draining = self._draining, []
        for link in draining:
            link.drained()

    def _serve(self, outlet: QueueOutlet, now: datetime) -> None:
        """Send one message; where it cannot be written, that ends this link, and nobody else notices."""
        try:
            outlet.serve(now)
        except AmqpError as problem:
            outlet.link.session.detach(outlet.link, problem)

    def _end_lost_sessions(self, now: datetime) -> None:
        for store in [each for each in self._receivers if each.sessions is not None]:
            store.advance(now)
            for outlet in list(self._receivers[store]):
                if outlet.session is not None and outlet.session.ended:
                    session_id = outlet.session.session_id
                    lost = AmqpError(SESSION_LOCK_LOST, f"The lock of the session {session_id!r} has expired.")
                    outlet.link.session.detach(outlet.link, lost)

    def _give_out_sessions(self, now: datetime) -> None:
        for waiting in list(self._waiting):
            if waiting.gone:
                continue
            lock = waiting.store.accept_session(None, waiting.link.session.connection, now)
            if lock is not None:
                self._waiting_over(waiting)
                waiting.granted(lock)
            elif waiting.deadline <= now:
                waiting.link.session.detach(
                    waiting.link, AmqpError(TIMEOUT, "No session with messages became free in time.")
                )

    def _waiting_over(self, waiting: Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
