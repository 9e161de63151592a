"""What the service needs of an environment: the tables, their columns, and the rights on each.

The columns are those it reads, compares and writes; a test holds them against what it really asks. The rights are those
of the role *runtime*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from mappings import choices, tables
from service.roles.definition import shipped
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Need:
    """Of one table: rights such as ``Read`` and ``AppendTo``, each at the depth of the organization, and columns."""

    rights: tuple[str, ...]
    columns: tuple[str, ...]


CREATING = frozenset({tables.ACTUAL, tables.ORIGIN, tables.CONNECTION})
"""Tables whose rows are created only where this service creates actuals."""
VERSIONED = (
    tables.ACTUAL,
    tables.CONTRACT_LINE,
    tables.MILESTONE,
    tables.SCHEDULE,
    tables.COMMAND,
)
"""Tables whose rows are changed only as they were read, by their version."""
ACT_FOR_OTHERS = "prvActOnBehalfOfAnotherUser"
"""Needed to carry out a command in the name of the person who asks."""

CHOICES: Mapping[tuple[str, str], type[IntEnum]] = {
    (tables.TIME_ENTRY, "msdyn_entrystatus"): choices.TimeStatus,
    (tables.EXPENSE, "msdyn_expensestatus"): choices.ExpenseStatus,
    (tables.APPROVAL, "msdyn_recordstage"): choices.RecordStage,
    (tables.APPROVAL, "msdyn_billingtype"): choices.BillingType,
    (tables.ACTUAL, "msdyn_transactiontypecode"): choices.TransactionType,
    (tables.ACTUAL, "msdyn_billingtype"): choices.BillingType,
    (tables.ACTUAL, "msdyn_billingstatus"): choices.BillingStatus,
    (tables.ACTUAL, "msdyn_adjustmentstatus"): choices.AdjustmentStatus,
    (tables.ACTUAL, "msdyn_amountmethod"): choices.AmountMethod,
    (tables.ACTUAL, "msdyn_customertype"): choices.CustomerType,
    (tables.CONTRACT_LINE, "msdyn_billingstatus"): choices.BillingStatus,
    (tables.CONTRACT_LINE, "msdyn_billingmethod"): choices.BillingMethod,
    (tables.MILESTONE, "msdyn_invoicestatus"): choices.MilestoneStatus,
    (tables.SCHEDULE, "msdyn_invoicerunstatus"): choices.RunStatus,
    (tables.INVOICE, "msdyn_projectinvoicestatus"): choices.InvoiceStatus,
}
"""Choice columns, and the values the service relies on."""

_COLUMNS: Mapping[str, str] = {
    "account": "accountid name",
    "bookableresource": "bookableresourceid msdyn_organizationalunit name",
    "bookableresourcecategory": "bookableresourcecategoryid msdyn_billingtype name",
    "contact": "contactid fullname",
    "invoice": (
        "createdby createdon customerid invoiceid invoicenumber msdyn_ordertype msdyn_projectinvoicestatus "
        "name ownerid salesorderid totalamount totaltax transactioncurrencyid"
    ),
    "invoicedetail": (
        "extendedamount invoicedetailname invoiceid lineitemnumber msdyn_billingmethod priceperunit "
        "producttypecode quantity salesorderdetailid tax"
    ),
    "msdyn_actual": (
        "createdby createdon modifiedby modifiedon modifiedonbehalfby msdyn_accountcustomer "
        "msdyn_accountingdate msdyn_actualid msdyn_adjustmentstatus msdyn_amount msdyn_amountmethod "
        "msdyn_basisamount msdyn_basisprice msdyn_basisquantity msdyn_billingstatus msdyn_billingtype "
        "msdyn_bookableresource msdyn_contactcustomer msdyn_contractorganizationalunitid msdyn_customertype "
        "msdyn_description msdyn_documentdate msdyn_enddatetime msdyn_externaldescription msdyn_price "
        "msdyn_pricelist msdyn_project msdyn_quantity msdyn_resourcecategory "
        "msdyn_resourceorganizationalunitid msdyn_salescontract msdyn_salescontractlineid msdyn_startdatetime "
        "msdyn_task msdyn_transactioncategory msdyn_transactionclassification msdyn_transactiontypecode "
        "msdyn_unit msdyn_unitschedule ownerid transactioncurrencyid"
    ),
    "msdyn_batchjob": "msdyn_isactive msdyn_name statecode",
    "msdyn_contractlineinvoiceschedule": (
        "msdyn_contractlineid msdyn_contractlineinvoicescheduleid msdyn_contractlinescheduleofvalue "
        "msdyn_invoice msdyn_invoicerundate msdyn_invoicerunstatus msdyn_name msdyn_transactioncutoffdate "
        "statecode"
    ),
    "msdyn_contractlinescheduleofvalue": (
        "modifiedby modifiedon modifiedonbehalfby msdyn_amount msdyn_contract msdyn_contractlineid "
        "msdyn_contractlinescheduleofvalueid msdyn_invoicedate msdyn_invoicestatus msdyn_name msdyn_project "
        "msdyn_tax transactioncurrencyid"
    ),
    "msdyn_dimension": (
        "msdyn_applicabletocost msdyn_applicabletosales msdyn_costpriority msdyn_name msdyn_salespriority "
        "msdyn_type statecode"
    ),
    "msdyn_dimensionfieldname": "msdyn_dimensionid msdyn_entitylogicalname msdyn_fieldname statecode",
    "msdyn_expense": (
        "msdyn_amount msdyn_bookableresource msdyn_expensecategory msdyn_expenseid msdyn_expensestatus "
        "msdyn_externaldescription msdyn_name msdyn_project msdyn_quantity msdyn_resourceorganizationalunitid "
        "msdyn_targetexpensestatus msdyn_transactiondate msdyn_unit msdyn_unitgroup ownerid "
        "transactioncurrencyid"
    ),
    "msdyn_expensecategory": "msdyn_expensecategoryid msdyn_expensecategoryuid",
    "msdyn_invoicelinetransaction": (
        "msdyn_amount msdyn_billingtype msdyn_bookableresource msdyn_correction msdyn_description "
        "msdyn_invoice msdyn_invoicelineid msdyn_invoicelinetransactionid msdyn_price msdyn_project "
        "msdyn_quantity msdyn_resourcecategory msdyn_salescontractlineid msdyn_startdatetime "
        "msdyn_transactioncategory msdyn_transactionclassification"
    ),
    "msdyn_journal": "msdyn_journaltype",
    "msdyn_journalline": (
        "createdon msdyn_journal msdyn_journallineid msdyn_price msdyn_pricelist msdyn_transactioncategory "
        "msdyn_transactiontypecode msdyn_unit msdyn_unitschedule transactioncurrencyid"
    ),
    "msdyn_orderlineresourcecategory": ("msdyn_billingtype msdyn_contractlineid msdyn_resourcecategory statecode"),
    "msdyn_orderlinetransactioncategory": (
        "msdyn_billingtype msdyn_contractlineid msdyn_transactioncategory statecode"
    ),
    "msdyn_orderpricelist": "msdyn_contract msdyn_pricelist statecode",
    "msdyn_organizationalunit": "msdyn_currency msdyn_name msdyn_organizationalunitid",
    "msdyn_organizationalunit_pricelevel": "msdyn_organizationalunitid pricelevelid",
    "msdyn_project": ("msdyn_contractorganizationalunitid msdyn_projectid msdyn_salesorderid msdyn_subject ownerid"),
    "msdyn_projectapproval": (
        "modifiedon msdyn_approvedon msdyn_billingtype msdyn_bookableresource msdyn_costprice "
        "msdyn_costquantity msdyn_date msdyn_expensecategory msdyn_expenseentry msdyn_project "
        "msdyn_projectapprovalid msdyn_projecttask msdyn_recordstage msdyn_resourcecategory msdyn_salesprice "
        "msdyn_salesquantity msdyn_timeentry msdyn_transactioncategory transactioncurrencyid"
    ),
    "msdyn_projectparameter": "msdyn_pricelistdefaultingiscurrencyagnostic",
    "msdyn_projectparameterpricelist": "msdyn_pricelist statecode",
    "msdyn_projecttask": "",
    "msdyn_resourcecategorymarkuppricelevel": (
        "msdyn_bookableresource msdyn_organizationalunit msdyn_percent msdyn_pricelist msdyn_resourcecategory "
        "msdyn_transactioncategory statecode"
    ),
    "msdyn_resourcecategorypricelevel": (
        "msdyn_bookableresource msdyn_organizationalunit msdyn_price msdyn_pricecalculation msdyn_pricelist "
        "msdyn_resourcecategory msdyn_transactioncategory msdyn_unit statecode transactioncurrencyid"
    ),
    "msdyn_timeentry": (
        "msdyn_bookableresource msdyn_date msdyn_description msdyn_duration msdyn_end msdyn_entrystatus "
        "msdyn_externaldescription msdyn_project msdyn_projecttask msdyn_resourcecategory "
        "msdyn_resourceorganizationalunitid msdyn_start msdyn_targetentrystatus msdyn_timeentryid "
        "msdyn_transactioncategory msdyn_type ownerid"
    ),
    "msdyn_transactioncategory": "msdyn_billingtype msdyn_name msdyn_transactioncategoryid",
    "msdyn_transactioncategorypricelevel": (
        "msdyn_percent msdyn_price msdyn_pricecalculation msdyn_pricelist msdyn_transactioncategory "
        "msdyn_unit statecode transactioncurrencyid"
    ),
    "msdyn_transactionconnection": (
        "msdyn_transaction1 msdyn_transaction1role msdyn_transaction1type msdyn_transaction2 "
        "msdyn_transaction2role msdyn_transaction2type"
    ),
    "msdyn_transactionorigin": ("msdyn_origin msdyn_origintype msdyn_transaction msdyn_transactiontype"),
    "pricelevel": (
        "begindate createdon enddate msdyn_module msdyn_timeunit name pricelevelid statecode transactioncurrencyid"
    ),
    "product": "name",
    "psac_command": (
        "createdby createdon modifiedby modifiedon psac_commandid psac_kind psac_mark psac_name psac_outcome "
        "psac_requestedby psac_selection psac_state psac_subject"
    ),
    "salesorder": (
        "customerid msdyn_ordertype msdyn_psastatusreason name ordernumber ownerid salesorderid statecode "
        "transactioncurrencyid"
    ),
    "salesorderdetail": (
        "extendedamount isproductoverridden lineitemnumber modifiedby modifiedon modifiedonbehalfby "
        "msdyn_billingmethod msdyn_billingstatus msdyn_includeexpense msdyn_includefee msdyn_includematerial "
        "msdyn_includetime msdyn_project priceperunit productdescription producttypecode quantity "
        "salesorderdetailid salesorderdetailname salesorderid tax transactioncurrencyid"
    ),
    "sdkmessage": "name",
    "systemuser": (
        "applicationid azureactivedirectoryobjectid domainname fullname internalemailaddress isdisabled systemuserid"
    ),
    "team": "name teamid",
    "transactioncurrency": ("currencyprecision exchangerate isocurrencycode transactioncurrencyid"),
    "uom": "baseuom isschedulebaseuom name quantity uomid",
    "uomschedule": "",
}
NEEDED: Mapping[str, Need] = {
    table: Need(shipped("runtime").rights(table), tuple(columns.split())) for table, columns in _COLUMNS.items()
}
"""By table."""


def not_used(table: str, right: str, settings: Settings) -> bool:
    """Whether the settings make a right needless: where the product creates actuals, the service creates none."""
    return settings.actuals.creator == "product" and table in CREATING and right in ("Create", "Assign")
