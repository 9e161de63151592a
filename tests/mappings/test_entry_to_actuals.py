"""Approved entries and the actuals they call for, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mappings.approved_entry import ApprovedEntry, Contract
from mappings.choices import BillingMethod, BillingType, TransactionClass
from mappings.entry_to_actuals import actuals_of
from mappings.money import Currency
from mappings.planned_actual import PlannedActual
from mappings.refusal import Refusal
from tests.mappings.samples import (
    CATEGORY,
    CONTRACT,
    COST_JOURNAL,
    CUSTOMER,
    EUR,
    GBP,
    JPY,
    KWD,
    SALES_JOURNAL,
    USD,
    approval,
    approved,
    expense,
    hours,
    journal,
    line,
    time_entry,
)

COST, UNBILLED = 192350000, 192350005
NON_CHARGEABLE, CHARGEABLE, COMPLIMENTARY, NOT_AVAILABLE = 192350000, 192350001, 192350002, 192350003


def facts(one: PlannedActual) -> tuple[object, object, str, str, str]:
    """Transaction type, billing type, quantity, price, amount, as the columns will hold them."""
    cells = one.cells
    figures = (str(cells[f"msdyn_{name}"]) for name in ("quantity", "price", "amount"))
    assert (one.type, one.quantity, one.price, one.amount) == (
        cells["msdyn_transactiontypecode"],
        cells["msdyn_quantity"],
        cells["msdyn_price"],
        cells["msdyn_amount"],
    )
    return (cells["msdyn_transactiontypecode"], cells.get("msdyn_billingtype"), *figures)  # type: ignore[return-value]


FIXED_PRICE = line(BillingMethod.FIXED_PRICE)
TIME_ONLY = line(includes=(TransactionClass.TIME,))

SCENARIOS: dict[str, tuple[ApprovedEntry, list[tuple[object, ...]]]] = {
    "8 h billed as submitted": (
        approved(released=hours("8")),
        [(COST, CHARGEABLE, "8.00", "100.00", "800.00"), (UNBILLED, CHARGEABLE, "8.00", "200.00", "1600.00")],
    ),
    "8 h cut to 6 billable": (
        approved(released=hours("8", "6")),
        [
            (COST, CHARGEABLE, "8.00", "100.00", "800.00"),
            (UNBILLED, CHARGEABLE, "6.00", "200.00", "1200.00"),
            (UNBILLED, NON_CHARGEABLE, "2.00", "200.00", "400.00"),
        ],
    ),
    "8 h raised to 10 billable": (
        approved(released=hours("8", "10")),
        [(COST, CHARGEABLE, "8.00", "100.00", "800.00"), (UNBILLED, CHARGEABLE, "10.00", "200.00", "2000.00")],
    ),
    "a fixed-price line": (
        approved(released=hours("8"), line=FIXED_PRICE),
        [(COST, CHARGEABLE, "8.00", "100.00", "800.00")],
    ),
    "an internal project": (
        approved(
            released=approval(billing_type=BillingType.NOT_AVAILABLE, sales_price=None),
            line=None,
            contract=None,
            sales_currency=None,
        ),
        [(COST, NOT_AVAILABLE, "8.00", "100.00", "800.00")],
    ),
    "a non-chargeable role": (
        approved(released=hours("5", billing=BillingType.NON_CHARGEABLE)),
        [(COST, NON_CHARGEABLE, "5.00", "100.00", "500.00"), (UNBILLED, NON_CHARGEABLE, "5.00", "200.00", "1000.00")],
    ),
    "complimentary by the approver": (
        approved(released=hours("2", billing=BillingType.COMPLIMENTARY)),
        [(COST, COMPLIMENTARY, "2.00", "100.00", "200.00"), (UNBILLED, COMPLIMENTARY, "2.00", "200.00", "400.00")],
    ),
    "a hotel on a contract whose line takes time only": (
        approved(
            expense(),
            approval(
                cost_quantity=Decimal(1),
                sales_quantity=Decimal(1),
                cost_price=Decimal(120),
                sales_price=None,
                billing_type=BillingType.NOT_AVAILABLE,
            ),
            line=None,
        ),
        [(COST, NOT_AVAILABLE, "1.00", "120.00", "120.00")],
    ),
    "airfare 500 with a markup of 10 %": (
        approved(
            expense(),
            approval(
                cost_quantity=Decimal(1),
                sales_quantity=Decimal(1),
                cost_price=Decimal(500),
                sales_price=Decimal(550),
                category=CATEGORY,
            ),
        ),
        [(COST, CHARGEABLE, "1.00", "500.00", "500.00"), (UNBILLED, CHARGEABLE, "1.00", "550.00", "550.00")],
    ),
    "ten miles at 10.00": (
        approved(
            expense("10"),
            approval(
                cost_quantity=Decimal(10),
                sales_quantity=Decimal(10),
                cost_price=Decimal(10),
                sales_price=Decimal(10),
            ),
        ),
        [(COST, CHARGEABLE, "10.00", "10.00", "100.00"), (UNBILLED, CHARGEABLE, "10.00", "10.00", "100.00")],
    ),
    "100 minutes, the quantity rounded first": (
        approved(released=hours("1.67")),
        [(COST, CHARGEABLE, "1.67", "100.00", "167.00"), (UNBILLED, CHARGEABLE, "1.67", "200.00", "334.00")],
    ),
    "100 minutes unrounded on the approval": (
        approved(released=hours("1.6666666667")),
        [(COST, CHARGEABLE, "1.67", "100.00", "167.00"), (UNBILLED, CHARGEABLE, "1.67", "200.00", "334.00")],
    ),
    "the approver empties the billable hours": (
        approved(released=hours("8", "0")),
        [(COST, CHARGEABLE, "8.00", "100.00", "800.00"), (UNBILLED, NON_CHARGEABLE, "8.00", "200.00", "1600.00")],
    ),
    "the approver empties the billable hours of complimentary work": (
        approved(released=hours("8", "0", BillingType.COMPLIMENTARY)),
        [(COST, COMPLIMENTARY, "8.00", "100.00", "800.00"), (UNBILLED, NON_CHARGEABLE, "8.00", "200.00", "1600.00")],
    ),
    "an approval without a billable quantity bills what was submitted": (
        approved(released=approval(sales_quantity=None)),
        [(COST, CHARGEABLE, "8.00", "100.00", "800.00"), (UNBILLED, CHARGEABLE, "8.00", "200.00", "1600.00")],
    ),
    "an approval without a submitted quantity takes the entry's": (
        approved(time_entry("3.50"), approval(cost_quantity=None, sales_quantity=None)),
        [(COST, CHARGEABLE, "3.50", "100.00", "350.00"), (UNBILLED, CHARGEABLE, "3.50", "200.00", "700.00")],
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_approved_entry_becomes_exactly_these_actuals(scenario: str) -> None:
    given, expected = SCENARIOS[scenario]
    assert [facts(one) for one in actuals_of(given)] == expected


def in_currency(currency: Currency, cost: str, sales: str, quantity: str) -> list[tuple[object, ...]]:
    """The rows of an entry whose cost and contract are both in this currency."""
    released = approval(
        cost_price=Decimal(cost),
        sales_price=Decimal(sales),
        cost_quantity=Decimal(quantity),
        sales_quantity=Decimal(quantity),
        currency=currency.id,
    )
    contract = Contract(CONTRACT, CUSTOMER, currency.id)
    given = approved(released=released, contract=contract, cost_currency=currency, sales_currency=currency)
    return [facts(one)[2:] for one in actuals_of(given)]


def test_yen_have_no_decimals() -> None:
    # 1.67 h at 20,001 are 33,401.67 yen; at 5,001 they are 8,351.67.
    assert in_currency(JPY, "5001", "20001", "1.67") == [("1.67", "5001", "8352"), ("1.67", "20001", "33402")]


def test_dinars_have_three_decimals() -> None:
    # 1.67 h at 12.345 are 20.61615; at 30.125 they are 50.30875: halves go up.
    assert in_currency(KWD, "12.345", "30.125", "1.67") == [
        ("1.67", "12.345", "20.616"),
        ("1.67", "30.125", "50.309"),
    ]


def test_a_price_is_rounded_as_its_column_will_hold_it_before_it_is_multiplied() -> None:
    assert in_currency(USD, "33.335", "66.664", "3") == [("3.00", "33.34", "100.02"), ("3.00", "66.66", "199.98")]


def test_a_yen_contract_served_from_london_costs_pounds_and_sells_yen() -> None:
    """The approval is kept in yen, so the cost's price is taken from its journal line."""
    given = approved(
        released=approval(cost_price=Decimal(50), sales_price=Decimal(20000), currency=JPY.id),
        contract=Contract(CONTRACT, CUSTOMER, JPY.id),
        cost_line=journal(COST_JOURNAL, "50", GBP),
        sales_line=journal(SALES_JOURNAL, "20000", JPY),
        cost_currency=GBP,
        sales_currency=JPY,
    )
    cost, sales = actuals_of(given)
    assert facts(cost)[2:] == ("8.00", "50.00", "400.00")
    assert facts(sales)[2:] == ("8.00", "20000", "160000")
    # 50 GBP at 0.80 are 62.50 USD; at 123 those are 7,687.5 yen, 7,688 rounded.
    basis = [str(sales.cells[f"msdyn_basis{name}"]) for name in ("quantity", "price", "amount")]
    assert basis == ["8.00", "7688", "61504"]


def test_an_approval_in_the_costs_currency_leaves_the_sales_price_to_its_journal_line() -> None:
    given = approved(
        released=approval(cost_price=Decimal(50), sales_price=Decimal(99), currency=GBP.id),
        contract=Contract(CONTRACT, CUSTOMER, EUR.id),
        cost_line=journal(COST_JOURNAL, "1", GBP),
        sales_line=journal(SALES_JOURNAL, "120", EUR),
        cost_currency=GBP,
        sales_currency=EUR,
    )
    cost, sales = actuals_of(given)
    assert (facts(cost)[3], facts(sales)[3]) == ("50.00", "120.00")


def test_a_journal_line_in_yet_another_currency_is_not_believed() -> None:
    given = approved(
        released=approval(currency=EUR.id),
        cost_line=journal(COST_JOURNAL, "100", EUR),
        sales_line=journal(SALES_JOURNAL, "200", USD),
    )
    with pytest.raises(Refusal) as caught:
        actuals_of(given)
    assert caught.value.code == "price-missing"
    assert "cost price in USD" in caught.value.sentence


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cost_price": None}, "price-missing"),
        ({"sales_price": None}, "price-missing"),
        ({"cost_price": Decimal(0)}, "price-zero"),
        ({"sales_price": Decimal("0.00")}, "price-zero"),
        ({"sales_price": Decimal("0.004")}, "price-zero"),  # the column would hold 0.00
        ({"billing_type": None}, "billing-type-missing"),
        ({"billing_type": BillingType.NOT_AVAILABLE}, "billing-type-missing"),
    ],
)
def test_a_figure_that_can_not_be_known_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as caught:
        actuals_of(approved(released=approval(**changes)))
    assert caught.value.code == code


def test_a_zero_price_is_written_where_the_administrator_wants_it_so() -> None:
    given = approved(released=approval(sales_price=Decimal(0)), zero_price_is_held=False)
    assert [facts(one)[3:] for one in actuals_of(given)] == [("100.00", "800.00"), ("0.00", "0.00")]


def test_a_price_that_nothing_gives_is_refused_or_written_as_zero_and_said() -> None:
    given = approved(released=approval(sales_price=None))
    with pytest.raises(Refusal) as caught:
        actuals_of(given)
    assert caught.value.code == "price-missing"
    _, sales = actuals_of(replace(given, zero_price_is_held=False))
    assert (sales.price, sales.amount) == (Decimal(0), Decimal(0))
    assert any("written all the same" in sentence for sentence in sales.because)


@pytest.mark.parametrize(
    "changes",
    [
        {"contract": Contract(CONTRACT, None, USD.id)},
        {"contract": None},
        {"sales_currency": None},
    ],
)
def test_a_line_whose_contract_can_never_be_billed_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        actuals_of(approved(**changes))
    assert caught.value.code == "contract-without-customer"
