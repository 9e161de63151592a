"""What the product does not let a caller of the Web API write, per kind of environment."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.dataverse.product import Creation, Environment
from sandbox.dataverse.product.choices import BillingStatus, InvoiceStatus, TransactionType
from sandbox.dataverse.product.protection import ACTUALS_REFUSED
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Cell, Refused, Row

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

MARK = "msdyn_MarkActualReadyToInvoiceOrNot"


def patch(fabrikam: Fabrikam, table: str, id: UUID, values: Row) -> None:
    """As a caller of the Web API."""
    with fabrikam.server.organisation.transaction(USERS["service"]) as work:
        work.update(table, id, values)


def rows(*actuals: UUID) -> list[dict[str, str]]:
    return [{"msdyn_actualid": str(id)} for id in actuals]


def test_in_psa_3_actuals_are_rows_like_any_other(fabrikam: Fabrikam) -> None:
    actual = fabrikam.ready_actual("8", "200", status=None)
    patch(fabrikam, "msdyn_actual", actual, {"msdyn_billingstatus": BillingStatus.READY})
    assert fabrikam.row("msdyn_actual", actual)["msdyn_billingstatus"] == BillingStatus.READY


def test_project_operations_refuses_actuals_made_by_hand_in_its_own_words(fabrikam: Fabrikam) -> None:
    fabrikam.switches.environment = Environment.PROJECT_OPERATIONS
    with pytest.raises(Refused) as refused, fabrikam.server.organisation.transaction(USERS["service"]) as work:
        work.create("msdyn_actual", {"msdyn_description": "By hand"})
    assert refused.value.message == ACTUALS_REFUSED
    assert refused.value.message.startswith("The product doesn't support creating actuals either manually")


@pytest.mark.parametrize(
    "change",
    [{"msdyn_billingstatus": BillingStatus.READY}, {"msdyn_quantity": Decimal(9)}, {"msdyn_amount": Decimal(1)}],
)
def test_project_operations_refuses_changes_of_actuals(fabrikam: Fabrikam, change: dict[str, Cell]) -> None:
    actual = fabrikam.ready_actual("8", "200", status=None)
    fabrikam.switches.environment = Environment.PROJECT_OPERATIONS
    with pytest.raises(Refused, match="Use entry journals"):
        patch(fabrikam, "msdyn_actual", actual, change)


def test_project_operations_lets_descriptions_be_edited(fabrikam: Fabrikam) -> None:
    actual = fabrikam.ready_actual("8", "200", status=None)
    fabrikam.switches.environment = Environment.PROJECT_OPERATIONS
    patch(fabrikam, "msdyn_actual", actual, {"msdyn_externaldescription": "Workshop", "msdyn_quantity": Decimal(8)})
    assert fabrikam.row("msdyn_actual", actual)["msdyn_externaldescription"] == "Workshop"


def test_project_operations_marks_by_its_own_action(fabrikam: Fabrikam) -> None:
    actual = fabrikam.ready_actual("8", "200", status=None)
    with pytest.raises(Refused) as refused:
        fabrikam.call(MARK, Actuals=rows(actual), ReadyToInvoice=True)
    assert refused.value.status == 404
    fabrikam.switches.environment = Environment.PROJECT_OPERATIONS
    fabrikam.call(MARK, Actuals=rows(actual), ReadyToInvoice=True)
    assert fabrikam.row("msdyn_actual", actual)["msdyn_billingstatus"] == BillingStatus.READY
    fabrikam.call(MARK, Actuals=rows(actual), ReadyToInvoice=False)
    assert fabrikam.row("msdyn_actual", actual)["msdyn_billingstatus"] is None


def test_scenario_33_what_may_not_be_ready_is_named_with_its_reason(fabrikam: Fabrikam) -> None:
    """All or none here; the service's own marking tells the one that may from the three that may not."""
    fabrikam.switches.environment = Environment.PROJECT_OPERATIONS
    good = fabrikam.ready_actual("8", "200", status=None)
    cost = fabrikam.ready_actual("8", "100", status=None, msdyn_transactiontypecode=TransactionType.COST)
    adjusted = fabrikam.ready_actual("8", "200", status=None, msdyn_adjustmentstatus=192350001)
    drafted = fabrikam.ready_actual("8", "200", status=BillingStatus.INVOICE_CREATED)
    with pytest.raises(Refused) as refused:
        fabrikam.call(MARK, Actuals=rows(good, cost, adjusted, drafted), ReadyToInvoice=True)
    assert str(good) not in refused.value.message
    for id, reason in ((cost, "isn't an unbilled"), (adjusted, "is adjusted"), (drafted, "is on an invoice")):
        assert f"{id}: It {reason}" in refused.value.message
    assert fabrikam.row("msdyn_actual", good)["msdyn_billingstatus"] is None
    with pytest.raises(Refused, match="ReadyToInvoice"):
        fabrikam.call(MARK, Actuals=rows(good))


def test_a_submitted_entry_is_not_edited(fabrikam: Fabrikam) -> None:
    entry, approval = fabrikam.submitted_time()
    with pytest.raises(Refused, match="has been submitted"):
        patch(fabrikam, "msdyn_timeentry", entry, {"msdyn_duration": 60})
    patch(fabrikam, "msdyn_timeentry", entry, {"msdyn_duration": 480})
    patch(fabrikam, "msdyn_timeentry", fabrikam.draft_time(), {"msdyn_duration": 60})
    fabrikam.call("msdyn_ApprovalStatusReject", approval)
    patch(fabrikam, "msdyn_timeentry", entry, {"msdyn_duration": 60})
    fabrikam.switches.entries_locked = False
    other, _ = fabrikam.submitted_expense()
    patch(fabrikam, "msdyn_expense", other, {"msdyn_name": "Another"})


def test_a_confirmed_invoice_and_its_details_are_read_only(fabrikam: Fabrikam) -> None:
    fabrikam.ready_actual("8", "200")
    invoice = fabrikam.invoice()
    (detail,) = fabrikam.details(invoice)
    detail_id = detail["msdyn_invoicelinetransactionid"]
    assert isinstance(detail_id, UUID)
    patch(fabrikam, "msdyn_invoicelinetransaction", detail_id, {"msdyn_quantity": Decimal(6)})
    fabrikam.call("msdyn_InvoiceRecalculate", invoice)
    assert fabrikam.row("invoice", invoice)["totalamount"] == 1200
    with pytest.raises(Refused, match="Invalid invoice status"):
        patch(fabrikam, "invoice", invoice, {"msdyn_projectinvoicestatus": InvoiceStatus.CONFIRMED})
    fabrikam.confirm(invoice)
    with pytest.raises(Refused, match="has been confirmed"):
        patch(fabrikam, "invoice", invoice, {"name": "Other"})
    with pytest.raises(Refused, match="has been confirmed"):
        patch(fabrikam, "msdyn_invoicelinetransaction", detail_id, {"msdyn_quantity": Decimal(8)})
    with pytest.raises(Refused, match="no longer a draft"):
        fabrikam.call("msdyn_InvoiceRecalculate", invoice)
    with pytest.raises(Refused, match="no longer a draft"), fabrikam.server.transaction() as work:
        work.delete("msdyn_invoicelinetransaction", detail_id)


def test_background_jobs_run_by_themselves_when_the_clock_is_advanced(product: Fabrikam) -> None:
    product.switches.actuals = Creation.LATER
    _, approval = product.submitted_time()
    product.call("msdyn_ApprovalStatusApprove", approval)
    made = threading.Event()

    class Hearing:
        def on_committed(self, writes: object) -> None:
            if "msdyn_actual" in str(writes):
                made.set()

    product.server.organisation.listeners.append(Hearing())
    product.background.start()
    try:
        product.clock.advance(product.switches.actuals_after)
        product.clock.advance(product.switches.actuals_after)
        assert made.wait(20)
    finally:
        product.background.stop()
    product.background.stop()
    assert len(product.ledger()) == 2
