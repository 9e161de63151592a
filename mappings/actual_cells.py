"""The columns of an actual, as the product's documentation has them, beside its figures."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from mappings import tables
from mappings.approved_entry import ApprovedEntry, JournalLine
from mappings.choices import AmountMethod, BillingType, CustomerType, TransactionType
from mappings.money import Currency
from mappings.planned_actual import PlannedActual
from mappings.rates import Rate
from mappings.tables import Cell, Ref

DESCRIPTION_LENGTH = 100
"""What the description columns of an actual hold in every version."""


def planned(
    approved: ApprovedEntry,
    role: str,
    type: TransactionType,
    line: JournalLine | None,
    currency: Currency,
    rate: Rate,
    figures: tuple[Decimal, Decimal],
    billing_type: BillingType | None,
    because: tuple[str, ...],
    **more: Cell,
) -> PlannedActual:
    """An actual in full. ``figures`` are its quantity and amount, ``more`` the columns only this kind has."""
    quantity, amount = figures
    kind, entry, approval = approved.entry.transaction_class, approved.entry, approved.approval
    own = approved.profile.own_values(type, kind, entry.row, approval.row) if entry.row is not None else {}
    cells: dict[str, Cell] = _common(approved, line, currency) | {
        "msdyn_transactiontypecode": type,
        "msdyn_billingtype": billing_type,
        "msdyn_quantity": quantity,
        "msdyn_price": rate.price,
        "msdyn_amount": amount,
        "msdyn_pricelist": rate.price_list,
    }
    filled: dict[str, Cell] = {column: value for column, value in {**cells, **more, **own}.items() if value is not None}
    return PlannedActual(
        role,
        type,
        billing_type,
        quantity,
        rate.price,
        amount,
        filled,
        because,
        price_is_released=rate.is_released,
        billing_is_released=approval.billing_type not in (None, BillingType.NOT_AVAILABLE),
    )


def customer_cells(customer: Ref) -> dict[str, Cell]:
    """A customer as an actual holds it: one of two lookups, chosen by the customer type."""
    if customer.table == "account":
        return {"msdyn_customertype": CustomerType.ACCOUNT, "msdyn_accountcustomer": customer}
    return {"msdyn_customertype": CustomerType.CONTACT, "msdyn_contactcustomer": customer}


def _common(approved: ApprovedEntry, line: JournalLine | None, currency: Currency) -> dict[str, Cell]:
    entry, project = approved.entry, approved.project
    units = line if line and line.unit else approved.cost_line
    unit = (units.unit, units.unit_schedule) if units and units.unit else (entry.unit, entry.unit_schedule)
    day = approved.profile.day_of(tables.ACTUAL)
    cells: dict[str, Cell] = {day: entry.business_day(approved.zone)} if day else {}
    return cells | {
        "msdyn_transactionclassification": entry.transaction_class,
        "msdyn_amountmethod": AmountMethod.QUANTITY_TIMES_PRICE,
        # The entry's own instants are kept: whoever sees the entry on a day sees its actuals on that day.
        "msdyn_documentdate": entry.date,
        "msdyn_accountingdate": entry.date,
        "msdyn_startdatetime": entry.start,
        "msdyn_enddatetime": entry.end,
        "msdyn_description": _cut(entry.description),
        "msdyn_externaldescription": _cut(entry.external_description),
        "msdyn_project": project.ref,
        "msdyn_task": entry.task,
        "msdyn_bookableresource": entry.resource,
        "msdyn_resourcecategory": approved.role,
        "msdyn_transactioncategory": approved.category or (line.category if line else None),
        "msdyn_unit": unit[0],
        "msdyn_unitschedule": unit[1],
        "msdyn_salescontract": approved.contract.ref if approved.contract else None,
        "msdyn_salescontractlineid": approved.line.ref if approved.line else None,
        "msdyn_contractorganizationalunitid": _unit(project.contracting_unit),
        "msdyn_resourceorganizationalunitid": _unit(entry.resourcing_unit or project.contracting_unit),
        "transactioncurrencyid": Ref(tables.CURRENCY, currency.id),
        "ownerid": approved.owner,
    }


def _cut(text: str | None) -> str | None:
    return text[:DESCRIPTION_LENGTH] if text else None


def _unit(id: UUID | None) -> Ref | None:
    return Ref(tables.ORGANIZATIONAL_UNIT, id) if id else None
