"""The list, the dry run and the marking look at the same rows, those that name their contract in odd ways included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from connector.dataverse.changes import ChangeSet, Committed, Create, Reference, Value
from connector.dataverse.query import Query, equals
from sandbox.company import company
from sandbox.world import Sandbox
from service.cli.main import app as command_line
from service.local_world import register_in, signed_in
from tests.service.processes import pointing_at

CONTRACT, LINE = company().contracts["C2"], company().contract_lines["P2"]
BY_LINE_ONLY, IN_PROCESS, ADJUSTED = UUID(int=1), UUID(int=2), UUID(int=3)
UNBILLED_SALES, CHARGEABLE, IS_IN_PROCESS, IS_ADJUSTED = 192350005, 192350001, 192350000, 192350001


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    """A milestone that names only its contract line, and two actuals that somebody is correcting or has corrected."""
    with Sandbox() as world:
        register_in(world)
        milestone: dict[str, Value] = {
            "msdyn_name": "By its line",
            "msdyn_contractlineid": Reference("salesorderdetail", LINE),
            "msdyn_invoicestatus": 192350000,
            "msdyn_amount": Decimal("250.00"),
        }
        actual: dict[str, Value] = {
            "msdyn_description": "Being corrected",
            "msdyn_transactiontypecode": UNBILLED_SALES,
            "msdyn_billingtype": CHARGEABLE,
            "msdyn_salescontract": Reference("salesorder", CONTRACT),
            "msdyn_accountcustomer": customer(world),
            "msdyn_startdatetime": datetime(2026, 2, 2, 12, tzinfo=UTC),
            "msdyn_amount": Decimal("80.00"),
        }
        with signed_in(world, "administrator") as client:
            done = client.commit(
                [
                    ChangeSet((Create(Reference(table, id), values),))
                    for table, id, values in (
                        ("msdyn_contractlinescheduleofvalue", BY_LINE_ONLY, milestone),
                        ("msdyn_actual", IN_PROCESS, actual | {"msdyn_adjustmentstatus": IS_IN_PROCESS}),
                        ("msdyn_actual", ADJUSTED, actual | {"msdyn_adjustmentstatus": IS_ADJUSTED}),
                    )
                ]
            )
        assert all(isinstance(one, Committed) for one in done), done
        yield world


def customer(world: Sandbox) -> Reference:
    with signed_in(world, "administrator") as client:
        ((contract,),) = client.query([Query("salesorder", ("customerid",), equals("salesorderid", CONTRACT))])
    found = contract["customerid"]
    assert isinstance(found, Reference)
    return found


@pytest.fixture
def configured(world: Sandbox, nothing_set: pytest.MonkeyPatch) -> CliRunner:
    for name, value in pointing_at(world.dataverse, world.token, world.servicebus).items():
        nothing_set.setenv(name, value)
    return CliRunner()


@pytest.mark.parametrize(("backlog", "odd"), [("milestones", BY_LINE_ONLY), ("time-and-material", IN_PROCESS)])
def test_what_is_listed_as_open_is_what_the_dry_run_shows_and_what_is_marked(
    backlog: str, odd: UUID, configured: CliRunner
) -> None:
    def run(*arguments: str) -> Any:
        result = configured.invoke(command_line, [*arguments, "--contract", "ORD-C2", "--output", "json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def ids(lines: Any) -> set[str]:
        return {line["id"] for line in lines}

    listed = run("backlog", "list", backlog)
    assert str(odd) in ids(listed)
    assert str(ADJUSTED) not in ids(listed)
    assert {(line["status"], line["contract"]["number"]) for line in listed} == {("open", "ORD-C2")}
    previewed = run("backlog", "ready", backlog, "--dry-run")
    assert (previewed["would_mark"], previewed["would_refuse"]) == (listed, {})
    (marked,) = run("backlog", "ready", backlog)
    assert (set(marked["marked"]), marked["refused"]) == (ids(listed), {})
    again = run("backlog", "list", backlog)
    assert ids(again) == ids(listed)
    assert {line["status"] for line in again} == {"ready"}


def test_a_time_row_says_whose_work_it_is(world: Sandbox, configured: CliRunner) -> None:
    work: dict[str, Value] = {
        "msdyn_transactiontypecode": UNBILLED_SALES,
        "msdyn_billingtype": CHARGEABLE,
        "msdyn_salescontract": Reference("salesorder", company().contracts["C1"]),
        "msdyn_accountcustomer": customer(world),
        "msdyn_startdatetime": datetime(2026, 2, 3, 12, tzinfo=UTC),
        "msdyn_amount": Decimal("80.00"),
        "msdyn_project": Reference("msdyn_project", company().projects["P1"]),
    }
    with signed_in(world, "administrator") as client:
        people, roles = client.query(
            [Query("bookableresource", ("name",)), Query("bookableresourcecategory", ("name",))]
        )
        ada = next(one.row for one in people if one["name"] == "Ada")
        developer = next(one.row for one in roles if one["name"] == "Developer")
        work |= {"msdyn_bookableresource": ada, "msdyn_resourcecategory": developer}
        create = Create(Reference("msdyn_actual", UUID(int=4)), work)
        (done,) = client.commit([ChangeSet((create,))])
    assert isinstance(done, Committed), done
    result = configured.invoke(
        command_line, ["backlog", "list", "time-and-material", "--contract", "ORD-C1", "--output", "json"]
    )
    (line,) = json.loads(result.stdout)
    assert (line["what"], line["dated"]) == ("Ada, Developer, Adatum rollout", "2026-02-03")
