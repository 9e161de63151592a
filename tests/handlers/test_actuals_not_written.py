"""Readings in flux, entries that are nobody's business, and figures that can't be known: nothing is written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from handlers.fixed_point import Settled
from handlers.rows import reference
from mappings.tables import Ref
from tests.handlers.judging import EIGHT_HOURS, not_yet, refused
from tests.handlers.world import (
    APPROVED,
    CONTRACT,
    COST,
    INDIA,
    INTERNAL,
    LINE,
    UNBILLED,
    World,
    new,
)

COLLEAGUE = new("bookableresource", 25)


def test_an_entry_that_is_only_announced_as_approved_is_not_yet(world: World) -> None:
    entry = world.submit(msdyn_targetentrystatus=APPROVED)
    assert not_yet(world.settle(entry)[0])
    world.approve(entry)
    world.settled(entry)
    assert world.live(entry) == EIGHT_HOURS


@pytest.mark.parametrize("torn", [{"entry": 192350003}, {"stage": 0}, {"stage": 1}, {"stage": 4}])
def test_a_reading_torn_between_entry_and_approval_is_not_yet(world: World, torn: dict[str, Any]) -> None:
    entry = world.approved()
    if "entry" in torn:
        world.dataverse.put(reference(entry), msdyn_entrystatus=torn["entry"])
    else:
        world.dataverse.put(world.approval_of(entry), msdyn_recordstage=torn["stage"])
    assert not_yet(world.settle(entry)[0])
    assert not world.dataverse.committed


def test_a_requested_recall_changes_nothing_until_it_is_answered(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(reference(entry), msdyn_entrystatus=192350004)
    world.dataverse.put(world.approval_of(entry), msdyn_recordstage=4)
    world.settled(entry)
    assert world.live(entry) == EIGHT_HOURS


@pytest.mark.parametrize("stage", [1, 5])
def test_an_accepted_recall_takes_everything_back(world: World, stage: int) -> None:
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(reference(entry), msdyn_entrystatus=192350001)
    world.dataverse.put(world.approval_of(entry), msdyn_recordstage=stage)
    world.settled(entry)
    assert (world.net(entry, COST), world.net(entry, UNBILLED)) == (Decimal(0), Decimal(0))


def test_vacation_and_entries_without_a_project_have_no_actuals(world: World) -> None:
    vacation = world.approved(msdyn_type=192350002, msdyn_project=None)
    on_a_project = world.approved(msdyn_type=192350001)
    idle = world.approved(msdyn_project=None)
    assert all(isinstance(outcome, Settled) for outcome in world.settle(vacation, on_a_project, idle))
    assert not world.actuals()


@pytest.mark.parametrize(
    ("approved_on", "written"),
    [
        (datetime(2026, 1, 1, 5, 0, tzinfo=UTC), True),  # midnight of 1 January in New York
        (datetime(2026, 1, 1, 4, 59, tzinfo=UTC), False),
        (datetime(2025, 6, 1, tzinfo=UTC), False),
    ],
)
def test_nothing_approved_before_the_go_live_date_is_written(
    world: World, approved_on: datetime, written: bool
) -> None:
    entry = world.submit()
    world.approve(entry, msdyn_approvedon=approved_on)
    world.settled(entry)
    assert bool(world.actuals()) is written


def test_a_price_of_zero_is_held_and_says_what_to_mend(world: World) -> None:
    entry = world.submit()
    world.approve(entry, msdyn_salesprice=Decimal(0))
    failure = refused(world.settle(entry)[0])
    assert failure.code == "price-zero"
    assert str(entry.id) in failure.sentence
    assert "price list" in failure.sentence
    assert not world.dataverse.committed


def test_an_entry_that_was_never_there_needs_nothing(world: World) -> None:
    missing = new("msdyn_timeentry", 4711)
    assert isinstance(world.settle(Ref(missing.table, missing.id))[0], Settled)


def test_a_deleted_entry_with_live_actuals_is_put_before_a_person(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    del world.dataverse.rows.cells[reference(entry)]
    assert refused(world.settle(entry)[0]).code == "entry-gone"
    assert world.live(entry) == EIGHT_HOURS


def test_two_approvals_of_one_entry_are_both_named(world: World) -> None:
    entry = world.approved()
    first = world.approval_of(entry)
    second = world.fresh("msdyn_projectapproval")
    world.dataverse.put(second, **world.dataverse.get(first))
    failure = refused(world.settle(entry)[0])
    assert failure.code == "two-approvals"
    assert str(first.id) in failure.sentence
    assert str(second.id) in failure.sentence


def test_another_units_resource_on_a_fixed_price_line_or_an_internal_project_costs_what_it_costs(world: World) -> None:
    internal = world.approved(msdyn_project=INTERNAL, msdyn_resourceorganizationalunitid=INDIA)
    world.dataverse.put(LINE, msdyn_billingmethod=192350001)
    fixed = world.approved(msdyn_resourceorganizationalunitid=INDIA)
    for entry in (internal, fixed):
        world.settled(entry)
        assert world.live(entry) == EIGHT_HOURS[:1]


def test_an_approval_whose_recall_was_refused_holds_as_before(world: World) -> None:
    entry, late = world.approved(), world.approved()
    world.settled(entry)
    for one in (entry, late):
        world.dataverse.put(world.approval_of(one), msdyn_recordstage=6)
    assert world.settled(entry).commits == 0
    world.settled(late)
    assert world.live(entry) == world.live(late) == EIGHT_HOURS


def test_an_approval_that_does_not_say_when_it_approved_is_refused(world: World) -> None:
    entry = world.submit()
    world.approve(entry, msdyn_approvedon=None)
    failure = refused(world.settle(entry)[0])
    assert failure.code == "approval-undated"
    assert str(world.approval_of(entry).id) in failure.sentence
    assert not world.dataverse.committed


EDITS = pytest.mark.parametrize("edited", [{"msdyn_project": INTERNAL}, {"msdyn_bookableresource": COLLEAGUE}])


@EDITS
def test_an_entry_edited_before_anything_was_written_is_not_billed_by_guess(
    world: World, edited: dict[str, Any]
) -> None:
    entry = world.approved()
    world.dataverse.put(reference(entry), **edited)
    failure = refused(world.settle(entry)[0])
    assert failure.code == "edited-after-approval"
    assert str(world.approval_of(entry).id) in failure.sentence
    assert world.live(entry) == []


@EDITS
def test_rows_of_an_entry_edited_since_stay_as_they_were_approved_and_the_edit_is_told(
    world: World, edited: dict[str, Any]
) -> None:
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(reference(entry), **edited)
    settled = world.settled(entry)
    assert settled.commits == 0
    assert all(column in settled.because for column in edited)
    assert str(world.approval_of(entry).id) in settled.because
    assert world.live(entry) == EIGHT_HOURS


def test_an_entry_edited_after_its_approval_is_still_taken_back(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(reference(entry), msdyn_project=INTERNAL)
    world.cancel(entry)
    world.settled(entry)
    assert world.live(entry) == []
    assert (world.net(entry, COST), world.net(entry, UNBILLED)) == (Decimal(0), Decimal(0))


def test_a_target_left_standing_after_a_cancellation_does_not_keep_its_rows_billable(world: World) -> None:
    entry = world.approved(msdyn_targetentrystatus=APPROVED)
    world.settled(entry)
    world.cancel(entry)
    assert not_yet(world.settle(entry)[0])
    assert world.live(entry) == []
    assert (world.net(entry, COST), world.net(entry, UNBILLED)) == (Decimal(0), Decimal(0))
    committed = len(world.dataverse.committed)
    assert not_yet(world.settle(entry)[0])
    assert len(world.dataverse.committed) == committed


def test_a_target_beside_an_approval_that_still_holds_takes_nothing_back(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(reference(entry), msdyn_targetentrystatus=192350003)
    assert not_yet(world.settle(entry)[0])
    assert world.live(entry) == EIGHT_HOURS


@pytest.mark.parametrize("kind", [192355000, 192359999])
def test_a_break_or_a_type_of_time_nobody_documents_is_refused(world: World, kind: int) -> None:
    (outcome,) = world.settle(world.approved(msdyn_type=kind))
    assert refused(outcome).code == "unknown-choice"
    assert str(kind) in refused(outcome).sentence
    assert not world.dataverse.committed


@pytest.mark.parametrize("kind", [192354320, 192355001, None])
def test_overtime_and_travel_are_work(world: World, kind: int | None) -> None:
    entry = world.approved(msdyn_type=kind)
    world.settled(entry)
    assert world.live(entry) == EIGHT_HOURS


@pytest.mark.parametrize("method", [192350000, 192350001])
def test_a_line_whose_contract_cannot_be_read_is_no_internal_work(world: World, method: int) -> None:
    world.dataverse.put(LINE, msdyn_billingmethod=method)
    del world.dataverse.rows.cells[CONTRACT]
    (outcome,) = world.settle(world.approved())
    assert refused(outcome).code == "contract-gone"
    assert not world.dataverse.committed
