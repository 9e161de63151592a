"""One entry, several workers: stalled ones, leftovers that block, and answers that get lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from connector.dataverse.changes import Reference
from connector.errors import Conflict, Rejected, Throttled, Transient, UnknownOutcome
from handlers.fixed_point import Settled, Unsettled
from handlers.rows import reference
from mappings import keys
from mappings.tables import Ref
from tests.handlers.fake_dataverse import Stalled, touches
from tests.handlers.judging import EIGHT_HOURS, in_balance, refused
from tests.handlers.world import PROJECT, UNBILLED, World


def worker(world: World, entry: Ref) -> Callable[[], None]:
    """Another worker, faster than the first."""

    def run() -> None:
        world.settled(entry)

    return run


def test_two_workers_on_one_approval_write_it_once(world: World) -> None:
    entry = world.approved()
    stalled = Stalled(world.dataverse, worker(world, entry))
    assert world.settled(entry, stalled).commits == 0
    assert world.live(entry) == EIGHT_HOURS
    assert len(world.actuals()) == 2


def test_a_worker_that_read_approved_before_a_cancellation_takes_back_what_it_wrote_too_late(world: World) -> None:
    entry = world.approved()

    def meanwhile() -> None:
        world.cancel(entry)
        assert "nothing of ours" in world.settled(entry).because

    world.settled(entry, Stalled(world.dataverse, meanwhile))
    assert world.live(entry) == []
    assert in_balance(world, entry)


def test_a_worker_that_slept_through_approve_cancel_approve_adds_nothing(world: World) -> None:
    entry = world.approved()

    def meanwhile() -> None:
        world.settled(entry)
        world.cancel(entry)
        world.settled(entry)
        world.approve(entry)
        world.settled(entry)

    assert world.settled(entry, Stalled(world.dataverse, meanwhile)).commits == 0
    assert world.live(entry) == EIGHT_HOURS
    assert len(world.actuals(entry)) == 6
    assert in_balance(world, entry)


def test_a_worker_that_read_cancelled_before_a_new_approval_puts_back_what_it_took_too_late(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)

    def meanwhile() -> None:
        world.approve(entry)
        assert world.settled(entry).commits == 0  # The rows still stand, so there is nothing to do.

    assert world.settled(entry, Stalled(world.dataverse, meanwhile)).commits == 2
    assert world.live(entry) == EIGHT_HOURS
    assert in_balance(world, entry)


def test_a_worker_that_read_cancelled_while_others_reversed_and_renewed_takes_nothing_back(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)

    def meanwhile() -> None:
        world.settled(entry)
        world.approve(entry)
        world.settled(entry)

    assert world.settled(entry, Stalled(world.dataverse, meanwhile)).commits == 0
    assert world.live(entry) == EIGHT_HOURS
    assert in_balance(world, entry)


def test_a_row_that_was_marked_ready_meanwhile_is_read_again_before_it_is_taken_back(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)
    sales = next(r for r, c in world.actuals(entry).items() if c["msdyn_transactiontypecode"] == UNBILLED)

    def onto_a_posted_invoice() -> None:
        world.dataverse.put(sales, msdyn_billingstatus=192350002)

    (outcome,) = world.settle(entry, through=Stalled(world.dataverse, onto_a_posted_invoice))
    assert refused(outcome).code == "already-invoiced"
    assert len(world.actuals(entry)) == 2


def test_a_leftover_row_blocks_its_own_entry_only_and_is_named(world: World) -> None:
    blocked, *others = [world.approved() for _ in range(4)]
    leftover = Reference("msdyn_transactionorigin", keys.origin_id(blocked.id, keys.row_id(blocked.id, 0, "cost")))
    world.dataverse.put(leftover, msdyn_origin="somebody else", msdyn_transaction=str(leftover.id))
    first, *rest = world.settle(blocked, *others)
    assert isinstance(first, Unsettled)
    assert isinstance(first.failure, Conflict)
    assert str(leftover.id) in (first.failure.record or "")
    assert all(isinstance(outcome, Settled) for outcome in rest)
    assert world.actuals(blocked) == {}
    assert all(world.live(entry) == EIGHT_HOURS for entry in others)


def test_a_lost_answer_is_looked_up_not_written_again(world: World) -> None:
    entry = world.approved()
    world.dataverse.lose_the_answer()
    assert isinstance(world.settled(entry), Settled)
    assert len(world.dataverse.committed) == 1
    assert world.live(entry) == EIGHT_HOURS


def test_a_lost_answer_to_a_reversal_is_looked_up_too(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)
    world.dataverse.lose_the_answer()
    world.settled(entry)
    assert len(world.dataverse.committed) == 2
    assert in_balance(world, entry)


def test_an_unknown_outcome_that_came_to_nothing_is_tried_once_more(world: World) -> None:
    entry = world.approved()
    world.dataverse.fail(UnknownOutcome("lost", "The connection was lost."))
    world.settled(entry)
    assert world.live(entry) == EIGHT_HOURS


def test_an_outcome_that_stays_unknown_is_given_back(world: World) -> None:
    entry = world.approved()
    world.dataverse.fail(UnknownOutcome("lost", "The connection was lost."), times=9)
    (outcome,) = world.settle(entry)
    assert isinstance(outcome, Unsettled)
    assert isinstance(outcome.failure, UnknownOutcome)


@pytest.mark.parametrize(
    "error",
    [Transient("busy", "Try later."), Rejected("no-privilege", "Missing prvCreate."), Conflict("x", "y", "z")],
)
def test_a_refused_change_set_leaves_nothing_behind(world: World, error: Transient | Rejected | Conflict) -> None:
    entry = world.approved()
    world.dataverse.fail(error, times=3)
    (outcome,) = world.settle(entry)
    assert isinstance(outcome, Unsettled)
    assert outcome.failure is error
    assert not world.dataverse.rows.of("msdyn_actual")
    assert not world.dataverse.rows.of("msdyn_transactionorigin")


def test_a_throttled_reading_is_handed_on_for_every_entry(world: World) -> None:
    throttled = Throttled("throttled", "Wait.", timedelta(seconds=42))
    world.dataverse.query_faults.append(throttled)
    outcomes = world.settle(world.approved(), world.approved())
    assert [outcome.failure for outcome in outcomes if isinstance(outcome, Unsettled)] == [throttled, throttled]


def test_one_entry_that_fails_does_not_hold_up_the_others(world: World) -> None:
    bad, good = world.approved(), world.approved()
    world.dataverse.put(world.approval_of(bad), msdyn_costprice=None)
    first, second = world.settle(bad, good)
    assert refused(first).code == "price-missing"
    assert isinstance(second, Settled)


def test_a_change_set_holds_all_rows_of_one_entry_and_of_no_other(world: World) -> None:
    entries = [world.approved(), world.approved()]
    world.settle(*entries)
    made = [change_set for change_set in world.dataverse.committed if touches("msdyn_actual")(change_set)]
    assert len(made) == 2
    assert {change_set.partition for change_set in made} == {f"msdyn_project/{PROJECT.id}"}
    assert reference(entries[0]) in world.dataverse.rows.cells
