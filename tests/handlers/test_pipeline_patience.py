"""Waiting that is no attempt: the grace of whoever else writes, and the late look at what they wrote all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.settlement import Complete, DeadLetter, RedeliverAt
from handlers.pipeline import LEAST_WAIT
from tests.handlers.envelopes import NOW
from tests.handlers.judging import EIGHT_HOURS, write
from tests.handlers.service import Service, event
from tests.handlers.world import COST, World

GRACE = timedelta(minutes=15)


def test_an_event_in_its_grace_waits_without_spending_an_attempt_and_without_a_question(
    world: World, service: Service
) -> None:
    service.events.grace = GRACE
    (settlement,) = service.about(world.approved(), enqueued_at=NOW - timedelta(minutes=5), attempt=2)
    assert isinstance(settlement, RedeliverAt)
    assert (settlement.when, settlement.attempt) == (NOW + timedelta(minutes=10), 2)
    assert not world.dataverse.requests


def test_an_event_older_than_the_grace_is_looked_at(world: World, service: Service) -> None:
    service.events.grace = GRACE
    entry = world.approved()
    assert isinstance(service.about(entry, enqueued_at=NOW - GRACE)[0], Complete)
    assert world.live(entry) == EIGHT_HOURS


def test_after_a_write_the_event_comes_back_once_and_spends_no_attempt(world: World, service: Service) -> None:
    service.events.late_look = GRACE
    entry = world.approved()
    (first,) = service.about(entry)
    assert isinstance(first, RedeliverAt)
    assert (first.when, first.attempt) == (NOW + GRACE, 0)
    (again,) = service.about(entry, enqueued_at=NOW - GRACE)
    assert isinstance(again, Complete)


def test_an_event_that_brought_no_write_does_not_come_back(world: World, service: Service) -> None:
    service.events.late_look = GRACE
    assert isinstance(service.about(world.submit())[0], Complete)


def test_the_late_look_finds_what_was_written_all_the_same(world: World, service: Service) -> None:
    service.events.late_look = GRACE
    entry = world.approved()
    service.about(entry)
    write(world, entry, COST)
    (again,) = service.about(entry, enqueued_at=NOW - GRACE)
    assert isinstance(again, DeadLetter)
    assert again.code == "doubled"


def test_who_may_have_died_after_writing_leaves_the_late_look_to_the_next(world: World, service: Service) -> None:
    service.events.late_look = GRACE
    entry = world.approved()
    service.about(entry)
    (after_a_death,) = service.about(entry, enqueued_at=NOW - timedelta(minutes=1), delivery_count=1)
    assert isinstance(after_a_death, RedeliverAt)
    assert after_a_death.when == NOW + timedelta(minutes=14)


def test_an_open_transaction_is_looked_at_first_and_the_late_look_still_follows(world: World, service: Service) -> None:
    service.events.late_look = GRACE
    entry = world.approved()
    (first,) = service.about(entry, in_transaction=True)
    assert isinstance(first, RedeliverAt)
    assert first.attempt == 1
    three_minutes = replace(event(entry, in_transaction=True), enqueued_at=NOW - timedelta(minutes=3), attempt=1)
    (second,) = service.events.process([three_minutes])
    assert isinstance(second, RedeliverAt)
    assert (second.when, second.attempt) == (NOW + timedelta(minutes=12), 1)
    (third,) = service.events.process([replace(three_minutes, enqueued_at=NOW - GRACE)])
    assert isinstance(third, Complete)


def test_what_is_due_by_the_brokers_clock_and_not_quite_by_ours_does_not_go_round_and_round(
    world: World, service: Service
) -> None:
    service.events.grace = GRACE
    nearly = NOW - GRACE + timedelta(milliseconds=1)
    (waits,) = service.about(world.approved(), enqueued_at=nearly)
    assert isinstance(waits, RedeliverAt)
    assert waits.when == NOW + LEAST_WAIT
    service.events.grace, service.events.late_look = timedelta(), GRACE
    entry = world.approved()
    service.about(entry)
    (looks,) = service.about(entry, enqueued_at=nearly, attempt=1)
    assert isinstance(looks, RedeliverAt)
    assert looks.when == NOW + LEAST_WAIT
