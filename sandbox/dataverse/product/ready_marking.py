"""``msdyn_MarkActualReadyToInvoiceOrNot``: marking unbilled sales ready or not, in Project Operations.

Its parameters are documented nowhere. Those of this sandbox are the constants below: a collection of actuals and
whether they are to be ready. All of them are marked, or none, with a reason for each that can't be; where
``Switches.marks_all_or_none`` is off those that can be are, and nothing is said of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import parameters, traces
from sandbox.dataverse.product.cells import existing
from sandbox.dataverse.product.choices import BillingStatus, TransactionType
from sandbox.dataverse.product.switches import Environment, Switches
from sandbox.dataverse.refusals import no_segment
from sandbox.dataverse.seed import seed_id
from sandbox.dataverse.unit_of_work import Refused, Row, UnitOfWork

ACTION: Final = "msdyn_MarkActualReadyToInvoiceOrNot"
ACTUALS: Final = "Actuals"
READY: Final = "ReadyToInvoice"


def announce(switches: Switches, work: UnitOfWork) -> None:
    """Where there is such an action, its message is listed among the others, as every action's is in life."""
    id = seed_id(f"sdkmessage/{ACTION}")
    if switches.environment is Environment.PROJECT_OPERATIONS and work.get("sdkmessage", id) is None:
        work.create("sdkmessage", {"name": ACTION}, id)


def mark(switches: Switches, work: UnitOfWork, _bound: UUID | None, given: Mapping[str, object]) -> None:
    """Ready to Invoice, or no status at all; unknown to an environment other than Project Operations."""
    if switches.environment is not Environment.PROJECT_OPERATIONS:
        raise no_segment(ACTION)
    ready, ids = parameters.yes_or_no(given, READY), parameters.rows(given, ACTUALS, traces.ACTUAL)
    for id in ids:
        work.lock(traces.ACTUAL, id)
    reasons = {id: reason for id in ids if (reason := _why_not(existing(work, traces.ACTUAL, id)))}
    if reasons and (switches.marks_all_or_none or len(reasons) == len(ids)):
        told = " ".join(f"{id}: {reason}" for id, reason in reasons.items())
        raise Refused(f"Some actuals can't be marked. {told}")
    for id in [id for id in ids if id not in reasons]:
        work.update(traces.ACTUAL, id, {"msdyn_billingstatus": BillingStatus.READY if ready else None})


def _why_not(row: Row) -> str | None:
    if row.get("msdyn_transactiontypecode") != TransactionType.UNBILLED_SALES:
        return "It isn't an unbilled sales actual."
    if row.get("msdyn_adjustmentstatus") is not None:
        return "It is adjusted or an adjustment."
    if row.get("msdyn_billingstatus") not in (None, BillingStatus.UNBILLED_SALES_CREATED, BillingStatus.READY):
        return "It is on an invoice or canceled."
    return None
