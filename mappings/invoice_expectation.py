"""What the next invoice of a contract must contain, to the cent, worked out before it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings.backlog import Backlog, BacklogRow
from mappings.billed import Billed, billed
from mappings.business_date import business_date
from mappings.choices import ProductType
from mappings.not_due import Bounds, bounds_in, why_left_out
from mappings.row import Row
from mappings.tables import Ref

LINE_COLUMNS = ("salesorderdetailname", "salesorderid", "producttypecode", "msdyn_billingmethod", "lineitemnumber")
RUN = "due"
"""Where the record of an attempt holds the run by schedule it was made at."""
MOST_IN_FIGURES = 5000
"""Rows whose figures are recorded one by one; of more, those they have later are compared with."""


@dataclass(frozen=True, slots=True)
class ExpectedLine:
    """A contract line that must stand on the invoice, whether or not there is anything to bill on it."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A ready row that the product does not take now, and why not."""

    row: BacklogRow
    why: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """The rows the product will take, in a stable order, and the lines they are shown on.

    ``today``: the business date it is made for. ``several``: the product makes one invoice per customer. ``bounds``:
    what is taken at most; ``None`` where that is everything due.
    """

    rows: tuple[Billed, ...]
    lines: tuple[ExpectedLine, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    today: date | None = None
    several: bool = False
    bounds: Bounds | None = None

    @property
    def total(self) -> Decimal:
        """The sum the customer is charged, before tax: only chargeable work counts."""
        return sum((row.counts for row in self.rows), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """The tax of milestones and products."""
        return sum((row.tax for row in self.rows), Decimal(0))

    def on(self, line: UUID | None) -> tuple[Billed, ...]:
        """What is billed on a contract line."""
        return tuple(row for row in self.rows if row.line == line)

    def as_data(self) -> dict[str, object]:
        """It as an attempt's record keeps it; ``recorded`` reads it."""
        names = [line.id for line in self.lines]
        data: dict[str, object] = {
            "rows": [[row.backlog.value, str(row.source.id)] for row in self.rows],
            "total": str(self.total),
            "tax": str(self.tax),
            "lines": [[str(line.id), line.name] for line in self.lines],
            "today": None if self.today is None else self.today.isoformat(),
            "several": self.several,
        }
        if len(self.rows) <= MOST_IN_FIGURES:
            data["figures"] = [_figures(row, names) for row in self.rows]
        return data


def expected(
    ready: Iterable[BacklogRow],
    lines: Iterable[Row],
    today: date,
    zone: ZoneInfo,
    *,
    several: bool = False,
) -> Expectation:
    """Everything ready and not dated after ``today`` in ``zone`` (PSA/invoicing), and a line for each contract line.

    ``lines``: the contract lines an invoice of this kind shows, read with ``LINE_COLUMNS``; product lines stand there
    only when they are ready. ``several``: the product makes one invoice per customer.
    """
    taken: list[Billed] = []
    left_out: list[LeftOut] = []
    for row in ready:
        if not row.is_ready:
            continue
        why = why_left_out(row, today, zone)
        if why is None:
            taken.append(billed(row, zone))
        else:
            left_out.append(LeftOut(row, why))
    project_lines = sorted((line for line in lines if _is_project(line)), key=_place)
    return Expectation(
        tuple(sorted(taken, key=lambda row: (row.backlog, str(row.source.id)))),
        tuple(ExpectedLine(line.id, line.text("salesorderdetailname") or "") for line in project_lines),
        tuple(sorted(left_out, key=lambda one: (one.row.backlog, str(one.row.row.id)))),
        today,
        several,
    )


def expectation(rows: Iterable[BacklogRow], now: datetime, zone: ZoneInfo) -> Expectation:
    """The same at an instant, where nothing is known of the contract's lines."""
    return expected(rows, (), business_date(now, zone), zone)


def recorded(data: Mapping[str, Any], present: Mapping[Ref, Billed]) -> Expectation:
    """An expectation as it was recorded; ``present`` tells what the rows are worth of which no figures were kept."""
    lines = tuple(ExpectedLine(UUID(id), name) for id, name in data.get("lines", ()))
    names = [line.id for line in lines]
    refs = [(Backlog(backlog), Ref(Backlog(backlog).table, UUID(id))) for backlog, id in data["rows"]]
    figures: Sequence[Any] = data.get("figures") or [None] * len(refs)
    rows = []
    for (backlog, ref), kept in zip(refs, figures, strict=True):
        now = present.get(ref)
        if kept is not None:
            what = "" if now is None else now.what
            rows.append(replace(_row(ref, backlog, kept, names), what=what, customer=now.customer if now else None))
        elif now is not None:
            rows.append(now)
        else:
            rows.append(Billed(ref, backlog, None, None, Decimal(0), Decimal(0), Decimal(0)))
    today = data.get("today")
    return Expectation(
        tuple(rows),
        lines,
        today=None if today is None else date.fromisoformat(today),
        several=bool(data.get("several", False)),
        bounds=bounds_in(data[RUN]) if RUN in data else None,
    )


def _figures(row: Billed, lines: Sequence[UUID]) -> list[object]:
    line: object = lines.index(row.line) if row.line in lines else None if row.line is None else str(row.line)
    dated = None if row.dated is None else row.dated.isoformat()
    return [line, row.billing_type, *map(str, (row.quantity, row.price, row.amount, row.tax)), dated]


def _row(ref: Ref, backlog: Backlog, kept: Sequence[Any], lines: Sequence[UUID]) -> Billed:
    line, billing_type, *figures, dated = kept
    of_line = lines[line] if isinstance(line, int) else None if line is None else UUID(line)
    quantity, price, amount, tax = map(Decimal, figures)
    day = None if dated is None else date.fromisoformat(dated)
    return Billed(ref, backlog, of_line, billing_type, quantity, price, amount, tax, dated=day)


def _is_project(line: Row) -> bool:
    return line.choice("producttypecode") == ProductType.PROJECT_BASED_SERVICE


def _place(line: Row) -> tuple[int, str]:
    return line.choice("lineitemnumber") or 0, str(line.id)
