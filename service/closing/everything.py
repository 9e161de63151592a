"""The list before a month is closed: one question after the other, each answered by yes, no, or not seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from mappings.business_date import business_date
from service.closing.entries import Entries
from service.closing.ledger import DRAFTS, NOT_READY, MonthsLedger
from service.closing.month import Month
from service.closing.schedules import MonthsRuns
from service.status.approval_sets import SETS, approval_sets
from service.status.approvals import UNSERVED
from service.status.everything import Question, of_queues
from service.status.ledger import WITHOUT, ZERO_PRICE
from service.status.part import Part, Remedies, State, looked
from service.status.queues import APPROVALS, COMMANDS
from service.status.recorded import DOUBT, Records
from service.status.rights import RIGHTS, rights
from service.status.schedules import OVERDUE, day_before

if TYPE_CHECKING:
    from service.app import App

QUESTIONS = {
    RIGHTS: "Does this user see every row that is asked for?",
    UNSERVED: "Does every approved entry have its actuals?",
    ZERO_PRICE: "Does everything have a price?",
    WITHOUT: "Does all unbilled work have a customer?",
    NOT_READY: "Is everything ready to invoice, or invoiced?",
    DRAFTS: "Is every invoice confirmed?",
    OVERDUE: "Did everything run that was due by schedule?",
    SETS: "Is every approval set through?",
    DOUBT: "Is it known what came of every invoice call?",
    APPROVALS: "Is no event put aside or left waiting?",
    COMMANDS: "Is no command put aside or left waiting?",
}
"""By the key of the part that answers it, in the order in which they are asked."""
ANSWERS = {State.OK: "yes", State.ATTENTION: "no", State.NOT_SEEN: "not seen", State.NO_ANSWER: "not seen"}


@dataclass(frozen=True, slots=True)
class Closing:
    """The answers for a month of the environment at ``url``, told in ``zone``."""

    month: Month
    url: str
    zone: str
    parts: tuple[Part, ...]

    @property
    def may_close(self) -> bool:
        """Every answer is yes."""
        return all(part.state is State.OK for part in self.parts)

    @property
    def is_unanswered(self) -> bool:
        """No answer is no, but somebody gave none."""
        states = {part.state for part in self.parts}
        return State.ATTENTION not in states and State.NO_ANSWER in states


def closing(app: App, month: Month, remedies: Remedies, *, with_queues: bool = True) -> Closing:
    """Ask everything; one question that can't be answered hides no other. ``app`` has been checked."""
    parts: list[Part] = []
    for one in _questions(app, month):
        parts += looked(one.keys, one.look, remedies)
    if with_queues:
        parts += of_queues(app, remedies, are_to_be_empty=True)
    return Closing(month, app.dataverse.url, app.settings.business_time_zone.key, tuple(parts))


def _questions(app: App, month: Month) -> Iterator[Question]:
    settings, now = app.settings, app.dataverse.far_now()
    zone = settings.business_time_zone
    ledger = MonthsLedger(app.dataverse, month, zone)
    records = Records(app.dataverse, now, timedelta(minutes=settings.invoices.patience))
    before = day_before(now, settings.due.at, zone)
    runs = MonthsRuns(app.dataverse, app.mission.due, app.fixed_point, month, before, business_date(now, zone))
    entries = Entries(app.mission.entries, app.dataverse, zone, now)
    yield Question([RIGHTS], lambda: rights(app.dataverse, app.probe.who_am_i().user_id))
    yield Question([UNSERVED], partial(entries.without_actuals, month))
    yield Question([ZERO_PRICE], ledger.zero_price)
    yield Question([WITHOUT], ledger.without_customer)
    yield Question([NOT_READY], ledger.not_ready)
    yield Question([DRAFTS], ledger.drafts)
    yield Question([OVERDUE], runs.not_run)
    yield Question([SETS], partial(approval_sets, app.dataverse, now))
    yield Question([DOUBT], records.in_doubt)
