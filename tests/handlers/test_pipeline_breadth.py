"""What a whole batch tells about whose fault a failure is, and what becomes of its messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from connector.dataverse.changes import Record
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Misconfigured, Rejected, Transient, UnknownOutcome
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt
from handlers.foreigners import MOST, Foreigners
from handlers.pipeline import SECOND_LOOK
from mappings.tables import Ref
from tests.handlers.envelopes import NOW, context, envelope
from tests.handlers.fake_dataverse import touches
from tests.handlers.service import POLICY, Service, ends
from tests.handlers.world import World

REFUSED = Rejected("refused", "Dataverse refused.")
ROLE = Misconfigured("missing-privilege", "A role.")
WAITS = RedeliverAt(NOW + POLICY.in_doubt, 0, REFUSED.sentence)


def refuse(world: World, entry: Ref, error: ConnectorError = REFUSED, times: int = 99) -> None:
    """Writes for this entry are refused."""

    def fits(change_set: object) -> bool:
        return str(entry.id) in str(change_set)

    world.dataverse.fail(error, fits, times)


def refused(world: World, count: int, error: ConnectorError = REFUSED) -> list[Ref]:
    """Approved entries whose writes are refused."""
    entries = [world.approved() for _ in range(count)]
    for entry in entries:
        refuse(world, entry, error)
    return entries


def test_many_bad_rows_beside_a_good_one_go_aside_and_pause_nothing(world: World, service: Service) -> None:
    bad = refused(world, 9)
    assert ends(service.about(*bad, world.approved())) == [*[DeadLetter] * 9, Complete]


def test_bad_rows_alone_make_way_after_a_pause_and_go_aside_once_another_got_through(
    world: World, service: Service
) -> None:
    bad = refused(world, 4)
    assert ends(service.about(*bad)) == [Pause] * 4
    service.events.breadth.resumed()
    assert service.about(*bad, attempt=0) == [WAITS] * 4
    assert ends(service.about(world.approved())) == [Complete]
    assert ends(service.about(*bad)) == [DeadLetter] * 4


def test_a_role_that_was_removed_shows_in_mixed_traffic_and_costs_no_message(world: World, service: Service) -> None:
    settled, first, second = world.approved(), *refused(world, 2, ROLE)
    service.about(settled)
    assert ends(service.about(first)) == [RedeliverAt], "one row may be out of our reach"
    assert ends(service.about(settled, *refused(world, 1))) == [Complete, DeadLetter]
    assert service.about(second, first) == [Pause(ROLE.code, ROLE.sentence)] * 2


def test_a_dataverse_that_is_down_pauses_and_spends_no_attempt(world: World, service: Service) -> None:
    service.events.breadth = type(service.events.breadth)(3, 3)
    world.dataverse.query_faults += [Transient("unreachable", "Down.")] * 99
    entries = [world.approved() for _ in range(3)]
    assert ends(service.about(*entries)) == [Pause] * 3
    service.events.breadth.resumed()
    assert service.about(*entries, attempt=7) == [RedeliverAt(NOW + POLICY.in_doubt, 7, "Down.")] * 3


def test_what_may_still_land_keeps_its_message_away_for_that_long_however_short_the_pause(
    world: World, service: Service
) -> None:
    service.events.breadth = type(service.events.breadth)(3, 1)
    world.dataverse.fail(UnknownOutcome("no-answer", "Nobody."), touches("msdyn_actual"), 99)
    (end,) = service.about(world.approved(), attempt=2)
    assert end == Pause("no-answer", "Nobody.", RedeliverAt(NOW + SECOND_LOOK, 2, "Nobody."))


def test_an_approval_that_can_not_be_looked_up_is_weighed_as_well(world: World, service: Service) -> None:
    approval = world.approval_of(world.approved())
    world.dataverse.query_faults += [Misconfigured("unknown-name", "No such column.")]
    (end,) = service.about(Ref(approval.table, approval.id))
    assert end == Pause("unknown-name", "No such column.")
    assert service.events.breadth.doubtful


def test_a_teller_that_fails_keeps_exactly_the_messages_that_were_at_their_end(world: World, service: Service) -> None:
    class Mute:
        def answer(self, ended: object) -> None:
            raise Transient("bus-unreachable", "Down.")

    service.events.tellers = (Mute(),)
    waits = world.submit(msdyn_targetentrystatus=192350002)
    endings = service.about(waits, world.approved())
    assert [getattr(one, "because", "") == "Down." for one in endings] == [False, True]


def test_events_of_another_organization_are_counted_told_of_once_an_hour_and_let_go(
    world: World, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = str(UUID(int=7))
    foreign = envelope(context("msdyn_timeentry", UUID(int=1), OrganizationId=elsewhere))
    assert ends(service.events.process([foreign] * 3)) == [Complete] * 3
    assert service.events.foreigners.counts == {elsewhere: 3}
    told = [one for one in caplog.records if one.levelname == "ERROR"]
    assert len(told) == 1
    assert elsewhere in told[0].getMessage()
    assert not world.dataverse.requests


def test_organizations_without_end_are_counted_as_one_and_an_hour_later_told_of_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    foreigners = Foreigners()
    for number in range(MOST + 50):
        foreigners.saw(str(number), NOW)
    assert len(foreigners.counts) == MOST + 1
    assert foreigners.counts["others"] == 50
    caplog.clear()
    foreigners.saw("1", NOW + timedelta(minutes=59))
    foreigners.saw("1", NOW + timedelta(minutes=60))
    assert len(caplog.messages) == 1


def test_a_row_that_can_not_be_read_holds_up_nobody_beside_it_and_waits(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, *good = (world.approved() for _ in range(4))
    *approvals, bad_one = (world.approval_of(world.approved()) for _ in range(4))
    read = world.dataverse.query
    unreadable = Misconfigured("unreadable-answer", "Dataverse answered msdyn_timeentry.msdyn_duration otherwise.")

    def query(questions: Sequence[Query]) -> list[list[Record]]:
        answers = read(questions)
        if any(record.row.id in (bad.id, bad_one.id) for records in answers for record in records):
            raise unreadable
        return answers

    monkeypatch.setattr(world.dataverse, "query", query)
    assert ends(service.about(bad, *good)) == [RedeliverAt, *[Complete] * 3]
    assert all(world.live(entry) for entry in good)
    assert ends(service.about(bad, world.approved())) == [RedeliverAt, Complete]
    about = [Ref(approval.table, approval.id) for approval in (bad_one, *approvals)]
    assert ends(service.about(*about)) == [RedeliverAt, *[Complete] * 3]
    assert not service.events.breadth.doubtful
