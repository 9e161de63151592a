"""Entries in every situation in which actuals are written, and asking what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.dataverse.changes import Create, Reference
from handlers.explanation import Explanation, explain
from mappings.tables import Ref
from tests.handlers.world import (
    APPROVED,
    COMPLIMENTARY,
    INDIA,
    INTERNAL,
    LINE,
    PROJECT,
    RESOURCE,
    UNIT,
    USD,
    World,
    new,
)

INR = new("transactioncurrency", 71)


def explained(world: World, entry: Ref) -> Explanation:
    """The explanation; asking for it writes nothing."""
    before = len(world.dataverse.committed)
    found = explain(entry, world.rules, world.dataverse)
    assert len(world.dataverse.committed) == before
    return found


def written_by(world: World, entry: Ref) -> dict[Reference, dict[str, Any]]:
    """The rows the handler creates from here to its fixed point, as it sends them."""
    before = len(world.dataverse.committed)
    world.settle(entry)
    changes = [change for one in world.dataverse.committed[before:] for change in one.changes]
    return {change.row: dict(change.values) for change in changes if isinstance(change, Create)}


def split(world: World) -> Ref:
    entry = world.submit()
    world.approve(entry, msdyn_salesquantity=Decimal(6))
    return entry


def complimentary(world: World) -> Ref:
    entry = world.submit(minutes=120)
    world.approve(entry, msdyn_billingtype=COMPLIMENTARY)
    return entry


def internal(world: World) -> Ref:
    return world.approved(msdyn_project=INTERNAL)


def fixed_price(world: World) -> Ref:
    world.dataverse.put(LINE, msdyn_billingmethod=192350001)
    return world.approved()


def expense(world: World) -> Ref:
    entry, approval = world.fresh("msdyn_expense"), world.fresh("msdyn_projectapproval")
    world.dataverse.put(
        entry,
        msdyn_expensestatus=APPROVED,
        msdyn_project=PROJECT,
        msdyn_bookableresource=RESOURCE,
        msdyn_resourceorganizationalunitid=UNIT,
        msdyn_quantity=Decimal(2),
        msdyn_amount=Decimal(240),
        msdyn_transactiondate=datetime(2026, 2, 10, 5, tzinfo=UTC),
        msdyn_name="Hotel",
        transactioncurrencyid=USD,
    )
    world.dataverse.put(
        approval,
        msdyn_recordstage=2,
        msdyn_approvedon=datetime(2026, 2, 12, 15, tzinfo=UTC),
        msdyn_expenseentry=entry,
        msdyn_costquantity=Decimal(2),
        msdyn_salesquantity=Decimal(2),
        msdyn_costprice=Decimal(120),
        msdyn_salesprice=Decimal(132),
        msdyn_billingtype=192350001,
        transactioncurrencyid=USD,
    )
    return Ref(entry.table, entry.id)


def between_units(world: World) -> Ref:
    """India's own list says 100 rupees an hour, the dollar list 67 for India's people."""
    put = world.dataverse.put
    put(INR, isocurrencycode="INR", currencyprecision=2, exchangerate=Decimal(90))
    put(INDIA, msdyn_currency=INR)
    put(new("uom", 73), name="Hour", quantity=Decimal(1), isschedulebaseuom=True)
    year = {"begindate": datetime(2026, 1, 1, 5, tzinfo=UTC), "enddate": datetime(2026, 12, 31, 5, tzinfo=UTC)}
    for number, (currency, price) in enumerate([(USD, 67), (INR, 100)]):
        list_ = new("pricelevel", 74 + number)
        put(list_, name=f"List {number}", msdyn_module=192350000, transactioncurrencyid=currency, **year)
        put(new("msdyn_projectparameterpricelist", 80 + number), msdyn_pricelist=list_)
        put(
            new("msdyn_resourcecategorypricelevel", 90 + number),
            msdyn_pricelist=list_,
            msdyn_resourcecategory=new("bookableresourcecategory", 11),
            msdyn_organizationalunit=INDIA,
            msdyn_price=Decimal(price),
            msdyn_unit=new("uom", 73),
            transactioncurrencyid=currency,
        )
    entry = world.submit(msdyn_resourceorganizationalunitid=INDIA)
    world.approve(entry, msdyn_costprice=Decimal(67), msdyn_salesprice=Decimal(112))
    return entry


def approved_anew(world: World) -> Ref:
    """Billed once, then released with other figures: taken back, and made anew."""
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(world.approval_of(entry), msdyn_salesquantity=Decimal(5))
    return entry


def approved_a_second_time(world: World) -> Ref:
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)
    world.settled(entry)
    world.approve(entry)
    return entry


def moved_and_approved_anew(world: World) -> Ref:
    """Its rows stand on one project, the approval is of another, and the entry was edited once more."""
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(world.approval_of(entry), msdyn_project=INTERNAL)
    return entry


def half_written(world: World) -> Ref:
    """The sales side is not there."""
    entry = fixed_price(world)
    world.settled(entry)
    world.dataverse.put(LINE, msdyn_billingmethod=192350000)
    return entry


WRITES: list[tuple[Callable[[World], Ref], int]] = [
    (World.approved, 2),
    (expense, 2),
    (split, 3),
    (complimentary, 2),
    (internal, 1),
    (fixed_price, 1),
    (between_units, 4),
    (approved_anew, 3),
    (approved_a_second_time, 2),
    (moved_and_approved_anew, 1),
    (half_written, 1),
]
