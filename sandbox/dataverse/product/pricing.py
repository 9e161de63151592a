"""What an entry costs and what it sells for, per unit: price defaulting as a submission does it.

Prices are defaulted when the journal lines are made and copied to the approval row; no match is price zero, never an
error (the zero-price FAQs).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sandbox.dataverse.product import price_lists, rounding
from sandbox.dataverse.product.cells import amount, existing, key, linked
from sandbox.dataverse.product.choices import PriceCalculation
from sandbox.dataverse.product.contract_lines import Coverage
from sandbox.dataverse.product.dimensions import best, dimensions
from sandbox.dataverse.product.entries import EXPENSE, Entry
from sandbox.dataverse.product.rounding import PricedCurrency
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Link, Refused, Row, UnitOfWork

UNIT = "msdyn_organizationalunit"
_HUNDRED = Decimal(100)
_PRICES = "msdyn_resourcecategorypricelevel"
_MARKUPS = "msdyn_resourcecategorymarkuppricelevel"


@dataclass(frozen=True, slots=True)
class Price:
    """A price per unit in its currency, and the list it came from, if one did."""

    per_unit: Decimal
    currency: PricedCurrency
    price_list: UUID | None = None


def cost_price(switches: Switches, work: UnitOfWork, entry: Entry) -> Price | None:
    """Time: the role's price in the contracting unit's currency. Expense: the amount entered, in the entry's currency.

    ``None`` for an entry without a project: it has no contracting unit and makes no transaction.
    """
    if entry.project is None:
        return None
    project = existing(work, "msdyn_project", entry.project)
    unit = existing(work, UNIT, linked(project, "msdyn_contractorganizationalunitid"))
    unit_currency = linked(unit, "msdyn_currency")
    if entry.kind is EXPENSE:
        own = rounding.currency(work, _stated(entry.entered_currency or unit_currency, "The expense"))
        return Price(own.round(entry.entered_price), own)
    currency = rounding.currency(work, _stated(unit_currency, "The contracting unit"))
    price_list = price_lists.cost_list(switches.zone, work, key(unit, UNIT), currency.id, entry.day)
    return Price(_time_price(switches, work, price_list, entry, currency, cost=True), currency, price_list)


def resourcing_cost(switches: Switches, work: UnitOfWork, entry: Entry) -> Price:
    """Time: the role's price in the currency of the unit that the person belongs to, from that unit's cost list."""
    unit = existing(work, UNIT, entry.resource_unit)
    currency = rounding.currency(work, _stated(linked(unit, "msdyn_currency"), "The resourcing unit"))
    price_list = price_lists.cost_list(switches.zone, work, key(unit, UNIT), currency.id, entry.day)
    return Price(_time_price(switches, work, price_list, entry, currency, cost=True), currency, price_list)


def sales_price(switches: Switches, work: UnitOfWork, entry: Entry, coverage: Coverage, cost: Price) -> Price | None:
    """The price of unbilled sales in the contract's currency; ``None`` where no time and material line covers."""
    if not coverage.time_and_material or coverage.contract is None:
        return None
    contract = coverage.contract
    currency = rounding.currency(work, _stated(linked(contract, "transactioncurrencyid"), "The contract"))
    price_list = price_lists.sales_list(switches.zone, work, key(contract, "salesorder"), currency.id, entry.day)
    if entry.kind is EXPENSE:
        return Price(_category_price(work, price_list, entry, currency, cost), currency, price_list)
    return Price(_time_price(switches, work, price_list, entry, currency, cost=False), currency, price_list)


def _time_price(
    switches: Switches,
    work: UnitOfWork,
    price_list: UUID | None,
    entry: Entry,
    currency: PricedCurrency,
    *,
    cost: bool,
) -> Decimal:
    """The price of the row that fits the amount-based dimensions, plus the markup that fits all; none is zero.

    A price per day is turned into one per hour (PSA/set-up-pricing-dimensions).
    """
    if price_list is None:
        return Decimal(0)
    by_amount = [one for one in dimensions(switches, work, entry, _PRICES, cost=cost) if not one.marks_up]
    row = best(work.find(_PRICES, msdyn_pricelist=Link("pricelevel", price_list)), by_amount)
    if row is None:
        return Decimal(0)
    base = amount(row, "msdyn_price") / _hours_in(work, row)
    price = base * (1 + _markup(switches, work, price_list, entry, cost=cost) / _HUNDRED)
    of_list = linked(existing(work, "pricelevel", price_list), "transactioncurrencyid")
    return currency.from_other(price, currency if of_list is None else rounding.currency(work, of_list))


def _markup(switches: Switches, work: UnitOfWork, price_list: UUID, entry: Entry, *, cost: bool) -> Decimal:
    """Percent of the markup row that fits; one that says nothing of what marks up marks nothing up."""
    by = dimensions(switches, work, entry, _MARKUPS, cost=cost)
    marking = [one.column for one in by if one.marks_up]
    rows = work.find(_MARKUPS, msdyn_pricelist=Link("pricelevel", price_list)) if marking else []
    row = best([row for row in rows if any(row.get(column) is not None for column in marking)], by)
    return Decimal(0) if row is None else amount(row, "msdyn_percent")


def _hours_in(work: UnitOfWork, row: Row) -> Decimal:
    """How many hours the price's unit has: units of time convert, 800 a day of 8 h is 100 (PSA/advanced-units)."""
    id = linked(row, "msdyn_unit")
    unit = None if id is None else work.get("uom", id)
    return Decimal(1) if unit is None else amount(unit, "quantity") or Decimal(1)


def _category_price(
    work: UnitOfWork, price_list: UUID | None, entry: Entry, currency: PricedCurrency, cost: Price
) -> Decimal:
    """Category and unit must both match, for expense units never convert: at cost, cost plus markup, or per unit."""
    if price_list is None or entry.category is None:
        return Decimal(0)
    rows = work.find(
        "msdyn_transactioncategorypricelevel",
        msdyn_pricelist=Link("pricelevel", price_list),
        msdyn_transactioncategory=Link("msdyn_transactioncategory", entry.category),
    )
    for row in rows:
        if linked(row, "msdyn_unit") != entry.unit:
            continue
        how = row.get("msdyn_pricecalculation")
        if how == PriceCalculation.PER_UNIT:
            return currency.round(amount(row, "msdyn_price"))
        percent = amount(row, "msdyn_percent") if how == PriceCalculation.MARKUP else Decimal(0)
        return currency.from_other(cost.per_unit * (1 + percent / _HUNDRED), cost.currency)
    return Decimal(0)


def _stated(currency: UUID | None, whose: str) -> UUID:
    if currency is None:
        raise Refused(f"{whose} has no currency.")
    return currency
