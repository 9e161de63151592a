"""Reads everything there is to know about entries: a constant number of requests, however many entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import AnyOf, Query, any_of
from handlers import expected, ledger_facts
from handlers.entry_set_ups import set_ups, written_by
from handlers.ledger_facts import Trace
from handlers.reading import ask
from handlers.seldom_changed import Lately, SeldomChanged
from handlers.set_up import SetUp, basis_of
from handlers.whereabouts import OfEntry
from mappings import tables
from mappings.choices import RecordStage, TransactionClass
from mappings.entry import APPROVAL_COLUMNS, EXPENSE_COLUMNS, TIME_COLUMNS, Approval, Entry, Stage, approval, entry
from mappings.ledger import Ledger, actual_columns
from mappings.profile import Profile
from mappings.refusal import Refusal
from mappings.released import released
from mappings.row import Row
from mappings.tables import Ref


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """One entry as it reads, its approvals, its ledger, and the set-up under which it was approved."""

    entry: Entry | None
    approvals: tuple[Approval, ...]
    ledger: Ledger
    set_up: SetUp

    @property
    def released(self) -> Entry | None:
        """The entry as its approval released it, but for its dates; as it reads where there is no approval.

        Where it names no organizational unit, it is its resource's.
        """
        found = _as_approved((self.entry, self.approvals)) if self.entry else None
        if found is None:
            return None
        own = self.set_up.project.contracting_unit if self.set_up.project else None
        # No approval says the unit. Who moves to another one later has not worked for it before.
        stays = self.ledger.counts_as_work_of(own, found.resource)
        return replace(found, resourcing_unit=own if stays else found.resourcing_unit or self.set_up.resource_unit)

    @property
    def approved_by(self) -> Approval | None:
        """The one approval that holds the entry approved. Raises ``Refusal`` when there are several.

        While entry and approval both wait for the answer to a recall, it holds as before.
        """
        approvals = _holding(self.entry, self.approvals)
        if len(approvals) > 1:
            named = " and ".join(str(one.ref) for one in approvals)
            raise Refusal("two-approvals", f"{named} both approve the entry; cancel all but one.")
        return approvals[0] if approvals else None

    @property
    def last_released(self) -> datetime | None:
        """When an approval of it was last written, so far as that is known."""
        written = (one.row.instant("modifiedon") for one in self.approvals if one.row)
        return max((moment for moment in written if moment), default=None)


def gather(refs: Sequence[Ref], dataverse: Reader, profile: Profile | None = None) -> dict[Ref, EntryFacts | Refusal]:
    """The facts of every entry in ``refs`` (``msdyn_timeentry`` or ``msdyn_expense`` rows).

    An entry whose own rows make no sense gets the refusal that says so; the others are none the worse for it.
    """
    profile = profile or Profile()
    lately = dataverse if isinstance(dataverse, Lately) else None
    if lately is not None:
        lately.begin()
        lately.expect(*expected.of_another_look(refs, lately.seldom_changed, profile))
    times, expenses, time_approvals, expense_approvals, origins = ask(
        dataverse, *_themselves(refs, profile), ledger_facts.origins_from(ref.id for ref in refs)
    )
    by_entry = _by_entry((*time_approvals, *expense_approvals))
    read = {row.ref: _read(row, by_entry[row.ref], profile) for row in (*times, *expenses)}
    traces = ledger_facts.traces(origins)
    as_approved = {ref: found for ref in refs if (found := _as_approved(read.get(ref))) is not None}
    of_entries = {ref.id: traces[ref.id] for ref in refs}
    approvals = _approvals(read)
    of_all = {ref: as_approved.get(ref) for ref in refs}
    if lately is not None:
        lately.expect(*expected.of_ledgers(of_all, of_entries, lately, profile))
    of_entry = set_ups(
        of_all,
        approvals,
        {ref: of_entries[ref.id].journal_lines for ref in refs},
        dataverse,
        profile,
    )
    derived = {ref.id: _derived_ids(as_approved.get(ref), ref, of_entries[ref.id], of_entry[ref]) for ref in refs}
    ledgers = ledger_facts.ledgers(of_entries, derived, dataverse, actual_columns(profile))
    if lately is not None:
        for ref in refs:
            tied = frozenset(actual.row.id for actual in ledgers[ref.id].actuals)
            journal_lines = frozenset(of_entries[ref.id].journal_lines)
            led_to = OfEntry(basis_of(as_approved.get(ref)), written_by(approvals.get(ref)), journal_lines, tied)
            lately.seldom_changed.whereabouts.found(ref.id, led_to, of_entry[ref])
    return {ref: _facts(read.get(ref), ledgers[ref.id], of_entry[ref]) for ref in refs}


def of_the_next_look(refs: Sequence[Ref], seldom_changed: SeldomChanged, profile: Profile) -> list[Query]:
    """What another look at these entries will ask; nothing where one of them was not looked at before."""
    ahead = expected.of_another_look(refs, seldom_changed, profile)
    questions = [*_themselves(refs, profile), *ahead] if ahead else []
    return [one for one in questions if not isinstance(one.where, AnyOf) or one.where.values]


def _themselves(refs: Sequence[Ref], profile: Profile) -> tuple[Query, ...]:
    """The entries and their approvals."""
    time = (*TIME_COLUMNS, *profile.read_from_entries(TransactionClass.TIME), *_day(profile, tables.TIME_ENTRY))
    expense = (*EXPENSE_COLUMNS, *profile.read_from_entries(TransactionClass.EXPENSE), *_day(profile, tables.EXPENSE))
    approved = (*APPROVAL_COLUMNS, *profile.read_from_approvals())
    times, expenses = _of(refs, tables.TIME_ENTRY), _of(refs, tables.EXPENSE)
    return (
        Query(tables.TIME_ENTRY, time, any_of("msdyn_timeentryid", times)),
        Query(tables.EXPENSE, expense, any_of("msdyn_expenseid", expenses)),
        Query(tables.APPROVAL, approved, any_of("msdyn_timeentry", times)),
        Query(tables.APPROVAL, approved, any_of("msdyn_expenseentry", expenses)),
    )


_Read = tuple[Entry, tuple[Approval, ...]]


def _facts(read: _Read | Refusal | None, ledger: Ledger, set_up: SetUp) -> EntryFacts | Refusal:
    if isinstance(read, Refusal):
        return read
    if read is None:
        return EntryFacts(None, (), ledger, set_up)
    return EntryFacts(*read, ledger, set_up)


def _read(row: Row, approvals: Iterable[Row], profile: Profile) -> _Read | Refusal:
    column = profile.day_of(row.ref.table)
    try:
        return replace(entry(row), day=row.day(column) if column else None), tuple(approval(one) for one in approvals)
    except Refusal as refusal:
        return refusal


def _as_approved(read: _Read | Refusal | None) -> Entry | None:
    """The entry by which the set-up is looked up: where its one approval has put it."""
    if read is None or isinstance(read, Refusal):
        return None
    holding = _holding(*read)
    return released(read[0], holding[0]) if len(holding) == 1 else read[0]


def _approvals(read: Mapping[Ref, _Read | Refusal]) -> dict[Ref, Approval]:
    """The one approval that holds for each entry; an entry without one, or with two, is not priced."""
    known = {ref: _holding(*found) for ref, found in read.items() if not isinstance(found, Refusal)}
    return {ref: holding[0] for ref, holding in known.items() if len(holding) == 1}


def _holding(entry: Entry | None, approvals: Iterable[Approval]) -> list[Approval]:
    recalling = entry is not None and entry.stage is Stage.RECALL_REQUESTED
    held = (RecordStage.RECALL_REQUESTED,) if recalling else ()
    return [one for one in approvals if one.holds or one.stage in held]


def _derived_ids(entry: Entry | None, ref: Ref, trace: Trace, set_up: SetUp) -> set[UUID]:
    customers = {contract.customer.id for contract in set_up.contracts.values() if contract.customer}
    unit = (entry.resourcing_unit if entry else None) or set_up.resource_unit
    own = set_up.project.contracting_unit if set_up.project else None
    between_units = unit not in (None, own)
    return ledger_facts.derived_ids(ref.id, len(trace.actuals), customers, between_units=between_units)


def _of(refs: Iterable[Ref], table: str) -> list[UUID]:
    return [ref.id for ref in refs if ref.table == table]


def _day(profile: Profile, table: str) -> tuple[str, ...]:
    column = profile.day_of(table)
    return (column,) if column else ()


def _by_entry(rows: Iterable[Row]) -> defaultdict[Ref, list[Row]]:
    found: defaultdict[Ref, list[Row]] = defaultdict(list)
    for row in rows:
        for column in ("msdyn_timeentry", "msdyn_expenseentry"):
            if link := row.link(column):
                found[link].append(row)
    return found
