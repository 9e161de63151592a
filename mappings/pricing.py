"""Price lists → the one rate that applies to a piece of work, or the reason why none does.

Sales prices come from the contract's lists, cost prices from the list of the organizational unit, or from the
parameters' lists in its currency where the unit has none (PSA/basic-pricing). Nothing here is rounded but by conversion
into another currency; whoever writes a price rounds it.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings import dimensions as dims
from mappings import money
from mappings.choices import TransactionClass
from mappings.dimensions import Dimension
from mappings.entry import Approval, Entry
from mappings.money import Currency
from mappings.price_lists import AMBIGUOUS, MISSING, Context, PriceList, Unpriced, the_one_covering
from mappings.price_rows import Calculation, CategoryPrice, RolePrice, all_alike, best, by_what, why_none
from mappings.profile import SeveralCostLists
from mappings.tables import Ref
from mappings.units import Unit, hours_in, name_of

_PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be priced: whose work of which kind, on which business day of which zone, under which contract.

    ``cost`` is what a unit of an expense cost, in its own ``currency``; time has neither.
    """

    transaction_class: TransactionClass
    day: date
    zone: ZoneInfo
    contracting_unit: UUID | None
    resourcing_unit: UUID | None
    contract: UUID | None
    role: UUID | None
    category: UUID | None
    resource: UUID | None
    unit: UUID | None
    cost: Decimal | None = None
    currency: UUID | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A price the lists give, per hour for time and per unit for an expense, with the sentence that says where."""

    price: Decimal
    price_list: Ref | None
    because: str


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The price lists an entry can be priced from: the lists by id, whose they are, and their rows.

    ``values`` are the entry's values of dimensions an administrator added, by their column on role prices.
    ``costs_in_any_currency`` is a parameter of the project set-up: cost lists are then chosen whatever their currency.
    """

    lists: Mapping[UUID, PriceList] = field(default_factory=dict)
    of_contract: Mapping[UUID, frozenset[UUID]] = field(default_factory=dict)
    of_unit: Mapping[UUID, frozenset[UUID]] = field(default_factory=dict)
    of_parameters: frozenset[UUID] = frozenset()
    role_prices: tuple[RolePrice, ...] = ()
    markups: tuple[RolePrice, ...] = ()
    category_prices: tuple[CategoryPrice, ...] = ()
    dimensions: tuple[Dimension, ...] = dims.DEFAULT
    units: Mapping[UUID, Unit] = field(default_factory=dict)
    currencies: Mapping[UUID, Currency] = field(default_factory=dict)
    values: Mapping[str, Hashable] = field(default_factory=dict)
    several_cost_lists: SeveralCostLists = SeveralCostLists.REFUSE
    costs_in_any_currency: bool = False

    def cost_rate(self, work: Work, currency: Currency) -> Found | Unpriced:
        """What an hour costs the contracting unit; it is the transfer price too where another unit delivers it.

        An expense costs what was entered. Raises ``Refusal`` when a currency has no exchange rate.
        """
        if work.transaction_class is TransactionClass.EXPENSE:
            return self._as_entered(work, currency)
        return self._unit_cost(work, work.contracting_unit, currency, "the contracting unit")

    def resourcing_unit_rate(self, work: Work, currency: Currency) -> Found | Unpriced:
        """What an hour costs the unit that delivers it, by that unit's own list. Raises ``Refusal`` as above."""
        return self._unit_cost(work, work.resourcing_unit, currency, "the resourcing unit")

    def sales_rate(self, work: Work, currency: Currency) -> Found | Unpriced:
        """What the contract's lists sell an hour, or a unit of an expense, for. Raises ``Refusal`` as above."""
        lists = self._lists(self.of_contract.get(work.contract, frozenset()) if work.contract else ())
        found = the_one_covering(
            lists, Context.SALES, (currency.id, currency.code), work.day, work.zone, "the contract"
        )
        if isinstance(found, Unpriced):
            return found
        if work.transaction_class is TransactionClass.EXPENSE:
            return self._category_rate(found, work, currency)
        return self._role_rate(found, Context.SALES, work, currency)

    def _unit_cost(self, work: Work, unit: UUID | None, currency: Currency, where: str) -> Found | Unpriced:
        own = self._lists(self.of_unit.get(unit, frozenset()) if unit else ())
        if any(one.is_active and one.context == Context.COST for one in own):
            of, fits = where, None
        else:
            # Only lists of the parameters have to be chosen by currency: they are everybody's.
            own, of = self._lists(self.of_parameters), "the project parameters"
            fits = None if self.costs_in_any_currency else (currency.id, currency.code)
        found = the_one_covering(own, Context.COST, fits, work.day, work.zone, of, self.several_cost_lists)
        return found if isinstance(found, Unpriced) else self._role_rate(found, Context.COST, work, currency)

    def _lists(self, ids: Collection[UUID]) -> list[PriceList]:
        return [self.lists[id] for id in ids if id in self.lists]

    def _role_rate(self, of: PriceList, context: Context, work: Work, currency: Currency) -> Found | Unpriced:
        def value(one: Dimension) -> Hashable:
            return self._value(work, one)

        order = dims.in_order(self.dimensions, context, with_markups=False)
        rows = [row for row in self.role_prices if row.price_list == of.ref.id]
        fitting = best(rows, order, value)
        if not fitting:
            return Unpriced(MISSING, f"{of.name} covers {work.day}, but {why_none(rows, order, value)}.")
        if not all_alike(fitting, lambda row: (row.price, row.unit, row.currency)):
            return Unpriced(AMBIGUOUS, f"{of.name} prices the work {len(fitting)} times, {by_what(fitting[0], order)}.")
        row = fitting[0]
        unit = row.unit or of.time_unit
        hours = hours_in(unit, self.units) if unit else None
        if row.price is None:
            return Unpriced(MISSING, f"{of.name} has a row for the work, {by_what(row, order)}, but no price in it.")
        if hours is None:
            unknown = f"{of.name} prices the work by {name_of(unit, self.units)}, which can't be converted into hours."
            return Unpriced(MISSING, unknown)
        markup = self._markup(of, context, work)
        if isinstance(markup, Unpriced):
            return markup
        price = row.price / hours * (1 + markup / _PERCENT)
        said = f"{of.name} covers {work.day} and has {_plain(row.price)} per {name_of(unit, self.units)}"
        raised = f" It is raised by {_plain(markup)} percent." if markup else ""
        because = f"{said}, found {by_what(row, order)}.{raised}"
        return self._found(price, of, row.currency or of.currency, currency, because)

    def _markup(self, of: PriceList, context: Context, work: Work) -> Decimal | Unpriced:
        """The percentage on top of the base rate; none where no dimension is for markups or no row fits."""
        order = dims.in_order(self.dimensions, context, with_markups=True)
        if not any(one.is_markup for one in order):
            return Decimal(0)
        rows = [row for row in self.markups if row.price_list == of.ref.id]
        fitting = best(rows, order, lambda one: self._value(work, one))
        if not all_alike(fitting, lambda row: row.percent):
            times = f"{of.name} marks the work up {len(fitting)} times, {by_what(fitting[0], order)}."
            return Unpriced(AMBIGUOUS, times)
        return (fitting[0].percent if fitting else None) or Decimal(0)

    def _value(self, work: Work, dimension: Dimension) -> Hashable:
        match dimension.column:
            case dims.ROLE:
                return work.role
            case dims.UNIT:
                return work.resourcing_unit
            case dims.RESOURCE:
                return work.resource
            case dims.CATEGORY:
                return work.category
            case column:
                return self.values.get(column)

    def _as_entered(self, work: Work, currency: Currency) -> Found | Unpriced:
        if work.cost is None:
            return Unpriced(MISSING, "The expense was entered without an amount.")
        return self._found(work.cost, None, work.currency, currency, "The expense costs what was entered.")

    def _category_rate(self, of: PriceList, work: Work, currency: Currency) -> Found | Unpriced:
        rows = [
            row
            for row in self.category_prices
            if row.price_list == of.ref.id and work.category is not None and row.category == work.category
        ]
        fitting = [row for row in rows if row.unit == work.unit]
        if not rows:
            return Unpriced(MISSING, f"{of.name} covers {work.day}, but has no row for the expense's category.")
        if not fitting:
            priced = " and ".join(sorted({name_of(row.unit, self.units) for row in rows}))
            entered = name_of(work.unit, self.units) if work.unit else "no unit"
            other = f"{of.name} prices the category per {priced}, the expense was entered per {entered}"
            return Unpriced(MISSING, f"{other}, and units of expenses are never converted.")
        if not all_alike(fitting, lambda row: (row.calculation, row.price, row.percent, row.currency)):
            return Unpriced(AMBIGUOUS, f"{of.name} prices the category {len(fitting)} times by the same unit.")
        row, said = fitting[0], f"{of.name} covers {work.day} and charges the category"
        match row.calculation:
            case Calculation.PER_UNIT if row.price is not None:
                each = f"{said} {_plain(row.price)} per {name_of(row.unit, self.units)}."
                return self._found(row.price, of, row.currency or of.currency, currency, each)
            case Calculation.AT_COST if work.cost is not None:
                return self._found(work.cost, of, work.currency, currency, f"{said} at cost.")
            case Calculation.MARKUP if work.cost is not None and row.percent is not None:
                more = f"{said} at cost plus {_plain(row.percent)} percent."
                return self._found(work.cost * (1 + row.percent / _PERCENT), of, work.currency, currency, more)
            case Calculation.AT_COST | Calculation.MARKUP if work.cost is None:
                return Unpriced(MISSING, f"{said} by its cost, but the expense was entered without an amount.")
            case _:
                return Unpriced(MISSING, f"{of.name} has a row for the expense's category, but no price in it.")

    def _found(
        self, price: Decimal, of: PriceList | None, source: UUID | None, target: Currency, because: str
    ) -> Found | Unpriced:
        if source not in (None, target.id):
            known = self.currencies.get(source) if source else None
            if known is None:
                return Unpriced(MISSING, f"{because} Its currency can't be read.")
            price = money.converted(price, known, target)
            because = f"{because} It is converted from {known.code} into {target.code} by way of the base currency."
        return Found(price, of.ref if of else None, because)


def work_of(
    entry: Entry,
    approval: Approval,
    contracting_unit: UUID | None,
    contract: UUID | None,
    day: date,
    zone: ZoneInfo,
) -> Work:
    """The work of an entry as its approval releases it, on a business day of ``zone``."""
    role, category = approval.role or entry.role, approval.category or entry.category
    resource = approval.resource or entry.resource
    released = approval.cost_price if approval.currency in (None, entry.currency) else None
    entered = entry.amount / entry.quantity if entry.amount is not None and entry.quantity else None
    is_expense = entry.transaction_class is TransactionClass.EXPENSE
    return Work(
        transaction_class=entry.transaction_class,
        day=day,
        zone=zone,
        contracting_unit=contracting_unit,
        resourcing_unit=entry.resourcing_unit or contracting_unit,
        contract=contract,
        role=role.id if role else None,
        category=category.id if category else None,
        resource=resource.id if resource else None,
        unit=entry.unit.id if entry.unit else None,
        cost=(entered if released is None else released) if is_expense else None,
        currency=entry.currency if is_expense else None,
    )


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
