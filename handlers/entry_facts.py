"""Reads everything there is to know about entries: four requests, however many entries.

The ledger is found twice over: by origin, which whoever wrote an actual should have left, and by the ids that only we
could have derived, which are there even where an origin is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers.rows import row
from mappings import contract_lines, keys, tables
from mappings.entry import APPROVAL_COLUMNS, EXPENSE_COLUMNS, TIME_COLUMNS, Approval, Entry, approval, entry
from mappings.entry_to_actuals import Contract, JournalLine, Project
from mappings.ledger import ACTUAL_COLUMNS, Actual, Ledger, own_roles
from mappings.links import ORIGIN_COLUMNS
from mappings.money import Currency
from mappings.row import Row
from mappings.tables import Ref


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """One entry, its approvals, its ledger, and the set-up it bills under."""

    entry: Entry | None
    approvals: tuple[Approval, ...]
    ledger: Ledger
    journal_lines: tuple[JournalLine, ...]
    project: Project | None
    lines: tuple[Row, ...]
    contracts: dict[UUID, Contract]
    unit_currency: UUID | None
    currencies: dict[UUID, Currency]


def gather(refs: Sequence[Ref], dataverse: Reader) -> dict[Ref, EntryFacts]:
    """The facts of every entry in ``refs`` (``msdyn_timeentry`` or ``msdyn_expense`` rows)."""
    ids = [ref.id for ref in refs]
    times, expenses, time_approvals, expense_approvals, origins = ask(
        dataverse,
        Query(tables.TIME_ENTRY, TIME_COLUMNS, any_of("msdyn_timeentryid", _of(refs, tables.TIME_ENTRY))),
        Query(tables.EXPENSE, EXPENSE_COLUMNS, any_of("msdyn_expenseid", _of(refs, tables.EXPENSE))),
        Query(tables.APPROVAL, APPROVAL_COLUMNS, any_of("msdyn_timeentry", _of(refs, tables.TIME_ENTRY))),
        Query(tables.APPROVAL, APPROVAL_COLUMNS, any_of("msdyn_expenseentry", _of(refs, tables.EXPENSE))),
        Query(tables.ORIGIN, ORIGIN_COLUMNS, any_of("msdyn_origin", map(str, ids))),
    )
    entries = {found.ref: entry(found) for found in (*times, *expenses)}
    traces = _traces(origins)
    projects, lines, journal_lines = ask(
        dataverse,
        Query(
            tables.PROJECT,
            ("ownerid", "msdyn_contractorganizationalunitid", "msdyn_salesorderid"),
            any_of("msdyn_projectid", _projects(entries.values())),
        ),
        Query(
            tables.CONTRACT_LINE,
            contract_lines.CONTRACT_LINE_COLUMNS,
            any_of("msdyn_project", _projects(entries.values())),
        ),
        Query(
            tables.JOURNAL_LINE,
            (
                "msdyn_transactiontypecode",
                "msdyn_price",
                "msdyn_unit",
                "msdyn_unitschedule",
                "msdyn_pricelist",
                "msdyn_transactioncategory",
                "transactioncurrencyid",
            ),
            any_of("msdyn_journallineid", sorted(id for trace in traces.values() for id in trace.journal_lines)),
            order_by=("createdon desc",),
        ),
    )
    contracts, units, currencies = ask(
        dataverse,
        Query(
            tables.CONTRACT,
            ("customerid", "transactioncurrencyid"),
            any_of("salesorderid", _contracts(lines, projects)),
        ),
        Query(
            tables.ORGANIZATIONAL_UNIT,
            ("msdyn_currency",),
            any_of("msdyn_organizationalunitid", _links(projects, "msdyn_contractorganizationalunitid")),
        ),
        Query(tables.CURRENCY, ("isocurrencycode", "currencyprecision", "exchangerate")),
    )
    customers = {found.id: Contract(found.ref, found.link("customerid"), _currency(found)) for found in contracts}
    wanted = {ref: _wanted_ids(ref, traces[ref.id], customers.values()) for ref in refs}
    (actuals,) = ask(
        dataverse,
        Query(tables.ACTUAL, ACTUAL_COLUMNS, any_of("msdyn_actualid", sorted(set().union(*wanted.values())))),
    )
    setup = _SetUp(projects, lines, journal_lines, customers, units, currencies)
    approvals = _by_entry((*time_approvals, *expense_approvals))
    found_actuals = {found.id: Actual(found) for found in actuals}
    facts = {}
    for ref in refs:
        ledger = Ledger(ref.id, tuple(found_actuals[id] for id in sorted(wanted[ref]) if id in found_actuals))
        facts[ref] = setup.facts(entries.get(ref), approvals[ref], ledger, traces[ref.id].journal_lines)
    return facts


def ask(dataverse: Reader, *questions: Query) -> list[list[Row]]:
    """Ask all questions in one request and read the answers as the rules do."""
    return [[row(record) for record in records] for records in dataverse.query(questions)]


@dataclass
class _Trace:
    """Where an entry's origins lead."""

    actuals: set[UUID]
    journal_lines: set[UUID]


def _traces(origins: Iterable[Row]) -> defaultdict[UUID, _Trace]:
    traces: defaultdict[UUID, _Trace] = defaultdict(lambda: _Trace(set(), set()))
    for found in origins:
        source, transaction = _id(found.text("msdyn_origin")), _id(found.text("msdyn_transaction"))
        if source is None or transaction is None:
            continue
        trace = traces[source]
        # The stored spelling of a type is not documented everywhere; the id decides, so anything unknown is looked up.
        journal = found.text("msdyn_transactiontype") == tables.JOURNAL_LINE
        (trace.journal_lines if journal else trace.actuals).add(transaction)
    return traces


def _id(text: str | None) -> UUID | None:
    """An id kept as text, in any spelling; text that is none leads nowhere."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _wanted_ids(ref: Ref, trace: _Trace, contracts: Iterable[Contract]) -> set[UUID]:
    roles = own_roles({contract.customer.id for contract in contracts if contract.customer})
    # Every withdrawn generation has left at least two rows behind, so this many generations can't miss the next one.
    generations = range(len(trace.actuals) // 2 + 2)
    derived = {keys.row_id(ref.id, generation, role) for generation in generations for role in roles}
    return trace.actuals | derived


@dataclass
class _SetUp:
    """The reference rows of one reading, ready to be handed out per entry."""

    projects: list[Row]
    lines: list[Row]
    journal_lines: list[Row]
    contracts: dict[UUID, Contract]
    units: list[Row]
    currencies: list[Row]

    def facts(
        self, entry: Entry | None, approvals: tuple[Approval, ...], ledger: Ledger, journal: set[UUID]
    ) -> EntryFacts:
        found = next((p for p in self.projects if entry and p.id == entry.project), None)
        unit = found.link_id("msdyn_contractorganizationalunitid") if found else None
        lines = tuple(line for line in self.lines if entry and line.link_id("msdyn_project") == entry.project)
        mine = {id for line in lines if (id := line.link_id("salesorderid"))}
        mine |= {id for id in [found.link_id("msdyn_salesorderid") if found else None] if id}
        return EntryFacts(
            entry=entry,
            approvals=approvals,
            ledger=ledger,
            journal_lines=tuple(_journal_line(line) for line in self.journal_lines if line.id in journal),
            project=Project(found.ref, found.link("ownerid"), unit) if found else None,
            lines=lines,
            contracts={id: contract for id, contract in self.contracts.items() if id in mine},
            unit_currency=next((u.link_id("msdyn_currency") for u in self.units if u.id == unit), None),
            currencies={c.id: _currency_of(c) for c in self.currencies},
        )


def _journal_line(found: Row) -> JournalLine:
    return JournalLine(
        ref=found.ref,
        type=found.choice("msdyn_transactiontypecode"),
        price=found.number("msdyn_price"),
        currency=_currency(found),
        unit=found.link("msdyn_unit"),
        unit_schedule=found.link("msdyn_unitschedule"),
        price_list=found.link("msdyn_pricelist"),
        category=found.link("msdyn_transactioncategory"),
    )


def _currency_of(found: Row) -> Currency:
    precision = found.choice("currencyprecision")
    code = found.text("isocurrencycode") or str(found.id)
    if precision is None:
        raise TypeError(f"{found.ref}: the currency has no precision.")
    return Currency(found.id, code, precision, found.number("exchangerate") or Decimal(1))


def _currency(found: Row) -> UUID | None:
    return found.link_id("transactioncurrencyid")


def _of(refs: Iterable[Ref], table: str) -> list[UUID]:
    return [ref.id for ref in refs if ref.table == table]


def _projects(entries: Iterable[Entry]) -> list[UUID]:
    return sorted({entry.project for entry in entries if entry.project})


def _links(rows: Iterable[Row], column: str) -> list[UUID]:
    return sorted({id for found in rows if (id := found.link_id(column))})


def _contracts(lines: Iterable[Row], projects: Iterable[Row]) -> list[UUID]:
    return sorted({*_links(lines, "salesorderid"), *_links(projects, "msdyn_salesorderid")})


def _by_entry(rows: Iterable[Row]) -> defaultdict[Ref, tuple[Approval, ...]]:
    found: defaultdict[Ref, tuple[Approval, ...]] = defaultdict(tuple)
    for one in rows:
        for column in ("msdyn_timeentry", "msdyn_expenseentry"):
            if link := one.link(column):
                found[link] += (approval(one),)
    return found
