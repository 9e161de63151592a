"""``invoice list`` and ``invoice show``: by whatever name, as a table and as JSON, and what differs from the record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from sandbox.world import Sandbox
from service.cli.main import app
from service.invoice_view import Asked, Status, listed
from service.invoices import NoSuchInvoice, invoice_named
from service.registration import register_command_table
from tests.flow.invoice_world import the_invoice, write_everything_of_scenario_35
from tests.flow.test_invoices import create
from tests.flow.world import World
from tests.service.processes import pointing_at

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """C1 with the invoice of scenario 35, made by the service; C2 with one that a colleague made."""
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        write_everything_of_scenario_35(world)
        world.command(create(world))
        milestone = world.company.milestones["Design accepted"]
        world.http("PATCH", f"msdyn_contractlinescheduleofvalues({milestone})", {"msdyn_invoicestatus": 192350001})
        contract = world.company.contracts["C2"]
        world.http("POST", f"salesorders({contract})/Microsoft.Dynamics.CRM.msdyn_NewInvoiceContract")
        yield world


@pytest.fixture(autouse=True)
def _settings(world: World, nothing_set: pytest.MonkeyPatch) -> None:
    token = world.sandbox.tokens["service"]
    for name, value in pointing_at(world.sandbox.dataverse, token, world.sandbox.servicebus).items():
        nothing_set.setenv(name, value)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["invoice", *arguments], env={"COLUMNS": "200"})


def data(*arguments: str) -> Any:
    result = invoke(*arguments, "--output", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_project_invoice_is_listed_with_its_contract_customer_and_link(world: World) -> None:
    by_contract = {one["contract"]["number"]: one for one in data("list")}
    ours, theirs = by_contract["ORD-C1"], by_contract["ORD-C2"]
    assert (ours["contract"]["number"], ours["total"], ours["tax"], ours["currency"], ours["status"]) == (
        "ORD-C1",
        "7450.00",
        "0.00",
        "USD",
        "draft",
    )
    assert ours["customer"] == "Adatum Corporation"
    assert ours["link"] == f"{world.sandbox.dataverse}/main.aspx?pagetype=entityrecord&etn=invoice&id={ours['id']}"
    assert (theirs["contract"]["number"], theirs["total"], theirs["currency"]) == ("ORD-C2", "5000.00", "EUR")


def test_the_list_can_be_narrowed_to_contracts_statuses_and_days(world: World) -> None:
    assert [one["contract"]["number"] for one in data("list", "ORD-C2")] == ["ORD-C2"]
    assert data("list", "--status", "confirmed") == []
    assert len(data("list", "--status", "confirmed", "--status", "draft")) == 2
    today = world.now().astimezone(NEW_YORK).date().isoformat()
    assert len(data("list", "--from", today, "--to", today)) == 2
    assert data("list", "--to", "2026-01-01") == []


def test_the_list_is_a_table_for_people() -> None:
    result = invoke("list")
    assert result.exit_code == 0
    assert "7,450.00 USD" in result.stdout
    assert "5,000.00 EUR" in result.stdout
    assert (
        invoke("list", "--status", "paid").stdout.splitlines()[-1] == "There is no invoice, or none that was asked for."
    )


def test_many_invoices_come_in_few_requests_a_page(world: World) -> None:
    asked: list[int] = []

    class Counting:
        tracking = world.client.tracking

        def query(self, questions: Any) -> Any:
            asked.append(len(questions))
            return world.client.query(questions)

        def scan(self, question: Any) -> Any:
            return world.client.scan(question)

    (page,) = listed(Counting(), Asked(), NEW_YORK)
    assert (len(page), len(asked)) == (2, 2)


def test_an_invoice_is_shown_with_lines_groups_and_what_each_detail_came_of(world: World) -> None:
    shown = data("show", the_invoice(world)["invoicenumber"])
    assert sorted((one["kind"], one["amount_before_tax"], len(one["details"])) for one in shown["lines"]) == [
        ("product", "300.00", 0),
        ("project", "2150.00", 3),
        ("project", "5000.00", 1),
    ]
    work = next(one for one in shown["lines"] if one["amount_before_tax"] == "2150.00")
    assert (work["non_chargeable"], work["complimentary"]) == ("400.00", "0.00")
    assert {one["comes_of"]["table"] for line in shown["lines"] for one in line["details"]} == {
        "msdyn_actual",
        "msdyn_contractlinescheduleofvalue",
    }
    assert {one["resource"] for one in work["details"]} == {"Ada"}
    created = shown["created_by_this_service"]
    assert (created["outcome"], created["expected_before_tax"], created["requested_by"]) == (
        "created",
        "7450.00",
        "clerk",
    )
    assert (shown["differences_now"], shown["warning"]) == ([], None)


def test_a_colleagues_invoice_is_shown_and_said_to_be_none_of_ours(world: World) -> None:
    (theirs,) = data("list", "ORD-C2")
    assert data("show", theirs["id"])["created_by_this_service"] is None
    assert "not created by this service" in invoke("show", theirs["id"]).stdout


def test_an_invoice_goes_by_id_number_name_and_address(world: World) -> None:
    header = the_invoice(world)
    id = UUID(header["invoiceid"])
    address = f"{world.sandbox.dataverse}/main.aspx?pagetype=entityrecord&etn=invoice&id={id}"
    older = f"{world.sandbox.dataverse}/main.aspx?appid=7#etn=invoice&id=%7b{id}%7d"
    for name in (str(id), header["invoicenumber"], header["invoicenumber"].lower(), header["name"], address, older):
        assert invoice_named(world.client, name).id == id


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("INV-NOBODY", "There is no invoice 'INV-NOBODY'"),
        (str(UUID(int=7)), "There is no invoice"),
        ("https://x/main.aspx?etn=account&id=7", "opens a row of account, and not an invoice."),
        ("https://x/main.aspx?etn=invoice", "is no address that opens an invoice."),
    ],
)
def test_a_name_that_leads_nowhere_is_said_to(name: str, said: str, world: World) -> None:
    with pytest.raises(NoSuchInvoice, match=said.replace(".", r"\.")):
        invoice_named(world.client, name)
    result = invoke("show", name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


def test_a_draft_that_people_edited_tells_both_sides_beside_what_was_recorded(world: World) -> None:
    header = the_invoice(world)
    (detail,) = world.http(
        "GET", "msdyn_invoicelinetransactions?$filter=msdyn_amount eq 1600 and msdyn_quantity eq 8"
    ).json()["value"]
    path = f"msdyn_invoicelinetransactions({detail['msdyn_invoicelinetransactionid']})"
    world.http("PATCH", path, {"msdyn_quantity": 6, "msdyn_amount": 1200})
    try:
        shown = data("show", header["invoiceid"])
        told = [(one["kind"], one["expected"], one["found"]) for one in shown["differences_now"]]
        assert ("differs", "8.00", "6.00") in told
        assert ("differs", "1,600.00", "1,200.00") in told
        assert shown["created_by_this_service"]["differences_then"] == []
        text = invoke("show", header["invoiceid"]).stdout
        assert "How it differs now from what was expected" in text
        assert "1,600.00" in text
    finally:
        world.http("PATCH", path, {"msdyn_quantity": 8, "msdyn_amount": 1600})


def test_every_status_is_a_status_of_invoices() -> None:
    assert [int(status.number) for status in Status] == [192350000, 192350001, 192350002, 192350003]
