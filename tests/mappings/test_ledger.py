"""Whose an actual is, whether it still counts, and how often the entry was withdrawn."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from mappings import keys, tables
from mappings.choices import BillingType
from mappings.ledger import Actual, Ledger
from mappings.tables import Cell, Ref
from tests.mappings.samples import CUSTOMER, ENTRY, PERSON, row, uid

COST, UNBILLED, BILLED, RESOURCING_COST = 192350000, 192350005, 192350006, 192350007
INTER_ORGANIZATIONAL = 192350008
IN_PROCESS, ADJUSTED, UNADJUSTABLE = 192350000, 192350001, 192350002
OTHER_CUSTOMER = Ref("account", uid(70))


def cost_id(generation: int = 0) -> UUID:
    """The id of our cost row."""
    return keys.row_id(ENTRY.id, generation, keys.COST)


def sales_id(generation: int = 0, kind: BillingType = BillingType.CHARGEABLE, customer: Ref = CUSTOMER) -> UUID:
    """The id of one of our sales rows."""
    return keys.row_id(ENTRY.id, generation, keys.sales_role(kind, customer.id))


def actual(id: UUID, type: int = COST, adjustment: int | None = None, **cells: Cell) -> Actual:
    """An actual as it was read; a sales actual has the customer unless said otherwise."""
    if type == UNBILLED:
        cells = {"msdyn_accountcustomer": CUSTOMER, **cells}
    fixed: dict[str, Cell] = {"msdyn_transactiontypecode": type, "msdyn_adjustmentstatus": adjustment}
    return Actual(row(Ref(tables.ACTUAL, id), fixed | cells))


def ledger(*actuals: Actual) -> Ledger:
    """The ledger of the sample entry."""
    return Ledger(ENTRY.id, actuals)


def withdrawn(generation: int) -> tuple[Actual, ...]:
    """A whole generation of ours that was taken back."""
    originals = (actual(cost_id(generation), COST, ADJUSTED), actual(sales_id(generation), UNBILLED, ADJUSTED))
    reversals = tuple(
        actual(keys.reversal_id(one.id), one.type or 0, UNADJUSTABLE, msdyn_quantity=Decimal(-8)) for one in originals
    )
    return originals + reversals


def test_an_entry_without_actuals_is_in_its_first_generation() -> None:
    empty = ledger()
    assert (empty.generation, empty.live, empty.foreign, empty.ids) == (0, (), (), frozenset())


def test_our_rows_of_the_first_generation_are_live_and_ours() -> None:
    both = (actual(cost_id()), actual(sales_id(), UNBILLED))
    read = ledger(*both)
    assert (read.generation, read.live, read.foreign) == (0, both, ())
    assert read.ids == {cost_id(), sales_id()}


@pytest.mark.parametrize("times", [1, 2, 5])
def test_every_complete_withdrawal_starts_another_generation(times: int) -> None:
    past = tuple(one for generation in range(times) for one in withdrawn(generation))
    current = (actual(cost_id(times)), actual(sales_id(times), UNBILLED))
    assert (ledger(*past).generation, ledger(*past).live) == (times, ())
    assert (ledger(*past, *current).generation, ledger(*past, *current).live) == (times, current)


def test_the_reversals_of_ours_are_ours_too() -> None:
    read = ledger(*withdrawn(0))
    assert all(read.is_ours(one) for one in read.actuals)
    assert read.foreign == ()


def test_a_cost_that_was_marked_but_not_taken_back_does_not_count_as_withdrawn() -> None:
    assert ledger(actual(cost_id(), COST, ADJUSTED)).generation == 0


def test_the_withdrawal_of_sales_alone_does_not_count() -> None:
    sales = actual(sales_id(), UNBILLED, ADJUSTED)
    back = actual(keys.reversal_id(sales_id()), UNBILLED, UNADJUSTABLE)
    read = ledger(actual(cost_id()), sales, back)
    assert read.generation == 0
    assert [one.id for one in read.live] == [cost_id()]


def test_rows_the_product_made_are_foreign() -> None:
    theirs = (actual(uid(900)), actual(uid(901), UNBILLED))
    read = ledger(*theirs)
    assert (read.live, read.foreign) == ((), theirs)


def test_a_foreign_row_beside_ours_is_told_apart() -> None:
    ours, theirs = actual(cost_id()), actual(uid(900))
    read = ledger(ours, theirs)
    assert (read.live, read.foreign) == ((ours,), (theirs,))


def test_what_somebody_else_withdrew_no_longer_counts_as_foreign() -> None:
    read = ledger(actual(uid(900), COST, ADJUSTED), actual(uid(901), COST, UNADJUSTABLE))
    assert read.foreign == ()


def test_the_rows_of_another_entry_are_never_ours() -> None:
    theirs = actual(keys.row_id(uid(500), 0, keys.COST))
    assert ledger(theirs).foreign == (theirs,)


def test_a_row_for_an_earlier_customer_is_still_ours() -> None:
    ours = actual(sales_id(customer=OTHER_CUSTOMER), UNBILLED, msdyn_accountcustomer=OTHER_CUSTOMER)
    person = actual(sales_id(customer=PERSON), UNBILLED, msdyn_accountcustomer=None, msdyn_contactcustomer=PERSON)
    read = ledger(actual(cost_id()), ours, person)
    assert [one.id for one in read.live] == [cost_id(), ours.id, person.id]
    assert read.foreign == ()


def test_a_row_that_was_given_another_customer_is_ours_by_the_origin_only_we_could_have_signed() -> None:
    changed = actual(sales_id(), UNBILLED, msdyn_accountcustomer=OTHER_CUSTOMER)
    signed = Ledger(ENTRY.id, (changed,), frozenset({changed.id}))
    assert (signed.live, signed.foreign) == ((changed,), ())


def test_without_that_origin_it_can_not_be_told_from_others_and_is_left_alone() -> None:
    changed = actual(sales_id(), UNBILLED, msdyn_accountcustomer=OTHER_CUSTOMER)
    read = Ledger(ENTRY.id, (changed,), frozenset({uid(901)}))
    assert (read.live, read.foreign) == ((), (changed,))


def test_a_signed_row_that_was_taken_back_no_longer_counts() -> None:
    gone = actual(sales_id(), UNBILLED, ADJUSTED, msdyn_accountcustomer=OTHER_CUSTOMER)
    read = Ledger(ENTRY.id, (gone,), frozenset({gone.id}))
    assert (read.live, read.foreign) == ((), ())


@pytest.mark.parametrize("kind", [BillingType.CHARGEABLE, BillingType.NON_CHARGEABLE, BillingType.COMPLIMENTARY])
def test_a_sales_row_of_any_billing_type_is_ours(kind: BillingType) -> None:
    assert ledger(actual(sales_id(kind=kind), UNBILLED)).foreign == ()


def test_billed_sales_are_neither_live_nor_foreign() -> None:
    read = ledger(actual(uid(900), BILLED))
    assert (read.live, read.foreign) == ((), ())


@pytest.mark.parametrize(
    ("type", "role"),
    [(RESOURCING_COST, keys.RESOURCING_UNIT_COST), (INTER_ORGANIZATIONAL, keys.INTER_ORGANIZATIONAL_SALES)],
)
def test_what_one_unit_owes_another_counts_and_is_told_apart_by_its_id_too(type: int, role: str) -> None:
    own, other = actual(keys.row_id(ENTRY.id, 0, role), type), actual(uid(900), type)
    read = ledger(own, other)
    assert (read.live, read.foreign) == ((own,), (other,))


def test_a_row_in_the_middle_of_a_correction_still_counts() -> None:
    assert actual(cost_id(), COST, IN_PROCESS).is_live


@pytest.mark.parametrize(
    ("status", "invoiced"),
    [
        (None, False),
        (192350000, False),
        (192350001, False),  # Customer Invoice Created: only on a draft
        (192350002, True),  # Customer Invoice Posted
        (192350003, False),
        (192350004, False),  # Ready
    ],
)
def test_an_actual_on_a_posted_invoice_is_invoiced(status: int | None, invoiced: bool) -> None:
    row = actual(sales_id(), UNBILLED, msdyn_billingstatus=status)
    assert row.is_invoiced is invoiced
    assert row.is_on_draft is (status == 192350001)


def test_empty_figures_read_as_zero() -> None:
    assert actual(cost_id()).figures == (Decimal(0), Decimal(0), Decimal(0))
    full = actual(cost_id(), msdyn_quantity=Decimal(8), msdyn_price=Decimal(100), msdyn_amount=Decimal(800))
    assert full.figures == (Decimal(8), Decimal(100), Decimal(800))
