"""A queue: who may hold a message, for how long, how often, and where it goes in the end. Pure; told the time."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sandbox.servicebus.broker.duplicates import DuplicateHistory
from sandbox.servicebus.broker.errors import LockLost, MessageNotFound, NotSupported
from sandbox.servicebus.broker.message import DeadLettering, Delivery, Draft, Message, MessageState
from sandbox.servicebus.broker.settings import QueueCounts, QueueSettings
from sandbox.servicebus.broker.timers import Timers
from sandbox.servicebus.storage import Storage

DEAD_LETTER_SUFFIX = "/$DeadLetterQueue"


class MessageStore:
    """The messages of a queue or of its dead-letter queue: receiving, locking and settling.

    Every operation first lets come due what is due at ``now``, so its answer never depends on when a timer fired.
    """

    def __init__(self, path: str, lock_duration: timedelta, storage: Storage) -> None:
        self.path = path
        self._lock_duration = lock_duration
        self._storage = storage
        self._messages: dict[int, Message] = {}
        self._waiting: set[int] = set()
        self._line: list[int] = []
        self._deferred: set[int] = set()
        self._locks: dict[UUID, int] = {}
        self._lock_ends: Timers[UUID] = Timers()
        self._scheduled: Timers[int] = Timers()
        self._ends_of_life: Timers[int] = Timers()
        for message in sorted(storage.messages(path), key=lambda each: each.sequence_number):
            self._admit(message)

    # --- handing out --------------------------------------------------------------------------------------------

    def has_active(self, now: datetime) -> bool:
        """Whether a receiver would get a message now."""
        self.advance(now)
        return bool(self._waiting)

    def receive(self, now: datetime) -> Delivery | None:
        """The first message in line, locked; None if none is waiting."""
        message = self._next(now)
        return None if message is None else self._lock(message, now)

    def take(self, now: datetime) -> Message | None:
        """The first message in line, removed for good; None if none is waiting."""
        message = self._next(now)
        if message is not None:
            self._remove(message)
        return message

    def receive_deferred(self, numbers: Sequence[int], now: datetime) -> list[Delivery]:
        """Deferred messages by sequence number, locked; all of them or none."""
        return [self._lock(message, now) for message in self._pick_deferred(numbers, now)]

    def take_deferred(self, numbers: Sequence[int], now: datetime) -> list[Message]:
        """Deferred messages by sequence number, removed for good; all of them or none."""
        messages = self._pick_deferred(numbers, now)
        for message in messages:
            self._remove(message)
        return messages

    def peek(self, first: int, limit: int, now: datetime) -> list[Message]:
        """Up to ``limit`` messages from sequence number ``first`` on, whatever their state, touching none."""
        self.advance(now)
        numbers = sorted(number for number in self._messages if number >= first)
        return [self._messages[number] for number in numbers[: max(limit, 0)]]

    # --- settling -----------------------------------------------------------------------------------------------

    def holds(self, token: UUID, now: datetime) -> bool:
        """Whether the lock is held."""
        self.advance(now)
        return token in self._locks

    def complete(self, token: UUID, now: datetime) -> None:
        """The receiver is done with the message."""
        self._remove(self._unlock(token, now))

    def abandon(self, token: UUID, now: datetime) -> None:
        """The receiver failed: back in line, one delivery older."""
        self._failed(self._unlock(token, now), now)

    def release(self, token: UUID, now: datetime) -> None:
        """The receiver never looked: back in line as if not delivered."""
        self._return(self._unlock(token, now))

    def defer(self, token: UUID, now: datetime) -> None:
        """Set aside until asked for by sequence number; not a failure, so the delivery count stays."""
        self._return(replace(self._unlock(token, now), state=MessageState.DEFERRED))

    def renew(self, token: UUID, now: datetime) -> datetime:
        """Hold the lock for its full duration from now; the moment it ends."""
        self.advance(now)
        if token not in self._locks:
            raise LockLost
        until = now + self._lock_duration
        self._lock_ends.set(token, until)
        return until

    def dead_letter(self, token: UUID, reason: str, description: str, now: datetime) -> None:
        """Put the message aside for a person."""
        raise NotSupported("A message in a dead-letter queue cannot be dead-lettered again.")

    # --- time ---------------------------------------------------------------------------------------------------

    def advance(self, now: datetime) -> None:
        """Let come due what is due: locks end, scheduled messages get in line, lives end."""
        for token, _ in self._lock_ends.take_due(now):
            self._failed(self._messages[self._locks.pop(token)], now)
        for number, due in self._scheduled.take_due(now):
            self._activate(self._messages[number], due)
        for number, _ in self._ends_of_life.take_due(now):
            # A message that is locked outlives its time until its lock ends.
            if number in self._waiting or number in self._deferred:
                self._remove(self._messages[number])

    def next_moment(self) -> datetime | None:
        """When ``advance`` next has something to do; None if nothing is waited for."""
        moments = (self._lock_ends.next(), self._scheduled.next(), self._ends_of_life.next())
        return min((moment for moment in moments if moment is not None), default=None)

    def __len__(self) -> int:
        return len(self._messages)

    # --- inside -------------------------------------------------------------------------------------------------

    def _next(self, now: datetime) -> Message | None:
        self.advance(now)
        while self._line:
            number = heapq.heappop(self._line)
            if number in self._waiting:
                return self._messages[number]
        return None

    def _pick_deferred(self, numbers: Sequence[int], now: datetime) -> list[Message]:
        self.advance(now)
        for number in numbers:
            if number not in self._deferred:
                raise MessageNotFound(number)
        return [self._messages[number] for number in dict.fromkeys(numbers)]

    def _lock(self, message: Message, now: datetime) -> Delivery:
        token, until = uuid4(), now + self._lock_duration
        self._waiting.discard(message.sequence_number)
        self._deferred.discard(message.sequence_number)
        self._locks[token] = message.sequence_number
        self._lock_ends.set(token, until)
        return Delivery(message, token, until)

    def _unlock(self, token: UUID, now: datetime) -> Message:
        self.advance(now)
        number = self._locks.pop(token, None)
        if number is None:
            raise LockLost
        self._lock_ends.cancel(token)
        return self._messages[number]

    def _failed(self, message: Message, now: datetime) -> None:
        self._return(replace(message, delivery_count=message.delivery_count + 1))

    def _return(self, message: Message) -> None:
        self._storage.save(self.path, message)
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
            self._waiting.add(number)
            heapq.heappush(self._line, number)
        if message.expires_at is not None:
            self._ends_of_life.set(number, message.expires_at)

    def _remove(self, message: Message) -> None:
        number = message.sequence_number
        del self._messages[number]
        self._waiting.discard(number)
        self._deferred.discard(number)
        self._scheduled.cancel(number)
        self._ends_of_life.cancel(number)
        self._storage.delete(self.path, number)

    def _activate(self, message: Message, due: datetime) -> None:
        raise NotSupported("A dead-letter queue has no scheduled messages.")


class DeadLetterQueue(MessageStore):
    """Where messages wait for a person; delivered as often as asked, and never moved on."""

    def admit(self, message: Message) -> None:
        """Take a message over from the queue, under the sequence number it had there."""
        self._return(message)


class Queue(MessageStore):
    """A queue with its dead-letter queue."""

    def __init__(self, settings: QueueSettings, storage: Storage) -> None:
        super().__init__(settings.name, settings.lock_duration, storage)
        self.settings = settings
        self.dead_letters = DeadLetterQueue(settings.name + DEAD_LETTER_SUFFIX, settings.lock_duration, storage)
        window = settings.duplicate_detection_window
        self._duplicates = None if window is None else DuplicateHistory(settings.name, window, storage)

    def enqueue(self, draft: Draft, now: datetime) -> int:
        """Take a message in and give it a sequence number; a duplicate gets one too and is dropped without a word.

        Scheduled messages take part in duplicate detection from the moment they are sent.
        """
        self.advance(now)
        number = self._storage.next_sequence_number(self.path)
        if self._duplicates is not None and self._duplicates.seen(draft.message_id, now):
            return number
        message = Message(number, draft.message_id, draft.content, now, time_to_live=self._life(draft))
        if draft.scheduled_for is not None and draft.scheduled_for > now:
            message = replace(message, state=MessageState.SCHEDULED, scheduled_for=draft.scheduled_for)
        self._return(_dated(message))
        return number

    def cancel_scheduled(self, numbers: Sequence[int], now: datetime) -> None:
        """Drop messages that are still scheduled; all of them or none."""
        self.advance(now)
        for number in numbers:
            if number not in self._scheduled:
                raise MessageNotFound(number)
        for number in dict.fromkeys(numbers):
            self._remove(self._messages[number])

    def dead_letter(self, token: UUID, reason: str, description: str, now: datetime) -> None:
        """Put the message aside for a person, with the reason."""
        self._put_aside(self._unlock(token, now), reason, description)

    def counts(self, now: datetime) -> QueueCounts:
        """How many messages there are, by what may happen to them next."""
        self.advance(now)
        return QueueCounts(
            len(self._waiting), len(self._locks), len(self._scheduled), len(self.dead_letters), len(self._deferred)
        )

    def _life(self, draft: Draft) -> timedelta | None:
        lives = (draft.time_to_live, self.settings.default_ttl)
        return min((life for life in lives if life is not None), default=None)

    def _failed(self, message: Message, now: datetime) -> None:
        failed = replace(message, delivery_count=message.delivery_count + 1)
        if failed.delivery_count < self.settings.max_delivery_count:
            self._return(failed)
            return
        self._put_aside(
            failed,
            "MaxDeliveryCountExceeded",
            f"Message could not be consumed after {failed.delivery_count} delivery attempts.",
        )

    def _put_aside(self, message: Message, reason: str, description: str) -> None:
        self._remove(message)
        self.dead_letters.admit(
            replace(
                message,
                state=MessageState.ACTIVE,
                expires_at=None,
                time_to_live=None,
                dead_lettering=DeadLettering(reason, description, self.path),
            )
        )

    def _activate(self, message: Message, due: datetime) -> None:
        """A scheduled message gets in line as if sent at that moment, which gives it a new sequence number."""
        self._remove(message)
        number = self._storage.next_sequence_number(self.path)
        active = replace(message, sequence_number=number, state=MessageState.ACTIVE, enqueued_at=due)
        self._return(_dated(active))


def _dated(message: Message) -> Message:
    if message.time_to_live is None or message.state is MessageState.SCHEDULED:
        return message
    return replace(message, expires_at=message.enqueued_at + message.time_to_live)
