"""How a queue is set up, read from the namespace itself; only a right to manage it shows that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, DeserializationError, HttpResponseError
from azure.servicebus.management import QueueProperties, ServiceBusAdministrationClient

from connector.bus_access import Access, Namespace
from connector.errors import Transient
from connector.sign_in.tokens import Tokens

IN_TIME = 15
"""Seconds to connect, and to answer."""
NOT_ALLOWED = (401, 403)
EMULATOR = "usedevelopmentemulator=true"


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """What decides how a message fares on a queue."""

    lock: timedelta
    deliveries: int
    detects_duplicates: bool
    has_sessions: bool
    time_to_live: timedelta
    expired_are_kept: bool = True
    """What expires is put aside, and not gone."""
    dead_letters_to: str | None = None
    forwards_to: str | None = None
    """Other queues that take what is put aside here, or everything."""
    deleted_after: timedelta = timedelta.max
    """How long nobody may receive before the queue deletes itself."""


class _Signed:
    """The SDK's credential over ``Tokens``."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        """A token that is valid now. Raises ``ConnectorError``."""
        current = self._tokens.access_token()
        return AccessToken(current.token, int(current.expires_on))


def administration(access: Access) -> ServiceBusAdministrationClient | None:
    """A client of the namespace's own door, quick to give up; ``None`` for an emulator, which has none."""
    if isinstance(access, str) and EMULATOR in access.lower():
        return None
    quick: dict[str, Any] = {"retry_total": 0, "connection_timeout": IN_TIME, "read_timeout": IN_TIME}
    if isinstance(access, Namespace):
        return ServiceBusAdministrationClient(access.host, _Signed(access.tokens), **quick)
    return ServiceBusAdministrationClient.from_connection_string(access, **quick)


def queue_settings(access: Access, queue: str) -> QueueSettings | None:
    """How the queue is set up; ``None`` where this may not be seen. Raises ``Transient`` where nobody answers.

    An emulator has no such door.
    """
    try:
        client = administration(access)
        if client is None:
            return None
        with client:
            return _read(client.get_queue(queue))
    except HttpResponseError as error:
        if error.status_code in NOT_ALLOWED:
            return None
        # The SDK says without a status that what was answered is no queue.
        why = error.status_code or "none are told"
        raise Transient("bus-unreachable", f"The settings of {queue} can't be read ({why}).") from error
    except (AzureError, DeserializationError) as error:
        sentence = f"The settings of {queue} can't be read: nobody answers as Service Bus does."
        raise Transient("bus-unreachable", sentence) from error


def _read(told: QueueProperties) -> QueueSettings:
    return QueueSettings(
        lock=_span(told.lock_duration),
        deliveries=told.max_delivery_count or 0,
        detects_duplicates=bool(told.requires_duplicate_detection),
        has_sessions=bool(told.requires_session),
        time_to_live=_span(told.default_message_time_to_live),
        expired_are_kept=bool(told.dead_lettering_on_message_expiration),
        dead_letters_to=told.forward_dead_lettered_messages_to or None,
        forwards_to=told.forward_to or None,
        deleted_after=_span(told.auto_delete_on_idle),
    )


def _span(told: object) -> timedelta:
    """A duration; one that is too long for the language, as *never expires* is, comes as text."""
    return told if isinstance(told, timedelta) else timedelta.max
