"""Reads what the price lists and the chargeability settings say, for the entries that need to know.

An approval ordinarily carries its prices and its billing type, and then nothing is read here. Where one is missing or
zero, two requests answer for all such entries of a batch: what hangs on the contracts, units and parameters; then the
lists and their rows.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, all_of, any_of
from handlers.price_needs import Need
from handlers.reading import ask
from handlers.set_up import SetUp, currency
from handlers.ties import tied, ties
from mappings import chargeability, price_lists, price_rows, tables
from mappings import dimensions as dims
from mappings.chargeability import Chargeables
from mappings.dimensions import Dimension
from mappings.pricing import PriceBook
from mappings.profile import Profile, Tie
from mappings.row import Row
from mappings.tables import Ref
from mappings.units import UNIT_COLUMNS, unit

_ANY_CURRENCY = "msdyn_pricelistdefaultingiscurrencyagnostic"
_CONTRACT_LISTS = Tie("msdyn_orderpricelist", "msdyn_contract", "msdyn_pricelist")


@dataclass(frozen=True, slots=True)
class PriceFacts:
    """The price lists and settings that were read, and the entries' own values of dimensions an administrator added."""

    prices: PriceBook
    chargeables: Chargeables
    own_values: Mapping[UUID, Mapping[str, Hashable]]


def completed(set_up: SetUp, facts: PriceFacts, entry: Ref) -> SetUp:
    """A set-up with the prices and settings that were read for its entry."""
    currencies = {row.id: known for row in set_up.currencies.values() if (known := currency(row)) is not None}
    book = replace(facts.prices, currencies=currencies, values=facts.own_values.get(entry.id, {}))
    return replace(set_up, prices=book, chargeables=facts.chargeables)


def own_values(needs: Sequence[tuple[Need, PriceFacts]], dataverse: Reader) -> dict[UUID, Mapping[str, Hashable]]:
    """The entries' own values of dimensions an administrator added: they belong to the entry, so none are ever kept.

    No request where there are no such dimensions, else one.
    """
    own = dims.own(dict.fromkeys(one for _, facts in needs for one in facts.prices.dimensions))
    wanted = [need for need, _ in needs] if own else []
    return _values(ask(dataverse, _own_columns(wanted, own))[0], own) if wanted else {}


def read(needs: Sequence[Need], dataverse: Reader, profile: Profile) -> PriceFacts:
    """What the needs call for, in two requests."""
    tie = profile.unit_cost_lists
    of_contracts, of_parameters, parameters, dimension_rows, field_names, units, *others = ask(
        dataverse,
        Query(
            _CONTRACT_LISTS.table,
            (_CONTRACT_LISTS.left, _CONTRACT_LISTS.right, "statecode"),
            any_of(_CONTRACT_LISTS.left, _all(need.contracts for need in needs)),
        ),
        Query("msdyn_projectparameterpricelist", ("msdyn_pricelist", "statecode")),
        Query("msdyn_projectparameter", (_ANY_CURRENCY,)),
        Query("msdyn_dimension", dims.DIMENSION_COLUMNS),
        Query("msdyn_dimensionfieldname", dims.FIELD_NAME_COLUMNS),
        Query("uom", UNIT_COLUMNS),
        *_settings(needs),
        *((ties(tie, _all(need.units for need in needs)),) if tie else ()),
    )
    dimensions = dims.dimensions(dimension_rows, field_names)
    everybodys = frozenset(id for row in of_parameters if (id := _active(row, "msdyn_pricelist")))
    contracts = tied((row for row in of_contracts if not row.choice("statecode")), _CONTRACT_LISTS)
    organizational = tied(others[-1], tie) if tie else {}
    ids = sorted(everybodys.union(*contracts.values(), *organizational.values()))
    own = dims.own(dimensions)
    lists, roles, markups, categories, entries = ask(
        dataverse,
        Query("pricelevel", price_lists.PRICE_LIST_COLUMNS, any_of("pricelevelid", ids)),
        *_role_questions(needs, ids, dimensions),
        Query(
            "msdyn_transactioncategorypricelevel",
            price_rows.CATEGORY_PRICE_COLUMNS,
            all_of(
                any_of("msdyn_pricelist", ids),
                any_of("msdyn_transactioncategory", _all(need.categories for need in needs if need.is_of_expense)),
            ),
        ),
        _own_columns(needs if own else (), own),
    )
    return PriceFacts(
        prices=PriceBook(
            lists={row.id: price_lists.price_list(row) for row in lists},
            of_contract=contracts,
            of_unit=organizational,
            of_parameters=everybodys,
            role_prices=tuple(one for row in roles if (one := price_rows.role_price(row, dimensions))),
            markups=tuple(one for row in markups if (one := price_rows.role_price(row, dimensions))),
            category_prices=tuple(price for row in categories if (price := price_rows.category_price(row))),
            dimensions=dimensions,
            units={row.id: unit(row) for row in units},
            several_cost_lists=profile.several_cost_lists,
            costs_in_any_currency=any(row.flag(_ANY_CURRENCY) for row in parameters),
        ),
        chargeables=_chargeables(others[:4]),
        own_values=_values(entries, own),
    )


def _own_columns(needs: Sequence[Need], own: Sequence[Dimension]) -> Query:
    ids = [need.entry.ref.id for need in needs if not need.is_of_expense]
    return Query(
        tables.TIME_ENTRY, tuple(dict.fromkeys(one.entry_column for one in own)), any_of("msdyn_timeentryid", ids)
    )


def _values(entries: Iterable[Row], own: Sequence[Dimension]) -> dict[UUID, Mapping[str, Hashable]]:
    return {
        row.id: {one.column: price_rows.dimension_value(row.cells.get(one.entry_column)) for one in own}
        for row in entries
    }


def _role_questions(needs: Sequence[Need], ids: Sequence[UUID], dimensions: Collection[Dimension]) -> list[Query]:
    """Role prices and markups of the roles at work and of none in particular."""
    ids = ids if any(not need.is_of_expense for need in needs) else []
    marked_up = ids if any(one.is_markup for one in dimensions) else []
    own = tuple(one.column for one in dims.own(dimensions))
    roles = [*_all(need.roles for need in needs), None]
    # Where role was taken off the dimensions of a context, a row counts whatever its role.
    counts = any(one.column == dims.ROLE and one.for_cost and one.for_sales for one in dimensions)
    by_role = (any_of(dims.ROLE, roles),) if counts else ()
    return [
        Query(
            "msdyn_resourcecategorypricelevel",
            (*price_rows.ROLE_PRICE_COLUMNS, *own),
            all_of(any_of("msdyn_pricelist", ids), *by_role),
        ),
        Query(
            "msdyn_resourcecategorymarkuppricelevel",
            (*price_rows.MARKUP_COLUMNS, *own),
            all_of(any_of("msdyn_pricelist", marked_up), *by_role),
        ),
    ]


def _settings(needs: Sequence[Need]) -> list[Query]:
    lines, roles = _all(need.lines for need in needs), _all(need.roles for need in needs)
    return [
        Query(
            "msdyn_orderlineresourcecategory",
            chargeability.LINE_ROLE_COLUMNS,
            any_of("msdyn_contractlineid", lines),
        ),
        Query(
            "msdyn_orderlinetransactioncategory",
            chargeability.LINE_CATEGORY_COLUMNS,
            any_of("msdyn_contractlineid", lines),
        ),
        Query("bookableresourcecategory", chargeability.MASTER_COLUMNS, any_of("bookableresourcecategoryid", roles)),
        Query(
            "msdyn_transactioncategory",
            chargeability.MASTER_COLUMNS,
            any_of("msdyn_transactioncategoryid", _all(need.categories for need in needs)),
        ),
    ]


def _chargeables(settings: Sequence[Sequence[Row]]) -> Chargeables:
    line_roles, line_categories, roles, categories = settings
    return Chargeables(
        line_roles=chargeability.on_lines(line_roles, "msdyn_resourcecategory"),
        line_categories=chargeability.on_lines(line_categories, "msdyn_transactioncategory"),
        roles=chargeability.in_masters(roles),
        categories=chargeability.in_masters(categories),
    )


def _active(row: Row, column: str) -> UUID | None:
    return None if row.choice("statecode") else row.link_id(column)


def _all(sets: Iterable[frozenset[UUID]]) -> list[UUID]:
    return sorted(frozenset[UUID]().union(*sets))
