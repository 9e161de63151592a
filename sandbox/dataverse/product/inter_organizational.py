"""What one organizational unit owes another whose people worked for it (PSA/actuals, the second table)."""

from __future__ import annotations

from sandbox.dataverse.product import pricing
from sandbox.dataverse.product.cells import linked
from sandbox.dataverse.product.choices import TransactionType
from sandbox.dataverse.product.entries import TIME, Entry
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.product.transactions import copied
from sandbox.dataverse.unit_of_work import Cell, Link, Row, UnitOfWork


def owed(switches: Switches, work: UnitOfWork, entry: Entry, cost_line: Row, *, has_sales: bool) -> list[Row]:
    """Resourcing unit cost, at the resourcing unit's own price, and inter-organizational sales, at the cost price.

    Both follow the submitted hours. Nothing when the units are one, for expenses and, as the table has it, where there
    are no unbilled sales; ``Switches.inter_organizational_without_sales`` follows the page that says otherwise.
    """
    contracting = linked(cost_line, "msdyn_contractorganizationalunitid")
    wanted = has_sales or switches.inter_organizational_without_sales
    if entry.kind is not TIME or entry.resource_unit in (None, contracting) or not wanted:
        return []
    own = pricing.resourcing_cost(switches, work, entry)
    cost: dict[str, Cell] = {
        "msdyn_transactiontypecode": TransactionType.RESOURCING_UNIT_COST,
        "msdyn_price": own.per_unit,
        "msdyn_amount": own.currency.extended(entry.quantity, own.per_unit),
        "msdyn_pricelist": None if own.price_list is None else Link("pricelevel", own.price_list),
        "transactioncurrencyid": Link("transactioncurrency", own.currency.id),
    }
    sales: dict[str, Cell] = {"msdyn_transactiontypecode": TransactionType.INTER_ORGANIZATIONAL_SALES}
    return [copied(cost_line) | cost, copied(cost_line) | sales]
