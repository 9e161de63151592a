"""Reads everything there is to know about entries: four requests, however many entries.

The ledger is found twice over: by origin, which whoever wrote an actual should have left, and by the ids that only we
could have derived, which are there even where an origin is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers.reading import ask
from handlers.set_up import SetUp, SetUps
from mappings import keys, tables
from mappings.choices import RecordStage
from mappings.entry import APPROVAL_COLUMNS, EXPENSE_COLUMNS, TIME_COLUMNS, Approval, Entry, Stage, approval, entry
from mappings.ledger import ACTUAL_COLUMNS, Actual, Ledger, own_roles
from mappings.links import ORIGIN_COLUMNS
from mappings.refusal import Refusal
from mappings.row import Row
from mappings.tables import Ref


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """One entry, its approvals, its ledger, and the set-up it bills under."""

    entry: Entry | None
    approvals: tuple[Approval, ...]
    ledger: Ledger
    set_up: SetUp

    @property
    def approved_by(self) -> Approval | None:
        """The one approval that holds the entry approved. Raises ``Refusal`` when there are several.

        While entry and approval both wait for the answer to a recall, it holds as before.
        """
        recalling = self.entry is not None and self.entry.stage is Stage.RECALL_REQUESTED
        held = (RecordStage.RECALL_REQUESTED,) if recalling else ()
        approvals = [one for one in self.approvals if one.holds or one.stage in held]
        if len(approvals) > 1:
            named = " and ".join(str(one.ref) for one in approvals)
            raise Refusal("two-approvals", f"{named} both approve the entry; cancel all but one.")
        return approvals[0] if approvals else None


def gather(refs: Sequence[Ref], dataverse: Reader) -> dict[Ref, EntryFacts | Refusal]:
    """The facts of every entry in ``refs`` (``msdyn_timeentry`` or ``msdyn_expense`` rows).

    An entry whose own rows make no sense gets the refusal that says so; the others are none the worse for it.
    """
    times, expenses, time_approvals, expense_approvals, origins = ask(
        dataverse,
        Query(tables.TIME_ENTRY, TIME_COLUMNS, any_of("msdyn_timeentryid", _of(refs, tables.TIME_ENTRY))),
        Query(tables.EXPENSE, EXPENSE_COLUMNS, any_of("msdyn_expenseid", _of(refs, tables.EXPENSE))),
        Query(tables.APPROVAL, APPROVAL_COLUMNS, any_of("msdyn_timeentry", _of(refs, tables.TIME_ENTRY))),
        Query(tables.APPROVAL, APPROVAL_COLUMNS, any_of("msdyn_expenseentry", _of(refs, tables.EXPENSE))),
        # Kept as text, in whatever spelling the writer chose; letter case makes no difference to Dataverse.
        Query(
            tables.ORIGIN, ORIGIN_COLUMNS, any_of("msdyn_origin", [text for ref in refs for text in spelled(ref.id)])
        ),
    )
    entries: dict[Ref, Entry | Refusal] = {row.ref: _read(row) for row in (*times, *expenses)}
    readable = [one for one in entries.values() if isinstance(one, Entry)]
    traces = _traces(origins)
    set_ups = SetUps.read(readable, (id for trace in traces.values() for id in trace.journal_lines), dataverse)
    of_entry = {ref: _entry_set_up(entries.get(ref), set_ups, traces[ref.id]) for ref in refs}
    wanted = {ref: _wanted_ids(ref, traces[ref.id], of_entry[ref]) for ref in refs}
    (rows,) = ask(
        dataverse,
        Query(tables.ACTUAL, ACTUAL_COLUMNS, any_of("msdyn_actualid", sorted(set().union(*wanted.values())))),
    )
    actuals = {row.id: Actual(row) for row in rows}
    approvals = _by_entry((*time_approvals, *expense_approvals))
    facts: dict[Ref, EntryFacts | Refusal] = {}
    for ref in refs:
        found = tuple(actuals[id] for id in sorted(wanted[ref]) if id in actuals)
        ledger = Ledger(ref.id, found, frozenset(traces[ref.id].signed))
        facts[ref] = _facts(entries.get(ref), approvals[ref], ledger, of_entry[ref])
    return facts


def _facts(
    entry: Entry | Refusal | None, approvals: Iterable[Row], ledger: Ledger, set_up: SetUp
) -> EntryFacts | Refusal:
    if isinstance(entry, Refusal):
        return entry
    if entry is not None and entry.resourcing_unit is None:
        entry = replace(entry, resourcing_unit=set_up.resource_unit)
    try:
        return EntryFacts(entry, tuple(approval(row) for row in approvals), ledger, set_up)
    except Refusal as refusal:
        return refusal


def _read(row: Row) -> Entry | Refusal:
    try:
        return entry(row)
    except Refusal as refusal:
        return refusal


def _entry_set_up(found: Entry | Refusal | None, set_ups: SetUps, trace: _Trace) -> SetUp:
    return set_ups.of(found if isinstance(found, Entry) else None, trace.journal_lines)


@dataclass
class _Trace:
    """Where an entry's origins lead; ``signed`` are the actuals whose origin bears an id of ours."""

    actuals: set[UUID] = field(default_factory=set)
    journal_lines: set[UUID] = field(default_factory=set)
    signed: set[UUID] = field(default_factory=set)


def _traces(origins: Iterable[Row]) -> defaultdict[UUID, _Trace]:
    traces: defaultdict[UUID, _Trace] = defaultdict(_Trace)
    for row in origins:
        source, transaction = id_of(row.text("msdyn_origin")), id_of(row.text("msdyn_transaction"))
        if source is None or transaction is None:
            continue
        trace = traces[source]
        # The stored spelling of a type is not documented everywhere; the id decides, so anything unknown is looked up.
        journal = row.text("msdyn_transactiontype") == tables.JOURNAL_LINE
        (trace.journal_lines if journal else trace.actuals).add(transaction)
        if row.id == keys.origin_id(source, transaction):
            trace.signed.add(transaction)
    return traces


def id_of(text: str | None) -> UUID | None:
    """An id kept as text, in any spelling; text that is none leads nowhere."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def spelled(id: UUID) -> tuple[str, str]:
    """The spellings of an id kept as text; letter case makes no difference to Dataverse."""
    return str(id), f"{{{id}}}"


def _wanted_ids(ref: Ref, trace: _Trace, set_up: SetUp) -> set[UUID]:
    roles = own_roles({contract.customer.id for contract in set_up.contracts.values() if contract.customer})
    # Every withdrawn generation has left at least two rows behind, so this many generations can't miss the next one.
    generations = range(len(trace.actuals) // 2 + 2)
    derived = {keys.row_id(ref.id, generation, role) for generation in generations for role in roles}
    return trace.actuals | derived


def _of(refs: Iterable[Ref], table: str) -> list[UUID]:
    return [ref.id for ref in refs if ref.table == table]


def _by_entry(rows: Iterable[Row]) -> defaultdict[Ref, list[Row]]:
    found: defaultdict[Ref, list[Row]] = defaultdict(list)
    for row in rows:
        for column in ("msdyn_timeentry", "msdyn_expenseentry"):
            if link := row.link(column):
                found[link].append(row)
    return found
