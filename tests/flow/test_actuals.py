"""Entries become actuals once, whatever comes in between. Every test is judged by the independent ledger checker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial

import pytest

from connector.settlement import Complete, DeadLetter, RedeliverAt
from mappings import keys
from sandbox.company.company import LoadedEntry
from tests.flow.barriers import BeforeCommit, Stalled, Together, in_background
from tests.flow.world import World

COST, SALES = 192350000, 192350005
EIGHT = Decimal(8)
ONCE = [(COST, EIGHT), (SALES, EIGHT)]
"""What eight chargeable hours leave live, whoever wrote it and however often it was asked for."""


def test_the_same_event_five_times_leaves_one_cost_and_one_sales_actual(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    for _ in range(5):
        (end,) = world.work_on(entry)
        assert isinstance(end, Complete)
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_five_copies_in_one_batch_are_one_piece_of_work(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    ends = world.work_on(entry, entry, entry, entry, entry)
    assert [type(end) for end in ends] == [Complete] * 5
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_two_workers_that_both_gathered_before_either_committed_write_once(world: World) -> None:
    race_two_workers(world)
    assert world.live(world.time("P1", "Ada")) == ONCE
    assert world.faults() == []


def race_two_workers(world: World) -> None:
    """Two workers on one approved entry, both with their plan ready before either may commit."""
    entry = world.time("P1", "Ada")
    world.approve(entry)
    together = Together(world.client, 2)
    workers = [in_background(partial(world.work_on, entry, dataverse=side)) for side in together.sides]
    for worker in workers:
        worker.join(30)
        assert not worker.is_alive()


def test_an_approval_withdrawn_is_taken_back_and_approved_again_starts_the_next_generation(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.cancel(entry)
    world.work_on(entry)
    assert world.live(entry) == []
    assert world.faults() == []
    world.approve(entry)
    world.work_on(entry)
    assert world.live(entry) == ONCE
    assert len(world.books().of_entry(str(entry.id))) == 6
    assert world.faults() == []


@contextmanager
def a_worker_stalled_before_writing(world: World, entry: LoadedEntry) -> Iterator[None]:
    """A worker has its plan; what the block does happens before it writes. Afterwards it has come to rest."""
    stalled = Stalled(world.client)
    worker = in_background(lambda: world.work_on(entry, dataverse=stalled))
    assert stalled.gathered.wait(30)
    yield
    stalled.go.set()
    worker.join(30)
    assert not worker.is_alive()


def test_a_worker_stalled_before_writing_finds_the_approval_withdrawn_and_takes_its_rows_back(world: World) -> None:
    stall_approve_then_cancel(world)
    assert world.live(world.time("P1", "Ada")) == []
    assert world.faults() == []


def stall_approve_then_cancel(world: World) -> None:
    """A worker plans the first approval; before it writes, the approval is withdrawn and that event is handled."""
    entry = world.time("P1", "Ada")
    world.approve(entry)
    with a_worker_stalled_before_writing(world, entry):
        world.cancel(entry)
        world.work_on(entry)


def test_a_stalled_worker_that_writes_last_does_not_double_a_second_approval(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    with a_worker_stalled_before_writing(world, entry):
        world.cancel(entry)
        world.work_on(entry)
        world.approve(entry)
        world.work_on(entry)
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_a_stalled_worker_that_writes_first_is_overtaken_by_a_second_approval_with_fewer_hours(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    with a_worker_stalled_before_writing(world, entry):
        world.cancel(entry)
        world.release(entry, msdyn_salesquantity=6)
        world.approve(entry)
    world.work_on(entry)
    assert world.live(entry) == [(COST, EIGHT), (SALES, Decimal(2)), (SALES, Decimal(6))]
    assert world.faults() == []


def test_a_stalled_reversal_that_comes_after_the_second_approval_ends_with_the_entry_billed_once(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.cancel(entry)
    with a_worker_stalled_before_writing(world, entry):
        world.approve(entry)
        world.work_on(entry)
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_a_commit_whose_answer_is_lost_is_looked_up_and_not_repeated(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    (end,) = world.work_on(entry, dataverse=BeforeCommit(world.client, world.lose_the_next_answer))
    assert world.lost_answers == 1
    assert isinstance(end, RedeliverAt)  # a write that was never answered may land late: one more look, later
    assert world.live(entry) == ONCE
    (end,) = world.work_on(entry)
    assert isinstance(end, Complete)
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_a_leftover_row_blocks_its_own_change_set_only_and_is_named(world: World) -> None:
    blocked, free, leftover = block_one_of_two(world)
    ends = world.work_on(blocked, free)
    assert isinstance(ends[0], DeadLetter)
    assert leftover in ends[0].sentence
    assert isinstance(ends[1], Complete)
    assert world.live(blocked) == []
    assert world.live(free) == ONCE


def block_one_of_two(world: World) -> tuple[LoadedEntry, LoadedEntry, str]:
    """Two approved entries, and a row of unknown making that sits where one of the first entry's rows must go."""
    blocked, free = world.time("P1", "Ada", 0), world.time("P1", "Ada", 1)
    world.approve(blocked, free)
    leftover = str(keys.origin_id(blocked.id, keys.row_id(blocked.id, 0, keys.COST)))
    world.http(
        "POST",
        "msdyn_transactionorigins",
        {
            "msdyn_transactionoriginid": leftover,
            "msdyn_origin": "left",
            "msdyn_origintype": "over",
            "msdyn_transaction": "from",
            "msdyn_transactiontype": "somewhere",
        },
    )
    return blocked, free, leftover


def test_actuals_written_by_somebody_else_are_left_alone(world: World) -> None:
    entry = write_a_foreign_cost(world)
    (end,) = world.work_on(entry)
    assert isinstance(end, Complete)
    assert "elsewhere" in end.because
    assert world.live(entry) == [(COST, EIGHT)]


def write_a_foreign_cost(world: World) -> LoadedEntry:
    """Somebody else, the product for one, has written the entry's cost under an id of its own."""
    entry = world.time("P2", "Ada")
    world.approve(entry)
    world.write_foreign_cost(entry)
    return entry


@pytest.mark.parametrize(("status", "ending"), [(192350001, RedeliverAt), (192350002, DeadLetter)])
def test_a_withdrawn_entry_waits_for_a_draft_to_go_and_is_refused_once_posted(
    world: World, status: int, ending: type
) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    sales = next(a for a in world.books().live(str(entry.id)) if a["msdyn_transactiontypecode"] == SALES)

    def invoiced_meanwhile() -> None:
        world.http("PATCH", f"msdyn_actuals({sales['msdyn_actualid']})", {"msdyn_billingstatus": status})

    world.cancel(entry)
    (end,) = world.work_on(entry, dataverse=BeforeCommit(world.client, invoiced_meanwhile))
    assert isinstance(end, ending)
    assert world.live(entry) == ONCE


@pytest.mark.parametrize("project", ["P2", "P4"])
def test_fixed_price_and_internal_work_has_a_cost_only(world: World, project: str) -> None:
    entry = world.time(project, "Ada")
    world.approve(entry)
    world.work_on(entry)
    assert world.live(entry) == [(COST, EIGHT)]
    assert world.faults() == []
