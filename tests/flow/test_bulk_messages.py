"""Entries whose rows go in bulk messages are written once each, whichever is refused, in the way, or unanswered.

Every test is judged by the independent ledger checker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from connector.auth import StaticToken
from connector.dataverse.batch import Request
from connector.dataverse.bulk import BulkMessages
from connector.dataverse.changes import ChangeSet, Committed
from connector.dataverse.client import DataverseClient
from connector.dataverse.commits import Commits
from connector.settlement import Complete, DeadLetter, RedeliverAt
from sandbox.company.company import LoadedEntry
from sandbox.company.names import company_id
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Cell, Link, Refused
from tests.flow.barriers import BeforeCommit, Together, in_background
from tests.flow.test_actuals import ONCE, block_one_of_two
from tests.flow.test_saboteurs import settle_without_a_second_look
from tests.flow.world import World

PLUGIN_REFUSES = "0x80040265"


@pytest.fixture
def groups(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The service sends bulk messages; of how many entries each was."""
    token = StaticToken(world.sandbox.tokens["service"])
    world.client = DataverseClient(world.sandbox.dataverse, token, tag="psa-connector", bulk_messages=True)
    bulk = world.client._commits._bulk
    assert bulk is not None
    # Whatever it takes in bulk here is quicker than that.
    bulk.pace.took(100, timedelta(hours=1), [])
    sent: list[int] = []
    requests = BulkMessages.requests

    def counting(self: BulkMessages, change_sets: Sequence[ChangeSet]) -> tuple[Request, ...]:
        sent.append(len(change_sets))
        return requests(self, change_sets)

    monkeypatch.setattr(BulkMessages, "requests", counting)
    yield sent
    world.client.close()


def approved(world: World, count: int) -> list[LoadedEntry]:
    entries = [world.time("P1", "Ada", number) for number in range(count)]
    world.approve(*entries)
    return entries


def refused_among(world: World, count: int) -> tuple[LoadedEntry, list[LoadedEntry]]:
    """One entry whose actuals a plug-in refuses, because of who worked, and others."""
    good, bad = approved(world, count), world.time("P1", "Ben")
    world.approve(bad)
    guards = world.sandbox.web.organisation.before_write
    others, ben = guards.get("msdyn_actual"), company_id("bookableresource", "Ben")

    def guard(work: Transaction, id: UUID | None, values: Mapping[str, Cell]) -> None:
        resource = values.get("msdyn_bookableresource")
        if isinstance(resource, Link) and resource.id == ben:
            raise Refused("A plug-in refuses this actual.", PLUGIN_REFUSES)
        if others is not None:
            others(work, id, values)

    guards["msdyn_actual"] = guard
    return bad, good


def test_many_entries_go_in_one_bulk_message_each_table(world: World, groups: list[int]) -> None:
    entries = approved(world, 4)
    assert [type(end) for end in world.work_on(*entries)] == [Complete] * 4
    assert groups == [4]
    assert all(world.live(entry) == ONCE for entry in entries)
    assert world.faults() == []


def test_one_that_a_plug_in_refuses_costs_the_others_nothing(world: World, groups: list[int]) -> None:
    bad, good = refused_among(world, 2)
    ends = world.work_on(bad, *good)
    assert groups == [3]
    assert isinstance(ends[0], DeadLetter)
    assert "A plug-in refuses this actual." in ends[0].sentence
    assert [type(end) for end in ends[1:]] == [Complete] * 2
    assert world.live(bad) == []
    assert [world.live(entry) for entry in good] == [ONCE] * 2


def test_one_whose_place_is_taken_is_named_and_costs_the_others_nothing(world: World, groups: list[int]) -> None:
    blocked, free, leftover = block_one_of_two(world)
    ends = world.work_on(blocked, free)
    assert groups[0] == 2
    assert isinstance(ends[0], DeadLetter)
    assert leftover in ends[0].sentence
    assert isinstance(ends[1], Complete)
    assert world.live(blocked) == []
    assert world.live(free) == ONCE


def test_a_bulk_message_whose_answer_is_lost_is_looked_up_and_not_repeated(world: World, groups: list[int]) -> None:
    entries = approved(world, 3)
    ends = world.work_on(*entries, dataverse=BeforeCommit(world.client, world.lose_the_next_answer))
    assert world.lost_answers == 1
    assert [type(end) for end in ends] == [RedeliverAt] * 3
    assert groups == [3]
    assert [type(end) for end in world.work_on(*entries)] == [Complete] * 3
    assert groups == [3]
    assert all(world.live(entry) == ONCE for entry in entries)
    assert world.faults() == []


def test_two_workers_with_the_same_plans_ready_write_each_entry_once(world: World, groups: list[int]) -> None:
    entries = approved(world, 3)
    together = Together(world.client, 2)
    workers = [in_background(partial(world.work_on, *entries, dataverse=side)) for side in together.sides]
    for worker in workers:
        worker.join(30)
        assert not worker.is_alive()
    assert groups == [3, 3]
    assert all(world.live(entry) == ONCE for entry in entries)
    assert world.faults() == []


def test_taking_a_fallen_bulk_message_for_success_loses_entries(
    world: World, groups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Commits, "_outcome_of_all", lambda *_: Committed(()))
    settle_without_a_second_look(monkeypatch)
    bad, good = refused_among(world, 2)
    world.work_on(bad, *good)
    assert any("lost" in fault for fault in world.faults())
