"""What may be done with a row of a backlog, why not, and what is worth knowing all the same.

A note forbids nothing: the product takes such a row when it is ready, only with another effect than one may expect.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from mappings.backlog import Backlog, BacklogRow
from mappings.business_date import business_date
from mappings.choices import BillingType

_ADDS_NOTHING = {
    BillingType.NON_CHARGEABLE: "It is not chargeable and adds nothing to the invoice's total.",
    BillingType.COMPLIMENTARY: "It is complimentary and adds nothing to the invoice's total.",
    BillingType.NOT_AVAILABLE: "Its billing type is Not Available: it adds nothing to the invoice's total.",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a row may be marked ready: ``why_not`` is a sentence when it may not; ``notes`` hold either way."""

    why_not: str | None
    notes: tuple[str, ...] = ()

    @property
    def may_mark(self) -> bool:
        """It may be marked ready."""
        return self.why_not is None


def judgement(row: BacklogRow, today: date, zone: ZoneInfo) -> Judgement:
    """What is to be said of a row on the business date ``today`` in ``zone``."""
    return Judgement(row.why_not(), tuple(note for note in (_adds_nothing(row), _later(row, today, zone)) if note))


def why_not_unmark(row: BacklogRow) -> str | None:
    """Why a row may not be set to *not ready*, as a sentence; ``None`` when it may: only what is ready may."""
    if row.is_ready:
        return None
    return "It is not ready to invoice." if row.is_open else row.why_not()


def _adds_nothing(row: BacklogRow) -> str | None:
    if row.backlog is not Backlog.TIME_AND_MATERIAL:
        return None
    type = row.row.choice("msdyn_billingtype")
    if type == BillingType.CHARGEABLE:
        return None
    return next(
        (words for known, words in _ADDS_NOTHING.items() if known == type),
        "It has no billing type that is charged: it adds nothing to the invoice's total.",
    )


def _later(row: BacklogRow, today: date, zone: ZoneInfo) -> str | None:
    if row.starts is None or (day := business_date(row.starts, zone)) <= today:
        return None
    return f"It is dated {day}, in the future: invoices created before that day leave it out."
