"""Reads from a connection string what Dataverse must know to post to the event queue."""

from __future__ import annotations

from service.connection_string import parts_of
from service.not_configured import NotConfigured
from service.registration import EventQueue
from service.settings import ServiceBusSettings
from service.settings_sources import missing, variables

VARIABLE = "PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER"


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
    return EventQueue(
        address=parts["endpoint"],
        queue=settings.approvals_queue,
        key_name=parts["sharedaccesskeyname"],
        key=parts["sharedaccesskey"],
    )
