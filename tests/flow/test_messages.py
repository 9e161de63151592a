"""From Dataverse's post over the queue to the ledger, with messages doubled, workers dying and copies repeated."""

from __future__ import annotations

from uuid import uuid4

import pytest

from connector import servicebus
from handlers.parsing import parse_event
from sandbox.world import EVENTS
from tests.flow.queue_world import (
    LOCK,
    copy_the_waiting_event,
    delay_twice_without_completing,
    listen,
    run_until_drained,
    work_and_die_before_settling,
)
from tests.flow.test_actuals import ONCE
from tests.flow.world import World


def test_an_approval_travels_from_dataverse_over_the_queue_into_the_ledger(world: World) -> None:
    listen(world)
    entry = world.time("P1", "Ada")
    world.approve(entry)
    run_until_drained(world)
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_one_event_posted_five_times_more_leaves_the_actuals_once(world: World) -> None:
    listen(world)
    entry = world.time("P1", "Ada")
    world.approve(entry)
    assert world.sandbox.events.idle(30)
    copy_the_waiting_event(world, copies=5)
    run_until_drained(world)
    assert world.live(entry) == ONCE
    assert world.faults() == []
    assert world.sandbox.bus.counts(EVENTS).dead_letter == 0


def test_a_worker_that_dies_between_commit_and_settlement_leaves_the_message_to_the_next_one(world: World) -> None:
    listen(world)
    entry = world.time("P1", "Ada")
    world.approve(entry)
    assert world.sandbox.events.idle(30)
    pipeline = world.pipeline()
    pipeline.parse = lambda envelope: parse_event(envelope, None, "psac-none")
    held = work_and_die_before_settling(world, pipeline)
    assert held > 0
    assert world.live(entry) == ONCE
    assert world.sandbox.bus.counts(EVENTS).locked == held
    world.sandbox.clock.advance(LOCK)
    run_until_drained(world)
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_a_withdrawn_and_repeated_approval_handled_in_one_go_ends_as_the_last_state_says(world: World) -> None:
    listen(world)
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.cancel(entry)
    world.approve(entry)
    run_until_drained(world)
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_the_copy_of_a_delayed_retry_exists_once_however_often_it_is_scheduled(world: World) -> None:
    put_one_message_on_the_queue(world)
    delay_twice_without_completing(world)
    assert world.sandbox.bus.counts(EVENTS).scheduled == 1


def test_saboteur_random_copy_ids_multiply_the_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicebus, "copy_id", lambda *_: str(uuid4()))
    put_one_message_on_the_queue(world)
    delay_twice_without_completing(world)
    assert world.sandbox.bus.counts(EVENTS).scheduled == 2


def put_one_message_on_the_queue(world: World) -> None:
    listen(world)
    # One watched column of one row: one message. An approval would announce the entry and its approval row.
    entry = world.time("P4", "Ada")
    world.http("PATCH", f"msdyn_projectapprovals({entry.approval})", {"msdyn_salesquantity": 7}, user="approver")
    assert world.sandbox.events.idle(30)
