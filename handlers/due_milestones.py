"""Ready milestones whose day has come: those that are due by themselves, and those that nothing brings, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.business_date import business_date
from mappings.row import Row
from mappings.schedule import OPEN, Scheduled, Unfit
from mappings.tables import Ref

PLAN_COLUMNS = ("msdyn_contractlinescheduleofvalue", "msdyn_invoicerunstatus", "msdyn_invoicerundate")
"""What is read of the schedule rows that plan them."""


@dataclass(frozen=True, slots=True)
class Milestones:
    """``alone``: those that no schedule row plans, with their contracts. ``unfit``: those that are never due."""

    alone: tuple[BacklogRow, ...]
    unfit: tuple[Unfit, ...]


def told_apart(
    ready: Sequence[Row], plans: Sequence[Row], due: Collection[UUID], by_id: Mapping[UUID, Row], zone: ZoneInfo
) -> Milestones:
    """Those that an open schedule row plans are left to it; ``due``: rows that were open a moment before.

    ``by_id``: their contract lines, and the contracts of these.
    """
    planned: defaultdict[UUID | None, list[Row]] = defaultdict(list)
    for plan in plans:
        planned[plan.link_id("msdyn_contractlinescheduleofvalue")].append(plan)
    alone, unfit = [], []
    for row in ready:
        line = by_id.get(row.link_id("msdyn_contractlineid") or UUID(int=0))
        contract = None if line is None else by_id.get(line.link_id("salesorderid") or UUID(int=0))
        why = _not_planned(planned[row.id], due) if planned[row.id] else _why_not(row, line, contract)
        if why is not None:
            unfit.append(_unfit(row, contract, why, zone))
        elif contract is not None and not planned[row.id]:
            cells = {**row.cells, Backlog.MILESTONES.contract_column: Ref(tables.CONTRACT, contract.id)}
            alone.append(BacklogRow(Backlog.MILESTONES, replace(row, cells=cells)))
    return Milestones(tuple(alone), tuple(unfit))


def _not_planned(plans: Sequence[Row], due: Collection[UUID]) -> str | None:
    """Why none of the schedule rows that name it will ever bring it; ``None`` when one will."""
    open_ones = [plan for plan in plans if plan.id in due or plan.choice("msdyn_invoicerunstatus") in OPEN]
    if not open_ones:
        return (
            f"It is ready, but {plans[0].ref}, which plans it, is not to run any more. Set its run status back to "
            "Not Run to have the milestone invoiced by schedule."
        )
    if all(plan.instant("msdyn_invoicerundate") is None for plan in open_ones):
        return f"It is ready, but {open_ones[0].ref}, which plans it, has no run date."
    return None


def _why_not(row: Row, line: Row | None, contract: Row | None) -> str | None:
    """Why it can't be invoiced by itself: as its own schedule row could not."""
    if row.link_id("msdyn_contractlineid") is None:
        return "It names no contract line."
    link: dict[str, tables.Cell] = {"msdyn_contractlinescheduleofvalue": row.ref}
    return Scheduled(Row(row.ref, "", link), line, contract, BacklogRow(Backlog.MILESTONES, row)).why_not()


def _unfit(row: Row, contract: Row | None, why: str, zone: ZoneInfo) -> Unfit:
    milestone = BacklogRow(Backlog.MILESTONES, row)
    if milestone.starts is None:
        raise TypeError(f"{row.ref}: msdyn_invoicedate is empty.")
    return Unfit(
        row.ref, business_date(milestone.starts, zone), milestone.contract if contract is None else contract.id, why
    )
