"""The product's choice values that its rules read or write, by name. Plain integers, as the columns hold them."""

from __future__ import annotations

from typing import Final


class TimeStatus:
    """``msdyn_timeentry.msdyn_entrystatus``."""

    DRAFT: Final = 192350000
    RETURNED: Final = 192350001
    APPROVED: Final = 192350002
    SUBMITTED: Final = 192350003
    RECALL_REQUESTED: Final = 192350004


class TimeType:
    """``msdyn_timeentry.msdyn_type``."""

    WORK: Final = 192350000
    ABSENCE: Final = 192350001
    VACATION: Final = 192350002


class ExpenseStatus:
    """``msdyn_expense.msdyn_expensestatus``; note that Submitted is another number than on a time entry."""

    DRAFT: Final = 192350000
    SUBMITTED: Final = 192350001
    APPROVED: Final = 192350002
    REJECTED: Final = 192350003
    POSTED: Final = 192350004
    PAID: Final = 192350005
    RECALL_REQUESTED: Final = 192350006


class Stage:
    """``msdyn_projectapproval.msdyn_recordstage``."""

    SUBMITTED: Final = 0
    REJECTED: Final = 1
    APPROVED: Final = 2
    PENDING: Final = 3
    RECALL_REQUESTED: Final = 4
    RECALL_ACCEPTED: Final = 5
    RECALL_REFUSED: Final = 6


class EntryType:
    """``msdyn_projectapproval.msdyn_entrytype``."""

    TIME: Final = 0
    EXPENSE: Final = 1


class ApprovalAct:
    """``ActionType`` of ``msdyn_ProcessProjectApprovalSets``."""

    REJECT: Final = 192350001
    APPROVE: Final = 192350003
    CANCEL: Final = 192350004


class SetStatus:
    """``msdyn_approvalset.statuscode``."""

    QUEUED: Final = 192350000
    PROCESSING: Final = 192350001
    PARTIALLY_COMPLETED: Final = 192350002
    FAILED: Final = 192350003
    COMPLETED: Final = 192350004


class TransactionType:
    """``msdyn_transactiontypecode``."""

    COST: Final = 192350000
    PROJECT_CONTRACT: Final = 192350004
    UNBILLED_SALES: Final = 192350005
    BILLED_SALES: Final = 192350006
    RESOURCING_UNIT_COST: Final = 192350007
    INTER_ORGANIZATIONAL_SALES: Final = 192350008


class TransactionClass:
    """``msdyn_transactionclassification``."""

    TIME: Final = 192350000
    EXPENSE: Final = 192350001
    MATERIAL: Final = 192350002
    MILESTONE: Final = 192350003
    FEE: Final = 192350004


class BillingType:
    """``msdyn_billingtype``."""

    NON_CHARGEABLE: Final = 192350000
    CHARGEABLE: Final = 192350001
    COMPLIMENTARY: Final = 192350002
    NOT_AVAILABLE: Final = 192350003


class BillingStatus:
    """``msdyn_billingstatus`` of an actual and of a product line."""

    UNBILLED_SALES_CREATED: Final = 192350000
    INVOICE_CREATED: Final = 192350001
    INVOICE_POSTED: Final = 192350002
    CANCELED: Final = 192350003
    READY: Final = 192350004


class MilestoneStatus:
    """``msdyn_contractlinescheduleofvalue.msdyn_invoicestatus``."""

    NOT_READY: Final = 192350000
    READY: Final = 192350001
    INVOICE_CREATED: Final = 192350002
    INVOICE_POSTED: Final = 192350003


class AdjustmentStatus:
    """``msdyn_actual.msdyn_adjustmentstatus``."""

    IN_PROCESS: Final = 192350000
    ADJUSTED: Final = 192350001
    UNADJUSTABLE: Final = 192350002


class AmountMethod:
    """``msdyn_amountmethod``."""

    QUANTITY_BY_PRICE: Final = 192350000
    FIXED_PRICE: Final = 192350001


class BillingMethod:
    """``salesorderdetail.msdyn_billingmethod``."""

    TIME_AND_MATERIAL: Final = 192350000
    FIXED_PRICE: Final = 192350001


class CustomerType:
    """``msdyn_customertype``."""

    ACCOUNT: Final = 192350001
    CONTACT: Final = 192350002


class OrderType:
    """``msdyn_ordertype`` of a contract and of an invoice."""

    ITEM: Final = 192350000
    WORK_BASED: Final = 192350001


class ContractState:
    """``salesorder.msdyn_psastate`` and, last, ``msdyn_psastatusreason``."""

    DRAFT: Final = 192350000
    ACTIVE: Final = 192350002
    CLOSED: Final = 192350003
    REASON_CONFIRMED: Final = 192350003
    REASON_LOST: Final = 192350005


class InvoiceStatus:
    """``invoice.msdyn_projectinvoicestatus``."""

    DRAFT: Final = 192350000
    IN_REVIEW: Final = 192350001
    CONFIRMED: Final = 192350002
    PAID: Final = 192350003


class JournalType:
    """``msdyn_journal.msdyn_journaltype``."""

    ENTRY: Final = 192350000
    TIME_CORRECTION: Final = 192350001
    EXPENSE_CORRECTION: Final = 192350002


class RunStatus:
    """``msdyn_contractlineinvoiceschedule.msdyn_invoicerunstatus``."""

    NOT_RUN: Final = 192350000
    SUCCESSFUL: Final = 192350001
    FAILED: Final = 192350002


class ProductType:
    """``producttypecode`` of a contract line and an invoice line."""

    PRODUCT: Final = 1
    PROJECT_SERVICE: Final = 5


LINE_OF_PROJECT_SERVICE: Final = 690970000
"""``msdyn_linetype`` Project Service Line."""


class PriceContext:
    """``pricelevel.msdyn_module``."""

    COST: Final = 192350000
    PURCHASE: Final = 192350001
    SALES: Final = 192350002


class PriceEntity:
    """``pricelevel.msdyn_entity``."""

    ORGANIZATION: Final = 192350000
    CUSTOMER: Final = 192350001
    SALES_DOCUMENT: Final = 192350002


class PriceCalculation:
    """``msdyn_pricecalculation`` of a role price and a category price."""

    PER_UNIT: Final = 192350000
    AT_COST: Final = 192350001
    MARKUP: Final = 192350002
