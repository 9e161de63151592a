"""However somebody else ties rows to an entry, they are found: by origin, by journal line, by connection."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.dataverse.changes import Reference
from handlers.doubles import doubled
from mappings import keys
from mappings.choices import BillingType
from mappings.tables import Ref
from tests.handlers.judging import ADJUSTED, EIGHT_HOURS, UNADJUSTABLE, not_yet, refused, write
from tests.handlers.world import COST, CUSTOMER, UNBILLED, World

CANCELED: Any = {"msdyn_billingstatus": 192350003}


def untie(world: World, *actuals: Reference) -> None:
    """Take the origins of rows away."""
    ids = {str(actual.id) for actual in actuals}
    for row, cells in list(world.dataverse.rows.of("msdyn_transactionorigin").items()):
        if cells["msdyn_transaction"] in ids:
            del world.dataverse.rows.cells[row]


def connect(world: World, first: Reference, role: str, second: Reference, other: str = "Original") -> None:
    """Tie two actuals."""
    world.dataverse.put(
        world.fresh("msdyn_transactionconnection"),
        msdyn_transaction1=str(first.id),
        msdyn_transaction1type=first.table,
        msdyn_transaction1role=role,
        msdyn_transaction2=str(second.id),
        msdyn_transaction2type=second.table,
        msdyn_transaction2role=other,
    )


def by_journal_line(world: World, entry: Ref, actual: Reference) -> None:
    """Tie an actual to a journal line, and that to the entry."""
    trace(world, journal_line(world, entry), actual)


def journal_line(world: World, entry: Ref) -> Reference:
    """A journal line of the entry."""
    line = world.fresh("msdyn_journalline")
    world.dataverse.put(line, msdyn_transactiontypecode=COST)
    trace(world, Reference(entry.table, entry.id), line)
    return line


def trace(world: World, source: Reference, transaction: Reference) -> None:
    """An origin."""
    world.dataverse.put(
        world.fresh("msdyn_transactionorigin"),
        msdyn_origin=str(source.id),
        msdyn_origintype=source.table,
        msdyn_transaction=str(transaction.id),
        msdyn_transactiontype=transaction.table,
    )


def own(entry: Ref, kind: int, generation: int = 0) -> Reference:
    """Our row of a kind."""
    role = keys.COST if kind == COST else keys.sales_role(BillingType.CHARGEABLE, CUSTOMER.id)
    return Reference("msdyn_actual", keys.row_id(entry.id, generation, role))


def take_back(world: World, entry: Ref, original: Reference) -> Reference:
    """Somebody else takes a row back as the product does."""
    cells = world.dataverse.get(original)
    world.dataverse.put(original, msdyn_adjustmentstatus=ADJUSTED, **CANCELED)
    return write(
        world,
        entry,
        cells["msdyn_transactiontypecode"],
        msdyn_adjustmentstatus=UNADJUSTABLE,
        msdyn_quantity=-cells["msdyn_quantity"],
        msdyn_amount=-cells["msdyn_amount"],
        **CANCELED,
    )


def test_rows_that_come_from_a_journal_line_of_the_entry_only_are_left_alone(world: World) -> None:
    entry = world.approved()
    theirs = write(world, entry, COST)
    untie(world, theirs)
    by_journal_line(world, entry, theirs)
    settled = world.settled(entry)
    assert str(theirs.id) in settled.because
    assert not world.dataverse.committed


def test_a_side_without_any_origin_is_found_through_the_side_it_is_connected_to(world: World) -> None:
    entry = world.approved()
    cost, sales = write(world, entry, COST), write(world, entry, UNBILLED)
    untie(world, cost)
    connect(world, sales, "Unbilled Sales", cost, "Cost")
    settled = world.settled(entry)
    assert str(cost.id) in settled.because
    assert "no quantity differs" in settled.because
    assert not world.dataverse.committed


@pytest.mark.parametrize("tie", ["origin", "journal line", "connection"])
def test_after_a_correction_journal_the_replacement_counts_and_nothing_is_made_anew(world: World, tie: str) -> None:
    entry = world.approved()
    world.settled(entry)
    for kind in (COST, UNBILLED):
        take_back(world, entry, own(entry, kind))
        replacement = write(world, entry, kind)
        if tie != "origin":
            untie(world, replacement)
        if tie == "journal line":
            by_journal_line(world, entry, replacement)
        if tie == "connection":
            connect(world, replacement, "Replacing", own(entry, kind))
    settled = world.settled(entry)
    assert settled.commits == 0
    assert "Handled elsewhere" in settled.because
    assert "no quantity differs" in settled.because


def test_a_replacement_that_was_replaced_again_is_followed_to_the_last(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    last = own(entry, COST)
    for _ in range(3):
        take_back(world, entry, last)
        replacement = write(world, entry, COST)
        untie(world, replacement)
        connect(world, replacement, "Replacing", last)
        last = replacement
    take_back(world, entry, own(entry, UNBILLED))
    settled = world.settled(entry)
    assert str(last.id) in settled.because
    assert settled.commits == 0


def test_a_correction_whose_replacement_is_tied_to_nothing_is_not_made_good_by_a_double(world: World) -> None:
    """Only the approval can tell: it stood all along, so nobody approved anything anew."""
    entry = world.approved()
    world.settled(entry)
    for kind in (COST, UNBILLED):
        take_back(world, entry, own(entry, kind))
        untie(world, write(world, entry, kind))
    settled = world.settled(entry)
    assert settled.commits == 0
    assert "while its approval stood" in settled.because
    assert world.net(entry, COST) == 0


@pytest.mark.parametrize("tie", ["origin", "connection"])
def test_rows_the_product_took_back_itself_are_made_anew_once_the_entry_is_approved_again(
    world: World, tie: str
) -> None:
    entry = world.approved()
    world.settled(entry)
    for kind in (COST, UNBILLED):
        reversal = take_back(world, entry, own(entry, kind))
        if tie == "connection":
            untie(world, reversal)
            connect(world, reversal, "Reversing", own(entry, kind))
    world.cancel(entry)
    assert world.settled(entry).commits == 0
    world.approve(entry)
    assert world.settled(entry).commits == 1
    assert own(entry, COST, 1) in world.actuals(entry)
    live = [c for c in world.actuals(entry).values() if c.get("msdyn_adjustmentstatus") is None]
    assert sorted(c["msdyn_amount"] for c in live) == [Decimal(800), Decimal(1600)]
    assert world.settled(entry).commits == 0


def test_a_reversal_that_is_tied_to_nothing_leaves_the_entry_to_a_person(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    for kind in (COST, UNBILLED):
        untie(world, take_back(world, entry, own(entry, kind)))
    world.cancel(entry)
    world.settled(entry)
    world.approve(entry)
    settled = world.settled(entry)
    assert settled.commits == 0
    assert "Handled elsewhere" in settled.because


def test_sales_doubled_through_a_journal_line_are_kept_out_of_ready_marking(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    theirs = write(world, entry, UNBILLED)
    untie(world, theirs)
    by_journal_line(world, entry, theirs)
    ours = own(entry, UNBILLED)
    both = frozenset({ours.id, theirs.id})
    assert doubled(both, world.dataverse) == both
    assert doubled([theirs.id], world.dataverse) == {theirs.id}
    assert refused(world.settle(entry)[0]).code == "doubled"


def test_a_confirmed_and_credited_invoice_adds_up_to_what_was_released(world: World) -> None:
    """Posted, taken back, billed, billed back, and open again: eight hours all the same."""
    entry = world.approved()
    world.settled(entry)
    sales = own(entry, UNBILLED)
    world.dataverse.put(sales, msdyn_billingstatus=192350002)
    back: dict[str, Any] = {
        "msdyn_quantity": Decimal(-8),
        "msdyn_amount": Decimal(-1600),
        "msdyn_adjustmentstatus": UNADJUSTABLE,
    }
    write(world, entry, UNBILLED, **back)
    write(world, entry, 192350006, msdyn_adjustmentstatus=ADJUSTED)
    write(world, entry, 192350006, **back)
    again = write(world, entry, UNBILLED)
    settled = world.settled(entry)
    assert str(again.id) in settled.because
    assert "no quantity differs" in settled.because


def test_after_a_full_credit_a_withdrawal_takes_back_our_cost_and_leaves_what_the_credit_opened(world: World) -> None:
    """Told to credit the invoice and to send again, people do just that; then it has to go through."""
    entry = world.approved()
    world.settled(entry)
    sales = own(entry, UNBILLED)
    world.dataverse.put(sales, msdyn_billingstatus=192350002)
    back: dict[str, Any] = {
        "msdyn_quantity": Decimal(-8),
        "msdyn_amount": Decimal(-1600),
        "msdyn_adjustmentstatus": UNADJUSTABLE,
    }
    write(world, entry, UNBILLED, **back)
    billed = write(world, entry, 192350006)
    world.cancel(entry)
    assert refused(world.settle(entry)[0]).code == "already-invoiced"
    world.dataverse.put(billed, msdyn_adjustmentstatus=ADJUSTED)
    write(world, entry, 192350006, **back)
    opened = write(world, entry, UNBILLED)
    settled = world.settled(entry)
    assert settled.commits == 1
    assert world.net(entry, COST) == 0
    assert world.dataverse.get(opened).get("msdyn_adjustmentstatus") is None
    take_back(world, entry, opened)
    assert world.settled(entry).commits == 0
    world.approve(entry)
    assert world.settled(entry).commits == 1
    assert (world.net(entry, COST), world.net(entry, UNBILLED)) == (Decimal(800), Decimal(1600))
    assert world.settled(entry).commits == 0


def test_looking_at_entries_takes_the_same_number_of_requests_whether_one_or_twenty(world: World) -> None:
    def requests(count: int) -> int:
        entries = [world.approved() for _ in range(count)]
        world.settle(*entries)
        before = len(world.dataverse.requests)
        world.settle(*entries)
        return len(world.dataverse.requests) - before

    assert requests(1) == requests(20) == 4


def test_a_row_that_somebody_is_correcting_is_not_taken_back_a_second_time(world: World) -> None:
    """The correction will take it back when it is confirmed; until then it stands as *in process*."""
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(own(entry, COST), msdyn_adjustmentstatus=192350000)
    world.cancel(entry)
    (outcome,) = world.settle(entry)
    assert not_yet(outcome)
    assert str(own(entry, COST).id) in outcome.failure.sentence  # type: ignore[union-attr]
    assert [c for c in world.actuals(entry).values() if c["msdyn_quantity"] < 0] == []


def test_rows_of_ours_alone_are_still_ours_and_at_rest(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    assert world.settled(entry).commits == 0
    assert world.live(entry) == EIGHT_HOURS
