"""An approved entry becomes its actuals: cost always, unbilled sales on a time-and-material line.

Rules (PSA/actuals): the cost follows the submitted quantity, never the billable one. Fewer billable hours than are
submitted split the sales into a chargeable row and a non-chargeable one for the rest, at one rate; more are billed as
they stand. Fixed price, internal and presales work has a cost only. Cost is in the contracting unit's currency (an
expense: in its own), sales in the contract's.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from mappings import keys, money, tables
from mappings.approved_entry import ApprovedEntry, JournalLine
from mappings.choices import (
    AmountMethod,
    BillingMethod,
    BillingType,
    CustomerType,
    TransactionClass,
    TransactionType,
)
from mappings.money import Currency
from mappings.planned_actual import PlannedActual
from mappings.refusal import Refusal
from mappings.tables import Cell, Ref


def actuals_of(approved: ApprovedEntry) -> tuple[PlannedActual, ...]:
    """The actuals an approved entry must have, cost first. Raises ``Refusal`` when a figure can't be known."""
    return (_cost(approved), *_sales(approved))


def _cost(approved: ApprovedEntry) -> PlannedActual:
    price, paid = _price(approved, "cost", approved.approval.cost_price, approved.cost_line, approved.cost_currency)
    quantity = _cost_quantity(approved)
    covered = approved.line is not None or approved.is_internal
    billing_type = approved.approval.billing_type if covered else BillingType.NOT_AVAILABLE
    amount = money.amount(quantity, price, approved.cost_currency)
    entered = approved.entry.amount
    if entered is not None and abs(entered - amount) <= quantity * approved.cost_currency.half_a_unit:
        # An expense costs what was entered: three units at a third each would be a cent short. More than rounding can
        # explain is another figure than the approver's, and the approver's counts.
        amount = approved.cost_currency.round(entered)
    cells = _common(approved, approved.cost_line, approved.cost_currency) | {
        "msdyn_transactiontypecode": TransactionType.COST,
        "msdyn_billingtype": billing_type,
        "msdyn_quantity": quantity,
        "msdyn_price": price,
        "msdyn_amount": amount,
    }
    because = (_line_in_words(approved), "The cost follows the submitted quantity.", paid)
    return PlannedActual(
        keys.COST, TransactionType.COST, billing_type, quantity, price, amount, _filled(cells), because
    )


def _sales(approved: ApprovedEntry) -> tuple[PlannedActual, ...]:
    line, contract, currency = approved.line, approved.contract, approved.sales_currency
    if line is None or line.method is not BillingMethod.TIME_AND_MATERIAL:
        return ()
    if contract is None or contract.customer is None or currency is None:
        raise Refusal(
            "contract-without-customer",
            f"{line.name} belongs to a contract without a customer or currency; nothing on it could ever be billed. "
            "Complete the contract.",
        )
    customer = contract.customer
    price, paid = _price(approved, "sales", approved.approval.sales_price, approved.sales_line, currency)
    planned = []
    for billing_type, quantity, basis in _split(approved):
        amount = money.amount(quantity, price, currency)
        cells = (
            _common(approved, approved.sales_line, currency)
            | _basis(approved, basis, currency)
            | {
                "msdyn_transactiontypecode": TransactionType.UNBILLED_SALES,
                "msdyn_billingtype": billing_type,
                "msdyn_quantity": quantity,
                "msdyn_price": price,
                "msdyn_amount": amount,
                **customer_cells(customer),
            }
        )
        role = keys.sales_role(billing_type, customer.id)
        sales = TransactionType.UNBILLED_SALES
        because = (_line_in_words(approved), _quantity_in_words(billing_type, quantity, basis, approved), paid)
        planned.append(PlannedActual(role, sales, billing_type, quantity, price, amount, _filled(cells), because))
    return tuple(planned)


def _split(approved: ApprovedEntry) -> tuple[tuple[BillingType, Decimal, Decimal], ...]:
    """Billing type, quantity, and how much of the submitted quantity stands behind it."""
    approval = approved.approval
    submitted = _cost_quantity(approved)
    billable = submitted if approval.sales_quantity is None else money.quantity(approval.sales_quantity)
    match approval.billing_type:
        case BillingType.CHARGEABLE | BillingType.COMPLIMENTARY:
            split: list[tuple[BillingType, Decimal, Decimal]] = [
                (approval.billing_type, billable, min(billable, submitted))
            ]
            if billable < submitted:
                rest = submitted - billable
                split.append((BillingType.NON_CHARGEABLE, rest, rest))
            return tuple(part for part in split if part[1] != 0)
        case BillingType.NON_CHARGEABLE:
            return ((BillingType.NON_CHARGEABLE, max(billable, submitted), submitted),)
        case None | BillingType.NOT_AVAILABLE:
            raise Refusal(
                "billing-type-missing",
                f"{approval.ref} has no billing type although its project bills by time and material; set chargeable, "
                "non-chargeable or complimentary on the approval.",
            )


def _cost_quantity(approved: ApprovedEntry) -> Decimal:
    submitted = approved.approval.cost_quantity
    return approved.entry.quantity if submitted is None else money.quantity(submitted)


def _price(
    approved: ApprovedEntry, side: str, released: Decimal | None, line: JournalLine | None, currency: Currency
) -> tuple[Decimal, str]:
    """The approval's price, or the journal line's where the approval is kept in another currency than this side's.

    With the sentence that says whose it is.
    """
    approval, source = approved.approval, "the approval"
    price = released if approval.currency in (None, currency.id) else None
    if price is None and line is not None and line.currency == currency.id:
        price, source = line.price, "the journal line written at submission"
    if price is None:
        raise Refusal(
            "price-missing",
            f"{approval.ref} carries no {side} price in {currency.code}. Mend the price list, then recall and approve "
            "the entry anew.",
        )
    # Rounded as the column will hold it: figures that can't be read back as planned would never come to rest.
    price = currency.round(price)
    if price == 0 and approved.zero_price_is_held:
        raise Refusal(
            "price-zero",
            f"{approval.ref} carries a {side} price of zero: no list or no row of it fitted. Mend the price list, then "
            "recall and approve the entry anew.",
        )
    return price, f"The {side} price {price} {currency.code} is that of {source}."


def _line_in_words(approved: ApprovedEntry) -> str:
    kind = approved.entry.transaction_class.name.lower()
    if approved.line is None:
        return (
            "The project has no contract." if approved.is_internal else f"No contract line of the project takes {kind}."
        )
    method = "time and material" if approved.line.method is BillingMethod.TIME_AND_MATERIAL else "fixed price"
    return f"Contract line {approved.line.name} takes {kind} of the project and bills it by {method}."


def _quantity_in_words(billing_type: BillingType, quantity: Decimal, basis: Decimal, approved: ApprovedEntry) -> str:
    kind = billing_type.name.lower().replace("_", "-")
    submitted = _cost_quantity(approved)
    if quantity == submitted:
        return f"All {submitted} submitted are {kind}."
    if quantity > basis:
        return f"The approver raised the {submitted} submitted to {quantity} {kind}."
    return f"Of the {submitted} submitted, {quantity} are {kind}."


def _basis(approved: ApprovedEntry, quantity: Decimal, currency: Currency) -> dict[str, Cell]:
    """The cost behind a sales row, in the row's own currency."""
    cost, _ = _price(approved, "cost", approved.approval.cost_price, approved.cost_line, approved.cost_currency)
    price = money.converted(cost, approved.cost_currency, currency)
    return {
        "msdyn_basisquantity": quantity,
        "msdyn_basisprice": price,
        "msdyn_basisamount": money.amount(quantity, price, currency),
    }


def _common(approved: ApprovedEntry, line: JournalLine | None, currency: Currency) -> dict[str, Cell]:
    entry, approval, project = approved.entry, approved.approval, approved.project
    time = entry.transaction_class is TransactionClass.TIME
    unit = (line.unit, line.unit_schedule) if line and line.unit else (entry.unit, entry.unit_schedule)
    return {
        "msdyn_transactionclassification": entry.transaction_class,
        "msdyn_amountmethod": AmountMethod.QUANTITY_TIMES_PRICE,
        # The entry's own instants are kept: whoever sees the entry on a day sees its actuals on that day.
        "msdyn_documentdate": entry.date,
        "msdyn_accountingdate": entry.date,
        "msdyn_startdatetime": entry.start,
        "msdyn_enddatetime": entry.end,
        "msdyn_description": entry.description,
        "msdyn_externaldescription": entry.external_description,
        "msdyn_project": project.ref,
        "msdyn_task": entry.task,
        "msdyn_bookableresource": entry.resource,
        "msdyn_resourcecategory": (entry.role or approval.role) if time else None,
        "msdyn_transactioncategory": entry.category or approval.category or (line.category if line else None),
        "msdyn_unit": unit[0],
        "msdyn_unitschedule": unit[1],
        "msdyn_pricelist": line.price_list if line else None,
        "msdyn_salescontract": approved.contract.ref if approved.contract else None,
        "msdyn_salescontractlineid": approved.line.ref if approved.line else None,
        "msdyn_contractorganizationalunitid": _unit(project.contracting_unit),
        "msdyn_resourceorganizationalunitid": _unit(entry.resourcing_unit or project.contracting_unit),
        "transactioncurrencyid": Ref(tables.CURRENCY, currency.id),
        "ownerid": project.owner,
    }


def customer_cells(customer: Ref) -> dict[str, Cell]:
    """A customer as an actual holds it: one of two lookups, chosen by the customer type."""
    if customer.table == "account":
        return {"msdyn_customertype": CustomerType.ACCOUNT, "msdyn_accountcustomer": customer}
    return {"msdyn_customertype": CustomerType.CONTACT, "msdyn_contactcustomer": customer}


def _unit(id: UUID | None) -> Ref | None:
    return Ref(tables.ORGANIZATIONAL_UNIT, id) if id else None


def _filled(cells: dict[str, Cell]) -> dict[str, Cell]:
    return {column: value for column, value in cells.items() if value is not None}
