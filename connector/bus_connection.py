"""Connections to Service Bus, by connection string or signed in, and what an error of its SDK means for us."""

from __future__ import annotations

import logging
from typing import Any

from azure.core.credentials import AccessToken
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

from connector.bus_access import Access, Namespace
from connector.crew import apart
from connector.errors import ConnectorError, Misconfigured, Rejected, Transient, UnknownOutcome
from connector.sign_in.tokens import Tokens

log = logging.getLogger(__name__)

NOT_CONFIRMED = (ServiceBusError, MessageAlreadySettled, ValueError, RuntimeError, OSError)
"""What the SDK raises when a settlement or a close did not go through, or nobody said that it did."""

ROLES = "Azure Service Bus Data Receiver and Azure Service Bus Data Sender"


class BusCredential:
    """The SDK's asynchronous credential over ``Tokens``; the scope it is asked for is the one the tokens are for."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """A token that is valid now; asked for in a thread, as sign-in blocks. Raises ``ConnectorError``."""
        current = await apart("sign-in", self._tokens.access_token)
        return AccessToken(current.token, int(current.expires_on))

    async def close(self) -> None:
        """There is nothing to close."""

    async def __aenter__(self) -> BusCredential:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def connect(access: Access) -> ServiceBusClient:
    """A client of its own, with short retries: the long ones of the SDK hide bad news for a quarter of a minute."""
    retries: dict[str, Any] = {"retry_total": 2, "retry_backoff_factor": 0.2, "retry_backoff_max": 2}
    if isinstance(access, Namespace):
        return ServiceBusClient(access.host, BusCredential(access.tokens), **retries)
    try:
        return ServiceBusClient.from_connection_string(access, **retries)
    except (ValueError, KeyError) as error:
        raise Misconfigured("bus-connection-string", "The Service Bus connection string cannot be read.") from error


async def signed_in(access: Access) -> None:
    """Have a token at hand before anything is opened, so that a refused sign-in is told as what it is.

    Raises ``ConnectorError``; a connection string needs none.
    """
    if isinstance(access, Namespace):
        await apart("sign-in", access.tokens.access_token)


def failure(error: ServiceBusError, queue: str, access: Access = "") -> ConnectorError:
    """What an error of the SDK means for us. A token that was refused is forgotten, so that the next one is new."""
    if isinstance(error.inner_exception, ConnectorError):
        return error.inner_exception
    # The class of the error does not tell these apart from a wrong key, or from nobody being there; its words do.
    if "LocalAuthDisabled" in str(error):
        return Misconfigured("bus-local-auth", f"The namespace of {queue} takes no keys: local authentication is off.")
    if "Ip has been prevented" in str(error):
        return Misconfigured("bus-firewall", f"The firewall of the namespace of {queue} refuses this address.")
    match error:
        case ServiceBusAuthenticationError() | ServiceBusAuthorizationError():
            if isinstance(access, Namespace):
                access.tokens.drop()
                return Misconfigured(
                    "bus-sign-in", f"Service Bus refused who is signed in to {queue}: give it the roles {ROLES}."
                )
            return Misconfigured("bus-sign-in", f"Service Bus refused the sign-in to {queue}: check key and policy.")
        case MessagingEntityNotFoundError() | MessagingEntityDisabledError():
            return Misconfigured("bus-queue", f"Service Bus has no queue or topic {queue}, or it is disabled.")
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
