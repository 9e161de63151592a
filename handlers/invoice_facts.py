"""Reads what decides about a contract's next invoice: a few requests, however many contracts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.query import Condition, Query, all_of, any_of, equals
from handlers import command_record, id_reused, people, taken_lately
from handlers.backlog_rows import of_contracts
from handlers.command_record import Kind, State
from handlers.invoice_contents import Made, contents
from handlers.invoice_recognised import named_by, recognised, rows_of
from handlers.reading import ask
from mappings import keys, tables
from mappings.acting import Acting, Person
from mappings.backlog import Backlog, BacklogRow
from mappings.billed import COLUMNS
from mappings.business_date import business_date
from mappings.invoice_expectation import LINE_COLUMNS, Expectation, expected
from mappings.invoice_verification import Contents
from mappings.messages import CreateInvoices
from mappings.row import Row
from mappings.tables import Ref

_UNFINISHED = (State.CALLING, State.CALLED, State.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An attempt whose end is not written down.

    ``is_ready``: a row it was for is still ready to be invoiced. ``is_seen``: so is its invoice, which was made without
    that row; it is looked for only where it matters.
    """

    attempt: Row
    is_ready: bool
    is_seen: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """A contract's attempt by this command, its lease, its lines and ready rows, and what came of the attempt.

    ``contract``: ``None`` where it can't be read; ``contents``: ``None`` where there is no attempt. ``people``: those
    who may be meant by who asks, where that matters. ``withdrawn``: an attempt of this command that is known to have
    come to nothing, and so is none. ``unfinished``: attempts of other commands whose end is not known. ``reused``: the
    contract that the same command's id was given for before. ``lately``: which invoices it got just now, in a sentence.
    """

    contract: Row | None
    attempt: Row | None
    lease: Row | None
    ready: tuple[BacklogRow, ...]
    contents: Contents | None
    now: datetime
    people: tuple[Person, ...] = ()
    lines: tuple[Row, ...] = ()
    withdrawn: Row | None = None
    unfinished: tuple[Unfinished, ...] = ()
    reused: UUID | None = None
    lately: str = ""

    @property
    def still_ready(self) -> frozenset[Ref]:
        """What the attempt was to take, and is still ready."""
        return frozenset() if self.attempt is None else _ready_of(self.attempt, self.ready)

    @property
    def invoices(self) -> tuple[Row, ...]:
        """The headers of the invoices that came of the attempt."""
        return () if self.contents is None else tuple(invoice.row for invoice in self.contents.invoices)

    def expected(self, zone: ZoneInfo, *, several: bool = False) -> Expectation:
        """What an invoice of everything ready would have to contain on the business day it is in ``zone``."""
        today = business_date(self.now, zone)
        return expected(self.ready, self.lines, today, zone, several=several)


def gather(
    subjects: Sequence[CreateInvoices], dataverse: Reader, now: datetime, acting: Acting
) -> dict[CreateInvoices, InvoiceFacts]:
    """The facts of every command."""
    contracts = sorted({subject.contract for subject in subjects})
    found, lines, leases, attempts, of_commands, invoices, *users = ask(
        dataverse,
        Query(tables.CONTRACT, ("name", "customerid", "ownerid"), any_of("salesorderid", contracts)),
        Query(tables.CONTRACT_LINE, LINE_COLUMNS, any_of("salesorderid", contracts)),
        Query(tables.COMMAND, command_record.COLUMNS, any_of("psac_commandid", map(keys.lease_id, contracts))),
        Query(
            tables.COMMAND,
            command_record.COLUMNS,
            all_of(equals("psac_kind", Kind.ATTEMPT), any_of("psac_subject", map(str, contracts))),
            order_by=("createdon",),
        ),
        id_reused.question(subjects),
        taken_lately.question(contracts, now),
        *people.questions(acting, (subject.requested_by for subject in subjects)),
    )
    who = people.people(users)
    rows: defaultdict[UUID | None, list[BacklogRow]] = defaultdict(list)
    for row in of_contracts(list(Backlog), contracts, _ready, dataverse, COLUMNS):
        rows[row.contract].append(row)
    known = {attempt.id: attempt for attempt in attempts}
    mine = {subject: known.get(keys.attempt_id(subject.contract, subject.command)) for subject in subjects}
    withdrawn = {
        subject: one
        for subject, one in mine.items()
        if one is not None and command_record.state_of(one) is State.WITHDRAWN
    }
    mine |= dict.fromkeys(withdrawn)
    made = [attempt for attempt in mine.values() if attempt]
    brought = _contents(made, attempts, dataverse)
    unfinished = _unfinished(attempts, rows, dataverse)
    by_id = {row.id: row for row in (*found, *leases)}
    reused = id_reused.reused(subjects, of_commands)
    untouched = {subject.contract for subject, attempt in mine.items() if attempt is None}
    lately = taken_lately.told([one for one in invoices if one.link_id("salesorderid") in untouched], dataverse)
    return {
        subject: InvoiceFacts(
            contract=by_id.get(subject.contract),
            attempt=attempt,
            withdrawn=withdrawn.get(subject),
            unfinished=tuple(
                one
                for one in unfinished
                if one.attempt.text("psac_subject") == str(subject.contract) and one.attempt != attempt
            ),
            lease=by_id.get(keys.lease_id(subject.contract)),
            ready=tuple(rows[subject.contract]),
            contents=brought[attempt.id] if attempt else None,
            now=now,
            people=who,
            lines=tuple(line for line in lines if line.link_id("salesorderid") == subject.contract),
            reused=reused.get(subject),
            lately=lately.get(subject.contract, ""),
        )
        for subject, attempt in mine.items()
    }


def _unfinished(
    attempts: Sequence[Row], ready: Mapping[UUID | None, Sequence[BacklogRow]], dataverse: Reader
) -> list[Unfinished]:
    open_ones = [one for one in attempts if command_record.state_of(one) in _UNFINISHED]
    blocking = [one for one in open_ones if _ready_of(one, ready.get(UUID(one.text("psac_subject") or ""), ()))]
    seen = recognised(blocking, attempts, dataverse)
    return [Unfinished(one, one in blocking, bool(seen.get(one.id))) for one in open_ones]


def _ready_of(attempt: Row, ready: Sequence[BacklogRow]) -> frozenset[Ref]:
    return frozenset(rows_of(attempt)) & {one.row.ref for one in ready}


def _ready(backlog: Backlog) -> Condition:
    return equals(backlog.status_column, backlog.ready)


def _contents(mine: Sequence[Row], attempts: Sequence[Row], dataverse: Reader) -> dict[UUID, Contents]:
    """What came of the attempts that were made and not reported yet; nothing is to be told of the others."""
    open_ones = [one for one in mine if command_record.state_of(one) is not State.DONE]
    invoices = recognised(open_ones, attempts, dataverse)
    made = [_made(one, (invoice.id for invoice in invoices[one.id])) for one in open_ones]
    known = [invoice for some in invoices.values() for invoice in some]
    nothing = Contents(())
    found = dict(zip((one.id for one in open_ones), contents(made, dataverse, known) if made else (), strict=True))
    return {one.id: found.get(one.id, nothing) for one in mine}


def _made(attempt: Row, invoices: Iterable[UUID]) -> Made:
    return Made(frozenset(rows_of(attempt)), tuple(invoices), command_record.called_at(attempt))


def brought_by(attempt: Row, dataverse: Reader, chosen: Sequence[UUID] = ()) -> Contents:
    """What came of one attempt; ``chosen``: the invoices that somebody says it was."""
    if chosen:
        return contents([_made(attempt, chosen)], dataverse)[0]
    return _contents([attempt], _attempts_on(attempt, dataverse), dataverse)[attempt.id]


def claimed_by(invoice: UUID, attempt: Row, dataverse: Reader) -> Row | None:
    """Another attempt on the contract that the invoice came of: its record says so, or it would be written down so."""
    attempts = _attempts_on(attempt, dataverse)
    others = [one for one in attempts if one.id != attempt.id]
    told = [one for one in others if invoice in named_by(one)]
    open_ones = [one for one in others if command_record.state_of(one) in _UNFINISHED]
    found = recognised(open_ones, attempts, dataverse)
    told += [one for one in open_ones if any(brought.id == invoice for brought in found[one.id])]
    return next(iter(told), None)


def _attempts_on(attempt: Row, dataverse: Reader) -> list[Row]:
    """All attempts on the contract that this one is on."""
    of_contract = equals("psac_subject", attempt.text("psac_subject") or "")
    wanted = all_of(equals("psac_kind", Kind.ATTEMPT), of_contract)
    (attempts,) = ask(dataverse, Query(tables.COMMAND, command_record.COLUMNS, wanted))
    return attempts
