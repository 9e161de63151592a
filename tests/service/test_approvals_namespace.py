"""Two namespaces: the one Dataverse posts to, and the one for everything else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn
from uuid import uuid4

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from connector.bus_access import Access, Namespace
from connector.dataverse.client import DataverseClient, WhoAmI
from connector.errors import Transient
from service import app as service_app
from service.app import App, compose
from service.checks import queues as looked_at
from service.cli import reconcile
from service.cli.main import app as command_line
from service.dead_letters import boxes
from service.event_sender import event_queue
from service.not_configured import NotConfigured
from service.settings import ServiceBusSettings
from service.settings_sources import load
from service.signing_in import access_to, sign_in

BUS = "PSA_CONNECTOR_SERVICEBUS__"
KEYED = "Endpoint=sb://{}.servicebus.windows.net/;SharedAccessKeyName=service;SharedAccessKey=bus-secret-value"


def faults_of() -> list[str]:
    with pytest.raises(NotConfigured) as caught:
        load()
    return caught.value.faults


@pytest.fixture
def by_identity(all_set: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Both namespaces are signed in to."""
    all_set.delenv(f"{BUS}CONNECTION_STRING")
    all_set.setenv(f"{BUS}NAMESPACE", "inside.servicebus.windows.net")
    all_set.setenv(f"{BUS}APPROVALS_NAMESPACE", "Ingress.servicebus.windows.net")
    return all_set


def test_approvals_come_from_their_own_namespace_and_all_else_goes_to_the_other(
    by_identity: pytest.MonkeyPatch,
) -> None:
    opened: dict[str, Access] = {}
    by_identity.setattr(service_app, "_inbox", lambda access, queue, _: opened.update({queue: access}))
    app = compose(load())
    app.close()
    for worker in app.workers:
        worker._open_inbox()
    hosts = {queue: access.host for queue, access in opened.items() if isinstance(access, Namespace)}
    assert hosts == {"approvals": "ingress.servicebus.windows.net", "commands": "inside.servicebus.windows.net"}
    assert isinstance(app.bus, Namespace)
    assert app.bus.host == "inside.servicebus.windows.net"


@pytest.mark.usefixtures("by_identity")
def test_one_sign_in_opens_both() -> None:
    settings = load()
    _, rest = sign_in(settings)
    approvals = access_to("approvals", settings.servicebus, rest)
    assert isinstance(approvals, Namespace)
    assert isinstance(rest, Namespace)
    assert approvals.tokens is rest.tokens
    assert access_to("flow-replies", settings.servicebus, rest) is rest


def test_a_key_may_open_the_approvals_where_the_rest_is_signed_in_to(by_identity: pytest.MonkeyPatch) -> None:
    by_identity.setenv(f"{BUS}APPROVALS_CONNECTION_STRING", KEYED.format("ingress"))
    (fault,) = faults_of()
    assert fault.startswith(f"{BUS}APPROVALS_CONNECTION_STRING is set beside a namespace; keep one of the two")
    by_identity.delenv(f"{BUS}APPROVALS_NAMESPACE")
    settings = load()
    _, rest = sign_in(settings)
    assert access_to("approvals", settings.servicebus, rest) == KEYED.format("ingress")
    by_identity.setenv(f"{BUS}APPROVALS_CONNECTION_STRING", "pasted-the-key-only")
    (fault,) = faults_of()
    assert "pasted" not in fault


def test_a_namespace_for_approvals_needs_the_sign_in_of_the_other_and_its_cloud(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv(f"{BUS}APPROVALS_NAMESPACE", "ingress.servicebus.windows.net")
    (fault,) = faults_of()
    assert fault.startswith(f"{BUS}APPROVALS_NAMESPACE is set without NAMESPACE, whose sign-in it shares")
    all_set.delenv(f"{BUS}CONNECTION_STRING")
    all_set.setenv(f"{BUS}NAMESPACE", "inside.servicebus.windows.net")
    all_set.setenv(f"{BUS}APPROVALS_NAMESPACE", "ingress.servicebus.chinacloudapi.cn")
    (fault,) = faults_of()
    assert fault.startswith(f"{BUS}APPROVALS_NAMESPACE is not in the cloud public")


def test_two_queues_of_one_name_are_refused_in_two_namespaces_too(by_identity: pytest.MonkeyPatch) -> None:
    by_identity.setenv(f"{BUS}COMMANDS_QUEUE", "approvals")
    assert faults_of() == [f"{BUS}COMMANDS_QUEUE is approvals, where Dataverse posts to; use two queues."]


@pytest.mark.parametrize(
    ("received_from", "where"),
    [
        ({"connection_string": SecretStr(KEYED.format("inside"))}, "inside"),
        ({"namespace": "inside.servicebus.windows.net"}, "inside"),
        (
            {
                "connection_string": SecretStr(KEYED.format("inside")),
                "approvals_connection_string": SecretStr(KEYED.format("ingress")),
            },
            "ingress",
        ),
        (
            {
                "namespace": "inside.servicebus.windows.net",
                "approvals_namespace": "ingress.servicebus.windows.net",
            },
            "ingress",
        ),
    ],
)
def test_dataverse_gets_no_key_of_a_namespace_that_nobody_receives_from(
    received_from: dict[str, str | SecretStr], where: str
) -> None:
    def settings(namespace: str) -> ServiceBusSettings:
        return ServiceBusSettings.model_validate(received_from | {"event_sender": KEYED.format(namespace)})

    assert event_queue(settings(where)).address == f"sb://{where}.servicebus.windows.net/"
    with pytest.raises(NotConfigured, match=f"events are received from {where}"):
        event_queue(settings("elsewhere"))


def test_dead_letters_are_looked_for_where_their_queue_is(by_identity: pytest.MonkeyPatch) -> None:
    seen: set[tuple[str, str]] = set()

    def box(access: Access, queue: str, wait: float) -> NoReturn:
        assert isinstance(access, Namespace)
        seen.add((queue, access.host.partition(".")[0]))
        raise Transient("bus-no-answer", "Nobody there.")

    by_identity.setattr(boxes, "DeadLetterQueue", box)
    by_identity.setattr(App, "check", lambda _: None)
    by_identity.setattr(DataverseClient, "who_am_i", lambda _: WhoAmI(uuid4(), uuid4()))
    for queue in ("approvals", "commands"):
        result = CliRunner().invoke(command_line, ["dead-letters", "list", "--queue", queue])
        assert isinstance(result.exception, Transient), result.output
    assert seen == {("approvals", "ingress"), ("commands", "inside")}


def test_what_reconcile_repairs_goes_to_the_namespace_of_approvals(by_identity: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str]] = []

    async def send(access: Access, queue: str, *_: object) -> None:
        assert isinstance(access, Namespace)
        sent.append((queue, access.host.partition(".")[0]))

    by_identity.setattr("connector.outbox.send", send)
    found: Any = SimpleNamespace(repairable=[1], moves={}, above=lambda *_: (), looks=list)
    app = compose(load())
    app.close()
    assert reconcile._repair(app, found, yes=False) == 1
    assert sent == [("approvals", "ingress")]


def test_check_looks_at_each_queue_where_it_is(by_identity: pytest.MonkeyPatch) -> None:
    seen: set[tuple[str, str]] = set()

    def see(access: Access, queue: str) -> None:
        assert isinstance(access, Namespace)
        seen.add((queue, access.host.partition(".")[0]))

    by_identity.setattr("connector.servicebus.probe", see)
    by_identity.setattr("connector.queue_settings.queue_settings", see)
    by_identity.setattr(looked_at, "_send", see)
    by_identity.setenv(f"{BUS}REPLIES_QUEUE", "replies")
    settings = load()
    list(looked_at.queues(sign_in(settings)[1], settings.servicebus, lambda _: ""))
    assert seen == {("approvals", "ingress"), ("commands", "inside"), ("replies", "inside")}
