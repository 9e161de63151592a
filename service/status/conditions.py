"""Which rows of the ledger and the backlogs are meant: conditions that `status` and `close-check` share.

Counted are the rows themselves, so one that waits for two reasons is counted under each.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from connector.dataverse.query import Compare, Condition, all_of, any_of, either, equals
from mappings.backlog import Backlog
from mappings.choices import AdjustmentStatus, BillingStatus, BillingType, ProductType, TransactionType

_NOT_REVERSED = any_of("msdyn_adjustmentstatus", (None, int(AdjustmentStatus.IN_PROCESS)))
_NOT_INVOICED = any_of(
    "msdyn_billingstatus",
    (None, int(BillingStatus.UNBILLED_SALES_CREATED), int(BillingStatus.READY_TO_INVOICE)),
)
UNBILLED = all_of(
    equals("msdyn_transactiontypecode", int(TransactionType.UNBILLED_SALES)), _NOT_REVERSED, _NOT_INVOICED
)
"""Unbilled sales actuals that count, and are on no invoice yet."""
COSTS = all_of(equals("msdyn_transactiontypecode", int(TransactionType.COST)), _NOT_REVERSED)
"""Cost actuals that count."""
CHARGEABLE = equals("msdyn_billingtype", int(BillingType.CHARGEABLE))
AT_ZERO = all_of(
    either(equals("msdyn_price", Decimal(0)), equals("msdyn_price", None)), Compare("msdyn_quantity", "ne", Decimal(0))
)
"""A quantity at no price."""
WITHOUT_CUSTOMER = all_of(
    UNBILLED, CHARGEABLE, equals("msdyn_accountcustomer", None), equals("msdyn_contactcustomer", None)
)
"""The product never invoices them (Project Operations, "Create and confirm entry journals")."""

DATED = {
    Backlog.TIME_AND_MATERIAL: "msdyn_startdatetime",
    Backlog.MILESTONES: "msdyn_invoicedate",
}
"""The column that says from when on a row may be invoiced; a product line has none."""
NAMED = {
    Backlog.TIME_AND_MATERIAL: "msdyn_description",
    Backlog.PRODUCTS: "salesorderdetailname",
    Backlog.MILESTONES: "msdyn_name",
}
"""The column people know a row by."""


def ready(backlog: Backlog) -> Condition:
    """Marked ready to invoice, and on no invoice yet."""
    is_ready = equals(backlog.status_column, int(backlog.ready))
    if backlog is Backlog.TIME_AND_MATERIAL:
        return all_of(UNBILLED, is_ready)
    return all_of(_PRODUCT, is_ready) if backlog is Backlog.PRODUCTS else is_ready


def open_(backlog: Backlog) -> Condition:
    """Neither ready nor on an invoice."""
    statuses = [None if one is None else int(one) for one in backlog.open_statuses]
    is_open = any_of(backlog.status_column, statuses)
    if backlog is Backlog.TIME_AND_MATERIAL:
        return all_of(UNBILLED, is_open)
    return all_of(_PRODUCT, is_open) if backlog is Backlog.PRODUCTS else is_open


_PRODUCT = Compare("producttypecode", "ne", int(ProductType.PROJECT_BASED_SERVICE))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a business day begins."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def within(column: str, first: date, last: date, zone: ZoneInfo) -> Condition:
    """On these business days, both included."""
    return all_of(
        Compare(column, "ge", midnight(first, zone)), Compare(column, "lt", midnight(last + timedelta(days=1), zone))
    )
