"""Service Bus's own AMQP error conditions, and what the broker's refusals are called on the wire."""

from __future__ import annotations

from sandbox.servicebus.amqp.errors import DECODE_ERROR, NOT_ALLOWED, NOT_FOUND, AmqpError
from sandbox.servicebus.broker.errors import (
    BrokerError,
    LockLost,
    MessageNotFound,
    RuleExists,
    RuleNotFound,
    SessionCannotBeLocked,
    SessionLockLost,
    Unreadable,
)

MESSAGE_LOCK_LOST = "com.microsoft:message-lock-lost"
MESSAGE_NOT_FOUND = "com.microsoft:message-not-found"
SESSION_LOCK_LOST = "com.microsoft:session-lock-lost"
SESSION_CANNOT_BE_LOCKED = "com.microsoft:session-cannot-be-locked"
ENTITY_ALREADY_EXISTS = "com.microsoft:entity-already-exists"
TIMEOUT = "com.microsoft:timeout"
ARGUMENT_ERROR = "com.microsoft:argument-error"
_CONDITIONS: dict[type[BrokerError], str] = {
    LockLost: MESSAGE_LOCK_LOST,
    MessageNotFound: MESSAGE_NOT_FOUND,
    SessionLockLost: SESSION_LOCK_LOST,
    SessionCannotBeLocked: SESSION_CANNOT_BE_LOCKED,
    RuleExists: ENTITY_ALREADY_EXISTS,
    RuleNotFound: NOT_FOUND,
    Unreadable: DECODE_ERROR,
}


def as_amqp(refusal: BrokerError) -> AmqpError:
    """The AMQP error for something a queue refused."""
    return AmqpError(_CONDITIONS.get(type(refusal), NOT_ALLOWED), str(refusal))
