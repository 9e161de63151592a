"""The two services in one background thread, used from outside like any two services."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusAuthenticationError, ServiceBusAuthorizationError

from sandbox.servicebus import QueueSettings
from sandbox.world import COMMANDS, EVENTS, PortTaken, Sandbox
from tests.sandbox.clients.certificates import certificate_in


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        yield world


def with_send_key(world: Sandbox) -> ServiceBusClient:
    name, key = world.servicebus_send_key
    connection = (
        f"Endpoint=sb://127.0.0.1:{world.bus.port};SharedAccessKeyName={name};SharedAccessKey={key};"
        "UseDevelopmentEmulator=true"
    )
    return ServiceBusClient.from_connection_string(connection, retry_total=0)


def test_the_service_sends_commands_listens_for_them_and_a_second_copy_is_dropped(world: Sandbox) -> None:
    with ServiceBusClient.from_connection_string(world.servicebus, retry_total=0) as client:
        with client.get_queue_sender(COMMANDS) as sender:
            for _ in range(2):
                sender.send_messages(ServiceBusMessage("command", message_id="once"))
        with client.get_queue_receiver(COMMANDS) as receiver:
            (message,) = receiver.receive_messages(max_wait_time=5)
            receiver.complete_message(message)
    counts = world.bus.counts(COMMANDS)
    assert (str(message), counts.active, counts.locked) == ("command", 0, 0)


def test_the_key_dataverse_holds_sends_to_the_event_queue_and_does_nothing_else(world: Sandbox) -> None:
    with with_send_key(world) as client:
        with client.get_queue_sender(EVENTS) as sender:
            sender.send_messages(ServiceBusMessage("event"))
        with pytest.raises(ServiceBusAuthorizationError):
            client.get_queue_receiver(EVENTS).receive_messages(max_wait_time=5)
        with pytest.raises(ServiceBusAuthenticationError):
            client.get_queue_sender(COMMANDS).send_messages(ServiceBusMessage("command"))
    assert world.bus.counts(EVENTS).active == 1
    assert world.bus.counts(COMMANDS).active == 0


def test_each_user_has_a_token_of_their_own(world: Sandbox) -> None:
    assert world.token == world.tokens["service"]
    who = {
        name: requests.get(
            f"{world.dataverse}/api/data/v9.2/WhoAmI", headers={"Authorization": f"Bearer {token}"}, timeout=10
        ).json()["UserId"]
        for name, token in world.tokens.items()
    }
    assert len(set(who.values())) == len(who) >= 4


def test_a_sandbox_stops_for_good_and_stopping_again_does_nothing() -> None:
    before = set(threading.enumerate())
    world = Sandbox([QueueSettings("mine")], company=False)
    world.start()
    with pytest.raises(RuntimeError, match="started already"):
        world.start()
    port = world.bus.port
    world.stop()
    world.stop()
    assert set(threading.enumerate()) <= before
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(("taken", "service"), [("servicebus_port", "Service Bus"), ("dataverse_port", "Dataverse")])
def test_a_port_that_is_taken_is_reported_with_its_service_and_nothing_is_left_running(
    taken: str, service: str
) -> None:
    before = set(threading.enumerate())
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        world = Sandbox(company=False, **{taken: port})
        with pytest.raises(PortTaken, match=f"port {port}, meant for the sandbox's {service}, is in use") as told:
            world.start()
    assert (told.value.service, told.value.port) == (service, port)
    assert set(threading.enumerate()) <= before


@pytest.mark.timeout(20)
@pytest.mark.parametrize("problem", [RuntimeError("unexpected"), SystemExit(1)])
def test_whatever_goes_wrong_at_the_start_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, problem: BaseException
) -> None:
    async def fail(**_: object) -> None:
        raise problem

    before = set(threading.enumerate())
    world = Sandbox(company=False)
    monkeypatch.setattr(world.bus, "start", fail)
    with pytest.raises(type(problem)):
        world.start()
    assert set(threading.enumerate()) <= before


def test_the_company_is_loaded_before_anyone_can_ask() -> None:
    with Sandbox() as world:
        assert world.company is not None
        contract = next(iter(world.company.contracts.values()))
        answer = requests.get(
            f"{world.dataverse}/api/data/v9.2/salesorders({contract})",
            headers={"Authorization": f"Bearer {world.token}"},
            timeout=10,
        )
        assert answer.status_code == 200


def test_with_a_certificate_dataverse_speaks_https_and_its_links_do_too(tmp_path: Path) -> None:
    certificate = certificate_in(tmp_path)
    with Sandbox(company=False, certificate=certificate) as world, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {world.tokens['administrator']}"
        session.trust_env, session.verify = False, str(certificate)
        for name in ("A", "B"):
            made = session.post(f"{world.dataverse}/api/data/v9.2/accounts", json={"name": name}, timeout=10)
            assert made.headers["OData-EntityId"].startswith(f"{world.dataverse}/api/data/v9.2/accounts(")
        url = f"{world.dataverse}/api/data/v9.2/accounts?$select=name"
        names = []
        while url:
            page = session.get(url, headers={"Prefer": "odata.maxpagesize=1"}, timeout=10).json()
            names += [row["name"] for row in page["value"]]
            url = page.get("@odata.nextLink", "")
        assert names == ["A", "B"]
        assert world.dataverse.startswith("https://")
