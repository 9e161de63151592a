"""The sandbox as the service sees it: its settings are derived, never asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from connector.worker import Pace
from sandbox.dataverse.product import Creation
from sandbox.world import COMMANDS, EVENTS, REPLIES, Sandbox
from service.connection_string import parts_of
from service.registering.wanted import EventQueue
from service.registration import Registered, register
from service.settings import ActualsSettings, CommandsSettings, DataverseSettings, ServiceBusSettings, Settings

START_FROM = date(2026, 1, 1)
BUSINESS_TIME_ZONE = "America/New_York"
"""Where the demo company does business."""
CLERK = "clerk@sandbox.example"
"""The one person who may send commands to a service that runs with the sandbox."""
PACE = Pace(max_wait=1.0)
"""Stopping waits for one receive call at the most, and whoever tries something out does not want to wait."""


def sandbox_settings(world: Sandbox) -> Settings:
    """The settings of a service that works in this sandbox: it creates what approval itself does not."""
    product_creates = world.switches.actuals is not Creation.NEVER
    return Settings(
        dataverse=DataverseSettings(url=world.dataverse, token=SecretStr(world.token)),
        servicebus=ServiceBusSettings(
            connection_string=SecretStr(world.servicebus),
            approvals_queue=EVENTS,
            commands_queue=COMMANDS,
            reply_queues=[REPLIES],
        ),
        actuals=ActualsSettings(
            creator="product" if product_creates else "service",
            start_from=START_FROM,
            grace=None if product_creates else 0,
        ),
        business_time_zone=ZoneInfo(BUSINESS_TIME_ZONE),
        commands=CommandsSettings(acting="service", allowed=[CLERK]),
    )


def addresses(world: Sandbox) -> dict[str, str]:
    """What another program needs to use this sandbox; printed as one line of JSON, and stable."""
    return {"servicebus": world.servicebus, "dataverse": world.dataverse, "token": world.token}


def event_queue(world: Sandbox) -> EventQueue:
    """Where the sandbox's Dataverse posts to, with the key that may only send there."""
    name, key = world.servicebus_send_key
    return EventQueue(address=parts_of(world.servicebus)["endpoint"], queue=EVENTS, key_name=name, key=key)


def register_in(world: Sandbox) -> list[Registered]:
    """Register as an administrator would, through the Web API."""
    with signed_in(world, "administrator") as client:
        return register(client, event_queue(world))


@contextmanager
def signed_in(world: Sandbox, user: str) -> Iterator[DataverseClient]:
    """A client of the sandbox's Dataverse as one of its users: administrator, service, approver, clerk."""
    client = DataverseClient(world.dataverse, StaticToken(world.tokens[user]))
    try:
        yield client
    finally:
        client.close()
