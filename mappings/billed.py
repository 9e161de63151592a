"""What one ready row adds to an invoice: its line, its billing type, its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings.backlog import Backlog, BacklogRow
from mappings.business_date import business_date
from mappings.choices import BillingType
from mappings.tables import Ref

COLUMNS: Mapping[Backlog, tuple[str, ...]] = {
    Backlog.TIME_AND_MATERIAL: (*Backlog.TIME_AND_MATERIAL.columns, "msdyn_quantity", "msdyn_price"),
    Backlog.PRODUCTS: (*Backlog.PRODUCTS.columns, "quantity", "priceperunit"),
    Backlog.MILESTONES: (*Backlog.MILESTONES.columns, "msdyn_tax"),
}
"""What must be read of a backlog's rows to know what they add to an invoice."""


class Group(StrEnum):
    """How details are grouped on an invoice line; only the chargeable ones count in its amount."""

    CHARGEABLE = "chargeable"
    COMPLIMENTARY = "complimentary"
    NON_CHARGEABLE = "non-chargeable"


def group_of(billing_type: int | None) -> Group:
    """The group a billing type belongs to; what has none that is charged adds nothing."""
    if billing_type == BillingType.CHARGEABLE:
        return Group.CHARGEABLE
    return Group.COMPLIMENTARY if billing_type == BillingType.COMPLIMENTARY else Group.NON_CHARGEABLE


@dataclass(frozen=True, slots=True)
class Billed:
    """A row as the invoice must show it; ``amount`` and ``price`` are before tax, in the contract's currency.

    ``line``: the contract line, where the row names one. ``dated``: the business date it may first be invoiced on.
    """

    source: Ref
    backlog: Backlog
    line: UUID | None
    billing_type: int | None
    quantity: Decimal
    price: Decimal
    amount: Decimal
    tax: Decimal = Decimal(0)
    customer: Ref | None = None
    dated: date | None = None
    what: str = ""

    @property
    def group(self) -> Group:
        """Where it stands on its line."""
        return group_of(self.billing_type)

    @property
    def counts(self) -> Decimal:
        """What it adds to the invoice's amount before tax."""
        return self.amount if self.group is Group.CHARGEABLE else Decimal(0)


def billed(row: BacklogRow, zone: ZoneInfo) -> Billed:
    """What a backlog row, read with ``COLUMNS``, adds to an invoice.

    A milestone's detail is always chargeable, one of its amount (PO/proforma-invoicing/manage-proforma-invoice).
    """
    cells, one = row.row, Decimal(1)
    dated = None if row.starts is None else business_date(row.starts, zone)
    match row.backlog:
        case Backlog.TIME_AND_MATERIAL:
            return Billed(
                cells.ref,
                row.backlog,
                cells.link_id("msdyn_salescontractlineid"),
                cells.choice("msdyn_billingtype"),
                cells.number("msdyn_quantity") or Decimal(0),
                cells.number("msdyn_price") or Decimal(0),
                row.amount,
                customer=cells.link("msdyn_accountcustomer") or cells.link("msdyn_contactcustomer"),
                dated=dated,
                what=cells.text("msdyn_description") or "",
            )
        case Backlog.PRODUCTS:
            return Billed(
                cells.ref,
                row.backlog,
                cells.id,
                BillingType.CHARGEABLE,
                cells.number("quantity") or Decimal(0),
                cells.number("priceperunit") or Decimal(0),
                row.amount,
                cells.number("tax") or Decimal(0),
                what=cells.text("salesorderdetailname") or "",
            )
        case Backlog.MILESTONES:
            return Billed(
                cells.ref,
                row.backlog,
                cells.link_id("msdyn_contractlineid"),
                BillingType.CHARGEABLE,
                one,
                row.amount,
                row.amount,
                cells.number("msdyn_tax") or Decimal(0),
                dated=dated,
                what=cells.text("msdyn_name") or "",
            )
