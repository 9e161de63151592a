"""What of a month's ledger keeps it from being closed: no price, no customer, not ready, invoices that are drafts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Compare, Condition, Query, all_of, any_of, equals
from mappings import tables
from mappings.backlog import WORK_BASED, Backlog
from mappings.choices import InvoiceStatus
from service.closing.conditions import MILESTONE_ON_DRAFT, NOBODYS, NOT_POSTED, ON_DRAFT, TO_BE_CHARGED
from service.closing.month import Month
from service.status.conditions import AT_ZERO, COSTS, DATED, NAMED, midnight, open_, ready, within
from service.status.counting import Counted, counted
from service.status.ledger import ACTUAL_COLUMNS, WITHOUT, ZERO_PRICE, named, works
from service.status.part import FEW, Named, Part, State, number

NOT_READY, DRAFTS = "not-ready", "drafts"
COLUMNS = {Backlog.TIME_AND_MATERIAL: ACTUAL_COLUMNS, Backlog.MILESTONES: (NAMED[Backlog.MILESTONES],)}
ON_HAND = (Backlog.TIME_AND_MATERIAL, Backlog.MILESTONES)
"""The backlogs whose rows have a date; a product line belongs to no month."""


@dataclass(frozen=True, slots=True)
class MonthsLedger:
    """The looks at one month of one environment, each a constant number of requests."""

    client: DataverseClient
    month: Month
    zone: ZoneInfo

    def zero_price(self) -> Iterator[Part]:
        """Sales that no confirmed invoice holds, and costs, dated in the month, at a price of zero."""
        sales = self._actuals(all_of(NOT_POSTED, TO_BE_CHARGED, AT_ZERO))
        costs = self._actuals(all_of(COSTS, AT_ZERO))
        open_sales = number(sales.count, "open sales actual", "open sales actuals", is_more=sales.is_more)
        also = number(costs.count, "cost actual", "cost actuals", is_more=costs.is_more)
        yield _part(
            ZERO_PRICE,
            f"{open_sales} and {also} at a price of zero.",
            "Take what is on a draft off it, mend the price list, then approve anew; "
            f"psa-connector reconcile --month {self.month} names the entries",
            sales,
            costs,
        )

    def without_customer(self) -> Iterator[Part]:
        """Sales dated in the month that the product would never invoice."""
        found = self._actuals(NOBODYS)
        said = number(found.count, "open sales actual has", "open sales actuals have", is_more=found.is_more)
        todo = "Complete the customer of the contract, then of the actuals: see docs/operate.md"
        yield _part(WITHOUT, f"{said} no customer.", todo, found)

    def not_ready(self) -> Iterator[Part]:
        """What is dated in the month, to be billed, and not marked ready; beside it, what is, and has no invoice yet,
        and milestones that no month would ever ask for.
        """
        work, milestones = (self._of(one, _billable(one)) for one in ON_HAND)
        waiting = [self._of(one, ready(one)) for one in ON_HAND]
        undated = counted(
            self.client,
            Query(
                tables.MILESTONE,
                COLUMNS[Backlog.MILESTONES],
                all_of(open_(Backlog.MILESTONES), equals(DATED[Backlog.MILESTONES], None)),
                (NAMED[Backlog.MILESTONES],),
            ),
        )
        worst = Backlog.TIME_AND_MATERIAL if work.count else Backlog.MILESTONES
        said = number(work.count, "chargeable sales actual", "chargeable sales actuals", is_more=work.is_more)
        also = number(milestones.count, "milestone", "milestones", is_more=milestones.is_more)
        days = f"--from {self.month.first} --to {self.month.last}"
        rows = (*works(work), *_milestones(milestones))
        todo = f"psa-connector backlog list {worst} {days} --status open; then backlog ready"
        still = sum(one.count for one in waiting)
        is_more = any(one.is_more for one in waiting)
        beside = f"{number(still, 'is ready and waits', 'are ready and wait', is_more=is_more)} for an invoice"
        if undated.count:
            without = number(undated.count, "milestone", "milestones", is_more=undated.is_more)
            beside += f"; {without} not ready without a date, which no month asks for"
        figures = {"ready": still, "undated": undated.count}
        sentence = f"{said} and {also} are not ready to invoice; {beside}."
        yield replace(_part(NOT_READY, sentence, todo, work, milestones, rows=rows), figures=figures)

    def drafts(self) -> Iterator[Part]:
        """Work and milestones dated in the month on an invoice that is not confirmed, whenever that was made; and
        project invoices made up to the end of the month, whatever is on them, that are not confirmed.
        """
        where = all_of(
            equals("msdyn_ordertype", WORK_BASED),
            any_of("msdyn_projectinvoicestatus", (int(InvoiceStatus.DRAFT), int(InvoiceStatus.IN_REVIEW))),
            Compare("createdon", "lt", midnight(self.month.following, self.zone)),
        )
        columns = ("invoicenumber", "name", "createdon")
        found = counted(self.client, Query(tables.INVOICE, columns, where, ("createdon",)))
        work = self._of(Backlog.TIME_AND_MATERIAL, ON_DRAFT)
        milestones = self._of(Backlog.MILESTONES, MILESTONE_ON_DRAFT)
        said = number(work.count, "sales actual", "sales actuals", is_more=work.is_more)
        also = number(milestones.count, "milestone", "milestones", is_more=milestones.is_more)
        made = number(found.count, "invoice", "invoices", is_more=found.is_more)
        asked = "--status draft --status in-review"
        if not work.count and not milestones.count:
            asked += f" --to {self.month.last}"
        todo = f"psa-connector invoice list {asked}; confirm them in the product"
        rows = tuple(
            Named(one.ref, f"{one.text('invoicenumber') or one.id} {one.text('name') or ''}".strip())
            for one in found.rows
        )
        sentence = (
            f"{said} and {also} of the month on invoices that are not confirmed; "
            f"{made} made up to {self.month.last} and not confirmed."
        )
        rows += (*works(work), *_milestones(milestones))
        yield _part(DRAFTS, sentence, todo, found, work, milestones, rows=rows)

    def _actuals(self, where: Condition) -> Counted:
        return self._of(Backlog.TIME_AND_MATERIAL, where)

    def _of(self, one: Backlog, where: Condition) -> Counted:
        every = all_of(where, self._in_month(DATED[one]))
        return counted(self.client, Query(one.table, COLUMNS[one], every, (DATED[one],)))

    def _in_month(self, column: str) -> Condition:
        return within(column, self.month.first, self.month.last, self.zone)


def _billable(backlog: Backlog) -> Condition:
    """Open, and adds something to an invoice: work that is not charged may well never be marked."""
    return all_of(open_(backlog), TO_BE_CHARGED) if backlog is Backlog.TIME_AND_MATERIAL else open_(backlog)


def _milestones(found: Counted) -> tuple[Named, ...]:
    return tuple(named(one, NAMED[Backlog.MILESTONES]) for one in found.rows)


def _part(key: str, sentence: str, todo: str, *found: Counted, rows: tuple[Named, ...] | None = None) -> Part:
    count = sum(one.count for one in found)
    if rows is None:
        rows = tuple(row for one in found for row in works(one))
    state = State.ATTENTION if count else State.OK
    is_more = any(one.is_more for one in found)
    return Part(key, state, sentence, todo if count else "", count, is_more, rows=rows[:FEW])
