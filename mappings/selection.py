"""Which rows of a backlog are meant: these ones, or whatever meets a filter.

A filter is a wish in the business's words; which columns it looks at differs by backlog. What a backlog's rows do not
have can't be filtered by: that is said, and never passed over.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mappings.backlog import Backlog, BacklogRow
from mappings.choices import BillingStatus, MilestoneStatus, TransactionClass
from mappings.given import Day

MOST_NAMED = 500
"""Things of one sort a filter may name."""

Ids = Annotated[tuple[UUID, ...], Field(max_length=MOST_NAMED)]


class Status(StrEnum):
    """Where a row stands on its way to a posted invoice."""

    OPEN = "open"
    READY = "ready"
    ON_DRAFT = "on-draft"
    POSTED = "posted"
    CANCELED = "canceled"
    ADJUSTED = "adjusted"


class Class(StrEnum):
    """What an actual is about, by the words of messages and options."""

    TIME = "time"
    EXPENSE = "expense"
    MATERIAL = "material"
    FEE = "fee"

    @property
    def number(self) -> TransactionClass:
        """The transaction class as actuals hold it."""
        return TransactionClass[self.name]


class Filter(BaseModel):
    """Rows that meet every part that is given; within a part, any one of what is named.

    Dates are business dates and amounts are before tax, in each row's own currency; both ends are included.
    Without ``statuses`` it is up to whoever asks which ones are meant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    contracts: Ids = ()
    customers: Ids = ()
    projects: Ids = ()
    resources: Ids = ()
    roles: Ids = ()
    classes: tuple[Class, ...] = ()
    dated_from: Day | None = None
    dated_to: Day | None = None
    statuses: tuple[Status, ...] = ()
    amount_from: Decimal | None = None
    amount_to: Decimal | None = None

    @model_validator(mode="after")
    def _the_right_way_round(self) -> Filter:
        if self.dated_from and self.dated_to and self.dated_from > self.dated_to:
            raise ValueError(f"dated_from is {self.dated_from}, which is after dated_to, {self.dated_to}.")
        if self.amount_from is not None and self.amount_to is not None and self.amount_from > self.amount_to:
            raise ValueError(f"amount_from is {self.amount_from}, which is more than amount_to, {self.amount_to}.")
        return self

    @property
    def is_empty(self) -> bool:
        """Nothing is asked, so that every row meets it."""
        return not self.model_fields_set or self == Filter()

    def fault(self, backlog: Backlog) -> str | None:
        """Why rows of this backlog can't be filtered so, naming what they do not have; ``None`` when they can."""
        given = {_PART.get(name, name) for name in type(self).model_fields if getattr(self, name) not in ((), None)}
        missing = sorted(given - {"statuses"} - columns(backlog).keys())
        unknown = [status.value for status in self.statuses if status not in stages(backlog)]
        if missing:
            return f"Rows of {backlog} can't be filtered by {', '.join(missing)}: they have no such column."
        if unknown:
            return f"Rows of {backlog} are never {' or '.join(unknown)}; they are {', '.join(stages(backlog))}."
        return None


class Selection(BaseModel):
    """Either these rows by id, or what meets a filter at the moment the selection is resolved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Annotated[tuple[UUID, ...], Field(max_length=5000)] = ()
    where: Filter | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Selection:
        if bool(self.rows) == (self.where is not None):
            raise ValueError("Name either rows or a filter, not both and not neither.")
        return self


def columns(backlog: Backlog) -> dict[str, tuple[str, ...]]:
    """What rows of this backlog can be filtered by → the columns that hold it."""
    return _COLUMNS[backlog]


def stages(backlog: Backlog) -> dict[Status, tuple[int | None, ...]]:
    """The statuses rows of this backlog go through → the numbers of its status column.

    *Adjusted* is no number of that column: such a row was reversed, or is itself a reversal.
    """
    return _STAGES[backlog]


def stage(row: BacklogRow) -> Status | None:
    """Where a row stands; ``None`` for a number that other products gave it."""
    if row.is_open:
        return Status.ADJUSTED if row.is_adjusted else Status.OPEN
    return next((status for status, numbers in stages(row.backlog).items() if row.status in numbers), None)


_PART = {"dated_from": "dated", "dated_to": "dated", "amount_from": "amount", "amount_to": "amount"}
_COLUMNS: dict[Backlog, dict[str, tuple[str, ...]]] = {
    Backlog.TIME_AND_MATERIAL: {
        "contracts": ("msdyn_salescontract",),
        "customers": ("msdyn_accountcustomer", "msdyn_contactcustomer"),
        "projects": ("msdyn_project",),
        "resources": ("msdyn_bookableresource",),
        "roles": ("msdyn_resourcecategory",),
        "classes": ("msdyn_transactionclassification",),
        "dated": ("msdyn_startdatetime",),
        "amount": ("msdyn_amount",),
    },
    # No date, no project; and no column holds their amount before tax.
    Backlog.PRODUCTS: {"contracts": ("salesorderid",)},
    Backlog.MILESTONES: {
        "contracts": ("msdyn_contract",),
        "projects": ("msdyn_project",),
        "dated": ("msdyn_invoicedate",),
        "amount": ("msdyn_amount",),
    },
}
_ON_LINES_AND_ACTUALS: dict[Status, tuple[int | None, ...]] = {
    Status.OPEN: Backlog.PRODUCTS.open_statuses,
    Status.READY: (BillingStatus.READY_TO_INVOICE,),
    Status.ON_DRAFT: (BillingStatus.CUSTOMER_INVOICE_CREATED,),
    Status.POSTED: (BillingStatus.CUSTOMER_INVOICE_POSTED,),
    Status.CANCELED: (BillingStatus.CANCELED,),
}
_STAGES: dict[Backlog, dict[Status, tuple[int | None, ...]]] = {
    Backlog.TIME_AND_MATERIAL: {**_ON_LINES_AND_ACTUALS, Status.ADJUSTED: ()},
    Backlog.PRODUCTS: _ON_LINES_AND_ACTUALS,
    Backlog.MILESTONES: {
        Status.OPEN: Backlog.MILESTONES.open_statuses,
        Status.READY: (MilestoneStatus.READY_TO_INVOICE,),
        Status.ON_DRAFT: (MilestoneStatus.CUSTOMER_INVOICE_CREATED,),
        Status.POSTED: (MilestoneStatus.CUSTOMER_INVOICE_POSTED,),
    },
}
