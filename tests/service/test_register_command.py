"""``psa-connector register`` on a running sandbox: the sender's key is tried before anything is changed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from connector.dataverse.query import Query
from connector.errors import ConnectorError, Misconfigured, Transient
from sandbox.world import Sandbox
from service.cli.main import app
from service.local_world import signed_in
from tests.service.processes import pointing_at

SENDER = "PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER"


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        yield world


@pytest.fixture
def configured(world: Sandbox, nothing_set: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    administrator = world.tokens["administrator"]
    for name, value in pointing_at(world.dataverse, administrator, world.servicebus).items():
        nothing_set.setenv(name, value)
    nothing_set.setenv(SENDER, world.servicebus)
    return nothing_set


def endpoints(world: Sandbox) -> int:
    with signed_in(world, "administrator") as client:
        return len(client.query([Query("serviceendpoint", ())])[0])


def refusal() -> ConnectorError:
    result = CliRunner().invoke(app, ["register"])
    assert isinstance(result.exception, ConnectorError), result.output
    return result.exception


@pytest.mark.usefixtures("configured")
def test_the_sandboxs_own_key_registers_and_what_cannot_be_known_is_said() -> None:
    result = CliRunner().invoke(app, ["register", "--output", "json"])
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)) == 5
    assert "may do more than send can't be seen from here" in result.stderr


def test_a_wrong_key_is_refused_before_anything_is_changed(world: Sandbox, configured: pytest.MonkeyPatch) -> None:
    before = endpoints(world)
    head, _, _ = world.servicebus.partition("SharedAccessKey=")
    configured.setenv(SENDER, f"{head}SharedAccessKey=wrong;UseDevelopmentEmulator=true")
    refused = refusal()
    assert isinstance(refused, Misconfigured)
    assert refused.sentence.startswith(f"{SENDER} does not lead to the queue: Service Bus refused the sign-in")
    assert "wrong;" not in refused.sentence
    assert endpoints(world) == before


def test_an_address_where_nobody_listens_is_said_unless_nobody_asks(
    world: Sandbox, configured: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    address = f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=k;SharedAccessKey=k;UseDevelopmentEmulator=true"
    configured.setenv(SENDER, address)
    refused = refusal()
    assert isinstance(refused, Transient)
    assert "could not be reached" in refused.sentence
    assert "--no-check" in refused.sentence
    assert CliRunner().invoke(app, ["register", "--no-check"]).exit_code == 0
