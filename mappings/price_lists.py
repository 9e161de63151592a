"""Price lists, and which of several is the one of a day.

A list counts for a context and from its start date to its end date, both included and both required
(PSA/FAQ-zero-price-time-sales-actuals). Dates are business dates of a stated zone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings.business_date import business_date
from mappings.profile import SeveralCostLists
from mappings.row import Row
from mappings.tables import Cell, Ref

PRICE_LIST_COLUMNS = (
    "name",
    "msdyn_module",
    "transactioncurrencyid",
    "begindate",
    "enddate",
    "createdon",
    "msdyn_timeunit",
    "statecode",
)


class Context(IntEnum):
    """pricelevel.msdyn_module: what the prices of a list are for."""

    COST = 192350000
    PURCHASE = 192350001
    SALES = 192350002

    @property
    def word(self) -> str:
        """The context as people say it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Unpriced:
    """The lists give no price: a code to group by, and the sentence that says what is wrong with them."""

    code: str
    because: str


MISSING = "price-missing"
AMBIGUOUS = "price-ambiguous"


@dataclass(frozen=True, slots=True)
class PriceList:
    """A price list. ``begin`` and ``end`` are as the environment keeps them: an instant, or a day for everybody."""

    ref: Ref
    name: str
    context: int | None
    currency: UUID | None
    begin: date | datetime | None
    end: date | datetime | None
    created: datetime | None
    time_unit: UUID | None
    is_active: bool = True

    def covers(self, day: date, zone: ZoneInfo) -> bool:
        """Whether the list is valid on a business day of ``zone``; without both dates it is valid on none."""
        begin, end = _day(self.begin, zone), _day(self.end, zone)
        return begin is not None and end is not None and begin <= day <= end

    def validity(self, zone: ZoneInfo) -> str:
        """The list's name and dates, for a person."""
        begin, end = _day(self.begin, zone), _day(self.end, zone)
        if begin is None or end is None:
            return f"{self.name} has no {'start' if begin is None else 'end'} date and so is never valid"
        return f"{self.name} is valid from {begin} to {end}"


def price_list(row: Row) -> PriceList:
    """A price list from its row."""
    return PriceList(
        ref=row.ref,
        name=row.text("name") or str(row.ref),
        context=row.choice("msdyn_module"),
        currency=row.link_id("transactioncurrencyid"),
        begin=_moment(row.cells.get("begindate"), row.ref),
        end=_moment(row.cells.get("enddate"), row.ref),
        created=row.instant("createdon"),
        time_unit=row.link_id("msdyn_timeunit"),
        is_active=not row.choice("statecode"),
    )


def the_one_covering(
    lists: Collection[PriceList],
    context: Context,
    currency: tuple[UUID, str] | None,
    day: date,
    zone: ZoneInfo,
    where: str,
    several: SeveralCostLists = SeveralCostLists.REFUSE,
) -> PriceList | Unpriced:
    """The one list of this context, and of this currency (id and code) where one is given, that covers the day.

    ``where`` says whose lists these are ("the contract"), for the reason why there is none or more than one.
    """
    lists = sorted(lists, key=lambda one: (one.name, one.ref.id))
    fitting = [
        one
        for one in lists
        if one.is_active and one.context == context and (currency is None or one.currency == currency[0])
    ]
    if not fitting:
        wanted = f"active {context.word} price list" + (f" in {currency[1]}" if currency else "")
        others = f"; it has {named(lists)} only" if lists else ""
        return Unpriced(MISSING, f"No {wanted} is attached to {where}{others}.")
    covering = [one for one in fitting if one.covers(day, zone)]
    if not covering:
        dates = ", ".join(one.validity(zone) for one in fitting)
        return Unpriced(MISSING, f"No {context.word} price list of {where} covers {day}: {dates}.")
    if len(covering) > 1 and context is Context.COST and several is SeveralCostLists.MOST_RECENT:
        covering = _most_recent(covering)
    if len(covering) > 1:
        return Unpriced(AMBIGUOUS, f"{named(covering)} of {where} overlap: more than one of them covers {day}.")
    return covering[0]


def named(lists: Iterable[PriceList]) -> str:
    """The lists' names, for a person."""
    names = sorted(one.name for one in lists)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _most_recent(lists: Collection[PriceList]) -> list[PriceList]:
    dated = [one.created for one in lists if one.created is not None]
    return [one for one in lists if one.created == max(dated)] if len(dated) == len(lists) else list(lists)


def _day(moment: date | datetime | None, zone: ZoneInfo) -> date | None:
    return business_date(moment, zone) if isinstance(moment, datetime) else moment


def _moment(cell: Cell, where: Ref) -> date | datetime | None:
    if cell is None or isinstance(cell, date):
        return cell
    raise TypeError(f"{where}: a date column holds a {type(cell).__name__}.")
