"""``psa-connector entry explain``: by whatever name, as a table and as JSON, and it writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from sandbox.company.company import LoadedEntry
from sandbox.world import Sandbox
from service.cli.main import app
from service.entries import entry_named
from service.registration import register_command_table
from tests.flow.world import World
from tests.service.processes import pointing_at

NOBODY = UUID(int=7)
PAGE = Path(__file__).parents[2] / "docs" / "how-actuals-are-made.md"


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    """One sandbox for all tests here: they read, each of them another entry."""
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        approve_six_of_eight(world)
        yield world


@pytest.fixture
def world(running: World, nothing_set: pytest.MonkeyPatch) -> World:
    sandbox = running.sandbox
    for name, value in pointing_at(sandbox.dataverse, sandbox.token, sandbox.servicebus).items():
        nothing_set.setenv(name, value)
    return running


@pytest.fixture
def split(world: World) -> LoadedEntry:
    """Eight hours of Ada's, six of them billable; approved, and nothing written."""
    return world.time("P1", "Ada")


def approve_six_of_eight(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.release(entry, msdyn_salesquantity=6)
    world.approve(entry)


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["entry", "explain", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    result = explain(*arguments, "--output", "json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def counted(world: World) -> int:
    return len(world.http("GET", "msdyn_actuals?$select=msdyn_actualid").json()["value"])


def test_an_entry_goes_by_its_id_its_approvals_and_the_addresses_that_open_them(
    world: World, split: LoadedEntry
) -> None:
    by_id = told(str(split.id))
    url = world.sandbox.dataverse
    braces = f"%7B{str(split.id).upper()}%7D"
    for name in (
        str(split.id).upper(),
        str(split.approval),
        f"{url}/main.aspx?appid={NOBODY}&pagetype=entityrecord&etn=msdyn_timeentry&id={split.id}",
        f"{url}/main.aspx?etc=10161&id={braces}&pagetype=entityrecord",
        f"{url}/main.aspx?appid={NOBODY}#etn=msdyn_projectapproval&id={split.approval}",
        f"main.aspx?etn=msdyn_projectapproval&id={split.approval}",
        by_id["entry"]["link"],
        by_id["approvals"][0]["link"],
    ):
        assert told(name) == by_id, name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (str(NOBODY), "There is no time entry, expense or approval"),
        ("Ada on Tuesday", "is no id of an entry, and no address that opens one"),
        ("https://contoso.crm4.dynamics.com/main.aspx?etn=msdyn_timeentry", "no address that opens one"),
        (f"https://contoso.crm4.dynamics.com/main.aspx?etn=account&id={NOBODY}", "opens a row of account"),
    ],
)
def test_a_name_that_leads_nowhere_is_answered_with_one_sentence(world: World, name: str, said: str) -> None:
    result = explain(name)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not result.stdout


def test_an_address_of_another_environment_is_refused_though_a_copy_has_the_same_ids(
    world: World, split: LoadedEntry
) -> None:
    result = explain(f"https://contoso-test.crm4.dynamics.com/main.aspx?etn=msdyn_timeentry&id={split.id}")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "opens a row of contoso-test.crm4.dynamics.com, but the settings name 127.0.0.1" in result.stderr


def test_the_host_of_the_web_api_is_that_of_the_app(world: World, split: LoadedEntry) -> None:
    address = f"https://contoso.crm4.dynamics.com/main.aspx?etn=msdyn_timeentry&id={split.id}"
    for url in ("https://contoso.api.crm4.dynamics.com", "https://Contoso.crm4.dynamics.com"):
        assert entry_named(world.client, address, url).id == split.id


def test_an_approval_that_releases_nothing_is_said_to(world: World) -> None:
    approval = UUID(int=77, version=4)
    world.http("POST", "msdyn_projectapprovals", {"msdyn_projectapprovalid": str(approval), "msdyn_recordstage": 0})
    result = explain(str(approval))
    assert result.exit_code == 1
    assert "leads to neither a time entry nor an expense" in result.stderr


def test_json_names_things_and_gives_figures_reasons_and_columns(world: World, split: LoadedEntry) -> None:
    found = told(str(split.id))
    assert set(found) == {
        "entry",
        "approvals",
        "creator",
        "decisions",
        "unknown",
        "planned",
        "ledger",
        "differences",
    }
    assert [found["entry"][word] for word in ("class", "stage", "day", "time_zone", "quantity", "amount")] == [
        "time",
        "approved",
        split.day.isoformat(),
        "America/New_York",
        "8.00",
        None,
    ]
    assert [found["entry"][word]["name"] for word in ("project", "role", "resource")] == [
        "Adatum rollout",
        "Developer",
        "Ada",
    ]
    (approval,) = found["approvals"]
    assert (approval["id"], approval["stage"], approval["billable"], approval["currency"]) == (
        str(split.approval),
        "approved",
        "6",
        "USD",
    )
    assert found["creator"] == "service"
    assert [one["decision"] for one in found["decisions"]] == ["write", "nothing"]
    assert [(one["finding"], one["amount"], one["currency"]) for one in found["differences"]] == [
        ("missing", "-800.00", "USD"),
        ("missing", "-1200.00", "USD"),
        ("missing", "-400.00", "USD"),
    ]
    cost, billable, rest = found["planned"]
    assert [
        (one["type"], one["billing_type"], one["quantity"], one["price"], one["amount"], one["currency"])
        for one in (cost, billable, rest)
    ] == [
        ("cost", "chargeable", "8.00", "100.00", "800.00", "USD"),
        ("unbilled-sales", "chargeable", "6.00", "200.00", "1200.00", "USD"),
        ("unbilled-sales", "non-chargeable", "2.00", "200.00", "400.00", "USD"),
    ]
    assert {one["standing"] for one in found["planned"]} == {"to-be-written"}
    assert "The cost price 100.00 USD is that of the approval." in cost["because"]
    columns = billable["columns"]
    assert columns["msdyn_quantity"] == "6.00"
    assert columns["msdyn_transactiontypecode"] == 192350005
    assert columns["msdyn_documentdate"] == f"{split.day}T05:00:00Z"
    named = ("msdyn_salescontractlineid", "msdyn_pricelist", "msdyn_resourcecategory", "msdyn_project", "ownerid")
    assert [columns[column]["name"] for column in named] == [
        "C1 P1",
        "Adatum 2026",
        "Developer",
        "Adatum rollout",
        "Paula Approver",
    ]


def test_what_is_planned_is_then_there_with_the_same_ids_and_figures(world: World) -> None:
    entry = world.time("P1", "Ada", 1)
    world.approve(entry)
    before = counted(world)
    planned = told(str(entry.id))["planned"]
    assert counted(world) == before
    world.work_on(entry)
    found = told(str(entry.id))
    same = ("id", "type", "billing_type", "quantity", "price", "amount", "currency")
    assert sorted([one[word] for word in same] for one in planned) == sorted(
        [one[word] for word in same] for one in found["ledger"]
    )
    for one in planned:
        row = world.http("GET", f"msdyn_actuals({one['id']})").json()
        for column, value in one["columns"].items():
            is_lookup = isinstance(value, dict)
            stored = row[f"_{column}_value" if is_lookup else column]
            wanted = value["id"] if is_lookup else value
            assert str(stored) == str(wanted) or float(stored) == float(wanted), column
    assert {(one["whose"], one["created_by"], one["state"]) for one in found["ledger"]} == {
        ("service", "PSA Connector", "counts")
    }
    assert found["differences"] == []


def test_rows_of_somebody_else_are_told_with_who_wrote_them(world: World) -> None:
    entry = world.time("P1", "Ada", 2)
    world.approve(entry)
    world.write_foreign_cost(entry)
    found = told(str(entry.id))
    (row,) = found["ledger"]
    assert row["whose"] == "product"
    assert row["created_by"]
    assert [one["decision"] for one in found["decisions"]] == ["nothing"]
    assert "Handled elsewhere" in found["decisions"][0]["sentence"]
    assert [one["standing"] for one in found["planned"]] == ["counted-elsewhere", "not-written"]


def test_a_withdrawn_entry_shows_what_would_be_reversed(world: World) -> None:
    entry = world.time("P1", "Ada", 3)
    world.approve(entry)
    world.work_on(entry)
    world.cancel(entry)
    found = told(str(entry.id))
    assert found["planned"] == []
    assert [one["to_be_reversed"] for one in found["ledger"]] == [True, True]
    assert {one["finding"] for one in found["differences"]} == {"not-withdrawn"}
    shown = " ".join(explain(str(entry.id)).stdout.split())
    assert "The approval was withdrawn" in shown
    assert "to be reversed" in shown


def test_where_the_product_creates_actuals_nothing_is_to_be_written(
    world: World, nothing_set: pytest.MonkeyPatch
) -> None:
    entry = world.time("P1", "Ada", 4)
    world.approve(entry)
    nothing_set.setenv("PSA_CONNECTOR_ACTUALS__CREATOR", "product")
    nothing_set.setenv("PSA_CONNECTOR_ACTUALS__GRACE", "1")
    found = told(str(entry.id))
    assert found["creator"] == "product"
    assert [(one["decision"], one["code"]) for one in found["decisions"]] == [("refused", "actuals-missing")]
    assert {one["standing"] for one in found["planned"]} == {"not-written"}


def test_a_price_that_nobody_knows_is_told_instead_of_rows(world: World) -> None:
    entry = world.time("P1", "Ada", 5)
    world.release(entry, msdyn_salesprice=0)
    world.approve(entry)
    found = told(str(entry.id))
    assert found["unknown"]["code"] == "price-zero"
    assert found["planned"] == []
    assert found["decisions"][0]["code"] == "price-zero"
    assert "can't be known" in explain(str(entry.id)).stdout


def test_every_key_of_the_json_is_described(world: World) -> None:
    entry = world.time("P1", "Ada", 6)
    world.approve(entry)
    world.work_on(entry)
    found = told(str(entry.id))
    parts = [found, found["entry"], *found["approvals"], *found["decisions"], *found["planned"], *found["ledger"]]
    described = PAGE.read_text(encoding="utf-8").partition("## For programs")[2]
    for key in {key for part in parts for key in part}:
        assert f"`{key}`" in described, key
