"""What Dataverse must know to post to the event queue, and whether it leads there."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from connector.errors import ConnectorError, Misconfigured, Transient
from service.connection_string import parts_of
from service.not_configured import NotConfigured
from service.registering.wanted import EventQueue
from service.settings import ServiceBusSettings
from service.settings_sources import missing, variables

VARIABLE = "PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER"
IN_TIME = 15.0
"""Seconds for the answer whether somebody may send."""


def event_queue(settings: ServiceBusSettings) -> EventQueue:
    """The queue, and the key Dataverse signs with. Raises ``NotConfigured`` when the settings don't say."""
    if settings.event_sender is None:
        raise NotConfigured([missing(one) for one in variables() if one.name == VARIABLE])
    parts = parts_of(settings.event_sender.get_secret_value())
    entity = parts.get("entitypath", settings.approvals_queue)
    if entity != settings.approvals_queue:
        raise NotConfigured(
            [f"{VARIABLE} is for {entity}, but events are received from {settings.approvals_queue}; use one queue."]
        )
    _same_namespace(settings, parts["endpoint"])
    return EventQueue(
        address=parts["endpoint"],
        queue=settings.approvals_queue,
        key_name=parts["sharedaccesskeyname"],
        key=parts["sharedaccesskey"],
    )


def received_from(settings: ServiceBusSettings) -> str:
    """The address of the namespace whose approvals queue this service receives from."""
    if settings.approvals_connection_string is not None:
        return parts_of(settings.approvals_connection_string.get_secret_value())["endpoint"]
    if settings.approvals_namespace is not None or settings.connection_string is None:
        return f"sb://{settings.approvals_namespace or settings.namespace}/"
    return parts_of(settings.connection_string.get_secret_value())["endpoint"]


def _same_namespace(settings: ServiceBusSettings, endpoint: str) -> None:
    """Events that go to another namespace than the one that is received from are heard by nobody, without a word."""
    here, there = urlsplit(endpoint).hostname, urlsplit(received_from(settings)).hostname
    if here != there:
        raise NotConfigured(
            [f"{VARIABLE} is for {here}, but events are received from {there}; use the namespace of the queue."]
        )


def check(settings: ServiceBusSettings, ending: str = "") -> None:
    """Open the event queue for sending as Dataverse will, and send nothing. ``ending`` stands behind a failure.

    Raises ``ConnectorError``. What it can't find out: whether the key may do more than send.
    """
    # Imported here: the SDK takes a third of a second, which a command that opens no queue need not spend.
    from connector.outbox import send

    async def opened(connection_string: str) -> None:
        async with asyncio.timeout(IN_TIME):
            await send(connection_string, settings.approvals_queue)

    if settings.event_sender is None:
        raise NotConfigured([missing(one) for one in variables() if one.name == VARIABLE])
    try:
        asyncio.run(opened(settings.event_sender.get_secret_value()))
    except TimeoutError as error:
        raise _useless(Transient("bus-no-answer", f"Service Bus did not answer in {IN_TIME:.0f} s."), ending) from error
    except ConnectorError as error:
        raise _useless(error, ending) from error


def _useless(error: ConnectorError, ending: str) -> ConnectorError:
    kind = Misconfigured if isinstance(error, Misconfigured) else Transient
    return kind(
        error.code,
        f"{VARIABLE} does not lead to the queue: {error.sentence}{ending}",
    )
