"""Messages that receivers take: who holds which, for how long, and how it ends. Pure; told the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sandbox.servicebus.broker.errors import LockLost, MessageNotFound, NotSupported, SessionLockLost, Unfitting
from sandbox.servicebus.broker.lines import Lines
from sandbox.servicebus.broker.message import Content, Delivery, Message, MessageState
from sandbox.servicebus.broker.sessions import SessionLock, Sessions
from sandbox.servicebus.broker.timers import Timers
from sandbox.servicebus.storage import Storage

Revision = Callable[[Content], Content]
"""What a receiver changes in a message as it settles it."""


@dataclass(frozen=True, slots=True)
class Held:
    """A locked message, and the session it was given out in."""

    number: int
    session: SessionLock | None


class MessageStore:
    """The messages of a queue, a subscription or a dead-letter queue: receiving, locking and settling.

    Every operation first lets come due what is due at ``now``, so its answer never depends on when a timer fired.
    Where there are ``sessions``, messages are received within one, and are locked for as long as the session is.
    """

    def __init__(self, path: str, lock_duration: timedelta, storage: Storage, sessions: Sessions | None = None) -> None:
        self.path, self._kept_as = path, path.lower()
        self.sessions = sessions
        self._lock_duration = lock_duration
        self._storage = storage
        self._messages: dict[int, Message] = {}
        self._lines = Lines()
        self._deferred: set[int] = set()
        self._locks: dict[UUID, Held] = {}
        self._lock_ends: Timers[UUID] = Timers()
        self._scheduled: Timers[int] = Timers()
        self._ends_of_life: Timers[int] = Timers()
        for message in sorted(storage.messages(self._kept_as), key=lambda each: each.sequence_number):
            if sessions is not None and message.session_id is None:
                raise Unfitting(f"{path} has messages without a session from before it had sessions; drain it first.")
            self._admit(message)

    # --- handing out --------------------------------------------------------------------------------------------

    def has_active(self, now: datetime, session: SessionLock | None = None) -> bool:
        """Whether a message waits: in the session, or without one anywhere."""
        self.advance(now)
        return bool(self._lines) if session is None else self._first(session) is not None

    def receive(self, now: datetime, session: SessionLock | None = None) -> Delivery | None:
        """The first message in line, locked; None if none is waiting."""
        message = self._next(now, session)
        return None if message is None else self._lock(message, now, session)

    def take(self, now: datetime, session: SessionLock | None = None) -> Message | None:
        """The first message in line, removed for good; None if none is waiting."""
        message = self._next(now, session)
        if message is not None:
            self._remove(message)
        return message

    def receive_deferred(
        self, numbers: Sequence[int], now: datetime, session: SessionLock | None = None
    ) -> list[Delivery]:
        """Deferred messages by sequence number, locked; all of them or none."""
        return [self._lock(message, now, session) for message in self._pick_deferred(numbers, now, session)]

    def take_deferred(self, numbers: Sequence[int], now: datetime, session: SessionLock | None = None) -> list[Message]:
        """Deferred messages by sequence number, removed for good; all of them or none."""
        messages = self._pick_deferred(numbers, now, session)
        for message in messages:
            self._remove(message)
        return messages

    def peek(self, first: int, limit: int, now: datetime, session_id: str | None = None) -> list[Message]:
        """Up to ``limit`` messages from sequence number ``first`` on, whatever their state, touching none."""
        self.advance(now)
        numbers = sorted(
            number
            for number, message in self._messages.items()
            if number >= first and session_id in (None, message.session_id)
        )
        return [self._messages[number] for number in numbers[: max(limit, 0)]]

    # --- forwarding ---------------------------------------------------------------------------------------------

    @property
    def in_line(self) -> list[Message]:
        """All messages that wait for a receiver, first in line first, as of the last operation."""
        return [self._messages[number] for number in sorted(self._lines)]

    def hand_over(self, message: Message) -> None:
        """Let go of a message that another entity has taken over."""
        self._remove(message)

    # --- settling -----------------------------------------------------------------------------------------------

    def holds(self, token: UUID, now: datetime) -> bool:
        """Whether the lock is held."""
        self.advance(now)
        return token in self._locks

    def complete(self, token: UUID, now: datetime) -> None:
        """The receiver is done with the message."""
        self._remove(self._unlock(token, now))

    def abandon(self, token: UUID, now: datetime, revise: Revision | None = None) -> None:
        """The receiver failed: back in line, one delivery older."""
        self._failed(self._unlock(token, now, revise), now)

    def release(self, token: UUID, now: datetime) -> None:
        """The receiver never looked: back in line as if not delivered."""
        self._return(self._unlock(token, now))

    def defer(self, token: UUID, now: datetime, revise: Revision | None = None) -> None:
        """Set aside until asked for by sequence number; not a failure, so the delivery count stays."""
        self._return(replace(self._unlock(token, now, revise), state=MessageState.DEFERRED))

    def renew(self, token: UUID, now: datetime) -> datetime:
        """Hold the lock for its full duration from now; the moment it ends."""
        self.advance(now)
        if self.sessions is not None:
            raise NotSupported("The messages of a session are locked by the session: renew its lock instead.")
        if token not in self._locks:
            raise LockLost
        until = now + self._lock_duration
        self._lock_ends.set(token, until)
        return until

    def dead_letter(
        self, token: UUID, reason: str, description: str, now: datetime, revise: Revision | None = None
    ) -> None:
        """Put the message aside for a person."""
        raise NotSupported("A message in a dead-letter queue cannot be dead-lettered again.")

    # --- sessions -----------------------------------------------------------------------------------------------

    def accept_session(self, session_id: str | None, holder: object, now: datetime) -> SessionLock | None:
        """Give a session to a holder, or with None the free one whose messages wait longest, if there is any.

        A named session need not have messages. Raises ``SessionCannotBeLocked`` where another holds it.
        """
        self.advance(now)
        if self.sessions is None:
            raise NotSupported(f"{self.path} has no sessions.")
        chosen = self._lines.first_session(self.sessions.held) if session_id is None else session_id
        return None if chosen is None else self.sessions.lock(chosen, holder, now)

    def release_session(self, session: SessionLock, now: datetime) -> None:
        """The holder is done: what it had locked goes back as if not delivered."""
        self.advance(now)
        if not session.ended:
            for message in self._end_session(session):
                self._return(message)

    def session_ids(self, since: datetime | None, now: datetime) -> list[str]:
        """Sessions with messages or a state, or with ``since`` those whose state was set after that; sorted."""
        self.advance(now)
        if self.sessions is None:
            raise NotSupported(f"{self.path} has no sessions.")
        states = self.sessions.with_state
        if since is None:
            return sorted(
                {each.session_id for each in self._messages.values() if each.session_id is not None} | set(states)
            )
        return sorted(session_id for session_id, when in states.items() if when is not None and when > since)

    def _end_session(self, session: SessionLock) -> Iterator[Message]:
        if self.sessions is not None:
            self.sessions.unlock(session)
        for token in session.tokens:
            yield self._messages[self._locks.pop(token).number]
        session.tokens.clear()

    # --- time ---------------------------------------------------------------------------------------------------

    def advance(self, now: datetime) -> None:
        """Let come due what is due: locks end, scheduled messages get in line, lives end."""
        for token, _ in self._lock_ends.take_due(now):
            self._failed(self._messages[self._locks.pop(token).number], now)
        if self.sessions is not None:
            for session in self.sessions.take_ended(now):
                for message in self._end_session(session):
                    self._failed(message, now)
        for number, due in self._scheduled.take_due(now):
            self._activate(self._messages[number], due)
        for number, _ in self._ends_of_life.take_due(now):
            # A message that is locked outlives its time until its lock ends.
            if number in self._lines or number in self._deferred:
                self._expire(self._messages[number])

    @property
    def idle(self) -> bool:
        """Whether nothing is waited for, so that time changes nothing."""
        return self.sessions is None and not (self._lock_ends or self._scheduled or self._ends_of_life)

    def next_moment(self) -> datetime | None:
        """When ``advance`` next has something to do; None if nothing is waited for."""
        sessions = None if self.sessions is None else self.sessions.next_end()
        moments = (self._lock_ends.next(), self._scheduled.next(), self._ends_of_life.next(), sessions)
        return min((moment for moment in moments if moment is not None), default=None)

    def __len__(self) -> int:
        return len(self._messages)

    # --- inside -------------------------------------------------------------------------------------------------

    def _first(self, session: SessionLock | None) -> int | None:
        if session is None:
            return self._lines.first(None)
        return None if session.ended else self._lines.first(session.session_id)

    def _next(self, now: datetime, session: SessionLock | None) -> Message | None:
        self.advance(now)
        number = self._first(session)
        return None if number is None else self._messages[number]

    def _pick_deferred(self, numbers: Sequence[int], now: datetime, session: SessionLock | None) -> list[Message]:
        self.advance(now)
        for number in numbers:
            message = self._messages.get(number)
            if message is None or number not in self._deferred or self._elsewhere(message, session):
                raise MessageNotFound(number)
        return [self._messages[number] for number in dict.fromkeys(numbers)]

    def _elsewhere(self, message: Message, session: SessionLock | None) -> bool:
        return self.sessions is not None and (session is None or message.session_id != session.session_id)

    def _lock(self, message: Message, now: datetime, session: SessionLock | None) -> Delivery:
        token = uuid4()
        self._lines.discard(message.sequence_number)
        self._deferred.discard(message.sequence_number)
        self._locks[token] = Held(message.sequence_number, session)
        if session is not None:
            session.tokens.add(token)
            return Delivery(message, token, session.locked_until)
        until = now + self._lock_duration
        self._lock_ends.set(token, until)
        return Delivery(message, token, until)

    def _unlock(self, token: UUID, now: datetime, revise: Revision | None = None) -> Message:
        """The message, no longer locked; where it cannot be revised it still is."""
        self.advance(now)
        held = self._locks.get(token)
        if held is None:
            raise LockLost if self.sessions is None else SessionLockLost
        message = self._messages[held.number]
        if revise is not None:
            message = replace(message, content=revise(message.content))
        del self._locks[token]
        self._lock_ends.cancel(token)
        if held.session is not None:
            held.session.tokens.discard(token)
        return message

    def _failed(self, message: Message, now: datetime) -> None:
        self._return(replace(message, delivery_count=message.delivery_count + 1))

    def _return(self, message: Message) -> None:
        self._storage.save(self._kept_as, message)
        self._admit(message)

    def _admit(self, message: Message) -> None:
        """Put a message where its state says."""
        number = message.sequence_number
        self._messages[number] = message
        if message.state is MessageState.SCHEDULED and message.scheduled_for is not None:
            self._scheduled.set(number, message.scheduled_for)
            return
        if message.state is MessageState.DEFERRED:
            self._deferred.add(number)
        else:
            self._lines.add(number, None if self.sessions is None else message.session_id)
        if message.expires_at is not None:
            self._ends_of_life.set(number, message.expires_at)

    def _remove(self, message: Message) -> None:
        number = message.sequence_number
        del self._messages[number]
        self._lines.discard(number)
        self._deferred.discard(number)
        self._scheduled.cancel(number)
        self._ends_of_life.cancel(number)
        self._storage.delete(self._kept_as, number)

    def _expire(self, message: Message) -> None:
        self._remove(message)

    def _activate(self, message: Message, due: datetime) -> None:
        raise NotSupported("A dead-letter queue has no scheduled messages.")
