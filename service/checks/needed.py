"""What the service needs of an environment: the tables, their columns, and the rights on each.

The columns are those it reads, compares and writes; a test holds them against what it really asks. The rights are those
of docs/environment.md; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from mappings import choices, tables


@dataclass(frozen=True, slots=True)
class Need:
    """Of one table: rights such as ``Read`` and ``AppendTo``, each at the depth of the organization, and columns."""

    rights: tuple[str, ...]
    columns: tuple[str, ...]


def _needs(rights: str, columns: str) -> Need:
    return Need(tuple(rights.split()), tuple(columns.split()))


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

NEEDED: Mapping[str, Need] = {
    "account": _needs("Read AppendTo", "accountid name"),
    "bookableresource": _needs("Read AppendTo", "bookableresourceid msdyn_organizationalunit name"),
    "bookableresourcecategory": _needs("Read AppendTo", "bookableresourcecategoryid msdyn_billingtype name"),
    "contact": _needs("Read AppendTo", "contactid fullname"),
    "invoice": _needs(
        "Read Create Write Append AppendTo",
        "createdby createdon customerid invoiceid invoicenumber msdyn_ordertype msdyn_projectinvoicestatus "
        "name ownerid salesorderid totalamount totaltax transactioncurrencyid",
    ),
    "invoicedetail": _needs(
        "Read Create Write Append AppendTo",
        "extendedamount invoicedetailname invoiceid lineitemnumber msdyn_billingmethod priceperunit "
        "producttypecode quantity salesorderdetailid tax",
    ),
    "msdyn_actual": _needs(
        "Read Create Write Append AppendTo Assign",
        "createdby createdon modifiedby modifiedon modifiedonbehalfby msdyn_accountcustomer "
        "msdyn_accountingdate msdyn_actualid msdyn_adjustmentstatus msdyn_amount msdyn_amountmethod "
        "msdyn_basisamount msdyn_basisprice msdyn_basisquantity msdyn_billingstatus msdyn_billingtype "
        "msdyn_bookableresource msdyn_contactcustomer msdyn_contractorganizationalunitid msdyn_customertype "
        "msdyn_description msdyn_documentdate msdyn_enddatetime msdyn_externaldescription msdyn_price "
        "msdyn_pricelist msdyn_project msdyn_quantity msdyn_resourcecategory "
        "msdyn_resourceorganizationalunitid msdyn_salescontract msdyn_salescontractlineid msdyn_startdatetime "
        "msdyn_task msdyn_transactioncategory msdyn_transactionclassification msdyn_transactiontypecode "
        "msdyn_unit msdyn_unitschedule ownerid transactioncurrencyid",
    ),
    "msdyn_batchjob": _needs("Read", "msdyn_isactive msdyn_name statecode"),
    "msdyn_contractlineinvoiceschedule": _needs(
        "Read Create Write Append AppendTo",
        "msdyn_contractlineid msdyn_contractlineinvoicescheduleid msdyn_contractlinescheduleofvalue "
        "msdyn_invoice msdyn_invoicerundate msdyn_invoicerunstatus msdyn_name msdyn_transactioncutoffdate "
        "statecode",
    ),
    "msdyn_contractlinescheduleofvalue": _needs(
        "Read Write Append AppendTo",
        "modifiedby modifiedon modifiedonbehalfby msdyn_amount msdyn_contract msdyn_contractlineid "
        "msdyn_contractlinescheduleofvalueid msdyn_invoicedate msdyn_invoicestatus msdyn_name msdyn_project "
        "msdyn_tax transactioncurrencyid",
    ),
    "msdyn_dimension": _needs(
        "Read",
        "msdyn_applicabletocost msdyn_applicabletosales msdyn_costpriority msdyn_name msdyn_salespriority "
        "msdyn_type statecode",
    ),
    "msdyn_dimensionfieldname": _needs("Read", "msdyn_dimensionid msdyn_entitylogicalname msdyn_fieldname statecode"),
    "msdyn_expense": _needs(
        "Read",
        "msdyn_amount msdyn_bookableresource msdyn_expensecategory msdyn_expenseid msdyn_expensestatus "
        "msdyn_externaldescription msdyn_name msdyn_project msdyn_quantity msdyn_resourceorganizationalunitid "
        "msdyn_targetexpensestatus msdyn_transactiondate msdyn_unit msdyn_unitgroup ownerid "
        "transactioncurrencyid",
    ),
    "msdyn_expensecategory": _needs("Read", "msdyn_expensecategoryid msdyn_expensecategoryuid"),
    "msdyn_invoicelinetransaction": _needs(
        "Read Create Write Append AppendTo",
        "msdyn_amount msdyn_billingtype msdyn_bookableresource msdyn_correction msdyn_description "
        "msdyn_invoice msdyn_invoicelineid msdyn_invoicelinetransactionid msdyn_price msdyn_project "
        "msdyn_quantity msdyn_resourcecategory msdyn_salescontractlineid msdyn_startdatetime "
        "msdyn_transactioncategory msdyn_transactionclassification",
    ),
    "msdyn_journal": _needs("Read", "msdyn_journaltype"),
    "msdyn_journalline": _needs(
        "Read",
        "createdon msdyn_journal msdyn_journallineid msdyn_price msdyn_pricelist msdyn_transactioncategory "
        "msdyn_transactiontypecode msdyn_unit msdyn_unitschedule transactioncurrencyid",
    ),
    "msdyn_orderlineresourcecategory": _needs(
        "Read",
        "msdyn_billingtype msdyn_contractlineid msdyn_resourcecategory statecode",
    ),
    "msdyn_orderlinetransactioncategory": _needs(
        "Read",
        "msdyn_billingtype msdyn_contractlineid msdyn_transactioncategory statecode",
    ),
    "msdyn_orderpricelist": _needs("Read", "msdyn_contract msdyn_pricelist statecode"),
    "msdyn_organizationalunit": _needs("Read AppendTo", "msdyn_currency msdyn_name msdyn_organizationalunitid"),
    "msdyn_organizationalunit_pricelevel": _needs("Read", "msdyn_organizationalunitid pricelevelid"),
    "msdyn_project": _needs(
        "Read AppendTo",
        "msdyn_contractorganizationalunitid msdyn_projectid msdyn_salesorderid msdyn_subject ownerid",
    ),
    "msdyn_projectapproval": _needs(
        "Read",
        "modifiedon msdyn_approvedon msdyn_billingtype msdyn_bookableresource msdyn_costprice "
        "msdyn_costquantity msdyn_date msdyn_expensecategory msdyn_expenseentry msdyn_project "
        "msdyn_projectapprovalid msdyn_projecttask msdyn_recordstage msdyn_resourcecategory msdyn_salesprice "
        "msdyn_salesquantity msdyn_timeentry msdyn_transactioncategory transactioncurrencyid",
    ),
    "msdyn_projectparameter": _needs("Read", "msdyn_pricelistdefaultingiscurrencyagnostic"),
    "msdyn_projectparameterpricelist": _needs("Read", "msdyn_pricelist statecode"),
    "msdyn_projecttask": _needs("Read AppendTo", ""),
    "msdyn_resourcecategorymarkuppricelevel": _needs(
        "Read",
        "msdyn_bookableresource msdyn_organizationalunit msdyn_percent msdyn_pricelist msdyn_resourcecategory "
        "msdyn_transactioncategory statecode",
    ),
    "msdyn_resourcecategorypricelevel": _needs(
        "Read",
        "msdyn_bookableresource msdyn_organizationalunit msdyn_price msdyn_pricecalculation msdyn_pricelist "
        "msdyn_resourcecategory msdyn_transactioncategory msdyn_unit statecode transactioncurrencyid",
    ),
    "msdyn_timeentry": _needs(
        "Read",
        "msdyn_bookableresource msdyn_date msdyn_description msdyn_duration msdyn_end msdyn_entrystatus "
        "msdyn_externaldescription msdyn_project msdyn_projecttask msdyn_resourcecategory "
        "msdyn_resourceorganizationalunitid msdyn_start msdyn_targetentrystatus msdyn_timeentryid "
        "msdyn_transactioncategory msdyn_type ownerid",
    ),
    "msdyn_transactioncategory": _needs("Read AppendTo", "msdyn_billingtype msdyn_name msdyn_transactioncategoryid"),
    "msdyn_transactioncategorypricelevel": _needs(
        "Read",
        "msdyn_percent msdyn_price msdyn_pricecalculation msdyn_pricelist msdyn_transactioncategory "
        "msdyn_unit statecode transactioncurrencyid",
    ),
    "msdyn_transactionconnection": _needs(
        "Read Create Append",
        "msdyn_transaction1 msdyn_transaction1role msdyn_transaction1type msdyn_transaction2 "
        "msdyn_transaction2role msdyn_transaction2type",
    ),
    "msdyn_transactionorigin": _needs(
        "Read Create Append",
        "msdyn_origin msdyn_origintype msdyn_transaction msdyn_transactiontype",
    ),
    "pricelevel": _needs(
        "Read AppendTo",
        "begindate createdon enddate msdyn_module msdyn_timeunit name pricelevelid statecode transactioncurrencyid",
    ),
    "product": _needs("Read", "name"),
    "psac_command": _needs(
        "Read Create Write",
        "createdby createdon modifiedby modifiedon psac_commandid psac_kind psac_mark psac_name psac_outcome "
        "psac_requestedby psac_selection psac_state psac_subject",
    ),
    "salesorder": _needs(
        "Read Write Append AppendTo",
        "customerid msdyn_ordertype msdyn_psastatusreason name ordernumber ownerid salesorderid statecode "
        "transactioncurrencyid",
    ),
    "salesorderdetail": _needs(
        "Read Write Append AppendTo",
        "extendedamount isproductoverridden lineitemnumber modifiedby modifiedon modifiedonbehalfby "
        "msdyn_billingmethod msdyn_billingstatus msdyn_includeexpense msdyn_includefee msdyn_includematerial "
        "msdyn_includetime msdyn_project priceperunit productdescription producttypecode quantity "
        "salesorderdetailid salesorderdetailname salesorderid tax transactioncurrencyid",
    ),
    "sdkmessage": _needs("Read", "name"),
    "systemuser": _needs(
        "Read",
        "applicationid azureactivedirectoryobjectid domainname fullname internalemailaddress isdisabled systemuserid",
    ),
    "team": _needs("Read", "name teamid"),
    "transactioncurrency": _needs(
        "Read AppendTo",
        "currencyprecision exchangerate isocurrencycode transactioncurrencyid",
    ),
    "uom": _needs("Read AppendTo", "baseuom isschedulebaseuom name quantity uomid"),
    "uomschedule": _needs("AppendTo", ""),
}
"""By table."""
