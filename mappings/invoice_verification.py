"""Whether what came of a call is what was expected: rows, figures, lines and totals compared, each with both sides.

Nothing is ever put right here: a difference is told to a person. What was marked ready, or taken back, while the
product was at work is no mistake of anybody's; it is told all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings.backlog import Backlog, BacklogRow
from mappings.billed import Billed, billed
from mappings.business_date import business_date
from mappings.choices import BillingStatus, BillingType, MilestoneStatus
from mappings.invoice import Detail, Invoice, Line
from mappings.invoice_difference import Difference, Kind
from mappings.invoice_expectation import Expectation
from mappings.not_due import why_left_out
from mappings.tables import Ref


@dataclass(frozen=True, slots=True)
class Contents:
    """What came of a call: its invoices as they stand, and the rows that were expected or are on them, as they are now.

    ``elsewhere``: rows that are on an invoice of somebody else's, and a phrase that names it.
    """

    invoices: tuple[Invoice, ...]
    sources: Mapping[Ref, BacklogRow] = field(default_factory=dict)
    elsewhere: Mapping[Ref, str] = field(default_factory=dict)


_MOVED: Mapping[Backlog, tuple[int, ...]] = {
    Backlog.TIME_AND_MATERIAL: (BillingStatus.CUSTOMER_INVOICE_CREATED, BillingStatus.CUSTOMER_INVOICE_POSTED),
    Backlog.PRODUCTS: (BillingStatus.CUSTOMER_INVOICE_CREATED, BillingStatus.CUSTOMER_INVOICE_POSTED),
    Backlog.MILESTONES: (MilestoneStatus.CUSTOMER_INVOICE_CREATED, MilestoneStatus.CUSTOMER_INVOICE_POSTED),
}


def verify(expectation: Expectation, contents: Contents, zone: ZoneInfo) -> tuple[Difference, ...]:
    """Everything that is not as expected, rows first, then lines, then totals; nothing when all is to the cent.

    ``zone`` is the one business dates are meant in.
    """
    return tuple(_Comparison(expectation, contents, zone).differences())


class _Comparison:
    """One comparison: what was expected, where each row of it stands, and what stands there beside it."""

    def __init__(self, expectation: Expectation, contents: Contents, zone: ZoneInfo) -> None:
        self._expected = expectation
        self._contents = contents
        self._lines = [(invoice, line) for invoice in contents.invoices for line in invoice.lines]
        self._on: defaultdict[Ref, list[tuple[Invoice, Detail]]] = defaultdict(list)
        self._unaccounted: list[tuple[Invoice, Detail]] = []
        loose: list[tuple[Invoice, Detail]] = []
        for invoice in contents.invoices:
            for detail in invoice.details:
                (loose if detail.source is None else self._on[detail.source]).append((invoice, detail))
        self._place(loose)
        self._zone = zone
        self._grown = self._find_grown()
        self._charged: list[Billed] = list(self._grown)

    def differences(self) -> Iterable[Difference]:
        for row in self._expected.rows:
            yield from self._row(row)
        for invoice, detail in self._unaccounted:
            said = f"{detail.group} {_money(detail.amount)}"
            why = f"A detail on invoice {invoice.number} comes of no row that is known."
            yield Difference(Kind.UNACCOUNTED, _named(detail), why, "no such detail", said, detail.row.ref)
        for row in self._grown:
            yield from self._unexpected(row)
        yield from self._by_line()
        yield from self._totals()

    def _place(self, loose: Iterable[tuple[Invoice, Detail]]) -> None:
        """Milestones that nothing ties to their details are told by line and amount, or else by line alone."""
        waiting = [
            row for row in self._expected.rows if row.backlog is Backlog.MILESTONES and row.source not in self._on
        ]
        left = list(loose)
        fits: tuple[Callable[[Billed, Detail], bool], ...] = (
            lambda row, detail: row.line == detail.line and row.amount == detail.amount,
            lambda row, detail: row.line == detail.line,
        )
        for fit in fits:
            for row in list(waiting):
                one = next((one for one in left if one[1].is_milestone and fit(row, one[1])), None)
                if one is not None:
                    self._on[row.source].append(one)
                    left.remove(one)
                    waiting.remove(row)
        self._unaccounted = left

    def _find_grown(self) -> list[Billed]:
        """What is on the invoices and was not expected, at what its row is worth."""
        known = {row.source for row in self._expected.rows}
        found = [source for source in self._on if source not in known]
        products = [line.contract_line for _, line in self._lines if not line.is_project]
        found += [
            ref
            for ref, row in self._contents.sources.items()
            if row.backlog is Backlog.PRODUCTS and ref.id in products and ref not in known
        ]
        for source in found:
            if source not in self._contents.sources:
                self._unaccounted += self._on[source]
        return [
            billed(self._contents.sources[source], self._zone) for source in found if source in self._contents.sources
        ]

    def _row(self, row: Billed) -> Iterable[Difference]:
        places = self._places(row)
        if not places:
            yield self._absent(row)
            return
        self._charged.append(row)
        yield from self._standing(row, places)

    def _unexpected(self, row: Billed) -> Iterable[Difference]:
        """A row that was not expected: marked ready meanwhile, or one that had no business there."""
        places = self._places(row)
        why = self._why_not_due(row, places[0][0])
        if why is not None:
            yield Difference(Kind.NOT_DUE, _what(row), why, "nothing", _money(row.counts), row.source)
        elif row.source not in self._contents.elsewhere:
            why = "It was marked ready while the invoice was made; it is on it, and was not expected."
            yield Difference(Kind.GREW, _what(row), why, "nothing", _money(row.counts), row.source)
        yield from self._standing(row, places)

    def _why_not_due(self, row: Billed, invoice: Invoice) -> str | None:
        """Why the row must not stand on this invoice, whoever marked it ready and when."""
        now = self._contents.sources[row.source]
        if self._is_foreign(row, now, invoice):
            return "It is another contract's."
        made = invoice.row.instant("createdon")
        days = [self._expected.today, None if made is None else business_date(made, self._zone)]
        today = max((day for day in days if day is not None), default=None)
        bounds = self._expected.bounds
        beyond = None if bounds is None else bounds.why_not(now, self._zone)
        return why_left_out(now, today, self._zone) or beyond

    def _is_foreign(self, row: Billed, now: BacklogRow, invoice: Invoice) -> bool:
        """It belongs to another contract; a milestone that names none belongs to that of its line."""
        contract, lines = invoice.row.link_id("salesorderid"), {line.id for line in self._expected.lines}
        if now.contract is not None and contract is not None:
            return now.contract != contract
        return row.backlog is Backlog.MILESTONES and row.line is not None and bool(lines) and row.line not in lines

    def _standing(self, row: Billed, places: Sequence[tuple[Invoice, Detail | Line]]) -> Iterable[Difference]:
        """How a row that is on the invoices stands there."""
        if len(places) > 1:
            numbers = " and ".join(sorted({invoice.number for invoice, _ in places}))
            why = f"It is billed {len(places)} times, on {numbers}."
            yield Difference(Kind.TWICE, _what(row), why, "once", f"{len(places)} times", row.source)
        invoice, place = places[0]
        for column, expected, found in _figures(row, place):
            if expected != found:
                why = f"Its {column} on invoice {invoice.number} is another one."
                yield Difference(Kind.DIFFERS, _what(row), why, expected, found, row.source)
        yield from self._customer(row, invoice)
        yield from self._status(row)
        if row.source in self._contents.elsewhere:
            why = f"It is billed again on {self._contents.elsewhere[row.source]}."
            yield Difference(Kind.TWICE, _what(row), why, "once", "twice", row.source)

    def _places(self, row: Billed) -> Sequence[tuple[Invoice, Detail | Line]]:
        """Where a row stands: a product as a line of its own, everything else as a detail."""
        if row.backlog is not Backlog.PRODUCTS:
            return self._on.get(row.source, [])
        return [one for one in self._lines if one[1].contract_line == row.source.id and not one[1].is_project]

    def _absent(self, row: Billed) -> Difference:
        """An expected row that is on none of the invoices: whose doing it is, its own row tells."""
        expected, nothing = _money(row.counts), "nothing"
        if row.source in self._contents.elsewhere:
            why = f"It was taken by {self._contents.elsewhere[row.source]} meanwhile."
            return Difference(Kind.TAKEN, _what(row), why, expected, nothing, row.source)
        now = self._contents.sources.get(row.source)
        if now is None:
            return Difference(Kind.MISSING, _what(row), "Its row is gone.", expected, nothing, row.source)
        if now.status in _MOVED[row.backlog]:
            why = "Its status says that it is on an invoice, but it is on none that came of this call."
            return Difference(Kind.MISSING, _what(row), why, expected, nothing, row.source)
        if not now.is_ready or now.is_adjusted:
            why = "It was taken back while the invoice was made, and is not on it."
            return Difference(Kind.LEFT, _what(row), why, expected, nothing, row.source)
        if row.dated is not None and row.dated == self._expected.today:
            why = "It is dated the day of the invoice; here the product takes it from the next day on."
            return Difference(Kind.LEFT, _what(row), why, expected, nothing, row.source)
        why = "It is still ready to invoice, but the invoice was made without it."
        return Difference(Kind.MISSING, _what(row), why, expected, nothing, row.source)

    def _customer(self, row: Billed, invoice: Invoice) -> Iterable[Difference]:
        if self._expected.several and row.customer is not None and invoice.customer not in (None, row.customer):
            why = f"It is on invoice {invoice.number}, which is another customer's."
            yield Difference(Kind.DIFFERS, _what(row), why, str(row.customer), str(invoice.customer), row.source)

    def _status(self, row: Billed) -> Iterable[Difference]:
        now = self._contents.sources.get(row.source)
        if now is not None and now.status not in _MOVED[row.backlog]:
            said = "ready to invoice" if now.is_ready else f"status {now.status}"
            why = "It is on the invoice, but its status did not move: it could be invoiced again."
            yield Difference(Kind.NOT_MOVED, _what(row), why, "Customer Invoice Created", said, row.source)

    def _by_line(self) -> Iterable[Difference]:
        """Project lines: that they are there, and what they come to."""
        stand: defaultdict[UUID | None, list[Line]] = defaultdict(list)
        for _, line in self._lines:
            if line.is_project:
                stand[line.contract_line].append(line)
        for one in self._expected.lines if self._contents.invoices else ():
            if one.id not in stand:
                why = "The contract line has no line on the invoice."
                yield Difference(Kind.MISSING, one.name or str(one.id), why, "a line", "none")
        if any(row.line is None for row in self._charged):
            return
        for id, lines in stand.items():
            due = [row for row in self._charged if row.line == id and row.backlog is not Backlog.PRODUCTS]
            for column, wanted, found in (
                ("amount", _sum(row.counts for row in due), _sum(one.amount for one in lines)),
                ("tax", _sum(row.tax for row in due), _sum(one.tax for one in lines)),
            ):
                if wanted != found:
                    why = f"Its {column} is not what the chargeable rows on it come to."
                    what = f"Line {lines[0].name or id}"
                    yield Difference(Kind.DIFFERS, what, why, _money(wanted), _money(found), lines[0].row.ref)

    def _totals(self) -> Iterable[Difference]:
        invoices = self._contents.invoices
        if not invoices:
            return
        numbers = " and ".join(one.number for one in invoices)
        for what, wanted, found in (
            ("Total before tax", _sum(row.counts for row in self._charged), _sum(one.amount for one in invoices)),
            ("Tax", _sum(row.tax for row in self._charged), _sum(one.tax for one in invoices)),
        ):
            if wanted != found:
                why = f"What {numbers} comes to is not what the rows on it come to."
                yield Difference(Kind.DIFFERS, what, why, _money(wanted), _money(found), invoices[0].row.ref)


def _figures(row: Billed, place: Detail | Line) -> Iterable[tuple[str, str, str]]:
    """Column by column: what was expected, and what is there."""
    if isinstance(place, Line):
        held = place.row
        yield "quantity", _money(row.quantity), _money(held.number("quantity") or Decimal(0))
        yield "price", _money(row.price), _money(held.number("priceperunit") or Decimal(0))
        yield "amount", _money(row.amount), _money(place.amount)
        yield "tax", _money(row.tax), _money(place.tax)
        return
    type = place.row.choice("msdyn_billingtype")
    yield "billing type", _type(row.billing_type), _type(type)
    yield "quantity", _money(row.quantity), _money(place.quantity)
    yield "price", _money(row.price), _money(place.price)
    yield "amount", _money(row.amount), _money(place.amount)
    if row.line is not None:
        yield "contract line", str(row.line), str(place.line)


def _type(number: int | None) -> str:
    return next((type.name.replace("_", " ").lower() for type in BillingType if type == number), str(number))


def _money(value: Decimal) -> str:
    """A figure so that equal ones read the same; at least two decimals."""
    places = max(2, -int(value.normalize().as_tuple().exponent)) if value else 2
    return f"{value:,.{places}f}"


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def _what(row: Billed) -> str:
    return row.what or str(row.source)


def _named(detail: Detail) -> str:
    return detail.row.text("msdyn_description") or str(detail.row.ref)
