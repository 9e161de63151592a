"""What goes wrong beneath a batch, and whether its messages wait, pause the service or go before a person."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from connector.errors import Conflict, Misconfigured, Rejected, Throttled, Transient
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt
from mappings.tables import Ref
from tests.handlers.envelopes import NOW
from tests.handlers.fake_dataverse import touches
from tests.handlers.judging import EIGHT_HOURS
from tests.handlers.service import BUSY, POLICY, Service, ends
from tests.handlers.world import World


def test_a_passing_fault_is_tried_again_at_once(world: World, service: Service) -> None:
    entry = world.approved()
    world.dataverse.fail(BUSY, times=2)
    assert ends(service.about(entry)) == [Complete]
    assert world.live(entry) == EIGHT_HOURS


@pytest.mark.parametrize(("attempt", "delay"), [(0, 0), (1, 1), (8, 8)])
def test_a_fault_that_does_not_pass_at_once_is_tried_again_later(
    world: World, service: Service, attempt: int, delay: int
) -> None:
    entry = world.approved()
    world.dataverse.fail(BUSY, times=99)
    (ending,) = service.about(entry, attempt=attempt)
    assert ending == RedeliverAt(NOW + POLICY.delays[delay], attempt + 1, BUSY.sentence)
    assert len(world.dataverse.requests) == 3 * 4


def test_a_question_that_got_no_answer_for_minutes_is_not_asked_again_at_once(world: World, service: Service) -> None:
    entry = world.approved()
    world.dataverse.query_faults += [Transient("no-answer", "Nobody.")] * 9
    (ending,) = service.about(entry)
    assert ending == RedeliverAt(NOW + POLICY.delays[0], 1, "Nobody.")
    assert len(world.dataverse.query_faults) == 8


def test_a_fault_that_never_passes_is_put_before_a_person(world: World, service: Service) -> None:
    entry = world.approved()
    world.dataverse.fail(BUSY, times=99)
    (ending,) = service.about(entry, attempt=len(POLICY.delays))
    assert isinstance(ending, DeadLetter)
    assert ending.code == "busy"


def test_a_reading_in_flux_is_not_asked_for_again_at_once(world: World, service: Service) -> None:
    entry = world.submit(msdyn_targetentrystatus=192350002)
    (ending,) = service.about(entry)
    assert isinstance(ending, RedeliverAt)
    assert len(world.dataverse.requests) == 4


def test_a_throttled_request_comes_back_when_told_and_not_before(world: World, service: Service) -> None:
    world.dataverse.query_faults.append(Throttled("throttled", "Wait.", timedelta(minutes=4)))
    (ending,) = service.about(world.approved())
    assert isinstance(ending, RedeliverAt)
    assert ending.when >= NOW + timedelta(minutes=4)


def test_a_fault_of_our_own_pauses_and_burns_no_message(world: World, service: Service) -> None:
    world.dataverse.query_faults.append(Misconfigured("no-role", "The role is missing."))
    assert service.about(world.approved(), world.approved()) == [Pause("no-role", "The role is missing.")] * 2


def test_a_conflict_that_stays_names_the_row_and_is_not_tried_again_at_once(world: World, service: Service) -> None:
    world.dataverse.fail(Conflict("exists", "A row exists.", "msdyn_actual(1)"), times=99)
    (ending,) = service.about(world.approved())
    assert isinstance(ending, DeadLetter)
    assert "msdyn_actual(1)" in ending.sentence
    assert len(world.dataverse.requests) == 3 * 4


def zero_priced(world: World) -> Ref:
    """An approved entry that is refused."""
    entry = world.approved()
    world.dataverse.put(world.approval_of(entry), msdyn_salesprice=Decimal(0))
    return entry


def test_the_same_refusal_on_many_subjects_in_a_row_is_our_fault(world: World, service: Service) -> None:
    entries = [world.approved() for _ in range(4)]
    world.dataverse.fail(Rejected("refused", "Dataverse refused."), touches("msdyn_actual"), 4)
    assert ends(service.about(*entries)) == [Pause] * 4


def test_data_that_break_a_rule_of_ours_never_pause_the_service(world: World, service: Service) -> None:
    assert ends(service.about(*(zero_priced(world) for _ in range(9)))) == [DeadLetter] * 9


def test_a_success_between_refusals_starts_the_count_over(world: World, service: Service) -> None:
    good = world.approved()
    endings = service.about(zero_priced(world), zero_priced(world), good, zero_priced(world), zero_priced(world))
    assert ends(endings) == [DeadLetter, DeadLetter, Complete, DeadLetter, DeadLetter]


def test_many_messages_about_one_bad_entry_are_one_bad_entry(world: World, service: Service) -> None:
    assert ends(service.about(*[zero_priced(world)] * 9)) == [DeadLetter] * 9


def test_a_lookup_of_approvals_that_fails_keeps_their_messages_and_settles_the_others(
    world: World, service: Service
) -> None:
    entry, other = world.approved(), world.approved()
    approval = world.approval_of(entry)
    world.dataverse.query_faults.append(BUSY)
    first, second = service.about(Ref(approval.table, approval.id), other)
    assert isinstance(first, RedeliverAt)
    assert isinstance(second, Complete)
    assert world.live(other) == EIGHT_HOURS


def test_however_often_a_message_is_told_to_wait_it_keeps_all_its_attempts(world: World, service: Service) -> None:
    entry, attempt = world.submit(msdyn_targetentrystatus=192350002), 0
    for _ in range(12):
        world.dataverse.query_faults.append(Throttled("throttled", "Wait.", timedelta(minutes=4)))
        (waits,) = service.about(entry, attempt=attempt)
        assert isinstance(waits, RedeliverAt)
        attempt = waits.attempt
    assert attempt == 0
    (looked_at,) = service.about(entry, attempt=attempt)
    assert looked_at == RedeliverAt(NOW + POLICY.delays[0], 1, looked_at.because)  # type: ignore[union-attr]


def test_being_told_to_wait_at_the_last_attempt_leaves_that_attempt(world: World, service: Service) -> None:
    entry, last = world.approved(), len(POLICY.delays)
    world.dataverse.query_faults.append(Throttled("throttled", "Wait.", timedelta(minutes=4)))
    (waits,) = service.about(entry, attempt=last)
    assert isinstance(waits, RedeliverAt)
    assert waits.attempt == last
    assert ends(service.about(entry, attempt=last)) == [Complete]


def test_rows_that_make_no_sense_never_pause_the_service(world: World, service: Service) -> None:
    entries = [world.approved() for _ in range(9)]
    for entry in entries:
        world.dataverse.put(world.approval_of(entry), msdyn_billingtype=192350009)
    endings = service.about(*entries)
    assert [ending.code for ending in endings if isinstance(ending, DeadLetter)] == ["unknown-choice"] * 9
