"""``psa-connector register`` on a running sandbox: the sender's key is tried before anything is changed."""

from __future__ import annotations

import json
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient
from typer.testing import CliRunner

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query
from connector.errors import Conflict, ConnectorError, Misconfigured, Transient
from sandbox.world import Sandbox
from service.cli.main import app
from service.local_world import signed_in
from service.not_configured import NotConfigured
from service.registering.removal import Removed, remove
from service.registering.wanted import ENDPOINT, WATCHED
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


def posted(world: Sandbox) -> list[str]:
    """The tables of the events that one change of an entry brings."""
    with world.web.transaction() as uow:
        entry = uow.create("msdyn_timeentry", {"msdyn_entrystatus": 192350000})
    with world.web.transaction() as uow:
        uow.update("msdyn_timeentry", entry, {"msdyn_entrystatus": 192350003})
    with ServiceBusClient.from_connection_string(world.servicebus) as bus, bus.get_queue_receiver("approvals") as inbox:
        messages = inbox.receive_messages(max_message_count=5, max_wait_time=10)
        for message in messages:
            inbox.complete_message(message)
    return [json.loads(str(message))["PrimaryEntityName"] for message in messages]


def refusal() -> ConnectorError:
    result = CliRunner().invoke(app, ["register"])
    assert isinstance(result.exception, ConnectorError), result.output
    return result.exception


@pytest.mark.usefixtures("configured")
def test_the_sandboxs_own_key_registers_and_what_cannot_be_known_is_said() -> None:
    result = CliRunner().invoke(app, ["register", "--yes", "--output", "json"])
    assert result.exit_code == 0, result.output
    done = json.loads(result.stdout)
    assert [one["what"] for one in done][-5:] == ["table", "service endpoint", "step", "step", "step"]
    assert done[-1]["link"].endswith(f"etn=sdkmessageprocessingstep&id={done[-1]['id']}")
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
    was_there = endpoints(world)
    asked = CliRunner().invoke(app, ["register", "--no-check"])
    if was_there:
        assert asked.exit_code == 4
        assert "namespaceaddress: sb://127.0.0.1:" in asked.stderr
        assert "nobody can be asked here" in asked.stderr
        asked = CliRunner().invoke(app, ["register", "--no-check", "--yes"])
    assert asked.exit_code == 0, asked.output


@pytest.mark.usefixtures("configured")
def test_a_dry_run_shows_and_sends_nothing_and_at_a_terminal_one_is_asked(
    world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = endpoints(world)
    asked = ["--no-check", "--renew-key", "--solution", "Other"]
    shown = CliRunner().invoke(app, ["register", *asked, "--dry-run", "-o", "json"])
    rows = {(one["what"], one["name"]): one for one in json.loads(shown.stdout)}
    assert rows["solution", "Other"]["result"] == "missing"
    assert "nothing was changed" in shown.stderr
    assert endpoints(world) == before
    monkeypatch.setattr("service.cli.asking.is_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda question, **_: question.startswith("Never"))
    refused = CliRunner().invoke(app, ["register", *asked])
    assert refused.exit_code == 4
    assert "solution Other: missing" in refused.stderr
    assert refused.stderr.endswith("Nothing was changed.\n")


@pytest.mark.usefixtures("configured")
def test_a_step_that_is_off_is_work_left_over_until_it_is_switched_on(world: Sandbox) -> None:
    run = CliRunner()
    assert run.invoke(app, ["register", "--yes", "--no-check"]).exit_code == 0
    step = f"sdkmessageprocessingsteps({WATCHED[1].id})"
    with signed_in(world, "administrator") as client:
        client.send("PATCH", step, {"statecode": 1, "statuscode": 2})
        off = run.invoke(app, ["register", "--no-check"])
        assert off.exit_code == 4
        assert "--switch-on" in off.stderr
        tried = run.invoke(app, ["register", "--no-check", "--dry-run"])
        assert (tried.exit_code, "--switch-on" in tried.stderr) == (4, True)
        client.send("DELETE", f"sdkmessageprocessingsteps({WATCHED[0].id})")
        client.send("PATCH", f"sdkmessageprocessingsteps({WATCHED[2].id})", {"rank": 7})
        client.send("PATCH", f"serviceendpoints({ENDPOINT})", {"messageformat": 1})
        bound = run.invoke(app, ["register", "--no-check", "--bind"])
        assert bound.exit_code == 4
        assert "The endpoint was bound already" in bound.stderr
        assert "The endpoint differs (messageformat: 1 -> 2): `psa-connector register` mends it." in bound.stderr
        assert f"The step on {WATCHED[0].table} is missing" in bound.stderr
        assert f"The step on {WATCHED[1].table} is switched off" in bound.stderr
        assert f"The step on {WATCHED[2].table} differs (rank: 7 -> 1)" in bound.stderr
        client.send("PATCH", step, {"rank": 7})
        missing = json.loads(run.invoke(app, ["register", "--no-check", "--dry-run", "-o", "json"]).stdout)[-3]
        assert (missing["result"], missing["id"], missing["link"]) == ("missing", None, None), "no row to open yet"
        mended = json.loads(run.invoke(app, ["register", "--no-check", "--yes", "-o", "json"]).stdout)
        assert [one["result"] for one in mended[-3:]] == ["made", "changed, but switched off", "changed"]
        assert run.invoke(app, ["register", "--no-check", "--switch-on"]).exit_code == 0
        answer = client.send("GET", f"{step}?$select=statecode").json
    assert isinstance(answer, dict)
    assert answer["statecode"] == 0


@pytest.mark.usefixtures("configured")
def test_a_package_is_bound_elsewhere_and_everything_is_taken_back(world: Sandbox, tmp_path: Path) -> None:
    run, file = CliRunner(), tmp_path / "psac.zip"
    assert run.invoke(app, ["register", "--yes", "--no-check"]).exit_code == 0
    packed = run.invoke(app, ["register", "--package", str(file), "--managed", "-o", "json"])
    assert packed.exit_code == 0, packed.output
    facts = json.loads(packed.stdout)
    assert (facts["managed"], facts["components"], facts["secrets_removed"]) == (True, 5, 0)
    with zipfile.ZipFile(file) as inside:
        key = world.servicebus.partition("SharedAccessKey=")[2].partition(";")[0]
        assert not any(key.encode() in inside.read(name) for name in inside.namelist())
    assert "--yes replaces it" in run.invoke(app, ["register", "--package", str(file)]).stderr
    with signed_in(world, "administrator") as client:
        # What an import leaves: where the other environment posts to, and no key.
        client.send("PATCH", f"serviceendpoints({ENDPOINT})", {"path": "of-another", "saskey": None})
    bound = run.invoke(app, ["register", "--no-check", "--bind", "--yes", "-o", "json"])
    (line,) = json.loads(bound.stdout)
    assert [one["what"] for one in line["differences"]] == ["path", "key"]
    assert posted(world) == ["msdyn_timeentry"], "with the key and the address of here, events arrive here"
    assert [one["result"] for one in json.loads(run.invoke(app, ["register", "--no-check", "-o", "json"]).stdout)] == [
        "already there"
    ] * 6
    assert "nobody can be asked here" in run.invoke(app, ["unregister"]).stderr
    gone = run.invoke(app, ["unregister", "--with-table", "--yes", "-o", "json"])
    assert gone.exit_code == 0, gone.output
    assert [one["what"] for one in json.loads(gone.stdout)] == ["step", "step", "step", "service endpoint", "table"]
    again = run.invoke(app, ["unregister", "--with-table", "--yes", "-o", "json"])
    assert (again.exit_code, json.loads(again.stdout)) == (0, [])
    missing = run.invoke(app, ["register", "--no-check", "--bind"]).exception
    assert isinstance(missing, NotConfigured)
    assert "import the solution file first" in missing.faults[0]
    incomplete = run.invoke(app, ["register", "--package", str(file), "--yes"]).exception
    assert isinstance(incomplete, Misconfigured)
    assert incomplete.code == "incomplete-solution"


@pytest.mark.usefixtures("configured")
def test_the_command_table_stays_while_an_invoice_is_in_doubt(world: Sandbox) -> None:
    run, row = CliRunner(), "0b6a3e0e-0000-4000-8000-00000000d0b7"
    assert run.invoke(app, ["register", "--yes", "--no-check"]).exit_code == 0
    with signed_in(world, "administrator") as client:
        doubt = {"psac_name": "Invoice ORD-1", "psac_kind": "attempt", "psac_state": "in-doubt", "psac_subject": "c"}
        client.send("PATCH", f"psac_commands({row})", doubt)
        kept = run.invoke(app, ["unregister", "--with-table", "--yes"])
        client.send("DELETE", f"psac_commands({row})")
    assert kept.exit_code == 4
    assert "Invoice ORD-1 for c is in-doubt" in kept.stderr
    assert f"etn=psac_command&id={row}" in kept.stderr
    assert "holds 1 rows" in kept.stderr
    assert endpoints(world) == 1


@pytest.mark.usefixtures("configured")
def test_an_invoice_that_comes_to_be_in_doubt_while_one_is_asked_keeps_the_table(
    world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, row = CliRunner(), "0b6a3e0e-0000-4000-8000-00000000d0b8"
    assert run.invoke(app, ["register", "--yes", "--no-check"]).exit_code == 0
    with signed_in(world, "administrator") as client:

        def meanwhile(*_: object, **__: object) -> None:
            client.send("PATCH", f"psac_commands({row})", {"psac_name": "Invoice", "psac_state": "calling"})

        monkeypatch.setattr("service.cli.asking.agreed", meanwhile)
        kept = run.invoke(app, ["unregister", "--with-table"])
        client.send("DELETE", f"psac_commands({row})")
    assert isinstance(kept.exception, Conflict)
    assert "The table psac_command is kept" in kept.exception.sentence
    assert endpoints(world) == 1, "nothing else went before that was known"


@pytest.mark.usefixtures("configured")
def test_what_is_gone_when_it_breaks_off_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    run, asked = CliRunner(), list[str]()
    assert run.invoke(app, ["register", "--yes", "--no-check"]).exit_code == 0

    def breaks(client: DataverseClient, one: Removed) -> None:
        if asked:
            raise Transient("unreachable", "Dataverse can't be reached.")
        asked.append(one.path)
        remove(client, one)

    with monkeypatch.context() as patched:
        patched.setattr("service.registering.removal.remove", breaks)
        broken = run.invoke(app, ["unregister", "--yes", "-o", "json"])
    assert isinstance(broken.exception, Transient)
    assert [one["result"] for one in json.loads(broken.stdout)] == ["removed", *["still there"] * 3]
    assert "1 of 4 are removed" in broken.stderr
    assert "`psa-connector register` makes them again" in broken.stderr
    assert run.invoke(app, ["register", "--yes", "--no-check"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--package", "x.zip", "--bind"], "--package only writes a file"),
        (["--managed"], "--managed says how --package writes its file"),
        (["--bind", "--switch-on"], "--bind sets address and key only"),
        (["--solution", "my solution"], "is no unique name of a solution"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, ["register", *arguments])
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())
