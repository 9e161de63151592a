"""What of the ledger waits for a person: sales at no price, sales nobody is billed for, and what is ready for long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Compare, Condition, Query, all_of, either
from mappings import tables
from mappings.backlog import Backlog
from mappings.row import Row
from service.status.conditions import AT_ZERO, CHARGEABLE, COSTS, DATED, NAMED, UNBILLED, WITHOUT_CUSTOMER, ready
from service.status.counting import Counted, counted
from service.status.part import FEW, Named, Part, State, ago, number

ZERO_PRICE, WITHOUT, READY = "zero-price", "without-customer", "ready-not-invoiced"
LATELY = timedelta(days=30)
"""How far back costs at a price of zero are counted."""
READY_FOR = timedelta(days=35)
"""Longer than a month, an invoice run has passed what is ready by."""
AT_THE_LATEST = timedelta(days=62)
"""Two months after it was made, or was to be invoiced, whatever has touched it since."""
ACTUAL_COLUMNS = ("msdyn_description", "msdyn_bookableresource", "msdyn_project", "msdyn_startdatetime")
_SORT = ("msdyn_startdatetime",)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The looks at one environment's ledger, each a constant number of requests."""

    client: DataverseClient
    now: datetime

    def zero_price(self) -> Iterator[Part]:
        """Sales that would be billed at nothing; costs of zero are told, as they may be meant."""
        sales = self._actuals(all_of(UNBILLED, CHARGEABLE, AT_ZERO))
        lately = all_of(COSTS, AT_ZERO, Compare("createdon", "ge", self.now - LATELY))
        costs = self._actuals(lately)
        said = number(sales.count, "open sales actual has", "open sales actuals have", is_more=sales.is_more)
        also = number(costs.count, "cost actual", "cost actuals", is_more=costs.is_more)
        yield Part(
            ZERO_PRICE,
            State.ATTENTION if sales.count else State.OK,
            f"{said} a price of zero; of the last {LATELY.days} days, so have {also}.",
            "Mend the price list, then approve those entries anew: see docs/operate.md." if sales.count else "",
            sales.count,
            sales.is_more,
            _dated(sales),
            works(sales),
            {"costs": costs.count},
        )

    def without_customer(self) -> Iterator[Part]:
        """Sales that the product never puts on an invoice."""
        found = self._actuals(WITHOUT_CUSTOMER)
        said = number(found.count, "open sales actual has", "open sales actuals have", is_more=found.is_more)
        yield Part(
            WITHOUT,
            State.ATTENTION if found.count else State.OK,
            f"{said} no customer, and would never be invoiced.",
            "Complete the customer of the contract, then of the actuals: see docs/operate.md." if found.count else "",
            found.count,
            found.is_more,
            _dated(found),
            works(found),
        )

    def ready_not_invoiced(self) -> Iterator[Part]:
        """What is ready to invoice, and for how long."""
        every: dict[Backlog, Counted] = {}
        old: dict[Backlog, Counted] = {}
        for backlog in Backlog:
            every[backlog] = self._of(backlog, ready(backlog))
            old[backlog] = self._of(backlog, all_of(ready(backlog), self._aged(backlog)))
        count, late = (sum(one.count for one in counts.values()) for counts in (every, old))
        moments = [moment for one in every.values() for row in one.rows if (moment := row.instant("modifiedon"))]
        oldest = min(moments, default=None)
        since = "" if oldest is None else f", untouched for {ago(self.now, oldest)} at the longest"
        is_more = any(one.is_more for one in every.values())
        still_late = number(late, "has", "have", is_more=any(one.is_more for one in old.values()))
        worst = next((backlog for backlog in Backlog if old[backlog].count), None)
        yield Part(
            READY,
            State.ATTENTION if late else State.OK,
            f"{number(count, 'row is', 'rows are', is_more=is_more)} ready to invoice{since}; "
            f"{still_late} been for more than {READY_FOR.days} days, or {AT_THE_LATEST.days} since made or due.",
            "" if worst is None else f"psa-connector backlog list {worst} --status ready",
            count,
            is_more,
            oldest,
            tuple(_late(old))[:FEW],
            {f"{backlog}": one.count for backlog, one in every.items()} | {"late": late},
        )

    def _aged(self, backlog: Backlog) -> Condition:
        """Nobody knows when a row was marked; whatever else changes it makes it look young."""
        untouched = Compare("modifiedon", "lt", self.now - READY_FOR)
        late = self.now - AT_THE_LATEST
        if backlog is Backlog.TIME_AND_MATERIAL:
            return either(untouched, Compare("createdon", "lt", late))
        if backlog is Backlog.MILESTONES:
            # One that is ready ahead of its date waits for that.
            day = DATED[backlog]
            return all_of(Compare(day, "lt", self.now), either(untouched, Compare(day, "lt", late)))
        return untouched

    def _actuals(self, where: Condition) -> Counted:
        return counted(self.client, Query(tables.ACTUAL, ACTUAL_COLUMNS, where, _SORT))

    def _of(self, backlog: Backlog, where: Condition) -> Counted:
        shown = ACTUAL_COLUMNS if backlog is Backlog.TIME_AND_MATERIAL else (NAMED[backlog],)
        columns = (*shown, "modifiedon")
        return counted(self.client, Query(backlog.table, columns, where, ("modifiedon",)))


def _late(old: Mapping[Backlog, Counted]) -> Iterator[Named]:
    for backlog, found in old.items():
        if backlog is Backlog.TIME_AND_MATERIAL:
            yield from works(found)
        else:
            yield from (named(row, NAMED[backlog]) for row in found.rows)


def named(row: Row, column: str) -> Named:
    """A row by what stands in a column of it, or else by its id."""
    return Named(row.ref, row.text(column) or str(row.id))


def works(found: Counted) -> tuple[Named, ...]:
    """Actuals by whose work on what they are, and what is said of it; or else by their ids."""

    def name(row: Row) -> str:
        said = (*found.shown.get(row.id, {}).values(), row.text("msdyn_description"))
        return ", ".join(filter(None, said)) or str(row.id)

    return tuple(Named(row.ref, name(row)) for row in found.rows)


def _dated(found: Counted) -> datetime | None:
    return found.rows[0].instant("msdyn_startdatetime") if found.rows else None
