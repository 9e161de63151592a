"""Explains one entry: what would be written and why, what is there and whose it is, and how the two differ.

Nothing of it is worked out a second time: the rows come from the rules, the decisions from the handler that would
commit them, taken to its fixed point on the rows as they were read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.changes import Change, Create, Record, Update
from connector.dataverse.query import Query, any_of
from handlers import rows
from handlers.actuals import ActualsHandler
from handlers.course import Limits
from handlers.entry_facts import EntryFacts
from handlers.ledger_facts import id_of, origins_of
from handlers.plan import Decision, Plan
from handlers.reading import ask
from handlers.verification import VerificationHandler, findings
from mappings import tables
from mappings.choices import JournalType, TransactionType
from mappings.comparison import Finding
from mappings.ledger import Actual, Ledger
from mappings.planned_actual import PlannedActual
from mappings.refusal import Refusal
from mappings.tables import Ref

JOURNAL = "msdyn_journal"
_CORRECTIONS = (JournalType.TIME_CORRECTION, JournalType.EXPENSE_CORRECTION)
_INVOICES = (tables.INVOICE, tables.INVOICE_LINE, tables.INVOICE_LINE_DETAIL)


class Whose(StrEnum):
    """Who wrote an actual, as its id and its origins tell; this service is ``service``."""

    SERVICE = auto()
    PRODUCT = auto()
    JOURNAL = auto()
    INVOICE = auto()
    OTHER = auto()


class Standing(StrEnum):
    """What becomes of a row that should exist."""

    TO_BE_WRITTEN = "to-be-written"
    THERE = "there"
    COUNTED = "counted-elsewhere"
    NOT_WRITTEN = "not-written"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """An actual that should exist, the row it is or would be, and what becomes of it."""

    actual: PlannedActual
    row: Ref
    standing: Standing


@dataclass(frozen=True, slots=True)
class HeldRow:
    """An actual of the entry, whose it is, and the user who wrote it. ``goes``: this service would reverse it."""

    actual: Actual
    whose: Whose
    by: Ref | None
    goes: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """One entry explained.

    ``decisions`` follow one another as long as nobody else writes; the last one writes nothing. ``unknown``: why the
    actuals it should have can't be known. ``facts`` are ``None`` where the entry's own rows make no sense.
    """

    entry: Ref
    facts: EntryFacts | None
    decisions: tuple[Decision, ...]
    planned: tuple[PlannedRow, ...]
    unknown: Refusal | None
    held: tuple[HeldRow, ...]
    findings: tuple[Finding, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change the handler would commit, in order."""
        return _changes(self.decisions)


def explain(entry: Ref, handler: ActualsHandler | VerificationHandler, dataverse: Reader) -> Explanation:
    """Explain a time entry or expense. Reads only. Raises ``ConnectorError``."""
    rules = handler.rules if isinstance(handler, VerificationHandler) else handler
    facts = handler.gather([entry], dataverse)[entry]
    if isinstance(facts, Refusal):
        return Explanation(entry, None, (handler.decide(entry, facts, {}),), (), facts, (), ())
    decisions, ledger = course(entry, handler, facts)
    planned: tuple[PlannedActual, ...] = ()
    unknown: Refusal | None = None
    try:
        planned = rules.expected(facts)
    except Refusal as refusal:
        unknown = refusal
    return Explanation(
        entry=entry,
        facts=facts,
        decisions=decisions,
        planned=tuple(_standing(one, ledger, _created(decisions)) for one in planned),
        unknown=unknown,
        held=_held(facts.ledger, decisions, dataverse),
        findings=findings(rules, facts),
    )


def course(
    entry: Ref, handler: ActualsHandler | VerificationHandler, facts: EntryFacts
) -> tuple[tuple[Decision, ...], Ledger]:
    """The handler's decisions one after the other, and the ledger they lead to."""
    decisions: list[Decision] = []
    while len(decisions) < Limits().rounds:
        decisions.append(handler.decide(entry, facts, {}))
        if not isinstance(decisions[-1], Plan):
            break
        facts = replace(facts, ledger=_afterwards(facts.ledger, decisions[-1]))
    return tuple(decisions), facts.ledger


def _afterwards(ledger: Ledger, plan: Plan) -> Ledger:
    """The ledger once the plan is carried out."""
    actuals = {actual.id: actual for actual in ledger.actuals}
    for change in _changes((plan,)):
        match change:
            case Create(row, values) if row.table == tables.ACTUAL:
                actuals[row.id] = Actual(rows.row(Record(row, "", values)))
            case Update(row, values) if row.id in actuals:
                changed = rows.row(Record(row, "", values))
                before = actuals[row.id].row
                actuals[row.id] = Actual(replace(before, cells={**before.cells, **changed.cells}))
    return replace(ledger, actuals=tuple(actuals[id] for id in sorted(actuals)))


def _changes(decisions: Iterable[Decision]) -> tuple[Change, ...]:
    plans = [one for one in decisions if isinstance(one, Plan)]
    return tuple(change for plan in plans for one in plan.change_sets for change in one.changes)


def _created(decisions: Iterable[Decision]) -> frozenset[UUID]:
    return frozenset(change.row.id for change in _changes(decisions) if isinstance(change, Create))


def _standing(one: PlannedActual, ledger: Ledger, created: frozenset[UUID]) -> PlannedRow:
    row = one.row(ledger.entry, ledger.generation).row
    if row.id in created:
        standing = Standing.TO_BE_WRITTEN
    elif row.id in {actual.id for actual in ledger.live}:
        standing = Standing.THERE
    elif any(actual.is_live and actual.type == one.type for actual in ledger.actuals):
        standing = Standing.COUNTED
    else:
        standing = Standing.NOT_WRITTEN
    return PlannedRow(one, row, standing)


def _held(ledger: Ledger, decisions: Iterable[Decision], dataverse: Reader) -> tuple[HeldRow, ...]:
    if not ledger.actuals:
        return ()
    ids = sorted(ledger.ids)
    found, written = ask(
        dataverse, origins_of(ids), Query(tables.ACTUAL, ("createdby",), any_of("msdyn_actualid", ids))
    )
    origins: defaultdict[UUID, list[Ref]] = defaultdict(list)
    for row in found:
        source, transaction = id_of(row.text("msdyn_origin")), id_of(row.text("msdyn_transaction"))
        if source is not None and transaction is not None:
            origins[transaction].append(Ref(row.text("msdyn_origintype") or "", source))
    corrections = _corrections((one for some in origins.values() for one in some), dataverse)
    authors = {row.id: row.link("createdby") for row in written}
    changed = {change.row.id for change in _changes(decisions) if isinstance(change, Update)}
    return tuple(
        HeldRow(
            actual,
            _whose(actual, ledger, origins[actual.id], corrections),
            authors.get(actual.id),
            actual.id in changed,
        )
        for actual in sorted(ledger.actuals, key=lambda one: (one.type or 0, one.is_reversal, one.id))
    )


def _corrections(origins: Iterable[Ref], dataverse: Reader) -> frozenset[UUID]:
    """The journal lines among these that belong to a correction journal."""
    ids = sorted({one.id for one in origins if one.table == tables.JOURNAL_LINE})
    (lines,) = ask(dataverse, Query(tables.JOURNAL_LINE, ("msdyn_journal",), any_of("msdyn_journallineid", ids)))
    of = {line.id: journal for line in lines if (journal := line.link_id("msdyn_journal"))}
    asked = Query(JOURNAL, ("msdyn_journaltype",), any_of("msdyn_journalid", sorted(set(of.values()))))
    (journals,) = ask(dataverse, asked) if of else ([],)
    correcting = {row.id for row in journals if row.choice("msdyn_journaltype") in _CORRECTIONS}
    return frozenset(line for line, journal in of.items() if journal in correcting)


def _whose(actual: Actual, ledger: Ledger, origins: Sequence[Ref], corrections: frozenset[UUID]) -> Whose:
    """An id tells ours; journals and invoices name themselves; approval leaves the entry, and no journal."""
    came_from = {one.table for one in origins}
    if ledger.is_ours(actual):
        return Whose.SERVICE
    if actual.type == TransactionType.BILLED_SALES or came_from.intersection(_INVOICES):
        return Whose.INVOICE
    from_entry = ledger.entry in {one.id for one in origins}
    by_journal = JOURNAL in came_from or any(one.id in corrections for one in origins)
    if by_journal or (tables.JOURNAL_LINE in came_from and not from_entry):
        return Whose.JOURNAL
    return Whose.PRODUCT if from_entry else Whose.OTHER
