"""Which rows a month still has to bill: those on a draft invoice are among them, until it is confirmed."""

from __future__ import annotations

from connector.dataverse.query import all_of, any_of, either, equals
from mappings.choices import AdjustmentStatus, BillingStatus, BillingType, MilestoneStatus, TransactionType
from service.status.conditions import UNBILLED

ON_DRAFT = all_of(
    equals("msdyn_transactiontypecode", int(TransactionType.UNBILLED_SALES)),
    any_of("msdyn_adjustmentstatus", (None, int(AdjustmentStatus.IN_PROCESS))),
    equals("msdyn_billingstatus", int(BillingStatus.CUSTOMER_INVOICE_CREATED)),
)
"""Unbilled sales actuals on an invoice that is not confirmed: confirming makes them *Customer Invoice Posted*."""
MILESTONE_ON_DRAFT = equals("msdyn_invoicestatus", int(MilestoneStatus.CUSTOMER_INVOICE_CREATED))
"""Milestones on an invoice that is not confirmed."""
NOT_POSTED = either(UNBILLED, ON_DRAFT)
"""Sales that no confirmed invoice holds."""
TO_BE_CHARGED = any_of("msdyn_billingtype", (None, int(BillingType.CHARGEABLE), int(BillingType.NOT_AVAILABLE)))
"""All but what is meant not to be billed: an empty billing type is nobody's decision to give work away."""
NOBODYS = all_of(
    NOT_POSTED, TO_BE_CHARGED, equals("msdyn_accountcustomer", None), equals("msdyn_contactcustomer", None)
)
"""Sales without a customer, which no confirmed invoice will ever hold."""
