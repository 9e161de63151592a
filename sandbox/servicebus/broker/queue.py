"""Queues: what senders put in and receivers take, and where messages go in the end. Pure; told the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sandbox.servicebus.broker.duplicates import DuplicateHistory
from sandbox.servicebus.broker.errors import MessageNotFound, NotSupported
from sandbox.servicebus.broker.message import DeadLettering, Draft, Message, MessageState
from sandbox.servicebus.broker.sessions import Sessions
from sandbox.servicebus.broker.settings import QueueCounts, QueueSettings, SubscriptionSettings
from sandbox.servicebus.broker.store import MessageStore, Revision
from sandbox.servicebus.storage import Storage

DEAD_LETTER_SUFFIX = "/$DeadLetterQueue"


class DeadLetterQueue(MessageStore):
    """Where messages wait for a person; delivered as often as asked, and never moved on."""

    def admit(self, message: Message) -> None:
        """Take a message over from the queue, under the sequence number it had there."""
        self._return(message)


class ReceivingEntity(MessageStore):
    """What a queue and a subscription share: a dead-letter queue, and when messages go there by themselves."""

    def __init__(self, path: str, settings: QueueSettings | SubscriptionSettings, storage: Storage) -> None:
        sessions = Sessions(path.lower(), settings.lock_duration, storage) if settings.requires_session else None
        super().__init__(path, settings.lock_duration, storage, sessions)
        self._max_delivery_count = settings.max_delivery_count
        self._default_ttl = settings.default_ttl
        self._dead_letter_expired = settings.dead_letter_expired
        self.forward_to = settings.forward_to
        self.forward_dead_letters_to = settings.forward_dead_letters_to
        self.dead_letters = DeadLetterQueue(path + DEAD_LETTER_SUFFIX, settings.lock_duration, storage)

    def dead_letter(
        self, token: UUID, reason: str, description: str, now: datetime, revise: Revision | None = None
    ) -> None:
        """Put the message aside for a person, with the reason."""
        self.put_aside(self._unlock(token, now, revise), reason, description)

    def counts(self, now: datetime) -> QueueCounts:
        """How many messages there are, by what may happen to them next."""
        self.advance(now)
        return QueueCounts(
            len(self._lines), len(self._locks), len(self._scheduled), len(self.dead_letters), len(self._deferred)
        )

    def _dated(self, message: Message) -> Message:
        """The message with its end of life, unless it is yet to come to life."""
        life = shortest(message.time_to_live, self._default_ttl)
        if life is None:
            return message
        expires = None if message.state is MessageState.SCHEDULED else message.enqueued_at + life
        return replace(message, time_to_live=life, expires_at=expires)

    def _failed(self, message: Message, now: datetime) -> None:
        failed = replace(message, delivery_count=message.delivery_count + 1)
        if failed.delivery_count < self._max_delivery_count:
            self._return(failed)
            return
        self.put_aside(
            failed,
            "MaxDeliveryCountExceeded",
            f"Message could not be consumed after {failed.delivery_count} delivery attempts.",
        )

    def _expire(self, message: Message) -> None:
        if self._dead_letter_expired:
            self.put_aside(message, "TTLExpiredException", "The message expired and was dead lettered.")
        else:
            self._remove(message)

    def put_aside(self, message: Message, reason: str, description: str) -> None:
        """Put a message, whether it was taken in here already or not, where a person looks."""
        if message.sequence_number in self._messages:
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


class Queue(ReceivingEntity):
    """A queue with its dead-letter queue."""

    def __init__(self, settings: QueueSettings, storage: Storage) -> None:
        super().__init__(settings.name, settings, storage)
        self.settings = settings
        window = settings.duplicate_detection_window
        self._duplicates = None if window is None else DuplicateHistory(self._kept_as, window, storage)

    def check(self, message: Draft | Message) -> None:
        """Raise where a message cannot be taken in."""
        if self.sessions is not None and message.session_id is None:
            raise NotSupported(f"{self.path} takes only messages with a session id.")

    def enqueue(self, draft: Draft, now: datetime) -> int:
        """Take a message in and give it a sequence number; a duplicate gets one too and is dropped without a word.

        Scheduled messages take part in duplicate detection from the moment they are sent.
        """
        self.check(draft)
        self.advance(now)
        number = self._storage.next_sequence_number(self._kept_as)
        if self._duplicates is not None and self._duplicates.seen(draft.message_id, now):
            return number
        self._return(self._dated(drafted(draft, number, now)))
        return number

    def take_over(self, message: Message, now: datetime) -> None:
        """Take a message that another entity hands on, as if it were sent here now."""
        self.check(message)
        self.advance(now)
        number = self._storage.next_sequence_number(self._kept_as)
        if self._duplicates is None or not self._duplicates.seen(message.message_id, now):
            self._return(self._dated(moved(message, number, now)))

    def cancel_scheduled(self, numbers: Sequence[int], now: datetime) -> None:
        """Drop messages that are still scheduled; all of them or none."""
        self.advance(now)
        for number in numbers:
            if number not in self._scheduled:
                raise MessageNotFound(number)
        for number in dict.fromkeys(numbers):
            self._remove(self._messages[number])

    def _activate(self, message: Message, due: datetime) -> None:
        """A scheduled message gets in line as if sent at that moment, which gives it a new sequence number."""
        self._remove(message)
        number = self._storage.next_sequence_number(self._kept_as)
        self._return(self._dated(replace(message, sequence_number=number, state=MessageState.ACTIVE, enqueued_at=due)))


def drafted(draft: Draft, number: int, now: datetime) -> Message:
    """A message as it begins: scheduled if that is yet to come, else active."""
    message = Message(
        number,
        draft.message_id,
        draft.content,
        now,
        time_to_live=draft.time_to_live,
        session_id=draft.session_id,
    )
    if draft.scheduled_for is None or draft.scheduled_for <= now:
        return message
    return replace(message, state=MessageState.SCHEDULED, scheduled_for=draft.scheduled_for)


def renumbered(message: Message, number: int) -> Message:
    """A message in its next entity, which remembers the number it was first given."""
    first = message.sequence_number if message.enqueued_number is None else message.enqueued_number
    return replace(message, sequence_number=number, enqueued_number=first)


def moved(message: Message, number: int, now: datetime) -> Message:
    """A message as it begins anew in the entity it was handed on to."""
    return replace(renumbered(message, number), enqueued_at=now, delivery_count=0, expires_at=None)


def shortest(*lives: timedelta | None) -> timedelta | None:
    """The shortest of some lives; None if all are without end."""
    return min((life for life in lives if life is not None), default=None)
