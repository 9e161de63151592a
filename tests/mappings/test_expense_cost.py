"""An expense costs what was entered, and sells at what was released."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.approved_entry import ApprovedEntry
from mappings.choices import TransactionType
from mappings.entry import Entry
from mappings.entry_to_actuals import actuals_of
from mappings.refusal import Refusal
from tests.mappings.samples import approval, approved, expense
from tests.mappings.test_entry_to_actuals import facts


def three_nights(entered: str | None, released: str = "3") -> ApprovedEntry:
    """Three units at a third of a hundred each, sold at 40.00 each; so many of them released."""
    entry: Entry = expense("3", amount=None if entered is None else Decimal(entered))
    return approved(
        entry,
        approval(
            cost_quantity=Decimal(released),
            sales_quantity=Decimal(released),
            cost_price=Decimal("33.3333"),
            sales_price=Decimal(40),
        ),
    )


def test_three_units_entered_at_a_hundred_cost_a_hundred_and_not_a_cent_less() -> None:
    cost, sales = (facts(one)[2:] for one in actuals_of(three_nights("100.00")))
    assert cost == ("3.00", "33.33", "100.00")
    assert sales == ("3.00", "40.00", "120.00")


@pytest.mark.parametrize(
    ("entered", "released", "cost"),
    [
        (None, "3", "99.99"),  # no amount entered: quantity times price
        ("100.00", "2", "66.66"),  # another quantity released than entered: what was entered was for three
        ("100.005", "3", "100.01"),  # kept in the currency's precision
    ],
)
def test_the_amount_entered_counts_for_the_quantity_entered(entered: str | None, released: str, cost: str) -> None:
    (first, *_) = actuals_of(three_nights(entered, released))
    assert first.type is TransactionType.COST
    assert facts(first)[4] == cost


def test_an_amount_without_a_quantity_is_held_and_not_written_as_nothing() -> None:
    spent = expense("0", amount=Decimal(50))
    released = approval(cost_quantity=None, sales_quantity=None, cost_price=Decimal(50), sales_price=Decimal(55))
    with pytest.raises(Refusal, match=r"^quantity-wrong: .*give the expense its quantity"):
        actuals_of(approved(spent, released))
    assert actuals_of(approved(expense("0", amount=Decimal(0)), released))[0].quantity == 0


def test_what_is_given_back_costs_what_was_entered_too() -> None:
    (cost, *_) = actuals_of(
        approved(
            expense("-3", amount=Decimal(-100)),
            approval(cost_quantity=Decimal(-3), sales_quantity=Decimal(-3), cost_price=Decimal("33.3333")),
        )
    )
    assert facts(cost)[2:] == ("-3.00", "33.33", "-100.00")
