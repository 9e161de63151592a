"""Which price list applies to a transaction on a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sandbox.dataverse.many_to_many import UNIT_PRICE_LISTS
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
    lists = _lists(work, (linked(row, "msdyn_pricelist") for row in attached), PriceContext.SALES)
    return _only(zone, _in(currency, lists), day)


def cost_list(zone: Zone, work: UnitOfWork, unit: UUID, currency: UUID, day: datetime) -> UUID | None:
    """The one list with context Cost that spans the day: of those that hang on the unit, if it has any.

    Else of those of the project parameters that are in the unit's currency (PSA/basic-pricing).
    """
    ties = work.find(UNIT_PRICE_LISTS, msdyn_organizationalunitid=unit)
    own = _lists(work, (tie.get("pricelevelid") for tie in ties), PriceContext.COST)
    if own:
        return _only(zone, own, day)
    everybodys = (linked(row, "msdyn_pricelist") for row in work.find("msdyn_projectparameterpricelist"))
    return _only(zone, _in(currency, _lists(work, everybodys, PriceContext.COST)), day)


def _lists(work: UnitOfWork, ids: Iterable[object], context: int) -> list[Row]:
    found = (work.get("pricelevel", id) for id in {*ids} if isinstance(id, UUID))
    return [one for one in found if one is not None and one.get("msdyn_module") == context]


def _in(currency: UUID, price_lists: Iterable[Row]) -> list[Row]:
    return [one for one in price_lists if linked(one, "transactioncurrencyid") == currency]


def _only(zone: Zone, price_lists: Iterable[Row], day: datetime) -> UUID | None:
    fitting = [key(one, "pricelevel") for one in price_lists if _spans(zone, one, day)]
    return fitting[0] if len(fitting) == 1 else None


def _spans(zone: Zone, price_list: Row, day: datetime) -> bool:
    begin, end = instant(price_list, "begindate"), instant(price_list, "enddate")
    if begin is None or end is None:
        return False
    return day_of(begin, zone) <= day_of(day, zone) <= day_of(end, zone)
