"""What flow tests of invoices set up and look at: lines, milestones, products, many ready rows; over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from connector.dataverse.changes import ChangeSet, Committed, Create, Reference
from connector.errors import ConnectorError
from connector.settlement import Complete
from mappings.backlog import Backlog
from mappings.messages import CreateInvoices
from sandbox.company.company import LoadedEntry
from tests.flow.barriers import BeforeCommit
from tests.flow.test_invoices import create, mark_ready
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
