"""Invoices as a person sees them: the list page by page, and one with its lines, its details and what they came of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader, Scanner
from connector.dataverse.query import Compare, Condition, Query, all_of, any_of, equals
from handlers import command_record, verified_invoice
from handlers.command_record import Kind, State
from handlers.invoice_contents import Made, contents
from handlers.invoice_recognised import rows_of
from handlers.invoicing import invoices_of
from handlers.reading import ask
from handlers.rows import row
from mappings import tables
from mappings.backlog import WORK_BASED
from mappings.choices import InvoiceStatus
from mappings.invoice import INVOICE_COLUMNS, Invoice
from mappings.invoice_difference import Difference
from mappings.row import Row
from mappings.tables import Ref
from service.contracts import Contract, contracts_of
from service.names import names
from service.work_in_words import Works


class Status(StrEnum):
    """Where an invoice stands."""

    DRAFT = "draft"
    IN_REVIEW = "in-review"
    CONFIRMED = "confirmed"
    PAID = "paid"

    @property
    def number(self) -> InvoiceStatus:
        """The status as invoices hold it."""
        return InvoiceStatus[self.name]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which invoices are meant; days are business days of creation, both included."""

    contracts: Sequence[UUID] = ()
    statuses: Sequence[Status] = ()
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """An invoice's header, with its contract and the names of those it points to."""

    row: Row
    contract: Contract | None
    names: Mapping[Ref, str] = field(default_factory=dict)

    @property
    def number(self) -> str:
        """Its number, or else its id."""
        return self.row.text("invoicenumber") or str(self.row.id)

    @property
    def status(self) -> str:
        """Where it stands; empty for a status of other products."""
        held = self.row.choice("msdyn_projectinvoicestatus")
        return next((status.value for status in Status if status.number == held), "")

    @property
    def created_on(self) -> datetime | None:
        """When it was made."""
        return self.row.instant("createdon")

    @property
    def money(self) -> tuple[int, str]:
        """What its amounts are written in: decimals, and the currency's code."""
        return (2, "") if self.contract is None else (self.contract.precision, self.contract.currency)

    def named(self, column: str) -> str:
        """Who or what a lookup leads to, by name, or else by id."""
        ref = self.row.link(column)
        return "" if ref is None else self.names.get(ref, str(ref.id))


@dataclass(frozen=True, slots=True)
class Shown:
    """An invoice with all that is on it. ``works``: by detail, whose work it is.

    ``outcome``: what was recorded when this service created it, with the command's record; ``differences``: how it
    differs now from what was expected then. Both are empty for an invoice that this service did not create.
    """

    listed: Listed
    invoice: Invoice
    works: Mapping[UUID, Mapping[str, str]] = field(default_factory=dict)
    record: UUID | None = None
    requested_by: str = ""
    outcome: Mapping[str, Any] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()


def listed(dataverse: Scanner, asked: Asked, zone: ZoneInfo) -> Iterator[list[Listed]]:
    """Project invoices, the newest first, a page at a time."""
    question = Query(tables.INVOICE, INVOICE_COLUMNS, _condition(asked, zone), order_by=("createdon desc", "invoiceid"))
    for page in dataverse.scan(question):
        yield _with_names([row(record) for record in page], dataverse)


def shown(dataverse: Reader, header: Row, zone: ZoneInfo) -> Shown:
    """One invoice with lines and details, compared with what was expected if this service created it."""
    (one,) = _with_names([header], dataverse)
    attempt = _attempt(header, dataverse)
    brought = Made(frozenset(), (header.id,))
    if attempt is not None:
        brought = Made(frozenset(rows_of(attempt)), tuple(invoices_of(command_record.outcome_of(attempt))))
    (found,) = contents([brought], dataverse)
    invoice = next((made for made in found.invoices if made.id == header.id), Invoice(header))
    works = Works(dataverse)
    works.learn(detail.row for detail in invoice.details)
    told: tuple[Difference, ...] = ()
    if attempt is not None:
        told = verified_invoice.differences(cast(dict[str, Any], command_record.selection_of(attempt)), found, zone)
    return Shown(
        one,
        invoice,
        {detail.row.id: works.of(detail.row) for detail in invoice.details},
        None if attempt is None else attempt.id,
        "" if attempt is None else attempt.text("psac_requestedby") or "",
        {} if attempt is None else command_record.outcome_of(attempt),
        told,
    )


def _condition(asked: Asked, zone: ZoneInfo) -> Condition:
    parts: list[Condition] = [equals("msdyn_ordertype", WORK_BASED)]
    if asked.contracts:
        parts.append(any_of("salesorderid", asked.contracts))
    if asked.statuses:
        parts.append(any_of("msdyn_projectinvoicestatus", [int(status.number) for status in asked.statuses]))
    if asked.since is not None:
        parts.append(Compare("createdon", "ge", _begins(asked.since, zone)))
    if asked.until is not None:
        parts.append(Compare("createdon", "lt", _begins(asked.until + timedelta(days=1), zone)))
    return all_of(*parts)


def _begins(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _with_names(headers: Sequence[Row], dataverse: Reader) -> list[Listed]:
    wanted = {id for header in headers if (id := header.link_id("salesorderid")) is not None}
    contracts = {one.id: one for one in contracts_of(dataverse, wanted)}
    pointed = [header.link(column) for header in headers for column in ("customerid", "ownerid", "createdby")]
    known = names(dataverse, pointed)
    return [
        Listed(header, None if (id := header.link_id("salesorderid")) is None else contracts.get(id), known)
        for header in headers
    ]


def _attempt(header: Row, dataverse: Reader) -> Row | None:
    """The attempt whose recorded outcome names the invoice."""
    contract = header.link_id("salesorderid")
    if contract is None:
        return None
    (attempts,) = ask(
        dataverse,
        Query(
            tables.COMMAND,
            command_record.COLUMNS,
            all_of(
                equals("psac_kind", Kind.ATTEMPT),
                equals("psac_subject", str(contract)),
                equals("psac_state", State.DONE),
            ),
        ),
    )
    named = f'"{header.id}"'
    return next((one for one in attempts if named in (one.text("psac_outcome") or "")), None)
