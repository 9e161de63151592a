"""What stands on an invoice, and that what was expected is what was made: scenarios by number, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from connector.dataverse.changes import ChangeSet, Committed, Create, Reference
from connector.errors import ConnectorError
from connector.settlement import Complete
from handlers.invoice_contents import read
from mappings.backlog import Backlog
from mappings.invoice import MANY_DETAILS
from mappings.messages import CreateInvoices
from sandbox.company.company import LoadedEntry
from sandbox.dataverse.product.switches import Released
from tests.flow.barriers import BeforeCommit
from tests.flow.test_invoices import bill_one_entry, create, mark_ready
from tests.flow.world import World

NON_CHARGEABLE, CHARGEABLE = 192350000, 192350001
READY, CREATED = 192350004, 192350001
FENCE = 2
"""The first commit gives the contract its lease; the second is the fenced action."""


def write_everything_of_scenario_35(world: World) -> None:
    """8 h 1,600 Ch, 2 h 400 Non-ch, an airfare of 500 and 10 % on C1's line; a product, and a line with a milestone."""
    eight, two = world.time("P1", "Ada"), entry(world, "P1/Ada 2 h/2026-01-05")
    flight = entry(world, "P1/Airfare/2026-01-05")
    world.release(two, msdyn_billingtype=NON_CHARGEABLE)
    world.approve(eight, two, flight)
    world.work_on(eight, two, flight)
    add_product(world, "Support pack", quantity=3, price=100)
    line = add_fixed_price_line(world, "Migration")
    add_milestone(world, line, "Design accepted", 5000)
    for backlog in Backlog:
        world.command(mark_ready(world, backlog))


def entry(world: World, key: str) -> LoadedEntry:
    return world.company.entries[key]


def add_product(world: World, name: str, quantity: int, price: int, contract: str = "C1") -> None:
    add_line(
        world,
        contract,
        salesorderdetailname=name,
        productdescription=name,
        producttypecode=1,
        isproductoverridden=True,
        ispriceoverridden=True,
        quantity=quantity,
        priceperunit=price,
        extendedamount=quantity * price,
    )


def add_fixed_price_line(world: World, name: str, contract: str = "C1") -> UUID:
    return add_line(
        world,
        contract,
        salesorderdetailname=name,
        productdescription=name,
        producttypecode=5,
        msdyn_linetype=690970000,
        msdyn_billingmethod=192350001,
        isproductoverridden=True,
        quantity=1,
    )


def add_line(world: World, contract: str, **columns: object) -> UUID:
    id = uuid4()
    order = {"salesorderid@odata.bind": f"/salesorders({world.company.contracts[contract]})"}
    world.http("POST", "salesorderdetails", {"salesorderdetailid": str(id), **columns, **order})
    return id


def add_milestone(world: World, line: UUID, name: str, amount: int, tax: int = 0, contract: str = "C1") -> UUID:
    id = uuid4()
    row = {
        "msdyn_contractlinescheduleofvalueid": str(id),
        "msdyn_name": name,
        "msdyn_amount": amount,
        "msdyn_tax": tax,
        "msdyn_invoicestatus": 192350000,
        "msdyn_invoicedate": "2026-02-02T05:00:00Z",
        "msdyn_contract@odata.bind": f"/salesorders({world.company.contracts[contract]})",
        "msdyn_ContractLineId@odata.bind": f"/salesorderdetails({line})",
    }
    world.http("POST", "msdyn_contractlinescheduleofvalues", row)
    return id


def get(world: World, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.http("GET", path).json()["value"]
    return found


def the_invoice(world: World, contract: str = "C1") -> dict[str, Any]:
    (invoice,) = get(world, f"invoices?$filter=_salesorderid_value eq {world.company.contracts[contract]}")
    return invoice


def details(world: World) -> list[dict[str, Any]]:
    return get(world, "msdyn_invoicelinetransactions?$orderby=msdyn_amount desc")


def given(world: World, **through: Any) -> dict[str, Any]:
    """Create C1's invoice and say what was recorded."""
    command = create(world)
    (end,) = world.command(command, **through)
    assert isinstance(end, Complete)
    return recorded(world, command)


def recorded(world: World, command: CreateInvoices) -> dict[str, Any]:
    outcome: dict[str, Any] = world.attempt(command)
    return outcome


def told(outcome: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(one["kind"], one["expected"], one["found"]) for one in outcome["differences"]]


# Scenario 35


def test_scenario_35_everything_ready_is_on_one_draft_of_7450_to_the_cent(world: World) -> None:
    write_everything_of_scenario_35(world)
    outcome = given(world)
    assert (outcome["outcome"], outcome["differences"]) == ("created", [])
    assert (Decimal(outcome["expected_total"]), Decimal(outcome["total"])) == (Decimal(7450), Decimal(7450))
    header = the_invoice(world)
    assert (header["totalamount"], header["msdyn_projectinvoicestatus"]) == (7450, 192350000)
    lines = get(world, f"invoicedetails?$filter=_invoiceid_value eq {header['invoiceid']}")
    assert sorted((line["producttypecode"], line["extendedamount"]) for line in lines) == [
        (1, 300),
        (5, 2150),
        (5, 5000),
    ]
    assert [(one["msdyn_amount"], one["msdyn_billingtype"]) for one in details(world)] == [
        (5000, CHARGEABLE),
        (1600, CHARGEABLE),
        (550, CHARGEABLE),
        (400, NON_CHARGEABLE),
    ]
    actuals = get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {CREATED}")
    assert len(actuals) == 3
    assert get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {READY}") == []
    assert len(get(world, "msdyn_contractlinescheduleofvalues?$filter=msdyn_invoicestatus eq 192350002")) == 1
    assert len(get(world, f"salesorderdetails?$filter=msdyn_billingstatus eq {CREATED}")) == 1
    assert world.faults() == []


def test_an_invoice_of_every_kind_is_read_in_two_requests_with_what_each_detail_came_of(world: World) -> None:
    write_everything_of_scenario_35(world)
    given(world)
    id = UUID(the_invoice(world)["invoiceid"])
    asked: list[int] = []

    class Counting:
        def query(self, questions: Any) -> Any:
            asked.append(len(questions))
            return world.client.query(questions)

    (invoice,) = read([id], Counting()).values()
    assert len(asked) == 2
    assert (invoice.amount, invoice.tax, len(invoice.details)) == (Decimal(7450), Decimal(0), 4)
    assert {one.source.table for one in invoice.details if one.source} == {
        "msdyn_actual",
        "msdyn_contractlinescheduleofvalue",
    }
    assert all(one.source is not None for one in invoice.details)


def test_a_milestones_tax_is_expected_and_found(world: World) -> None:
    line = add_fixed_price_line(world, "Migration")
    add_milestone(world, line, "Design accepted", 5000, tax=950)
    world.command(mark_ready(world, Backlog.MILESTONES))
    outcome = given(world)
    assert (outcome["outcome"], outcome["expected_total"], outcome["expected_tax"]) == ("created", "5000.00", "950.00")
    assert the_invoice(world)["totalamount"] == 5950


# Scenarios 36, 37, 44


def test_scenario_36_nothing_ready_makes_no_invoice_and_calls_nothing(world: World) -> None:
    assert given(world)["outcome"] == "nothing-to-invoice"
    assert world.invoiced("C1") == (0, Decimal(0))


def test_scenario_37_what_is_dated_tomorrow_is_left_out_today_and_taken_tomorrow(world: World) -> None:
    bill_one_entry(world)
    tomorrow = (world.now() + timedelta(days=1)).astimezone(UTC)
    (actual,) = get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {READY}")
    late = {"msdyn_startdatetime": tomorrow.isoformat().replace("+00:00", "Z")}
    world.http("PATCH", f"msdyn_actuals({actual['msdyn_actualid']})", late)
    bill_one_entry(world, number=1)
    outcome = given(world)
    assert (outcome["outcome"], outcome["rows"], world.invoiced("C1")[1]) == ("created", 1, Decimal(1600))
    world.sandbox.clock.advance(timedelta(days=1, hours=1))
    outcome = given(world)
    assert (outcome["outcome"], outcome["rows"], outcome["differences"]) == ("created", 1, [])
    assert world.invoiced("C1") == (2, Decimal(3200))


def test_where_only_yesterday_is_past_what_is_dated_today_is_told_and_left_for_tomorrow(world: World) -> None:
    world.sandbox.switches.today_is_past = False
    bill_one_entry(world)
    (actual,) = get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {READY}")
    today = {"msdyn_startdatetime": world.now().isoformat().replace("+00:00", "Z")}
    world.http("PATCH", f"msdyn_actuals({actual['msdyn_actualid']})", today)
    bill_one_entry(world, number=1)
    outcome = given(world)
    assert (outcome["outcome"], told(outcome)) == ("created", [("left", "1,600.00", "nothing")])
    world.sandbox.clock.advance(timedelta(days=1))
    assert given(world)["outcome"] == "created"
    assert world.invoiced("C1") == (2, Decimal(3200))


def test_scenario_44_a_line_without_a_schedule_is_taken_by_hand(world: World) -> None:
    assert get(world, "msdyn_contractlineinvoiceschedules") == []
    bill_one_entry(world)
    assert given(world)["outcome"] == "created"
    assert world.invoiced("C1") == (1, Decimal(1600))


# Scenario 46


@pytest.mark.parametrize("released", list(Released))
def test_scenario_46_a_deleted_draft_lets_its_rows_go_and_they_are_invoiced_anew(
    world: World, released: Released
) -> None:
    world.sandbox.switches.released = released
    bill_one_entry(world)
    first = create(world)
    world.command(first)
    world.http("DELETE", f"invoices({the_invoice(world)['invoiceid']})")
    assert (
        get(world, "msdyn_transactionconnections?$filter=msdyn_transaction1type eq 'msdyn_invoicelinetransaction'")
        == []
    )
    world.command(first)  # delivered again: it was obeyed, and stays so
    assert world.invoiced("C1") == (0, Decimal(0))
    if released is Released.EMPTY:
        world.command(mark_ready(world))
    outcome = given(world)
    assert (outcome["outcome"], outcome["differences"]) == ("created", [])
    assert world.invoiced("C1") == (1, Decimal(1600))


def test_scenario_46_a_draft_deleted_after_its_sibling_was_confirmed_is_not_offered_again(world: World) -> None:
    bill_one_entry(world)
    given(world)
    world.http("POST", f"invoices({the_invoice(world)['invoiceid']})/Microsoft.Dynamics.CRM.msdyn_PostInvoice")
    assert given(world)["outcome"] == "nothing-to-invoice"
    assert world.invoiced("C1") == (1, Decimal(1600))


# What goes wrong between the call and the look


@pytest.mark.parametrize(
    ("column", "value", "sides"),
    [
        ("msdyn_price", 190, ("200.00", "190.00")),
        ("msdyn_quantity", 7, ("8.00", "7.00")),
        ("msdyn_amount", 1599.99, ("1,600.00", "1,599.99")),
        ("msdyn_billingtype", 192350002, ("chargeable", "complimentary")),
    ],
)
def test_what_a_plug_in_changes_on_a_new_invoice_is_told_with_both_sides_and_left_as_it_is(
    world: World, column: str, value: float, sides: tuple[str, str]
) -> None:
    bill_one_entry(world)

    def plug_in() -> None:
        (detail,) = details(world)
        path = f"msdyn_invoicelinetransactions({detail['msdyn_invoicelinetransactionid']})"
        world.http("PATCH", path, {column: value})

    outcome = given(world, dataverse=AfterTheCall(world, plug_in))
    assert outcome["outcome"] == "created-differs"
    assert ("differs", *sides) in told(outcome)
    (detail,) = details(world)
    assert detail[column] == value


def test_a_detail_that_is_missing_is_missed(world: World) -> None:
    bill_one_entry(world)
    bill_one_entry(world, number=1)

    def somebody_deletes_one() -> None:
        one = details(world)[0]
        world.http("DELETE", f"msdyn_invoicelinetransactions({one['msdyn_invoicelinetransactionid']})")

    outcome = given(world, dataverse=AfterTheCall(world, somebody_deletes_one))
    assert outcome["outcome"] == "created-differs"
    assert ("missing", "1,600.00", "nothing") in told(outcome)


def test_rows_marked_ready_while_the_product_was_at_work_are_told_and_no_mistake(world: World) -> None:
    bill_one_entry(world)
    grew = BeforeCommit(world.client, lambda: bill_one_entry(world, number=1), commit=FENCE)
    outcome = given(world, dataverse=grew)
    assert (outcome["outcome"], outcome["rows"], outcome["total"]) == ("created", 1, "3200.00")
    assert told(outcome) == [("grew", "nothing", "1,600.00")]
    assert world.invoiced("C1") == (1, Decimal(3200))


def test_a_row_taken_back_while_the_product_was_at_work_is_told_and_no_mistake(world: World) -> None:
    bill_one_entry(world)
    bill_one_entry(world, number=1)

    def a_clerk_takes_one_back() -> None:
        one = get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {READY}")[0]
        world.http("PATCH", f"msdyn_actuals({one['msdyn_actualid']})", {"msdyn_billingstatus": None})

    outcome = given(world, dataverse=BeforeCommit(world.client, a_clerk_takes_one_back, commit=FENCE))
    assert (outcome["outcome"], told(outcome)) == ("created", [("left", "1,600.00", "nothing")])


def test_what_a_colleagues_invoice_took_is_no_longer_expected_and_their_invoice_is_named(world: World) -> None:
    bill_one_entry(world)

    def a_colleague_is_faster_and_more_becomes_ready() -> None:
        contract = world.company.contracts["C1"]
        world.http("POST", f"salesorders({contract})/Microsoft.Dynamics.CRM.msdyn_NewInvoiceContract")
        bill_one_entry(world, number=1)

    outcome = given(world, dataverse=BeforeCommit(world.client, a_colleague_is_faster_and_more_becomes_ready, FENCE))
    assert outcome["outcome"] == "created"
    assert sorted(told(outcome)) == [("grew", "nothing", "1,600.00"), ("taken-elsewhere", "1,600.00", "nothing")]
    (taken,) = [one for one in outcome["differences"] if one["kind"] == "taken-elsewhere"]
    theirs = [one for one in get(world, "invoices") if one["invoiceid"] != outcome["invoices"][0]["id"]]
    assert theirs[0]["invoicenumber"] in taken["why"]
    assert world.invoiced("C1") == (2, Decimal(3200))


def test_a_draft_that_people_edit_afterwards_does_not_change_what_was_reported(world: World) -> None:
    bill_one_entry(world)
    command = create(world)
    world.command(command)
    before = recorded(world, command)
    (detail,) = details(world)
    world.http(
        "PATCH",
        f"msdyn_invoicelinetransactions({detail['msdyn_invoicelinetransactionid']})",
        {"msdyn_quantity": 6, "msdyn_amount": 1200},
    )
    world.command(command)
    assert recorded(world, command) == before
    assert before["outcome"] == "created"


def test_more_than_a_thousand_details_are_compared_one_by_one_and_warned_about(world: World) -> None:
    write_ready_sales(world, MANY_DETAILS + 1)
    spoiled: list[str] = []

    def plug_in() -> None:
        detail = details(world)[500]
        spoiled.append(detail["msdyn_description"])
        path = f"msdyn_invoicelinetransactions({detail['msdyn_invoicelinetransactionid']})"
        world.http("PATCH", path, {"msdyn_quantity": 9})

    outcome = given(world, dataverse=AfterTheCall(world, plug_in))
    assert outcome["outcome"] == "created-differs"
    assert outcome["warnings"] == [
        f"Invoice {outcome['invoices'][0]['number']} has 1,001 details; above 1,000 the product is slow with them."
    ]
    (difference,) = outcome["differences"]
    assert (difference["what"], difference["expected"], difference["found"]) == (spoiled[0], "8.00", "9.00")


def write_ready_sales(world: World, count: int) -> None:
    """So many unbilled sales on C1's line, eight hours each, each a cent dearer than the one before."""
    company = world.company
    (contract,) = get(world, f"salesorders?$filter=salesorderid eq {company.contracts['C1']}")
    currency = Reference("transactioncurrency", UUID(contract["_transactioncurrencyid_value"]))
    creates = [
        Create(
            Reference("msdyn_actual", UUID(int=0x5000 + number)),
            {
                "msdyn_description": f"Work {number}",
                "msdyn_transactiontypecode": 192350005,
                "msdyn_transactionclassification": 192350000,
                "msdyn_billingtype": CHARGEABLE,
                "msdyn_billingstatus": READY,
                "msdyn_customertype": 192350001,
                "msdyn_accountcustomer": Reference("account", UUID(contract["_customerid_value"])),
                "msdyn_salescontract": Reference("salesorder", company.contracts["C1"]),
                "msdyn_salescontractlineid": Reference("salesorderdetail", company.contract_lines["P1"]),
                "msdyn_project": Reference("msdyn_project", company.projects["P1"]),
                "msdyn_quantity": Decimal(8),
                "msdyn_price": Decimal(200 + number) / 8,
                "msdyn_amount": Decimal(200 + number),
                "transactioncurrencyid": currency,
                "msdyn_documentdate": datetime(2026, 2, 2, 5, tzinfo=UTC),
                "msdyn_startdatetime": datetime(2026, 2, 2, 5, tzinfo=UTC),
                "msdyn_enddatetime": datetime(2026, 2, 2, 5, tzinfo=UTC),
            },
        )
        for number in range(count)
    ]
    sets = [ChangeSet(tuple(creates[begin : begin + 500])) for begin in range(0, count, 500)]
    assert all(isinstance(one, Committed) for one in world.signed_in("administrator").commit(sets))


class AfterTheCall(BeforeCommit):
    """Something happens to the invoice after the product made it, and before it is looked at."""

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        outcomes = self._dataverse.commit(change_sets)
        self._countdown -= 1
        if self._countdown == 0:
            self._happens()
        return outcomes

    def __init__(self, world: World, happens: Callable[[], object]) -> None:
        super().__init__(world.client, happens, commit=FENCE)
