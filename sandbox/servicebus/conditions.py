"""Service Bus's own AMQP error conditions, and what the broker's refusals are called on the wire."""

from __future__ import annotations

from sandbox.servicebus.amqp.errors import NOT_ALLOWED, AmqpError
from sandbox.servicebus.broker.errors import BrokerError, LockLost, MessageNotFound

MESSAGE_LOCK_LOST = "com.microsoft:message-lock-lost"
MESSAGE_NOT_FOUND = "com.microsoft:message-not-found"
ARGUMENT_ERROR = "com.microsoft:argument-error"


def as_amqp(refusal: BrokerError) -> AmqpError:
    """The AMQP error for something a queue refused."""
    if isinstance(refusal, LockLost):
        return AmqpError(MESSAGE_LOCK_LOST, str(refusal))
    if isinstance(refusal, MessageNotFound):
        return AmqpError(MESSAGE_NOT_FOUND, str(refusal))
    return AmqpError(NOT_ALLOWED, str(refusal))
