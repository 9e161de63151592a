"""What tests about invoices do first: approve hours, put them on a draft, confirm it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sandbox.dataverse.product.choices import BillingStatus, BillingType, TransactionType

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

COST, UNBILLED, BILLED = TransactionType.COST, TransactionType.UNBILLED_SALES, TransactionType.BILLED_SALES
CHARGEABLE, NON = BillingType.CHARGEABLE, BillingType.NON_CHARGEABLE
MILESTONE = "msdyn_contractlinescheduleofvalue"
COSTS = (COST, CHARGEABLE, 8, 800)
POSTED = BillingStatus.INVOICE_POSTED


def invoiced(fabrikam: Fabrikam, quantity: str | None = None) -> tuple[UUID, UUID]:
    """Eight approved hours on a draft, whose quantity may be changed; the ids of approval and invoice."""
    _, approval = fabrikam.submitted_time()
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)
    fabrikam.ready_all()
    invoice = fabrikam.invoice()
    if quantity is not None:
        fabrikam.change_quantity(invoice, quantity)
    return approval, invoice


def confirmed(fabrikam: Fabrikam, quantity: str | None = None) -> tuple[UUID, UUID]:
    approval, invoice = invoiced(fabrikam, quantity)
    fabrikam.confirm(invoice)
    return approval, invoice


def net_unbilled(fabrikam: Fabrikam) -> object:
    return sum(quantity for kind, _, quantity, _ in fabrikam.ledger() if kind == UNBILLED)
