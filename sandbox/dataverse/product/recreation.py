"""Making the actuals of an approved entry anew, after its journal or its contract changed what applies to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import actuals, contract_lines, journal_lines, ledger, pricing, traces
from sandbox.dataverse.product.cells import instant, key, linked, own_columns
from sandbox.dataverse.product.choices import BillingType, Stage, TransactionType
from sandbox.dataverse.product.entries import Entry
from sandbox.dataverse.product.switches import Replacements, Switches
from sandbox.dataverse.product.transactions import actual
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

_APPROVAL: Final = "msdyn_projectapproval"


def recreate(switches: Switches, work: UnitOfWork, entry: Entry, journal: UUID | None = None) -> None:
    """Reverse what is live of the entry, and make actuals of it as it is given: line, price and chargeability anew.

    What the approver decided stays: the billable quantity, and hours given away.
    """
    approval = _approval_of(work, entry)
    before = ledger.live(work, entry)
    ledger.withdraw(switches, work, before)
    journal_lines.withdraw(work, entry)
    coverage = contract_lines.covering(work, entry)
    cost = pricing.cost_price(switches, work, entry)
    if cost is None:
        return
    sales = pricing.sales_price(switches, work, entry, coverage, cost)
    journal_lines.write(switches, work, entry, coverage, cost, sales, journal)
    decided: Row = approval | {"msdyn_billingtype": _billing_type(approval, coverage.billing_type)}
    made = actuals.create(switches, work, decided, entry, switches.replacements)
    if switches.replacements_connected or switches.replacements is Replacements.CONNECTION:
        _connect(work, made, before)


def as_booked(work: UnitOfWork, entry: Entry) -> Entry:
    """The entry as its live cost has it, which an earlier correction may have moved elsewhere."""
    for row in ledger.live(work, entry):
        if row.get("msdyn_transactiontypecode") == TransactionType.COST:
            return replace(
                entry,
                project=linked(row, "msdyn_project"),
                task=linked(row, "msdyn_task"),
                role=linked(row, "msdyn_resourcecategory"),
                resource=linked(row, "msdyn_bookableresource"),
                resource_unit=linked(row, "msdyn_resourceorganizationalunitid"),
                category=linked(row, "msdyn_transactioncategory"),
                day=instant(row, "msdyn_documentdate") or entry.day,
                own={**entry.own, **own_columns(row)},
            )
    return entry


def _connect(work: UnitOfWork, made: Iterable[Link], before: list[Row]) -> None:
    """Each replacement with the original of its own kind, else with the first: the cost."""
    for link in made:
        kind = actual(work, link.id).get("msdyn_transactiontypecode")
        same = [row for row in before if row.get("msdyn_transactiontypecode") == kind]
        for original in (same or before)[:1]:
            replaced = Link(traces.ACTUAL, key(original, traces.ACTUAL))
            traces.connect(work, link, traces.REPLACING, replaced, traces.ORIGINAL)


def _approval_of(work: UnitOfWork, entry: Entry) -> Row:
    of_entry: dict[str, Cell] = {entry.kind.approval_lookup: Link(entry.kind.table, entry.id)}
    rows = work.find(_APPROVAL, **of_entry, msdyn_recordstage=Stage.APPROVED)
    if not rows:
        raise Refused(f"This {entry.kind.noun} can't be corrected because it hasn't been approved.")
    return rows[-1]


def _billing_type(approval: Row, defaulted: int) -> int:
    """Complimentary was the approver's own choice; anything else follows from the line that now covers the entry."""
    given_away = approval.get("msdyn_billingtype") == BillingType.COMPLIMENTARY
    return BillingType.COMPLIMENTARY if given_away else defaulted
