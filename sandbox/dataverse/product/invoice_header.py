"""The header of a project invoice, from its contract or from the invoice it corrects."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4

from sandbox.dataverse.product.cells import existing, filled, key, link, text
from sandbox.dataverse.product.choices import InvoiceStatus, OrderType
from sandbox.dataverse.unit_of_work import Cell, Link, Row, UnitOfWork

_BILL_TO: Final = (
    "billto_name",
    "billto_line1",
    "billto_line2",
    "billto_line3",
    "billto_city",
    "billto_stateorprovince",
    "billto_postalcode",
    "billto_country",
    "billto_telephone",
    "billto_fax",
)


def contract_header(work: UnitOfWork, contract: Row) -> UUID:
    """A draft of the contract's customer and currency; returns its id."""
    values = _from(contract) | {
        "salesorderid": Link("salesorder", key(contract, "salesorder")),
        "msdyn_hascorrections": False,
    }
    customer = link(contract, "customerid")
    if values["billto_name"] is None and customer is not None:
        values["billto_name"] = text(existing(work, customer.table, customer.id), "name") or None
    return _create(work, values)


def corrective_header(work: UnitOfWork, invoice: Row) -> UUID:
    """A draft that corrects an invoice; returns its id."""
    values = _from(invoice) | {"salesorderid": link(invoice, "salesorderid"), "msdyn_hascorrections": True}
    return _create(work, values)


def _from(row: Row) -> dict[str, Cell]:
    kept = (*_BILL_TO, "name", "paymenttermscode", "customerid", "pricelevelid", "transactioncurrencyid")
    return {column: row.get(column) for column in kept}


def _create(work: UnitOfWork, values: dict[str, Cell]) -> UUID:
    id = uuid4()
    own: dict[str, Cell] = {
        "invoicenumber": _number(work, id),
        "ownerid": Link("systemuser", work.user),
        "msdyn_ordertype": OrderType.WORK_BASED,
        "msdyn_projectinvoicestatus": InvoiceStatus.DRAFT,
        "ispricelocked": False,
    }
    return work.create("invoice", filled(values | own), id)


def _number(work: UnitOfWork, id: UUID) -> str:
    """An invoice number of the platform's form: a running number, and letters that keep it unique."""
    return f"INV-{1001 + len(work.find('invoice')):05d}-{id.hex[:6].upper()}"
