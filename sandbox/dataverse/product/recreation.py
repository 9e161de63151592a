"""Making the actuals of an approved entry anew, after its journal or its contract changed what applies to it."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sandbox.dataverse.product import actuals, contract_lines, journal_lines, ledger, pricing
from sandbox.dataverse.product.choices import BillingType, Stage
from sandbox.dataverse.product.entries import Entry
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

_APPROVAL: Final = "msdyn_projectapproval"


def recreate(switches: Switches, work: UnitOfWork, entry: Entry, journal: UUID | None = None) -> None:
    """Reverse what is live of the entry, and make actuals of it as it is given: line, price and chargeability anew.

    What the approver decided stays: the billable quantity, and hours given away.
    """
    approval = _approval_of(work, entry)
    ledger.withdraw(work, entry)
    journal_lines.withdraw(work, entry)
    coverage = contract_lines.covering(work, entry)
    cost = pricing.cost_price(work, entry)
    if cost is None:
        return
    sales = pricing.sales_price(work, entry, coverage, cost)
    journal_lines.write(work, entry, coverage, cost, sales, journal)
    decided: Row = approval | {"msdyn_billingtype": _billing_type(approval, coverage.billing_type)}
    actuals.create(switches, work, decided, entry)


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
