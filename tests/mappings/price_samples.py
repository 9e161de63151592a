"""Price lists as plain values: Fabrikam US and its lists of 2026, to be changed one thing at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings.choices import TransactionClass
from mappings.dimensions import RESOURCE, ROLE, UNIT, Dimension
from mappings.money import Currency
from mappings.price_lists import Context, PriceList
from mappings.price_rows import Calculation, CategoryPrice, RolePrice
from mappings.pricing import PriceBook, Work
from mappings.tables import Ref
from mappings.units import Unit
from tests.mappings.samples import CONTRACT, EUR, GBP, JPY, USD, uid

NEW_YORK = ZoneInfo("America/New_York")
US, INDIA = uid(201), uid(202)
DEVELOPER, TESTER = uid(203), uid(204)
ANA = uid(205)
AIRFARE, MILEAGE = uid(206), uid(207)
HOUR, DAY, WEEK, LONG_DAY = uid(211), uid(212), uid(213), uid(214)
MILE, KILOMETER, EACH = uid(215), uid(216), uid(217)
INR = Currency(uid(106), "INR", 2, Decimal(80))
FEBRUARY = date(2026, 2, 10)

UNITS = {
    HOUR: Unit(HOUR, "Hour", None, Decimal(1)),
    DAY: Unit(DAY, "Day", HOUR, Decimal(8)),
    WEEK: Unit(WEEK, "Week", DAY, Decimal(5)),
    LONG_DAY: Unit(LONG_DAY, "Long day", HOUR, Decimal(10)),
    MILE: Unit(MILE, "Mile", None, Decimal(1)),
    KILOMETER: Unit(KILOMETER, "Kilometer", MILE, Decimal("0.62")),
    EACH: Unit(EACH, "Each", None, Decimal(1)),
}


def at_midnight(day: date, zone: ZoneInfo = NEW_YORK) -> datetime:
    """A business date as the environment keeps it: the instant at which the day begins in a zone."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def price_list(number: int, name: str, context: Context = Context.SALES, year: int = 2026, **changes: Any) -> PriceList:
    """A dollar list that is valid all year."""
    plain = PriceList(
        ref=Ref("pricelevel", uid(number)),
        name=name,
        context=context,
        currency=USD.id,
        begin=at_midnight(date(year, 1, 1)),
        end=at_midnight(date(year, 12, 31)),
        created=datetime(year, 1, 1, tzinfo=UTC),
        time_unit=HOUR,
    )
    return replace(plain, **changes)


ADATUM = price_list(301, "Adatum 2026")
COSTS = price_list(302, "US costs 2026", Context.COST)


def role_price(
    number: int,
    of: PriceList,
    price: str | None,
    role: UUID | None = DEVELOPER,
    unit: UUID | None = None,
    resource: UUID | None = None,
    per: UUID | None = HOUR,
    **changes: Any,
) -> RolePrice:
    """A price per hour, or per another unit of time."""
    plain = RolePrice(
        ref=Ref("msdyn_resourcecategorypricelevel", uid(number)),
        price_list=of.ref.id,
        values={ROLE: role, UNIT: unit, RESOURCE: resource},
        price=None if price is None else Decimal(price),
        percent=None,
        unit=per,
        currency=of.currency,
    )
    return replace(plain, **changes)


def markup(number: int, of: PriceList, percent: str | None, **values: object) -> RolePrice:
    """A markup on a list for these values of dimensions."""
    return RolePrice(
        ref=Ref("msdyn_resourcecategorymarkuppricelevel", uid(number)),
        price_list=of.ref.id,
        values=dict(values),
        price=None,
        percent=None if percent is None else Decimal(percent),
        unit=None,
        currency=None,
    )


def category_price(
    number: int,
    of: PriceList,
    calculation: Calculation | None,
    price: str | None = None,
    percent: str | None = None,
    category: UUID = AIRFARE,
    unit: UUID | None = EACH,
) -> CategoryPrice:
    """How a category is charged."""
    return CategoryPrice(
        ref=Ref("msdyn_transactioncategorypricelevel", uid(number)),
        price_list=of.ref.id,
        category=category,
        calculation=calculation,
        price=None if price is None else Decimal(price),
        percent=None if percent is None else Decimal(percent),
        unit=unit,
        currency=of.currency,
    )


def dimension(column: str, priority: int | None, **changes: Any) -> Dimension:
    """A dimension that counts for cost and sales alike."""
    return replace(Dimension(column, column, False, priority, priority, True, True), **changes)


def book(
    lists: Iterable[PriceList] = (ADATUM, COSTS),
    of_contract: Iterable[PriceList] = (ADATUM,),
    of_parameters: Iterable[PriceList] = (COSTS,),
    **changes: Any,
) -> PriceBook:
    """A price book: the contract sells by Adatum's list, costs hang on the parameters."""
    plain = PriceBook(
        lists={one.ref.id: one for one in lists},
        of_contract={CONTRACT.id: frozenset(one.ref.id for one in of_contract)},
        of_parameters=frozenset(one.ref.id for one in of_parameters),
        units=UNITS,
        currencies={one.id: one for one in (USD, EUR, JPY, GBP, INR)},
    )
    return replace(plain, **changes)


def time_work(**changes: Any) -> Work:
    """Ana, a developer of the US unit, on 10 February for Adatum."""
    plain = Work(
        transaction_class=TransactionClass.TIME,
        day=FEBRUARY,
        zone=NEW_YORK,
        contracting_unit=US,
        resourcing_unit=US,
        contract=CONTRACT.id,
        role=DEVELOPER,
        category=None,
        resource=ANA,
        unit=None,
    )
    return replace(plain, **changes)


def expense_work(cost: str | None = "500", **changes: Any) -> Work:
    """One airfare in dollars."""
    plain = time_work(
        transaction_class=TransactionClass.EXPENSE,
        role=None,
        category=AIRFARE,
        unit=EACH,
        cost=None if cost is None else Decimal(cost),
        currency=USD.id,
    )
    return replace(plain, **changes)
