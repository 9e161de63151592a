"""``backlog list`` on a sandbox: every filter, order and form, and some thousand rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from connector.dataverse.changes import ChangeSet, Committed, Create, Reference, Value
from connector.dataverse.query import Query
from sandbox.company import company
from sandbox.world import Sandbox
from service.cli.main import app as command_line
from service.local_world import register_in, signed_in
from tests.service.processes import pointing_at

MANY = 2_400
UNBILLED, CHARGEABLE, FIXED_PRICE = 192350005, 192350001, 192350001
FIRST = UUID(int=0x1000)
"""The actuals stand on contract C1, numbered from here, each a cent dearer than the one before."""


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    """Some thousand unbilled sales on C1; on C2 one that is between units, one without customer, one in the future."""
    with Sandbox() as world:
        register_in(world)
        with signed_in(world, "administrator") as client:
            people, roles, customers = client.query(
                [Query(table, ("name",)) for table in ("bookableresource", "bookableresourcecategory", "account")]
            )
        ada, ben = (next(one.row for one in people if one["name"] == name) for name in ("Ada", "Ben"))
        role = next(one.row for one in roles if one["name"] == "Developer")
        base: dict[str, Value] = {
            "msdyn_transactiontypecode": UNBILLED,
            "msdyn_transactionclassification": 192350000,
            "msdyn_billingtype": CHARGEABLE,
            "msdyn_salescontract": Reference("salesorder", company().contracts["C1"]),
            "msdyn_project": Reference("msdyn_project", company().projects["P1"]),
            "msdyn_accountcustomer": next(one.row for one in customers if one["name"]),
            "msdyn_startdatetime": datetime(2026, 2, 2, 12, tzinfo=UTC),
        }
        odd: dict[str, Value] = {
            "msdyn_salescontract": Reference("salesorder", company().contracts["C2"]),
            "msdyn_amount": Decimal(1),
        }
        rows: list[dict[str, Value]] = [
            base
            | {
                "msdyn_bookableresource": ada if number % 2 else ben,
                "msdyn_resourcecategory": role,
                "msdyn_amount": Decimal(number + 1) / 100,
                "msdyn_billingstatus": 192350004 if number < 10 else None,
            }
            for number in range(MANY)
        ] + [
            base | odd | {"msdyn_description": "Between units", "msdyn_transactiontypecode": 192350008},
            base | odd | {"msdyn_description": "=Without customer", "msdyn_accountcustomer": None},
            base | odd | {"msdyn_description": "Later", "msdyn_startdatetime": datetime(2999, 1, 1, tzinfo=UTC)},
            base | odd | {"msdyn_description": "Free", "msdyn_billingtype": 192350000},
            base | odd | {"msdyn_description": "Posted", "msdyn_billingstatus": 192350002},
        ]
        actuals = [
            ChangeSet((Create(Reference("msdyn_actual", UUID(int=FIRST.int + number)), row),))
            for number, row in enumerate(rows)
        ]
        odd_line: dict[str, Value] = {
            "salesorderid": Reference("salesorder", company().contracts["C1"]),
            "salesorderdetailname": "Without milestones",
            "productdescription": "Without milestones",
            "isproductoverridden": True,
            "producttypecode": 5,
            "msdyn_billingmethod": FIXED_PRICE,
            "quantity": Decimal(1),
            "priceperunit": Decimal(700),
            "extendedamount": Decimal(700),
        }
        with signed_in(world, "administrator") as client:
            done = client.commit(actuals)
            done += client.commit([ChangeSet((Create(Reference("salesorderdetail", UUID(int=9)), odd_line),))])
        assert all(isinstance(one, Committed) for one in done), done[-1]
        yield world


@pytest.fixture
def configured(world: Sandbox, nothing_set: pytest.MonkeyPatch) -> CliRunner:
    for name, value in pointing_at(world.dataverse, world.token, world.servicebus).items():
        nothing_set.setenv(name, value)
    return CliRunner()


def run(runner: CliRunner, *arguments: str) -> Result:
    result = runner.invoke(command_line, ["backlog", "list", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def listed(runner: CliRunner, *arguments: str) -> list[dict[str, Any]]:
    result = run(runner, "time-and-material", *arguments, "--output", "json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_some_thousand_rows_are_listed_in_the_order_asked_for_and_add_up(configured: CliRunner) -> None:
    lines = listed(configured, "--contract", "ORD-C1", "--sort", "amount:desc")
    assert [Decimal(line["amount"]) for line in lines] == [Decimal(cents) / 100 for cents in range(MANY, 0, -1)]
    result = run(configured, "time-and-material", "--contract", "ORD-C1", "--summary", "--output", "json")
    summary = json.loads(result.stdout)
    (total,) = summary["contracts"]
    assert (total["contract"]["number"], total["rows"], total["ready"], total["held"]) == ("ORD-C1", MANY, 10, 0)
    assert (total["billable"], total["ready_billable"]) == (f"{MANY * (MANY + 1) / 200:.2f}", "0.55")
    assert sum(Decimal(sum_) for sum_ in total["ages"].values()) == Decimal(total["billable"])
    assert summary["currencies"][0]["billable"] == total["billable"]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("--resource", "ada"), MANY // 2),
        (("--resource", "Ada", "--resource", "Ben"), MANY),
        (("--role", "Developer", "--at-least", "23.99"), 2),
        (("--at-most", "0.03", "--contract", "ORD-C1"), 3),
        (("--status", "ready"), 10),
        (("--status", "ready", "--status", "posted"), 11),
        (("--project", "Adatum rollout", "--class", "expense"), 0),
        (("--project", "Adatum rollout", "--class", "time", "--from", "2027-01-01"), 1),
        (("--to", "2026-02-01"), 0),
        (("--from", "2026-02-02", "--to", "2026-02-02", "--contract", "ORD-C2"), 2),
    ],
)
def test_filters_are_answered_by_name(configured: CliRunner, arguments: tuple[str, ...], count: int) -> None:
    assert len(listed(configured, *arguments)) == count


def test_each_row_says_whether_it_may_be_marked_why_not_and_what_is_worth_knowing(configured: CliRunner) -> None:
    lines = {line["what"].split(":")[0]: line for line in listed(configured, "--contract", "ORD-C2")}
    assert set(lines) == {"=Without customer", "Later", "Free"}, "what is between units is in no backlog"
    assert not lines["=Without customer"]["may_mark"]
    assert "no customer" in lines["=Without customer"]["why_not"]
    assert (lines["Later"]["may_mark"], len(lines["Later"]["notes"])) == (True, 1)
    assert "2998-12-31" in lines["Later"]["notes"][0], "midnight in Greenwich is the day before in New York"
    assert (lines["Free"]["amount"], lines["Free"]["billable"]) == ("1.00", "0.00")
    assert "not chargeable" in lines["Free"]["notes"][0]


def test_csv_has_a_row_for_each_and_no_formula(configured: CliRunner) -> None:
    result = run(configured, "time-and-material", "--contract", "ORD-C2", "--output", "csv", "--sort", "date")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["what"].split(":")[0] for row in rows} == {"'=Without customer", "Later", "Free"}
    assert {row["project"] for row in rows} == {"Adatum rollout"}
    assert [row["dated"] for row in rows] == ["2026-02-02", "2026-02-02", "2998-12-31"]
    totals = run(configured, "time-and-material", "--contract", "ORD-C2", "--output", "csv", "--summary")
    (total,) = csv.DictReader(io.StringIO(totals.stdout))
    assert (total["rows"], total["held"], total["billable"], total["age_future"]) == ("3", "1", "2.00", "1.00")


def test_the_table_ends_with_totals_ages_and_the_fixed_price_lines_to_look_at(configured: CliRunner) -> None:
    result = run(configured, "--contract", "ORD-C1", "--at-least", "23.99")
    assert result.exit_code == 2, "product lines have no amount before tax to filter by"
    result = run(configured, "milestones", "--contract", "ORD-C1", "--contract", "ORD-C2")
    assert result.exit_code == 0
    for words in ("Milestones", "Totals", "Ages", "Fixed-price lines that need a look", "Without milestones"):
        assert words in result.stdout
    assert "It has no milestones" in result.stdout.replace("\n", " ")
    beside = run(configured, "milestones", "--output", "json")
    assert "Fixed-price lines that need a look: 1." in beside.stderr
    summary = json.loads(run(configured, "milestones", "--output", "json", "--summary").stdout)
    (odd,) = summary["fixed_price_lines"]
    assert (odd["name"], odd["value"], odd["milestones"], odd["sum"]) == ("Without milestones", "700.00", 0, "0.00")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("milestones", "--role", "Developer"), 2, "can't be filtered by roles"),
        (("products", "--sort", "amount"), 2, "can't be sorted by amount"),
        (("milestones", "--status", "canceled"), 2, "never canceled"),
        (("milestones", "--from", "2026-02-30"), 2, "no day"),
        (("milestones", "--at-least", "many"), 2, "no amount"),
        (("milestones", "--at-least", "2", "--at-most", "1"), 2, "more than amount_to"),
        (("time-and-material", "--resource", "Nobody", "--resource", "Eve"), 1, "There is no resource 'Eve'"),
        (("time-and-material", "--customer", "Nobody"), 1, "There is no customer 'Nobody'"),
    ],
)
def test_what_can_not_be_asked_is_said(
    configured: CliRunner, arguments: tuple[str, ...], exit_code: int, words: str
) -> None:
    result = run(configured, *arguments)
    said = " ".join(result.output.replace("│", " ").split())
    assert (result.exit_code, words in said) == (exit_code, True), said
