"""What an entry bills under: its project, contract lines, contracts, units, currencies and, where needed, prices."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers.reading import ask
from handlers.ties import billing_types, tied, ties
from mappings import contract_lines, tables
from mappings.approved_entry import Contract, JournalLine, Project
from mappings.chargeability import Chargeables
from mappings.entry import Entry
from mappings.money import Currency
from mappings.pricing import PriceBook
from mappings.profile import Profile
from mappings.refusal import Refusal
from mappings.row import Row
from mappings.tables import Ref

_JOURNAL_LINE_COLUMNS = (
    "msdyn_transactiontypecode",
    "msdyn_price",
    "msdyn_unit",
    "msdyn_unitschedule",
    "msdyn_pricelist",
    "msdyn_transactioncategory",
    "transactioncurrencyid",
)


@dataclass(frozen=True, slots=True)
class SetUp:
    """The set-up of one entry. ``lines`` are its project's; ``contracts`` those its project belongs to, by id.

    ``category`` is the transaction category behind an expense's category, ``line_tasks`` the tasks of each contract
    line that selects tasks, ``task_types`` what is said about charging them. ``prices`` and ``chargeables`` are empty
    where the approval says all there is to know.
    """

    project: Project | None
    lines: tuple[Row, ...]
    contracts: Mapping[UUID, Contract]
    contracting_currency: UUID | None
    resource_unit: UUID | None
    journal_lines: tuple[JournalLine, ...]
    currencies: Mapping[UUID, Row]
    unit_currencies: Mapping[UUID, UUID | None] = field(default_factory=dict)
    category: Ref | None = None
    line_tasks: Mapping[UUID, frozenset[UUID]] = field(default_factory=dict)
    task_types: Mapping[tuple[UUID, UUID], int | None] = field(default_factory=dict)
    prices: PriceBook = field(default_factory=PriceBook)
    chargeables: Chargeables = field(default_factory=Chargeables)

    def currency(self, id: UUID | None, where: object) -> Currency:
        """A currency that can be reckoned in. Raises ``Refusal`` naming ``where`` it is missing."""
        found = self.currencies.get(id) if id else None
        if found is None:
            raise Refusal("currency-missing", f"{where} names no currency this environment has; complete it.")
        known = currency(found)
        if known is None:
            raise Refusal("currency-missing", f"{found.ref} has no precision; complete the currency.")
        return known

    def currency_of_unit(self, unit: UUID | None, where: object) -> Currency:
        """The currency an organizational unit reckons its costs in. Raises ``Refusal`` as ``currency`` does."""
        return self.currency(self.unit_currencies.get(unit) if unit else None, where)


@dataclass(frozen=True, slots=True)
class Basis:
    """What of an entry its set-up is looked up by: entries of one basis differ in their journal lines at most."""

    project: UUID | None = None
    resource: UUID | None = None
    category: UUID | None = None
    unit: UUID | None = None


def basis_of(entry: Entry | None) -> Basis:
    """An entry's; that of an entry that is gone names nothing."""
    if entry is None:
        return Basis()
    return Basis(
        project=entry.project,
        resource=entry.resource.id if entry.resource else None,
        category=entry.expense_category.id if entry.expense_category else None,
        unit=entry.resourcing_unit,
    )


def journal_lines_of(ids: Sequence[UUID]) -> Query:
    """The journal lines behind these entries' submissions."""
    return Query(
        tables.JOURNAL_LINE,
        _JOURNAL_LINE_COLUMNS,
        any_of("msdyn_journallineid", ids),
        order_by=("createdon desc",),
    )


def named_by(bases: Iterable[Basis]) -> tuple[Query, ...]:
    """What entries name: projects with their contract lines, resources, expense categories; in this order."""
    bases = list(bases)
    on = sorted({basis.project for basis in bases if basis.project})
    working = sorted({basis.resource for basis in bases if basis.resource})
    claimed = sorted({basis.category for basis in bases if basis.category})
    project = ("ownerid", "msdyn_contractorganizationalunitid", "msdyn_salesorderid")
    return (
        Query(tables.PROJECT, project, any_of("msdyn_projectid", on)),
        Query(tables.CONTRACT_LINE, contract_lines.CONTRACT_LINE_COLUMNS, any_of("msdyn_project", on)),
        Query(tables.RESOURCE, ("msdyn_organizationalunit",), any_of("bookableresourceid", working)),
        Query("msdyn_expensecategory", ("msdyn_expensecategoryuid",), any_of("msdyn_expensecategoryid", claimed)),
    )


def behind(
    contracts: Collection[UUID], units: Collection[UUID], lines: Iterable[UUID], profile: Profile | None
) -> tuple[Query, ...]:
    """What stands behind those: contracts, units, currencies, and what lines select tasks by; in this order."""
    selected = profile.line_tasks if profile else None
    unit = Query(tables.ORGANIZATIONAL_UNIT, ("msdyn_currency",), any_of("msdyn_organizationalunitid", sorted(units)))
    return (
        Query(tables.CONTRACT, ("customerid", "transactioncurrencyid"), any_of("salesorderid", sorted(contracts))),
        unit,
        Query(tables.CURRENCY, ("isocurrencycode", "currencyprecision", "exchangerate")),
        *((ties(selected, lines),) if selected else ()),
    )


@dataclass
class SetUps:
    """The set-up rows of a batch of entries, handed out per entry."""

    projects: list[Row]
    lines: list[Row]
    journal_lines: list[Row]
    resources: list[Row]
    categories: list[Row]
    contracts: list[Row]
    units: list[Row]
    currencies: list[Row]
    line_tasks: Mapping[UUID, frozenset[UUID]]
    task_types: Mapping[tuple[UUID, UUID], int | None]

    @classmethod
    def read(
        cls,
        entries: Iterable[Entry],
        journal_lines: Iterable[UUID],
        dataverse: Reader,
        profile: Profile | None = None,
    ) -> SetUps:
        """Two requests, however many entries."""
        bases = [basis_of(entry) for entry in entries]
        selected = profile.line_tasks if profile else None
        projects, lines, resources, categories, journal = ask(
            dataverse, *named_by(bases), journal_lines_of(sorted(set(journal_lines)))
        )
        of_lines, of_projects = _links(lines, "salesorderid"), _links(projects, "msdyn_salesorderid")
        units_at_work = _links(projects, "msdyn_contractorganizationalunitid")
        units_at_work |= _links(resources, "msdyn_organizationalunit")
        units_at_work |= {basis.unit for basis in bases if basis.unit}
        contracts, units, currencies, *tasks = ask(
            dataverse, *behind(of_lines | of_projects, units_at_work, (line.id for line in lines), profile)
        )
        line_tasks = tied(tasks[0], selected) if selected else {}
        types = billing_types(tasks[0], selected) if selected else {}
        return cls(projects, lines, journal, resources, categories, contracts, units, currencies, line_tasks, types)

    def of(self, entry: Entry | None, journal_lines: Collection[UUID]) -> SetUp:
        """The part of it that one entry bills under."""
        project = next((row for row in self.projects if entry and row.id == entry.project), None)
        lines = tuple(line for line in self.lines if entry and line.link_id("msdyn_project") == entry.project)
        belongs_to = _links(lines, "salesorderid") | _links([project] if project else [], "msdyn_salesorderid")
        unit = project.link_id("msdyn_contractorganizationalunitid") if project else None
        resource = entry.resource.id if entry and entry.resource else None
        claimed = entry.expense_category.id if entry and entry.expense_category else None
        category = next((row for row in self.categories if row.id == claimed), None)
        return SetUp(
            project=Project(project.ref, project.link("ownerid"), unit) if project else None,
            lines=lines,
            contracts={row.id: _contract(row) for row in self.contracts if row.id in belongs_to},
            contracting_currency=_linked(self.units, unit, "msdyn_currency"),
            resource_unit=_linked(self.resources, resource, "msdyn_organizationalunit"),
            journal_lines=tuple(_journal_line(row) for row in self.journal_lines if row.id in journal_lines),
            currencies={row.id: row for row in self.currencies},
            unit_currencies={row.id: row.link_id("msdyn_currency") for row in self.units},
            category=category.link("msdyn_expensecategoryuid") if category else None,
            line_tasks={line.id: self.line_tasks[line.id] for line in lines if line.id in self.line_tasks},
            task_types=self.task_types,
        )


def currency(row: Row) -> Currency | None:
    """A currency from its row; ``None`` without a precision, for nothing can be rounded in it."""
    precision = row.choice("currencyprecision")
    if precision is None:
        return None
    return Currency(row.id, row.text("isocurrencycode") or str(row.id), precision, row.number("exchangerate"))


def _contract(row: Row) -> Contract:
    return Contract(row.ref, row.link("customerid"), row.link_id("transactioncurrencyid"))


def _journal_line(row: Row) -> JournalLine:
    return JournalLine(
        ref=row.ref,
        type=row.choice("msdyn_transactiontypecode"),
        price=row.number("msdyn_price"),
        currency=row.link_id("transactioncurrencyid"),
        unit=row.link("msdyn_unit"),
        unit_schedule=row.link("msdyn_unitschedule"),
        price_list=row.link("msdyn_pricelist"),
        category=row.link("msdyn_transactioncategory"),
    )


def _links(rows: Iterable[Row], column: str) -> set[UUID]:
    return {id for row in rows if (id := row.link_id(column))}


def _linked(rows: Iterable[Row], id: UUID | None, column: str) -> UUID | None:
    return next((row.link_id(column) for row in rows if row.id == id), None)
