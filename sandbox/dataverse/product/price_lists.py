"""Which price list applies to a transaction on a day."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sandbox.dataverse.product.business_dates import Zone, day_of
from sandbox.dataverse.product.cells import instant, key, linked
from sandbox.dataverse.product.choices import PriceContext
from sandbox.dataverse.unit_of_work import Link, Row, UnitOfWork


def sales_list(zone: Zone, work: UnitOfWork, contract: UUID, currency: UUID, day: datetime) -> UUID | None:
    """The one list on the contract with context Sales, the contract's currency, and dates that span the day.

    None, or more than one: no list, hence price zero (PSA/basic-pricing; the zero-price FAQs). A list without both
    dates is not valid on any day.
    """
    attached = work.find("msdyn_orderpricelist", msdyn_contract=Link("salesorder", contract))
    return _only(zone, work, attached, PriceContext.SALES, currency, day)


def cost_list(zone: Zone, work: UnitOfWork, currency: UUID, day: datetime) -> UUID | None:
    """The one list of the project parameters with context Cost in the contracting unit's currency that spans the day.

    The list that hangs on the unit itself comes first in the product; no published table carries that tie, so here
    the parameters, which the product asks next, are where cost lists are found (PSA/basic-pricing).
    """
    return _only(zone, work, work.find("msdyn_projectparameterpricelist"), PriceContext.COST, currency, day)


def _only(
    zone: Zone, work: UnitOfWork, attached: list[Row], context: int, currency: UUID, day: datetime
) -> UUID | None:
    fitting = set()
    for row in attached:
        id = linked(row, "msdyn_pricelist")
        price_list = None if id is None else work.get("pricelevel", id)
        if (
            price_list is not None
            and price_list.get("msdyn_module") == context
            and linked(price_list, "transactioncurrencyid") == currency
            and _spans(zone, price_list, day)
        ):
            fitting.add(key(price_list, "pricelevel"))
    return fitting.pop() if len(fitting) == 1 else None


def _spans(zone: Zone, price_list: Row, day: datetime) -> bool:
    begin, end = instant(price_list, "begindate"), instant(price_list, "enddate")
    if begin is None or end is None:
        return False
    return day_of(begin, zone) <= day_of(day, zone) <= day_of(end, zone)
