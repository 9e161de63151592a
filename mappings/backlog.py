"""The three billing backlogs, and what may be marked ready to invoice.

*Ready* has three codings: a billing status on unbilled sales actuals and on product contract lines, and an invoice
status of another set on milestones. A row that may not be marked says why (PSA/review-invoicing-backlog).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings import tables
from mappings.business_date import business_date
from mappings.choices import (
    AdjustmentStatus,
    BillingStatus,
    BillingType,
    MilestoneStatus,
    ProductType,
    TransactionType,
)
from mappings.row import Row

WORK_BASED = 192350001
"""salesorder.msdyn_ordertype of a project contract; lines of other orders are no backlog of ours."""


class Backlog(StrEnum):
    """Which backlog a row belongs to."""

    TIME_AND_MATERIAL = "time-and-material"
    PRODUCTS = "products"
    MILESTONES = "milestones"

    @property
    def table(self) -> str:
        """The table its rows live in."""
        return _TABLES[self]

    @property
    def columns(self) -> tuple[str, ...]:
        """What must be read to judge a row."""
        return _COLUMNS[self]

    @property
    def contract_column(self) -> str:
        """The lookup that leads to the contract."""
        return _CONTRACT[self]

    @property
    def status_column(self) -> str:
        """The column that says *ready*."""
        return "msdyn_invoicestatus" if self is Backlog.MILESTONES else "msdyn_billingstatus"

    @property
    def ready(self) -> int:
        """The number that says *ready*."""
        return MilestoneStatus.READY_TO_INVOICE if self is Backlog.MILESTONES else BillingStatus.READY_TO_INVOICE

    @property
    def open_statuses(self) -> tuple[int | None, ...]:
        """The statuses a row may be marked from; empty is one of them where rows start empty."""
        if self is Backlog.MILESTONES:
            return (MilestoneStatus.NOT_READY,)
        return (None, BillingStatus.UNBILLED_SALES_CREATED)


_TABLES = {
    Backlog.TIME_AND_MATERIAL: tables.ACTUAL,
    Backlog.PRODUCTS: tables.CONTRACT_LINE,
    Backlog.MILESTONES: tables.MILESTONE,
}
_CONTRACT = {
    Backlog.TIME_AND_MATERIAL: "msdyn_salescontract",
    Backlog.PRODUCTS: "salesorderid",
    Backlog.MILESTONES: "msdyn_contract",
}
_COLUMNS = {
    Backlog.TIME_AND_MATERIAL: (
        "msdyn_transactiontypecode",
        "msdyn_billingtype",
        "msdyn_billingstatus",
        "msdyn_adjustmentstatus",
        "msdyn_accountcustomer",
        "msdyn_contactcustomer",
        "msdyn_startdatetime",
        "msdyn_amount",
        "msdyn_salescontract",
        "msdyn_salescontractlineid",
        "msdyn_description",
        "msdyn_project",
        "msdyn_bookableresource",
        "msdyn_resourcecategory",
        "msdyn_transactioncategory",
        "msdyn_transactionclassification",
        "transactioncurrencyid",
    ),
    Backlog.PRODUCTS: (
        "producttypecode",
        "msdyn_billingstatus",
        "salesorderdetailname",
        "extendedamount",
        "tax",
        "salesorderid",
        "transactioncurrencyid",
    ),
    Backlog.MILESTONES: (
        "msdyn_invoicestatus",
        "msdyn_name",
        "msdyn_amount",
        "msdyn_invoicedate",
        "msdyn_contract",
        "msdyn_contractlineid",
        "msdyn_project",
        "transactioncurrencyid",
    ),
}


@dataclass(frozen=True, slots=True)
class BacklogRow:
    """One row of a backlog, with what decides whether it may be marked and what it is worth on an invoice."""

    backlog: Backlog
    row: Row
    is_doubled: bool = False
    """The same work is also counted by another row."""
    exceeds_limit: bool = False
    """Its not-to-exceed check failed, where the environment's profile names the column that says so."""
    is_elsewhere: bool = False
    """A product line of an order that is no project contract."""

    @property
    def status(self) -> int | None:
        """The value of the status column."""
        return self.row.choice(self.backlog.status_column)

    @property
    def is_ready(self) -> bool:
        """It is marked ready to invoice."""
        return self.status == self.backlog.ready

    @property
    def is_open(self) -> bool:
        """It has not been marked, nor has anything been invoiced from it."""
        return self.status in self.backlog.open_statuses

    @property
    def is_adjusted(self) -> bool:
        """It was reversed, or is itself a reversal; what is being corrected is neither yet."""
        if self.backlog is not Backlog.TIME_AND_MATERIAL:
            return False
        status = self.row.choice("msdyn_adjustmentstatus")
        return status in (AdjustmentStatus.ADJUSTED, AdjustmentStatus.UNADJUSTABLE)

    @property
    def contract(self) -> UUID | None:
        """The contract it is billed under."""
        return self.row.link_id(self.backlog.contract_column)

    @property
    def currency(self) -> UUID | None:
        """The currency of its amount."""
        return self.row.link_id("transactioncurrencyid")

    @property
    def amount(self) -> Decimal:
        """What it stands at before tax, whether or not it is charged."""
        zero = Decimal(0)
        if self.backlog is Backlog.PRODUCTS:
            return (self.row.number("extendedamount") or zero) - (self.row.number("tax") or zero)
        return self.row.number("msdyn_amount") or zero

    @property
    def billable(self) -> Decimal:
        """What it adds to an invoice: non-chargeable and complimentary work adds nothing."""
        if self.backlog is Backlog.TIME_AND_MATERIAL:
            chargeable = self.row.choice("msdyn_billingtype") == BillingType.CHARGEABLE
            return self.amount if chargeable else Decimal(0)
        return self.amount

    @property
    def starts(self) -> datetime | None:
        """The moment on whose day it may first be invoiced; a product line has none."""
        match self.backlog:
            case Backlog.TIME_AND_MATERIAL:
                return self.row.instant("msdyn_startdatetime")
            case Backlog.MILESTONES:
                return self.row.instant("msdyn_invoicedate")
            case Backlog.PRODUCTS:
                return None

    def is_due(self, today: date, zone: ZoneInfo) -> bool:
        """Ready, and not dated after ``today`` in ``zone``: the product's next invoice of the contract takes it."""
        return self.is_ready and (self.starts is None or business_date(self.starts, zone) <= today)

    def why_not(self) -> str | None:
        """Why it may not be marked ready, as a sentence; ``None`` when it may."""
        return self._wrong_kind() or self._wrong_status()

    def _wrong_kind(self) -> str | None:
        if self.backlog is Backlog.TIME_AND_MATERIAL:
            if self.row.choice("msdyn_transactiontypecode") != TransactionType.UNBILLED_SALES:
                return "It is not an unbilled sales actual; only those are billed."
            if self.is_adjusted:
                return "It was adjusted: it and its reversal cancel each other out."
            if self.row.link("msdyn_accountcustomer") is None and self.row.link("msdyn_contactcustomer") is None:
                return "It has no customer, so the product would never invoice it; complete the contract line."
            if self.is_doubled:
                return "Another actual counts the same work; reverse one of the two by journal first."
            if self.exceeds_limit:
                return "It would exceed a not-to-exceed limit; raise the limit or free some of it, and evaluate again."
        is_service = self.row.choice("producttypecode") == ProductType.PROJECT_BASED_SERVICE
        if self.backlog is Backlog.PRODUCTS and is_service:
            return "It is a project-based line; its actuals or milestones are marked instead."
        if self.is_elsewhere:
            return "Its order is no project contract, and is invoiced as other sales orders are."
        return None

    def _wrong_status(self) -> str | None:
        if self.is_open:
            return None
        if self.is_ready:
            return "It is ready to invoice already."
        created = self.status in (
            (MilestoneStatus.CUSTOMER_INVOICE_CREATED,)
            if self.backlog is Backlog.MILESTONES
            else (BillingStatus.CUSTOMER_INVOICE_CREATED,)
        )
        if created:
            return "It stands on a draft invoice."
        # The same number says *posted* on a milestone.
        if self.status == BillingStatus.CANCELED and self.backlog is not Backlog.MILESTONES:
            return "It was canceled with its approval."
        return "It stands on a posted invoice."
