"""Choice values of the product's columns, by the names people see.

Traps: *Approved* is the same number on time and expense but *Submitted* is not; *ready to invoice* has one coding on
actuals and product lines and another on milestones. Values: the tables' public reference.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

from mappings.refusal import Refusal

_Choice = TypeVar("_Choice", bound=IntEnum)


def read(kind: type[_Choice], value: int, where: object) -> _Choice:
    """The choice a number stands for. Raises ``Refusal`` naming the row for a number this version does not know."""
    try:
        return kind(value)
    except ValueError:
        raise Refusal(
            "unknown-choice",
            f"{where} holds {value}, which is no {kind.__name__} this version knows; nothing is guessed.",
        ) from None


class TimeStatus(IntEnum):
    """msdyn_timeentry.msdyn_entrystatus and its target column."""

    DRAFT = 192350000
    RETURNED = 192350001
    APPROVED = 192350002
    SUBMITTED = 192350003
    RECALL_REQUESTED = 192350004


class ExpenseStatus(IntEnum):
    """msdyn_expense.msdyn_expensestatus and its target column."""

    DRAFT = 192350000
    SUBMITTED = 192350001
    APPROVED = 192350002
    REJECTED = 192350003
    POSTED = 192350004
    PAID = 192350005
    RECALL_REQUESTED = 192350006


class TimeType(IntEnum):
    """msdyn_timeentry.msdyn_type. Whether a break, which Field Service adds too, has actuals is documented nowhere."""

    WORK = 192350000
    ABSENCE = 192350001
    VACATION = 192350002
    OVERTIME = 192354320
    TRAVEL = 192355001


class RecordStage(IntEnum):
    """msdyn_projectapproval.msdyn_recordstage: small integers, unlike every other status here."""

    SUBMITTED = 0
    REJECTED = 1
    APPROVED = 2
    PENDING = 3
    RECALL_REQUESTED = 4
    RECALL_REQUEST_APPROVED = 5
    RECALL_REQUEST_REJECTED = 6


class TransactionType(IntEnum):
    """msdyn_transactiontypecode."""

    COST = 192350000
    PROJECT_CONTRACT = 192350004
    UNBILLED_SALES = 192350005
    BILLED_SALES = 192350006
    RESOURCING_UNIT_COST = 192350007
    INTER_ORGANIZATIONAL_SALES = 192350008


class TransactionClass(IntEnum):
    """msdyn_transactionclassification."""

    TIME = 192350000
    EXPENSE = 192350001
    MATERIAL = 192350002
    MILESTONE = 192350003
    FEE = 192350004


class BillingType(IntEnum):
    """msdyn_billingtype on approvals, actuals, roles and categories."""

    NON_CHARGEABLE = 192350000
    CHARGEABLE = 192350001
    COMPLIMENTARY = 192350002
    NOT_AVAILABLE = 192350003


class BillingStatus(IntEnum):
    """msdyn_billingstatus on actuals and product contract lines; a new row holds none."""

    UNBILLED_SALES_CREATED = 192350000
    CUSTOMER_INVOICE_CREATED = 192350001
    CUSTOMER_INVOICE_POSTED = 192350002
    CANCELED = 192350003
    READY_TO_INVOICE = 192350004


class MilestoneStatus(IntEnum):
    """msdyn_contractlinescheduleofvalue.msdyn_invoicestatus."""

    NOT_READY = 192350000
    READY_TO_INVOICE = 192350001
    CUSTOMER_INVOICE_CREATED = 192350002
    CUSTOMER_INVOICE_POSTED = 192350003


class InvoiceStatus(IntEnum):
    """invoice.msdyn_projectinvoicestatus."""

    DRAFT = 192350000
    IN_REVIEW = 192350001
    CONFIRMED = 192350002
    PAID = 192350003


class AdjustmentStatus(IntEnum):
    """msdyn_actual.msdyn_adjustmentstatus; a row that nobody reversed holds none."""

    IN_PROCESS = 192350000
    ADJUSTED = 192350001
    UNADJUSTABLE = 192350002


class AmountMethod(IntEnum):
    """msdyn_actual.msdyn_amountmethod."""

    QUANTITY_TIMES_PRICE = 192350000


class JournalType(IntEnum):
    """msdyn_journal.msdyn_journaltype."""

    ENTRY = 192350000
    TIME_CORRECTION = 192350001
    EXPENSE_CORRECTION = 192350002


class BillingMethod(IntEnum):
    """salesorderdetail.msdyn_billingmethod."""

    TIME_AND_MATERIAL = 192350000
    FIXED_PRICE = 192350001


class ProductType(IntEnum):
    """salesorderdetail.producttypecode."""

    PRODUCT = 1
    PROJECT_BASED_SERVICE = 5


class CustomerType(IntEnum):
    """msdyn_actual.msdyn_customertype."""

    ACCOUNT = 192350001
    CONTACT = 192350002


class RunStatus(IntEnum):
    """msdyn_contractlineinvoiceschedule.msdyn_invoicerunstatus."""

    NOT_RUN = 192350000
    SUCCESSFUL = 192350001
    FAILED = 192350002


class ContractState(IntEnum):
    """salesorder.statecode, of which one matters."""

    CANCELED = 2


class ContractReason(IntEnum):
    """salesorder.msdyn_psastatusreason, of which these matter."""

    LOST = 192350005
    ABANDONED = 192350006
