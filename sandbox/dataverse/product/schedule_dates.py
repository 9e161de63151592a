"""On which days an invoice frequency runs (PSA/basic-quote-lines)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sandbox.dataverse.product.cells import existing
from sandbox.dataverse.unit_of_work import Link, Refused, Row, UnitOfWork

_FIRST_CHOICE: Final = 192350000
_LAST: Final = 4
_WEEKS: Final = {192350000: 1, 192350002: 2}
"""``msdyn_invoicefrequency.msdyn_period``: Weekly and Biweekly; the third is Monthly."""
_DAY_OF_PERIOD: Final = 192350000


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a period: a day of the month, or a weekday and which of them in the month."""

    day: int | None
    weekday: int | None
    """Monday is 0, as Python counts."""
    occurrence: int
    """0 for the first; 4 for the last."""


def run_dates(work: UnitOfWork, frequency: UUID, first: date, last: date) -> list[date]:
    """The days of a frequency between two days, both included."""
    row = existing(work, "msdyn_invoicefrequency", frequency)
    runs = [_run(detail) for detail in work.find("msdyn_invoicefrequencydetail", msdyn_invoicefrequency=_to(frequency))]
    period = row.get("msdyn_period")
    if isinstance(period, int) and period in _WEEKS:
        return list(_weekly(runs, _WEEKS[period], first, last))
    if not runs:
        raise Refused("This invoice frequency runs monthly but says on no day.")
    by_day = row.get("msdyn_daysofrun") == _DAY_OF_PERIOD
    days = {_in_month(run, month, by_day=by_day) for month in _months(first, last) for run in runs}
    return sorted(day for day in days if first <= day <= last)


def _weekly(runs: list[_Run], weeks: int, first: date, last: date) -> Iterator[date]:
    """One run a period, on the weekday stated, else on that of the first day."""
    weekday = next((run.weekday for run in runs if run.weekday is not None), first.weekday())
    day = first + timedelta((weekday - first.weekday()) % 7)
    while day <= last:
        yield day
        day += timedelta(weeks=weeks)


def _in_month(run: _Run, month: date, *, by_day: bool) -> date:
    """The day of a month. A day the month does not have is its last one (inferred)."""
    length = monthrange(month.year, month.month)[1]
    if by_day:
        return month.replace(day=min(run.day or 1, length))
    offset = ((run.weekday or 0) - month.weekday()) % 7
    days = range(1 + offset, length + 1, 7)
    return month.replace(day=days[-1] if run.occurrence >= _LAST else days[run.occurrence])


def _months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(32)).replace(day=1)


def _run(detail: Row) -> _Run:
    day, weekday, occurrence = (
        value - _FIRST_CHOICE if isinstance(value := detail.get(column), int) else None
        for column in ("msdyn_dayofmonth", "msdyn_weekday", "msdyn_occurrenceofweekday")
    )
    return _Run(day, None if weekday is None else (weekday - 1) % 7, occurrence or 0)


def _to(frequency: UUID) -> Link:
    return Link("msdyn_invoicefrequency", frequency)
