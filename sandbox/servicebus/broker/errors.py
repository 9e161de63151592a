"""What a queue refuses, in its own words; the wire puts AMQP conditions to them."""

from __future__ import annotations


class BrokerError(Exception):
    """A queue could not do what was asked."""


class Unfitting(ValueError):
    """What is stored of an entity does not fit what the entity is now."""


class LockLost(BrokerError):
    """The lock is not held: it expired, was settled, or never existed."""

    def __init__(self) -> None:
        super().__init__(
            "The lock supplied is invalid. Either the lock expired, or the message has already been removed."
        )


class SessionLockLost(BrokerError):
    """The session is not held by whoever asks: its lock expired or was let go."""

    def __init__(self, session_id: str = "") -> None:
        super().__init__(f"The lock of the session {session_id!r} has expired or was released: accept it again.")


class SessionCannotBeLocked(BrokerError):
    """Another receiver holds the session."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"The session {session_id!r} is held by another receiver.")


class MessageNotFound(BrokerError):
    """No message of the asked kind has this sequence number."""

    def __init__(self, sequence_number: int) -> None:
        super().__init__(f"There is no such message with the sequence number {sequence_number}.")


class NotSupported(BrokerError):
    """Asked for something this broker does not do."""


class Unreadable(BrokerError):
    """A message's properties cannot be read, so no rule can look at them."""


class RuleExists(BrokerError):
    """The subscription has a rule of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a rule named {name} already.")


class RuleNotFound(BrokerError):
    """The subscription has no rule of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no rule named {name}.")
