"""The unmodified azure-servicebus SDK: who is let in, and to what."""

from __future__ import annotations

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusAuthenticationError, ServiceBusAuthorizationError

from tests.sandbox.servicebus.conftest import Bus


def test_a_wrong_key_is_refused_with_an_authentication_error(bus: Bus) -> None:
    connection = bus.server.connection_string("root").replace("root-key=", "wrong-key")
    sender = bus.client(connection=connection).get_queue_sender("orders")
    with pytest.raises(ServiceBusAuthenticationError):
        sender.send_messages(ServiceBusMessage("x"))
    assert bus.counts().active == 0


def test_a_key_that_may_send_may_not_receive(bus: Bus) -> None:
    client = bus.client("sender")
    client.get_queue_sender("orders").send_messages(ServiceBusMessage("x"))
    with pytest.raises(ServiceBusAuthorizationError, match="Listen claim is required"):
        client.get_queue_receiver("orders").receive_messages(max_wait_time=5)
    assert bus.counts().active == 1


def test_a_key_that_may_listen_may_not_send(bus: Bus) -> None:
    client = bus.client("listener")
    assert client.get_queue_receiver("orders").peek_messages() == []
    with pytest.raises(ServiceBusAuthorizationError, match="Send claim is required"):
        client.get_queue_sender("orders").send_messages(ServiceBusMessage("x"))
