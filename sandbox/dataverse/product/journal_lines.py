"""The journal lines a submission makes, tied to the entry and to each other."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sandbox.dataverse.product import traces
from sandbox.dataverse.product.cells import existing, filled, fitting, key, link, linked
from sandbox.dataverse.product.choices import AmountMethod, CustomerType, TransactionType
from sandbox.dataverse.product.contract_lines import Coverage
from sandbox.dataverse.product.entries import Entry
from sandbox.dataverse.product.pricing import Price
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Row, UnitOfWork


def write(
    switches: Switches,
    work: UnitOfWork,
    entry: Entry,
    coverage: Coverage,
    cost: Price,
    sales: Price | None,
    journal: UUID | None = None,
) -> UUID:
    """Make the cost line and, where a time and material line covers, the unbilled sales line; in a journal if given.

    Origins: entry to each line. Connection: sales line "Unbilled Sales" with cost line "Cost". Returns the line the
    approval refers to: sales if there is one, else cost (which of the two it names is inferred).
    """
    source = Link(entry.kind.table, entry.id)
    within = dict(fitting(work, traces.JOURNAL_LINE, entry.own)) if switches.own_columns_carried else {}
    if journal is not None:
        within["msdyn_journal"] = Link("msdyn_journal", journal)
    cost_line = Link(traces.JOURNAL_LINE, work.create(traces.JOURNAL_LINE, _cost(work, entry, coverage, cost) | within))
    traces.originate(work, source, cost_line)
    if sales is None or coverage.contract is None:
        return cost_line.id
    values = _sales(work, entry, coverage, cost, sales, coverage.contract) | within
    sales_line = Link(traces.JOURNAL_LINE, work.create(traces.JOURNAL_LINE, values))
    traces.originate(work, source, sales_line)
    traces.connect(work, sales_line, traces.UNBILLED_SALES, cost_line, traces.COST)
    return sales_line.id


def withdraw(work: UnitOfWork, entry: Entry) -> None:
    """Delete the entry's journal lines that no actual came from, with their origins and connections (inferred).

    A submission that is taken back leaves none behind, so that the next one starts clean; a line that once became an
    actual stays, and is done with.
    """
    for id in traces.from_origin(work, Link(entry.kind.table, entry.id), traces.JOURNAL_LINE):
        line = Link(traces.JOURNAL_LINE, id)
        row = work.get(traces.JOURNAL_LINE, id)
        if traces.from_origin(work, line, traces.ACTUAL) or (row is not None and row.get("msdyn_isposted") is True):
            work.update(traces.JOURNAL_LINE, id, {"msdyn_isposted": True})
        else:
            traces.forget(work, line)
            work.delete(traces.JOURNAL_LINE, id)


def _cost(work: UnitOfWork, entry: Entry, coverage: Coverage, cost: Price) -> dict[str, Cell]:
    return filled(
        _common(work, entry, coverage)
        | _money(entry.quantity, cost)
        | {"msdyn_transactiontypecode": TransactionType.COST, "msdyn_billingtype": coverage.billing_type}
    )


def _sales(
    work: UnitOfWork, entry: Entry, coverage: Coverage, cost: Price, sales: Price, contract: Row
) -> dict[str, Cell]:
    own_cost = sales.currency.from_other(cost.per_unit, cost.currency)
    return filled(
        _common(work, entry, coverage)
        | _money(entry.quantity, sales)
        | customer_columns(link(contract, "customerid"))
        | {
            "msdyn_transactiontypecode": TransactionType.UNBILLED_SALES,
            "msdyn_billingtype": coverage.billing_type,
            "msdyn_basisquantity": entry.quantity,
            "msdyn_basisprice": own_cost,
            "msdyn_basisamount": sales.currency.extended(entry.quantity, own_cost),
        }
    )


def _common(work: UnitOfWork, entry: Entry, coverage: Coverage) -> dict[str, Cell]:
    project = existing(work, "msdyn_project", entry.project)
    line = coverage.line
    return {
        "msdyn_description": entry.internal_comment[:100] or None,
        "msdyn_externaldescription": entry.external_comment[:100] or None,
        "msdyn_documentdate": entry.day,
        "msdyn_startdatetime": entry.day,
        "msdyn_enddatetime": entry.day,
        "msdyn_transactionclassification": entry.kind.transaction_class,
        "msdyn_amountmethod": AmountMethod.QUANTITY_BY_PRICE,
        "msdyn_project": _to("msdyn_project", entry.project),
        "msdyn_task": _to("msdyn_projecttask", entry.task),
        "msdyn_bookableresource": _to("bookableresource", entry.resource),
        "msdyn_resourcecategory": _to("bookableresourcecategory", entry.role),
        "msdyn_transactioncategory": _to("msdyn_transactioncategory", entry.category),
        "msdyn_unit": _to("uom", entry.unit),
        "msdyn_unitschedule": _to("uomschedule", entry.unit_group),
        "msdyn_contractorganizationalunitid": link(project, "msdyn_contractorganizationalunitid"),
        "msdyn_resourceorganizationalunitid": _to("msdyn_organizationalunit", entry.resource_unit),
        "msdyn_salescontract": None if line is None else _to("salesorder", linked(line, "salesorderid")),
        "msdyn_salescontractlineid": None if line is None else Link("salesorderdetail", key(line, "salesorderdetail")),
        "msdyn_isposted": False,
    }


def _money(quantity: Decimal, price: Price) -> dict[str, Cell]:
    return {
        "msdyn_quantity": quantity,
        "msdyn_price": price.per_unit,
        "msdyn_amount": price.currency.extended(quantity, price.per_unit),
        "msdyn_pricelist": _to("pricelevel", price.price_list),
        "transactioncurrencyid": Link("transactioncurrency", price.currency.id),
    }


def customer_columns(customer: Link | None) -> dict[str, Cell]:
    """The customer of a sales transaction: the type, and the lookup that type goes with."""
    if customer is None:
        return {}
    if customer.table == "contact":
        return {"msdyn_customertype": CustomerType.CONTACT, "msdyn_contactcustomer": customer}
    return {"msdyn_customertype": CustomerType.ACCOUNT, "msdyn_accountcustomer": customer}


def _to(table: str, id: UUID | None) -> Link | None:
    return None if id is None else Link(table, id)
