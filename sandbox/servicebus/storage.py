"""Where queues keep what must outlive them: messages, sequence numbers and the ids duplicates are known by.

Locks are not stored: after a restart a locked message is active again, with the delivery count it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from sandbox.servicebus.broker.message import Message
from sandbox.servicebus.broker.rules import KeptRules


class Storage(Protocol):
    """The broker writes through it as it goes; nothing it wrote is promised to anyone before ``commit`` returns.

    Entities are known by their paths in lower case.
    It is read when entities are made, before anything is written. Writing cannot fail, only ``commit`` can: what was
    written then stays, and is made to last by the next ``commit`` that succeeds.
    """

    def messages(self, queue: str) -> Iterable[Message]:
        """The messages of a queue (a dead-letter queue has a name of its own), in no particular order."""

    def remembered_ids(self, queue: str) -> Mapping[str, datetime]:
        """The message ids a queue remembers, oldest first, each with the moment it may forget it."""

    def next_sequence_number(self, queue: str) -> int:
        """A number greater than any given out for this queue before, starting at 1."""

    def save(self, queue: str, message: Message) -> None:
        """Insert the message, or replace the one with its sequence number."""

    def delete(self, queue: str, sequence_number: int) -> None:
        """Remove a message."""

    def remember_id(self, queue: str, message_id: str, until: datetime) -> None:
        """Remember a message id, so that its duplicates are known."""

    def forget_id(self, queue: str, message_id: str) -> None:
        """Forget a message id whose time is over."""

    def session_states(self, queue: str) -> Mapping[str, bytes]:
        """The states of a queue's sessions."""

    def save_session_state(self, queue: str, session_id: str, state: bytes | None) -> None:
        """Keep the state of a session, or with None forget it."""

    def rules(self, subscription: str) -> KeptRules | None:
        """The rules of a subscription, if clients have ever changed them."""

    def save_rules(self, subscription: str, rules: KeptRules) -> None:
        """Keep the rules of a subscription as they are now."""

    def commit(self) -> None:
        """Make everything written so far last."""


class MemoryStorage:
    """Keeps everything while the process lives; a server started on the same one again finds its messages."""

    def __init__(self) -> None:
        self._messages: dict[str, dict[int, Message]] = {}
        self._ids: dict[str, dict[str, datetime]] = {}
        self._numbers: dict[str, int] = {}
        self._states: dict[str, dict[str, bytes]] = {}
        self._rules: dict[str, KeptRules] = {}

    def messages(self, queue: str) -> Iterable[Message]:
        """See ``Storage.messages``."""
        return list(self._messages.get(queue, {}).values())

    def remembered_ids(self, queue: str) -> Mapping[str, datetime]:
        """See ``Storage.remembered_ids``."""
        return dict(self._ids.get(queue, {}))

    def next_sequence_number(self, queue: str) -> int:
        """See ``Storage.next_sequence_number``."""
        number = self._numbers[queue] = self._numbers.get(queue, 0) + 1
        return number

    def save(self, queue: str, message: Message) -> None:
        """See ``Storage.save``."""
        self._messages.setdefault(queue, {})[message.sequence_number] = message

    def delete(self, queue: str, sequence_number: int) -> None:
        """See ``Storage.delete``."""
        self._messages.setdefault(queue, {}).pop(sequence_number, None)

    def remember_id(self, queue: str, message_id: str, until: datetime) -> None:
        """See ``Storage.remember_id``."""
        self._ids.setdefault(queue, {})[message_id] = until

    def forget_id(self, queue: str, message_id: str) -> None:
        """See ``Storage.forget_id``."""
        self._ids.setdefault(queue, {}).pop(message_id, None)

    def session_states(self, queue: str) -> Mapping[str, bytes]:
        """See ``Storage.session_states``."""
        return dict(self._states.get(queue, {}))

    def save_session_state(self, queue: str, session_id: str, state: bytes | None) -> None:
        """See ``Storage.save_session_state``."""
        states = self._states.setdefault(queue, {})
        states.pop(session_id, None)
        if state is not None:
            states[session_id] = state

    def rules(self, subscription: str) -> KeptRules | None:
        """See ``Storage.rules``."""
        return self._rules.get(subscription)

    def save_rules(self, subscription: str, rules: KeptRules) -> None:
        """See ``Storage.save_rules``."""
        self._rules[subscription] = rules

    def commit(self) -> None:
        """Memory has nothing to wait for."""
