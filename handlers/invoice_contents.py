"""Reads invoices with their lines and details, and what each detail came of: a constant number of requests.

Two requests for any number of invoices; four more for the rows they came of, and for other invoices that took some.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, all_of, any_of, equals
from handlers.reading import ask
from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.billed import COLUMNS
from mappings.choices import BillingStatus, InvoiceStatus, MilestoneStatus
from mappings.invoice import DETAIL_COLUMNS, INVOICE_COLUMNS, LINE_COLUMNS, Detail, Invoice, Line
from mappings.invoice_verification import Contents
from mappings.row import Row
from mappings.tables import Ref

_CONNECTION = ("msdyn_transaction1", "msdyn_transaction2")
_ORIGIN = ("msdyn_origin", "msdyn_transaction")
_HOLDER = ("msdyn_invoice", "msdyn_correction")
_UNCONFIRMED = (None, InvoiceStatus.DRAFT, InvoiceStatus.IN_REVIEW)
_POSTED: Mapping[Backlog, int] = {
    Backlog.PRODUCTS: BillingStatus.CUSTOMER_INVOICE_POSTED,
    Backlog.MILESTONES: MilestoneStatus.CUSTOMER_INVOICE_POSTED,
}


@dataclass(frozen=True, slots=True)
class Made:
    """What is known of one call: the rows it was expected to take, the invoices that came of it, and when it began."""

    rows: frozenset[Ref]
    invoices: tuple[UUID, ...]
    since: datetime | None = None


def read(ids: Iterable[UUID], dataverse: Reader) -> dict[UUID, Invoice]:
    """These invoices with all that is on them, as far as they can be read."""
    wanted = sorted(set(ids))
    headers, lines, details = ask(
        dataverse,
        Query(tables.INVOICE, INVOICE_COLUMNS, any_of("invoiceid", wanted)),
        Query(tables.INVOICE_LINE, LINE_COLUMNS, any_of("invoiceid", wanted), order_by=("lineitemnumber",)),
        Query(tables.INVOICE_LINE_DETAIL, DETAIL_COLUMNS, any_of("msdyn_invoice", wanted)),
    )
    sources = _sources(details, dataverse) if details else {}
    on: defaultdict[tuple[UUID | None, UUID | None], list[Detail]] = defaultdict(list)
    for detail in sorted(details, key=_place):
        place = detail.link_id("msdyn_invoice"), detail.link_id("msdyn_invoicelineid")
        on[place].append(Detail(detail, sources.get(detail.id)))
    found = {}
    for header in headers:
        own = [line for line in lines if line.link_id("invoiceid") == header.id]
        known = {line.id for line in own}
        loose = [
            one for (invoice, line), some in on.items() if invoice == header.id and line not in known for one in some
        ]
        with_details = tuple(Line(line, tuple(on.get((header.id, line.id), ()))) for line in own)
        found[header.id] = Invoice(header, with_details, tuple(loose))
    return found


def contents(made: Sequence[Made], dataverse: Reader, known: Iterable[Invoice] = ()) -> list[Contents]:
    """What came of each call: its invoices, the rows concerned as they are now, and who else took some of them.

    ``known``: invoices that were read already.
    """
    invoices = {invoice.id: invoice for invoice in known}
    if missing := {id for one in made for id in one.invoices} - invoices.keys():
        invoices |= read(missing, dataverse)
    concerned = {ref for one in made for ref in one.rows}
    for invoice in invoices.values():
        concerned |= {detail.source for detail in invoice.details if detail.source is not None}
        products = (line.contract_line for line in invoice.lines if not line.is_project)
        concerned |= {Ref(tables.CONTRACT_LINE, id) for id in products if id is not None}
    rows, holders = _rows_and_holders(concerned, dataverse)
    named = _named({id for some in holders.values() for id in some}, dataverse) if holders else {}
    others = [named[id] for id in named.keys() - invoices.keys()]
    authors = _authors(others, dataverse) if others else {}

    def age(id: UUID) -> tuple[str, str]:
        made = named[id].instant("createdon") if id in named else None
        return "" if made is None else made.isoformat(), str(id)

    def elsewhere(one: Made) -> dict[Ref, str]:
        """By row, the newest invoice of somebody else's that it stands on."""
        return {
            ref: _phrase(named[id], authors)
            for ref in concerned
            for id in sorted(holders.get(ref, ()), key=age)
            if id not in one.invoices and id in named and _holds(ref, rows.get(ref), named[id], one, holders[ref])
        }

    return [
        Contents(tuple(invoices[id] for id in one.invoices if id in invoices), rows, elsewhere(one)) for one in made
    ]


def _sources(details: Sequence[Row], dataverse: Reader) -> dict[UUID, Ref]:
    """By detail, the actual it is connected with, or the milestone it originates from."""
    ids = sorted(str(detail.id) for detail in details)
    connections, origins = ask(
        dataverse,
        Query(
            tables.CONNECTION,
            _CONNECTION,
            all_of(
                any_of("msdyn_transaction1", ids),
                equals("msdyn_transaction1type", tables.INVOICE_LINE_DETAIL),
                equals("msdyn_transaction2type", tables.ACTUAL),
            ),
        ),
        Query(
            tables.ORIGIN,
            _ORIGIN,
            all_of(
                any_of("msdyn_transaction", ids),
                equals("msdyn_transactiontype", tables.INVOICE_LINE_DETAIL),
                equals("msdyn_origintype", tables.MILESTONE),
            ),
        ),
    )
    found = {_id(one, "msdyn_transaction"): Ref(tables.MILESTONE, _id(one, "msdyn_origin")) for one in origins}
    found |= {_id(one, "msdyn_transaction1"): Ref(tables.ACTUAL, _id(one, "msdyn_transaction2")) for one in connections}
    return found


def _rows_and_holders(
    concerned: Iterable[Ref], dataverse: Reader
) -> tuple[dict[Ref, BacklogRow], dict[Ref, set[UUID]]]:
    """The rows as they are now, and by row every invoice that holds it."""
    ids = {backlog: sorted(ref.id for ref in concerned if ref.table == backlog.table) for backlog in Backlog}
    texts = {backlog: [str(id) for id in some] for backlog, some in ids.items()}
    *answers, connections, origins, lines = ask(
        dataverse,
        *(Query(backlog.table, COLUMNS[backlog], any_of(f"{backlog.table}id", ids[backlog])) for backlog in Backlog),
        Query(
            tables.CONNECTION,
            _CONNECTION,
            all_of(
                any_of("msdyn_transaction2", texts[Backlog.TIME_AND_MATERIAL]),
                equals("msdyn_transaction1type", tables.INVOICE_LINE_DETAIL),
            ),
        ),
        Query(
            tables.ORIGIN,
            _ORIGIN,
            all_of(
                any_of("msdyn_origin", texts[Backlog.MILESTONES]),
                equals("msdyn_transactiontype", tables.INVOICE_LINE_DETAIL),
            ),
        ),
        Query(
            tables.INVOICE_LINE,
            ("invoiceid", "salesorderdetailid"),
            any_of("salesorderdetailid", ids[Backlog.PRODUCTS]),
        ),
    )
    rows = {
        row.ref: BacklogRow(backlog, row) for backlog, answer in zip(Backlog, answers, strict=True) for row in answer
    }
    of_detail = {
        _id(one, "msdyn_transaction1"): Ref(tables.ACTUAL, _id(one, "msdyn_transaction2")) for one in connections
    }
    of_detail |= {_id(one, "msdyn_transaction"): Ref(tables.MILESTONE, _id(one, "msdyn_origin")) for one in origins}
    (details,) = ask(
        dataverse,
        Query(tables.INVOICE_LINE_DETAIL, _HOLDER, any_of("msdyn_invoicelinetransactionid", sorted(of_detail))),
    )
    holders: defaultdict[Ref, set[UUID]] = defaultdict(set)
    for detail in details:
        invoice = detail.link_id("msdyn_invoice")
        if invoice is not None and not detail.flag("msdyn_correction"):
            holders[of_detail[detail.id]].add(invoice)
    for line in lines:
        invoice, of = line.link_id("invoiceid"), line.link_id("salesorderdetailid")
        if invoice is not None and of is not None:
            holders[Ref(tables.CONTRACT_LINE, of)].add(invoice)
    return rows, dict(holders)


def _named(ids: Iterable[UUID], dataverse: Reader) -> dict[UUID, Row]:
    """The headers of invoices of somebody else's."""
    wanted = sorted(set(ids))
    columns = ("invoicenumber", "createdby", "createdon", "msdyn_projectinvoicestatus")
    return {row.id: row for row in ask(dataverse, Query(tables.INVOICE, columns, any_of("invoiceid", wanted)))[0]}


def _authors(invoices: Iterable[Row], dataverse: Reader) -> dict[UUID, str]:
    who = sorted({id for one in invoices if (id := one.link_id("createdby")) is not None})
    (users,) = ask(dataverse, Query(tables.USER, ("fullname",), any_of("systemuserid", who)))
    return {user.id: user.text("fullname") or "" for user in users}


def _holds(ref: Ref, row: BacklogRow | None, invoice: Row, made: Made, holders: Set[UUID]) -> bool:
    """Whether the row is off the market because of it.

    An actual stands on one invoice for good. A milestone or a product may have stood on one that was credited before:
    a confirmed invoice holds it if it was made since the call, or if the row is posted and none of the call's has it.
    """
    status, created = invoice.choice("msdyn_projectinvoicestatus"), invoice.instant("createdon")
    if ref.table == tables.ACTUAL or status in _UNCONFIRMED:
        return True
    if made.since is not None and created is not None and created >= made.since:
        return True
    return row is not None and row.status == _POSTED[row.backlog] and holders.isdisjoint(made.invoices)


def _phrase(invoice: Row, authors: Mapping[UUID, str]) -> str:
    by = authors.get(invoice.link_id("createdby") or invoice.id)
    number = invoice.text("invoicenumber") or str(invoice.id)
    return f"invoice {number} of {by}" if by else f"invoice {number}"


def _place(detail: Row) -> tuple[str, str]:
    when = detail.instant("msdyn_startdatetime")
    return "" if when is None else when.isoformat(), str(detail.id)


def _id(tie: Row, column: str) -> UUID:
    """Ids in ties are kept as text, in a spelling of the writer's choice."""
    return UUID(tie.text(column) or "")
