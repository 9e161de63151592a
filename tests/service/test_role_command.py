"""``psa-connector role`` on a running sandbox: each role is made, given, and enough for what it is made for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sandbox.dataverse.security.privileges import ADMINISTRATOR, assign
from sandbox.dataverse.seed import USERS
from sandbox.world import Sandbox
from service.cli.main import app
from service.local_world import register_in, signed_in
from service.not_configured import NotConfigured
from service.roles.definition import NAMES, shipped
from tests.service.processes import pointing_at


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        register_in(world)
        yield world


@pytest.fixture
def as_administrator(world: Sandbox, nothing_set: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name, value in pointing_at(world.dataverse, world.tokens["administrator"], world.servicebus).items():
        nothing_set.setenv(name, value)
    nothing_set.setenv("PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER", world.servicebus)
    yield nothing_set
    with world.web.organisation.transaction(USERS["administrator"]) as uow:
        for user in ("service", "clerk"):
            assign(uow, USERS[user], ADMINISTRATOR)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def only_this_role(world: Sandbox, user: str) -> None:
    """Take what makes the user an administrator, and leave the role it was given."""
    with world.web.organisation.transaction(USERS["administrator"]) as uow:
        for row in uow.find("systemuserroles", systemuserid=USERS[user], roleid=ADMINISTRATOR):
            key = row["systemuserroleid"]
            uow.delete("systemuserroles", key)  # type: ignore[arg-type]


def test_the_service_finds_nothing_missing_with_its_role_and_no_other(
    world: Sandbox, as_administrator: pytest.MonkeyPatch
) -> None:
    first = told(run("role", "apply", "runtime", "--to", "PSA Connector", "-o", "json"))
    assert (first["result"], first["lacking"], first["to"]["had_it"]) == ("made", [], False)
    again = told(run("role", "apply", "runtime", "--to", str(USERS["service"]), "-o", "json"))
    assert (again["result"], again["given"], again["to"]["had_it"]) == ("already there", [], True)
    only_this_role(world, "service")
    as_administrator.setenv("PSA_CONNECTOR_DATAVERSE__TOKEN", world.tokens["service"])
    findings = json.loads(run("check", "-o", "json").stdout)["findings"]
    said = {one["area"]: one["verdict"] for one in findings if one["area"] in ("privileges", "registration")}
    assert said == {"privileges": "ok", "registration": "ok"}
    assert told(run("role", "show", "runtime", "--missing", "-o", "json"))["missing"] == []
    lacked = run("role", "show", "registrar", "--missing", "-o", "json")
    assert lacked.exit_code == 4, "whoever lacks a role may ask what is lacked of it"
    assert "prvReadSolution" in {one["privilege"] for one in json.loads(lacked.stdout)["missing"]}
    assert any("Roles: PSA Connector runtime" in one["sentence"] for one in findings)


def test_whoever_has_the_registrars_role_registers_packs_makes_roles_and_takes_it_back(
    world: Sandbox, as_administrator: pytest.MonkeyPatch
) -> None:
    given = run("role", "apply", "registrar", "--to", "clerk@sandbox.example")
    assert given.exit_code == 0, given.output
    assert "has it now" in " ".join(given.stdout.split())
    only_this_role(world, "clerk")
    as_administrator.setenv("PSA_CONNECTOR_DATAVERSE__TOKEN", world.tokens["clerk"])
    assert run("role", "show", "registrar", "--missing").exit_code == 0
    for command in (
        ["unregister", "--with-table", "--yes"],
        ["register", "--no-check", "--yes"],
        ["register", "--no-check", "--renew-key"],
        ["role", "apply", "operator", "--to", str(USERS["approver"])],
        ["register", "--package", "psac.zip"],
    ):
        result = run(*command)
        assert result.exit_code == 0, (command, result.output, str(result.exception))
    with signed_in(world, "administrator") as client:
        answer = client.send("GET", f"systemusers({USERS['approver']})/systemuserroles_association?$select=name").json
    assert isinstance(answer, dict)
    assert "PSA Connector operator" in {row["name"] for row in answer["value"]}


@pytest.mark.usefixtures("as_administrator")
def test_a_dry_run_makes_no_role_and_what_is_not_clear_is_refused(world: Sandbox) -> None:
    shown = told(run("role", "apply", "operator", "--solution", "None", "--dry-run", "-o", "json"))
    assert (shown["given"], shown["link"] is None) == ([], shown["result"] == "missing")
    assert shown["solution"] is None
    unknown = run("role", "apply", "operator", "--to", "Nobody").exception
    assert isinstance(unknown, NotConfigured)
    assert "means nobody" in unknown.faults[0]
    assert "There are" not in unknown.faults[0]
    near = run("role", "apply", "operator", "--to", "Arne Aprover").exception
    assert f"There are: Arne Approver ({USERS['approver']})." in str(near), "a name that is misspelt"
    assert run("role", "show", "--missing").exit_code == 2
    with world.web.organisation.transaction(USERS["administrator"]) as uow:
        uow.update("systemuser", USERS["approver"], {"isdisabled": True})
    try:
        disabled = run("role", "apply", "operator", "--to", "Arne Approver").exception
    finally:
        with world.web.organisation.transaction(USERS["administrator"]) as uow:
            uow.update("systemuser", USERS["approver"], {"isdisabled": False})
    assert isinstance(disabled, NotConfigured)
    assert "is disabled" in disabled.faults[0]


@pytest.mark.usefixtures("nothing_set")
def test_the_definitions_are_shown_without_an_environment() -> None:
    assert [one["role"] for one in told(run("role", "show", "-o", "json"))] == list(NAMES)
    for name in NAMES:
        shown = told(run("role", "show", name, "-o", "json"))
        assert {one["table"] for one in shown["tables"]} == {one.table for one in shipped(name).tables}
        assert all(one["why"] for one in (*shown["tables"], *shown["privileges"]))
    assert "the ledger" in run("role", "show", "runtime").stdout


@pytest.mark.usefixtures("as_administrator")
def test_what_the_environment_does_not_have_is_lacking_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.roles.standing.privileges_of", lambda *_, **__: ([], ["psac_command"]))
    lacking = run("role", "show", "runtime", "--missing")
    assert lacking.exit_code == 4
    assert "Nothing is lacking" not in lacking.stdout
    assert "`psa-connector register` makes psac_command; then run `psa-connector role apply` again" in lacking.stderr
