"""Connections to Service Bus, and what an error of its SDK means for us."""

from __future__ import annotations

import logging
from typing import Any

from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusError,
)

from connector.errors import ConnectorError, Misconfigured, Rejected, Transient, UnknownOutcome

log = logging.getLogger(__name__)

NOT_CONFIRMED = (ServiceBusError, MessageAlreadySettled, ValueError, RuntimeError, OSError)
"""What the SDK raises when a settlement or a close did not go through, or nobody said that it did."""


def connect(connection_string: str) -> ServiceBusClient:
    """A client of its own, with short retries: the long ones of the SDK hide bad news for a quarter of a minute."""
    try:
        return ServiceBusClient.from_connection_string(
            connection_string, retry_total=2, retry_backoff_factor=0.2, retry_backoff_max=2
        )
    except (ValueError, KeyError) as error:
        raise Misconfigured("bus-connection-string", "The Service Bus connection string cannot be read.") from error


def failure(error: ServiceBusError, queue: str) -> ConnectorError:
    """What an error of the SDK means for us."""
    match error:
        case ServiceBusAuthenticationError() | ServiceBusAuthorizationError():
            return Misconfigured("bus-sign-in", f"Service Bus refused the sign-in to {queue}: check key and policy.")
        case MessagingEntityNotFoundError() | MessagingEntityDisabledError():
            return Misconfigured("bus-queue", f"Service Bus has no queue {queue}, or it is disabled.")
        case MessageSizeExceededError():
            return Rejected("bus-too-large", f"A message is larger than {queue} takes.")
        case OperationTimeoutError():
            return UnknownOutcome("bus-no-answer", f"Service Bus did not answer in time on {queue}.")
        case _:
            return Transient("bus-unreachable", f"Service Bus could not be reached on {queue}: {type(error).__name__}.")


async def close_quietly(*closeables: Any) -> None:
    """Close each; what cannot be closed any more is left to the operating system."""
    for closeable in closeables:
        try:
            await closeable.close()
        except NOT_CONFIRMED as error:
            log.debug("%s did not close in order: %s", type(closeable).__name__, error)
