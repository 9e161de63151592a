"""Reads what decides about a contract's next invoice: a few requests, however many contracts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.query import Compare, Condition, Query, all_of, any_of, equals
from handlers import command_record, people
from handlers.backlog_rows import of_contracts
from handlers.command_record import Kind, State
from handlers.invoice_contents import Made, contents
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
_UNSURE = (State.CALLING, State.IN_DOUBT)
_INVOICE_COLUMNS = ("invoicenumber", "name", "salesorderid", "createdon", "createdby")


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """A contract's attempt by this command, its lease, its lines and ready rows, and what came of the attempt.

    ``contract``: ``None`` where it can't be read; ``contents``: ``None`` where there is no attempt. ``people``: those
    who may be meant by who asks, where that matters. ``withdrawn``: an attempt of this command that is known to have
    come to nothing, and so is none. ``unfinished``: attempts of other commands that took rows which are still ready.
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
    unfinished: tuple[Row, ...] = ()

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
        contract = self.contract or Row(Ref(tables.CONTRACT, UUID(int=0)), "", {})
        today = business_date(self.now, zone)
        return expected(self.ready, self.lines, contract, today, zone, several=several)


def gather(
    subjects: Sequence[CreateInvoices], dataverse: Reader, now: datetime, acting: Acting
) -> dict[CreateInvoices, InvoiceFacts]:
    """The facts of every command."""
    contracts = sorted({subject.contract for subject in subjects})
    found, lines, leases, attempts, *users = ask(
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
    by_id = {row.id: row for row in (*found, *leases)}
    open_ones = [one for one in attempts if command_record.state_of(one) in _UNFINISHED]
    return {
        subject: InvoiceFacts(
            contract=by_id.get(subject.contract),
            attempt=attempt,
            withdrawn=withdrawn.get(subject),
            unfinished=tuple(
                one
                for one in open_ones
                if one.text("psac_subject") == str(subject.contract)
                and one != attempt
                and _ready_of(one, rows[subject.contract])
            ),
            lease=by_id.get(keys.lease_id(subject.contract)),
            ready=tuple(rows[subject.contract]),
            contents=brought[attempt.id] if attempt else None,
            now=now,
            people=who,
            lines=tuple(line for line in lines if line.link_id("salesorderid") == subject.contract),
        )
        for subject, attempt in mine.items()
    }


def _ready_of(attempt: Row, ready: Sequence[BacklogRow]) -> frozenset[Ref]:
    return frozenset(rows_of(attempt)) & {one.row.ref for one in ready}


def _ready(backlog: Backlog) -> Condition:
    return equals(backlog.status_column, backlog.ready)


def _contents(mine: Sequence[Row], attempts: Sequence[Row], dataverse: Reader) -> dict[UUID, Contents]:
    """What came of the attempts that were made and not reported yet; nothing is to be told of the others."""
    open_ones = [one for one in mine if command_record.state_of(one) is not State.DONE]
    invoices = _invoices(open_ones, attempts, dataverse)
    made = [Made(frozenset(rows_of(one)), tuple(invoice.id for invoice in invoices[one.id])) for one in open_ones]
    nothing = Contents(())
    found = dict(zip((one.id for one in open_ones), contents(made, dataverse) if made else (), strict=True))
    return {one.id: found.get(one.id, nothing) for one in mine}


def brought_by(attempt: Row, dataverse: Reader, chosen: UUID | None = None) -> Contents:
    """What came of one attempt; ``chosen``: the invoice that somebody says it was."""
    rows = frozenset(rows_of(attempt))
    if chosen is not None:
        return contents([Made(rows, (chosen,))], dataverse)[0]
    of_contract = equals("psac_subject", attempt.text("psac_subject") or "")
    (attempts,) = ask(
        dataverse,
        Query(tables.COMMAND, command_record.COLUMNS, all_of(equals("psac_kind", Kind.ATTEMPT), of_contract)),
    )
    return _contents([attempt], attempts, dataverse)[attempt.id]


def rows_of(attempt: Row) -> list[Ref]:
    """The rows an attempt was expected to take."""
    selection = command_record.selection_of(attempt)
    pairs = cast(dict[str, list[list[str]]], selection)["rows"] if isinstance(selection, dict) else []
    return [Ref(Backlog(backlog).table, UUID(id)) for backlog, id in pairs]


def _invoices(mine: Sequence[Row], attempts: Sequence[Row], dataverse: Reader) -> dict[UUID, list[Row]]:
    """The invoices each attempt brought, of its contract and not older than itself.

    Before the contract's next attempt, that is. Among those, the ones by its own creator that the rows it was to take
    are connected with; or else by its creator alone (milestones, products, or a colleague took every row); or else,
    where the platform names another creator, those that the rows are connected with.
    """
    brought: dict[UUID, list[Row]] = {attempt.id: [] for attempt in mine}
    if not mine:
        return brought
    taken = {attempt.id: {str(ref.id) for ref in rows_of(attempt) if ref.table == tables.ACTUAL} for attempt in mine}
    created, connections = ask(
        dataverse,
        Query(
            tables.INVOICE,
            _INVOICE_COLUMNS,
            all_of(
                any_of("salesorderid", sorted({UUID(a.text("psac_subject") or "") for a in mine})),
                Compare("createdon", "ge", min(_created(a) for a in mine)),
            ),
            order_by=("createdon",),
        ),
        Query(
            tables.CONNECTION,
            ("msdyn_transaction1", "msdyn_transaction2"),
            all_of(
                any_of("msdyn_transaction2", sorted({id for ids in taken.values() for id in ids})),
                equals("msdyn_transaction1type", tables.INVOICE_LINE_DETAIL),
            ),
        ),
    )
    # The ids are kept as text, in a spelling of the writer's choice.
    details = {_id(row, "msdyn_transaction1"): str(_id(row, "msdyn_transaction2")) for row in connections}
    (lines,) = ask(
        dataverse,
        Query(
            tables.INVOICE_LINE_DETAIL,
            ("msdyn_invoice",),
            any_of("msdyn_invoicelinetransactionid", sorted(details)),
        ),
    )
    pointed: defaultdict[UUID | None, set[str]] = defaultdict(set)
    for line in lines:
        pointed[line.link_id("msdyn_invoice")].add(details[line.id])
    for attempt in mine:
        # Instants are kept to the second: what another attempt has told to be its own is not this one's.
        others = {id for other in attempts if other.id != attempt.id for id in _told(other)}
        candidates = [one for one in created if _in_time(one, attempt, attempts) and str(one.id) not in others]
        pointing = [invoice for invoice in candidates if pointed[invoice.id] & taken[attempt.id]]
        own = [invoice for invoice in candidates if invoice.link("createdby") == attempt.link("createdby")]
        both = [invoice for invoice in pointing if invoice in own]
        if command_record.state_of(attempt) in _UNSURE:
            # Whether the product was called is not known: what somebody else made of these rows is not ours.
            brought[attempt.id] = both if taken[attempt.id] else own
        else:
            brought[attempt.id] = both or own or pointing
    return brought


def _in_time(invoice: Row, attempt: Row, attempts: Sequence[Row]) -> bool:
    """Of the attempt's contract, not before it, and before the contract's next attempt."""
    next_mark = (attempt.choice("psac_mark") or 0) + 1
    following = [
        _created(other)
        for other in attempts
        if other.text("psac_subject") == attempt.text("psac_subject") and other.choice("psac_mark") == next_mark
    ]
    created, since = _created(invoice), _created(attempt)
    return (
        str(invoice.link_id("salesorderid")) == attempt.text("psac_subject")
        and created >= since
        and (not following or created < min(following) or created == since)
    )


def _told(attempt: Row) -> list[str]:
    """The invoices that an attempt's record names."""
    invoices = cast(list[dict[str, str]], command_record.outcome_of(attempt).get("invoices", []))
    return [invoice["id"] for invoice in invoices]


def _id(connection: Row, column: str) -> UUID:
    return UUID(connection.text(column) or "")


def _created(row: Row) -> datetime:
    created = row.instant("createdon")
    if created is None:
        raise TypeError(f"{row.ref}: createdon is empty.")
    return created
