"""Service Bus opened by whoever signs in: over a real connection, when a token is refused, and when there is none."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote_plus, urlsplit

import pytest
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusAuthenticationError, ServiceBusError

from connector import bus_connection
from connector.bus_access import Namespace
from connector.bus_connection import BusCredential, connect, failure, signed_in
from connector.errors import ConnectorError, Misconfigured, Transient
from connector.inbox import Outgoing
from connector.outbox import send
from connector.servicebus import ServiceBusInbox, probe
from connector.sign_in.tokens import Tokens
from tests.connector.local_bus import QUEUE, Bus

RESOURCE = "https://servicebus.azure.net"


class Source:
    """A credential that gives these tokens one after the other, the last for ever; ``asked`` says in which threads."""

    def __init__(self, *given: str | ConnectorError) -> None:
        self._given = list(given)
        self.asked: list[int] = []

    def acquire(self, resource: str, *, anew: bool, claims: str | None) -> Mapping[str, Any]:
        assert resource == RESOURCE
        self.asked.append(threading.get_ident())
        given = self._given.pop(0) if len(self._given) > 1 else self._given[0]
        if isinstance(given, ConnectorError):
            raise given
        return {"access_token": given, "expires_in": 3600}


def namespace(*given: str | ConnectorError, host: str = "contoso.servicebus.windows.net") -> tuple[Namespace, Source]:
    source = Source(*given)
    return Namespace(host, Tokens(source, RESOURCE)), source


def signature(host: str, key: str = "key") -> str:
    """A token the local broker takes; whoever checks it, the way it travels is that of any other."""
    scope, ends = quote_plus(f"sb://{host}"), str(int(time.time()) + 600)
    signed = base64.b64encode(hmac.digest(key.encode(), f"{scope}\n{ends}".encode(), hashlib.sha256)).decode()
    return f"SharedAccessSignature sr={scope}&sig={quote_plus(signed)}&se={ends}&skn=root"


@pytest.fixture
def host(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> str:
    """The local broker's address, which speaks no TLS."""
    monkeypatch.setattr(bus_connection, "ServiceBusClient", partial(ServiceBusClient, use_tls=False))
    endpoint = bus.connection.partition("Endpoint=")[2].partition(";")[0]
    return urlsplit(endpoint).netloc


def test_messages_are_sent_and_received_by_whoever_is_signed_in(bus: Bus, host: str) -> None:
    access, source = namespace(signature(host), host=host)

    async def scenario() -> None:
        await send(access, QUEUE, Outgoing(b"{}", bus.id))
        inbox = ServiceBusInbox(access, QUEUE, now=bus.clock.now)
        [received] = await inbox.receive(1, 5)
        assert received.envelope.message_id == bus.id
        assert await inbox.complete(received)
        await inbox.close()

    bus.run(scenario())
    assert len(source.asked) == 1, "one token for both connections"
    assert source.asked != [threading.get_ident()], "never in the thread of the loop"


def test_a_token_that_service_bus_refuses_is_our_fault_and_the_next_one_is_new(bus: Bus, host: str) -> None:
    access, source = namespace(signature(host, "another"), signature(host), host=host)

    async def scenario() -> None:
        inbox = ServiceBusInbox(access, QUEUE, now=bus.clock.now)
        with pytest.raises(Misconfigured, match=r"bus-sign-in.*Azure Service Bus Data Receiver"):
            await inbox.open()
        await inbox.close()
        again = ServiceBusInbox(access, QUEUE, now=bus.clock.now)
        await again.open()
        await again.close()

    bus.run(scenario())
    assert len(source.asked) == 2


@pytest.mark.parametrize(
    "refusal", [Misconfigured("sign-in-AADSTS7000222", "Expired."), Transient("sign-in-unreachable", "Nobody there.")]
)
def test_a_sign_in_that_fails_is_told_as_what_it_is_before_anything_is_opened(refusal: ConnectorError) -> None:
    access, _ = namespace(refusal)
    with pytest.raises(type(refusal)) as caught:
        probe(access, QUEUE)
    assert caught.value is refusal


def test_a_sign_in_that_fails_while_a_connection_is_open_is_told_as_what_it_is() -> None:
    expired = Misconfigured("sign-in-AADSTS7000222", "Expired.")
    assert failure(ServiceBusError("Handler failed", error=expired), QUEUE) is expired


def test_the_namespace_is_opened_by_its_full_name_and_a_token_is_given_as_the_sdk_wants_it() -> None:
    access, source = namespace("bearer-value")

    async def scenario() -> None:
        client = connect(access)
        assert client.fully_qualified_namespace == "contoso.servicebus.windows.net"
        await client.close()
        await signed_in(access)
        await signed_in("Endpoint=sb://x")
        async with BusCredential(access.tokens) as credential:
            given = await credential.get_token("https://servicebus.azure.net//.default", claims=None)
        await credential.close()
        assert given.token == "bearer-value"
        assert 3590 <= given.expires_on - time.time() <= 3600

    asyncio.run(scenario())
    assert len(source.asked) == 1
    assert "bearer-value" not in repr(access)


def test_who_is_refused_by_key_is_told_of_the_key_and_who_is_signed_in_of_the_roles() -> None:
    access, _ = namespace("bearer-value")
    refused = ServiceBusAuthenticationError()
    assert "check key and policy" in failure(refused, QUEUE, "Endpoint=sb://x").sentence
    assert "Data Receiver" in failure(refused, QUEUE, access).sentence
