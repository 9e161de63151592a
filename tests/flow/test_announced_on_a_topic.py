"""Events about invoices on a topic: each subscription takes the types it asks for, by the unmodified SDK."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus import ServiceBusClient
from pydantic import SecretStr

from handlers.fixed_point import FixedPoint
from sandbox.servicebus.broker.settings import SubscriptionSettings, TopicSettings
from sandbox.world import Sandbox
from service.announcing import announcing
from service.local_world import sandbox_settings
from service.registration import register_command_table
from tests.flow.test_invoices import bill_one_entry, create
from tests.flow.world import World

TOPIC = TopicSettings("invoices", (SubscriptionSettings("accounting"), SubscriptionSettings("audit")))


@pytest.mark.parametrize("subscription", ["accounting", "audit"])
def test_every_subscription_of_the_topic_hears_of_the_invoice_once(subscription: str) -> None:
    with Sandbox(topics=(TOPIC,)) as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        bill_one_entry(world)
        command = create(world, "C1")
        end = FixedPoint(world.client).settle(world.mission.invoicing, [command])[command]
        bus = sandbox_settings(sandbox).servicebus.model_copy(
            update={"events": "invoices", "connection_string": SecretStr(sandbox.servicebus)}
        )
        teller = announcing(bus, world.sandbox.servicebus, world.now)
        assert teller is not None
        teller.tell(command, end)
        (event,) = heard(sandbox, subscription)
    assert event["type"] == "psa-connector.invoice.created"
    assert UUID(event["data"]["contract"]) == command.contract
    assert event["specversion"] == "1.0"


def heard(sandbox: Sandbox, subscription: str) -> list[dict[str, Any]]:
    with (
        ServiceBusClient.from_connection_string(sandbox.servicebus) as client,
        client.get_subscription_receiver("invoices", subscription) as receiver,
    ):
        messages = receiver.receive_messages(max_message_count=10, max_wait_time=10)
        for message in messages:
            receiver.complete_message(message)
        return [json.loads(b"".join(message.body)) for message in messages]
