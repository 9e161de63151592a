"""An approved entry becomes its actuals: cost always, unbilled sales on a time-and-material line.

Rules (PSA/actuals): the cost follows the submitted quantity, never the billable one. Fewer billable hours than are
submitted split the sales into a chargeable row and a non-chargeable one for the rest, at one rate; more are billed as
they stand. Fixed price, internal and presales work has a cost only. Cost is in the contracting unit's currency (an
expense: in its own), sales in the contract's.
"""

from __future__ import annotations

from decimal import Decimal

from mappings import actual_cells, inter_organizational, keys, money, rates
from mappings.approved_entry import ApprovedEntry
from mappings.choices import BillingMethod, BillingType, TransactionType
from mappings.money import Currency
from mappings.planned_actual import PlannedActual
from mappings.rates import Rate
from mappings.refusal import Refusal
from mappings.tables import Cell


def actuals_of(approved: ApprovedEntry) -> tuple[PlannedActual, ...]:
    """The actuals an approved entry must have, cost first. Raises ``Refusal`` when a figure can't be known."""
    _refuse_without_quantity(approved)
    currency = approved.cost_currency
    paid = rates.cost_rate(
        approved.approval,
        approved.cost_line,
        currency,
        approved.work,
        approved.book,
        approved.zero_price_is_held,
    )
    cost = _cost(approved, paid)
    sales, own = _sales(approved, paid), approved.delivering_currency
    return (cost, *sales, *(inter_organizational.rows_of(approved, own, cost.billing_type) if own else ()))


def _refuse_without_quantity(approved: ApprovedEntry) -> None:
    """No time at all comes to nothing; money that was spent must not."""
    if approved.entry.amount and not approved.submitted:
        raise Refusal(
            "quantity-wrong",
            f"{approved.entry.ref} was entered with an amount but a quantity of zero: nothing of it would be counted. "
            "Cancel the approval, give the expense its quantity, and approve anew.",
        )


def _cost(approved: ApprovedEntry, rate: Rate) -> PlannedActual:
    quantity, currency = approved.submitted, approved.cost_currency
    amount = money.amount(quantity, rate.price, currency)
    entered = approved.entry.amount
    if entered is not None and abs(entered - amount) <= abs(quantity) * currency.half_a_unit:
        # An expense costs what was entered: three units at a third each would be a cent short. More than rounding can
        # explain is another figure than the approver's, and the approver's counts.
        amount = currency.round(entered)
    because = (_line_in_words(approved), "The cost follows the submitted quantity.", rate.because)
    billing_type = _cost_billing_type(approved)
    figures = (quantity, amount)
    type = TransactionType.COST
    return actual_cells.planned(
        approved, keys.COST, type, approved.cost_line, currency, rate, figures, billing_type, because
    )


def _cost_billing_type(approved: ApprovedEntry) -> BillingType | None:
    if approved.is_billed_by_time:
        return approved.billing().billing_type
    covered = approved.line is not None or approved.is_internal
    return approved.approval.billing_type if covered else BillingType.NOT_AVAILABLE


def _sales(approved: ApprovedEntry, paid: Rate) -> tuple[PlannedActual, ...]:
    line, contract, currency = approved.line, approved.contract, approved.sales_currency
    if line is None or not approved.is_billed_by_time:
        return ()
    if contract is None or contract.customer is None or currency is None:
        raise Refusal(
            "contract-without-customer",
            f"{line.name} belongs to a contract without a customer or currency; nothing on it could ever be billed. "
            "Complete the contract.",
        )
    customer, billing = contract.customer, approved.billing()
    rate = rates.sales_rate(
        approved.approval,
        approved.sales_line,
        currency,
        approved.work,
        approved.book,
        approved.zero_price_is_held,
    )
    return tuple(
        actual_cells.planned(
            approved,
            keys.sales_role(billing_type, customer.id),
            TransactionType.UNBILLED_SALES,
            approved.sales_line,
            currency,
            rate,
            (quantity, money.amount(quantity, rate.price, currency)),
            billing_type,
            (
                _line_in_words(approved),
                billing.because,
                _quantity_in_words(billing_type, quantity, basis, approved),
                rate.because,
            ),
            **_basis(approved, basis, paid, currency),
            **actual_cells.customer_cells(customer),
        )
        for billing_type, quantity, basis in _split(approved, billing.billing_type)
    )


def _split(approved: ApprovedEntry, billing_type: BillingType) -> tuple[tuple[BillingType, Decimal, Decimal], ...]:
    """Billing type, quantity, and how much of the submitted quantity stands behind it."""
    submitted, released = approved.submitted, approved.approval.sales_quantity
    billable = submitted if released is None else money.quantity(released)
    if billable * submitted < 0:
        raise Refusal(
            "quantity-wrong",
            f"{approved.approval.ref} releases {billable} of {submitted} submitted: one takes away, the other adds. "
            "Cancel the approval, and approve with the quantity that is meant.",
        )
    if billing_type is BillingType.NON_CHARGEABLE:
        return ((BillingType.NON_CHARGEABLE, max(billable, submitted), submitted),)
    split: list[tuple[BillingType, Decimal, Decimal]] = [(billing_type, billable, min(billable, submitted))]
    if billable < submitted:
        rest = submitted - billable
        split.append((BillingType.NON_CHARGEABLE, rest, rest))
    return tuple(part for part in split if part[1] != 0)


def _basis(approved: ApprovedEntry, quantity: Decimal, paid: Rate, currency: Currency) -> dict[str, Cell]:
    """The cost behind a sales row, in the row's own currency."""
    price = money.converted(paid.price, approved.cost_currency, currency)
    return {
        "msdyn_basisquantity": quantity,
        "msdyn_basisprice": price,
        "msdyn_basisamount": money.amount(quantity, price, currency),
    }


def _line_in_words(approved: ApprovedEntry) -> str:
    kind = approved.entry.transaction_class.name.lower()
    if approved.line is None:
        internal = "The project has no contract: its work has a cost only."
        return internal if approved.is_internal else f"No contract line of the project takes {kind}: a cost only."
    if approved.line.method is BillingMethod.FIXED_PRICE:
        return f"Contract line {approved.line.name} takes {kind} of the project at a fixed price: a cost only."
    return f"Contract line {approved.line.name} takes {kind} of the project and bills it by time and material."


def _quantity_in_words(billing_type: BillingType, quantity: Decimal, basis: Decimal, approved: ApprovedEntry) -> str:
    kind, submitted = billing_type.name.lower().replace("_", "-"), approved.submitted
    if quantity == submitted:
        return f"All {submitted} submitted are {kind}."
    if quantity > basis:
        return f"The approver raised the {submitted} submitted to {quantity} {kind}."
    return f"Of the {submitted} submitted, {quantity} are {kind}."
