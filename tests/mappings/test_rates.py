"""Whose price counts: the approval's, the journal line's, or the lists'; and a zero is never written unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from mappings.approved_entry import JournalLine
from mappings.entry import Approval
from mappings.money import Currency
from mappings.pricing import PriceBook, Work
from mappings.rates import Rate, cost_rate, resourcing_unit_rate, sales_rate, transfer_rate
from mappings.refusal import Refusal
from tests.mappings.price_samples import ADATUM, COSTS, INDIA, INR, book, price_list, role_price, time_work
from tests.mappings.samples import (
    APPROVAL,
    COST_JOURNAL,
    EUR,
    JPY,
    PRICE_LIST,
    SALES_JOURNAL,
    USD,
    approval,
    journal,
)

Ask = Callable[[Approval, JournalLine | None, Currency, Work, PriceBook, bool], Rate]

LISTS = book(role_prices=(role_price(701, ADATUM, "210"), role_price(702, COSTS, "110")))
EMPTY = book((), (), ())
WORK = time_work()


@pytest.mark.parametrize(
    ("ask", "released", "side", "price"),
    [
        (cost_rate, approval(cost_price=Decimal(100), sales_price=None), "cost", "100"),
        (sales_rate, approval(cost_price=None, sales_price=Decimal(200)), "sales", "200"),
    ],
)
def test_the_approvals_price_counts_before_all_others(ask: Ask, released: Approval, side: str, price: str) -> None:
    line = journal(COST_JOURNAL, "1", USD)
    rate = ask(released, line, USD, WORK, LISTS, True)
    assert rate == Rate(Decimal(price), PRICE_LIST, f"The {side} price {price}.00 USD is that of the approval.")


def test_an_approval_in_no_currency_is_in_the_sides() -> None:
    assert cost_rate(approval(currency=None), None, EUR, WORK, EMPTY, True).price == 100


def test_an_approval_in_another_currency_leaves_the_price_to_the_journal_line() -> None:
    line = journal(SALES_JOURNAL, "188", EUR)
    rate = sales_rate(approval(currency=USD.id), line, EUR, WORK, EMPTY, True)
    said = "The sales price 188.00 EUR is that of the journal line written at submission."
    assert rate == Rate(Decimal(188), PRICE_LIST, said)


@pytest.mark.parametrize("line", [None, journal(SALES_JOURNAL, None, USD), journal(SALES_JOURNAL, "188", EUR)])
def test_without_either_the_lists_are_asked(line: JournalLine | None) -> None:
    rate = sales_rate(approval(sales_price=None), line, USD, WORK, LISTS, True)
    assert (rate.price, rate.price_list) == (Decimal(210), ADATUM.ref)
    assert rate.because.startswith("Adatum 2026 covers 2026-02-10 and has 210 per Hour")
    assert (
        cost_rate(approval(cost_price=None), line and journal(COST_JOURNAL, None, USD), USD, WORK, LISTS, True).price
        == 110
    )


def test_a_price_is_rounded_as_its_column_will_hold_it() -> None:
    third = Decimal(100) / 3
    assert cost_rate(approval(cost_price=third), None, USD, WORK, EMPTY, True).price == Decimal("33.33")
    assert cost_rate(approval(cost_price=Decimal("0.5"), currency=JPY.id), None, JPY, WORK, EMPTY, True).price == 1
    thirds = book(role_prices=(role_price(703, ADATUM, str(third)),))
    assert sales_rate(approval(sales_price=None), None, USD, WORK, thirds, True).price == Decimal("33.33")


def refused(ask: Ask, released: Approval, prices: PriceBook, line: JournalLine | None = None) -> Refusal:
    with pytest.raises(Refusal) as told:
        ask(released, line, USD, WORK, prices, True)
    return told.value


NO_LIST = "No active sales price list in USD is attached to the contract."
REPLAY = "Mend the price list, then replay the message."
APPROVE = "Mend the price list, then recall and approve the entry anew."


def test_a_missing_price_is_held_with_the_reason_the_lists_give() -> None:
    refusal = refused(sales_rate, approval(sales_price=None), EMPTY)
    assert refusal.code == "price-missing"
    assert refusal.sentence == (f"{APPROVAL} carries no sales price in USD. {NO_LIST} {REPLAY}")


def test_an_ambiguous_price_is_held_and_names_the_lists() -> None:
    second = price_list(309, "Adatum special")
    both = (ADATUM, second)
    refusal = refused(sales_rate, approval(sales_price=None), book(both, both, ()))
    assert refusal.code == "price-ambiguous"
    assert "Adatum 2026 and Adatum special of the contract overlap" in refusal.sentence


@pytest.mark.parametrize(
    ("released", "line"),
    [
        (approval(sales_price=Decimal(0)), None),
        (approval(sales_price=None), journal(SALES_JOURNAL, "0", USD)),
        (approval(sales_price=Decimal("0.004")), None),
    ],
)
def test_a_price_of_zero_is_held_with_the_reason_the_lists_give(released: Approval, line: JournalLine | None) -> None:
    refusal = refused(sales_rate, released, EMPTY, line)
    assert refusal.code == "price-zero"
    assert refusal.sentence == (f"{APPROVAL} carries a sales price of zero. {NO_LIST} {APPROVE}")


def test_a_zero_is_not_replaced_by_a_list_that_was_mended_since_but_that_is_said() -> None:
    """What was approved was a zero; who approves anew releases the price."""
    refusal = refused(sales_rate, approval(sales_price=Decimal(0)), LISTS)
    assert "By now the lists give 210.00: Adatum 2026 covers 2026-02-10" in refusal.sentence


def test_a_list_that_says_zero_is_held_too() -> None:
    free = book(role_prices=(role_price(704, ADATUM, "0"),))
    refusal = refused(sales_rate, approval(sales_price=None), free)
    assert refusal.code == "price-zero"
    assert "has 0 per Hour" in refusal.sentence


@pytest.mark.parametrize(
    ("released", "prices", "price_list", "sentence"),
    [
        (
            approval(sales_price=None),
            EMPTY,
            None,
            f"{NO_LIST} A sales price of zero is written all the same.",
        ),
        (
            approval(sales_price=Decimal(0)),
            EMPTY,
            None,
            f"{NO_LIST} A sales price of zero is written all the same.",
        ),
        (
            approval(sales_price=None),
            book(role_prices=(role_price(705, ADATUM, "0"),)),
            ADATUM.ref,
            "Adatum 2026 covers 2026-02-10 and has 0 per Hour, found by role, for any organizational unit. "
            "A sales price of zero is written all the same.",
        ),
    ],
)
def test_where_zeros_are_written_each_is_said(
    released: Approval, prices: PriceBook, price_list: object, sentence: str
) -> None:
    rate = sales_rate(released, None, USD, WORK, prices, False)
    assert (rate.price, rate.price_list, rate.because) == (Decimal(0), price_list, sentence)


def test_what_the_lists_say_is_not_released_and_what_approval_or_journal_line_say_is() -> None:
    line = journal(SALES_JOURNAL, "188", USD)
    assert sales_rate(approval(), None, USD, WORK, LISTS, True).is_released
    assert sales_rate(approval(sales_price=None), line, USD, WORK, LISTS, True).is_released
    assert sales_rate(approval(sales_price=Decimal(0)), None, USD, WORK, LISTS, False).is_released
    assert not sales_rate(approval(sales_price=None), None, USD, WORK, LISTS, True).is_released
    assert not sales_rate(approval(sales_price=None), None, USD, WORK, EMPTY, False).is_released


def test_a_currency_without_a_rate_is_said_by_name() -> None:
    nameless = {EUR.id: Currency(EUR.id, "EUR", 2, None), USD.id: USD}
    prices = book(role_prices=(role_price(706, ADATUM, "100", currency=EUR.id),), currencies=nameless)
    refusal = refused(sales_rate, approval(sales_price=None), prices)
    assert refusal.code == "rate-missing"
    assert "Currency EUR has no exchange rate" in refusal.sentence
    assert sales_rate(approval(sales_price=Decimal(0)), None, USD, WORK, prices, False).price == 0


# Between units.

INDIA_COSTS = price_list(310, "India costs", COSTS.context, currency=INR.id)  # type: ignore[arg-type]
BETWEEN = book(
    (ADATUM, COSTS, INDIA_COSTS),
    of_parameters=(COSTS, INDIA_COSTS),
    role_prices=(role_price(707, COSTS, "67", unit=INDIA), role_price(708, INDIA_COSTS, "100")),
)
LENT = time_work(resourcing_unit=INDIA)


def test_what_the_delivering_unit_spends_and_charges_comes_from_two_lists_never_from_the_approval() -> None:
    released = approval(cost_price=Decimal(66), currency=None)
    spent = resourcing_unit_rate(released, None, INR, LENT, BETWEEN, True)
    assert (spent.price, spent.price_list) == (Decimal(100), INDIA_COSTS.ref)
    own_list = replace(
        BETWEEN, of_unit={INDIA: frozenset({INDIA_COSTS.ref.id})}, of_parameters=frozenset({COSTS.ref.id})
    )
    assert resourcing_unit_rate(released, None, INR, LENT, own_list, True).price_list == INDIA_COSTS.ref
    charged = transfer_rate(released, None, USD, LENT, BETWEEN, True)
    assert (charged.price, charged.price_list) == (Decimal(67), COSTS.ref)


def test_a_journal_line_of_that_side_counts_before_the_lists() -> None:
    assert resourcing_unit_rate(approval(), journal(COST_JOURNAL, "120", INR), INR, LENT, BETWEEN, True).price == 120
    assert transfer_rate(approval(), journal(COST_JOURNAL, "70", USD), USD, LENT, BETWEEN, True).price == 70


def test_a_transfer_price_that_can_not_be_known_is_held_by_name() -> None:
    with pytest.raises(Refusal, match="carries no transfer price in USD"):
        transfer_rate(approval(), None, USD, LENT, EMPTY, True)
    with pytest.raises(Refusal, match="carries no resourcing unit cost price in INR"):
        resourcing_unit_rate(approval(), None, INR, LENT, EMPTY, True)
