"""Each known mistake must be seen: a proof that no saboteur can fail proves nothing.

A saboteur swaps one safety of the service for the mistake people make; the scenario that the safety exists for is then
run again, and the independent ledger checker must object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from connector.dataverse.changes import Change, ChangeSet, Committed, Record, Update
from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query
from connector.errors import Conflict, ConnectorError
from handlers import invoicing
from handlers.course import Course
from handlers.fixed_point import FixedPoint, Settled
from handlers.plan import NothingToDo, Plan
from mappings import keys
from mappings.ledger import Ledger
from tests.flow.test_actuals import block_one_of_two, race_two_workers, stall_approve_then_cancel, write_a_foreign_cost
from tests.flow.test_invoices import (
    bill_one_entry,
    deliver_again_after_more_became_ready,
    invoice_between_selection_and_marking,
    race_two_commands,
)
from tests.flow.without_the_fence import remove_the_fence
from tests.flow.world import World


def test_random_ids_double_an_entry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for formula in ("row_id", "origin_id", "connection_id"):
        monkeypatch.setattr(keys, formula, lambda *_: uuid4())
    race_two_workers(world)
    assert any("doubled" in fault for fault in world.faults())


def test_taking_412_for_success_loses_an_entry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    weigh = Course.weigh

    def careless(
        self: Course, plan: Plan, change_set: ChangeSet, outcome: Committed | ConnectorError
    ) -> ConnectorError | None:
        return weigh(self, plan, change_set, Committed(()) if isinstance(outcome, Conflict) else outcome)

    monkeypatch.setattr(Course, "weigh", careless)
    settle_without_a_second_look(monkeypatch)
    blocked, free, _ = block_one_of_two(world)
    world.work_on(blocked, free)
    assert any("lost" in fault for fault in world.faults())


def settle_without_a_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = FixedPoint._commit

    def done_at_once(self: FixedPoint, handler, plans, courses, done):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202
        commit(self, handler, plans, courses, done)
        for subject in plans:
            done.setdefault(subject, Settled("It was written, so it must be right."))

    monkeypatch.setattr(FixedPoint, "_commit", done_at_once)


def test_without_a_second_gather_a_withdrawn_entry_stays_billed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_without_a_second_look(monkeypatch)
    stall_approve_then_cancel(world)
    assert any("doubled or wrong" in fault for fault in world.faults())


def test_ignoring_foreign_rows_doubles_an_entry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "foreign", ())
    entry = write_a_foreign_cost(world)
    world.work_on(entry)
    assert any("doubled" in fault for fault in world.faults())


def test_without_the_fence_two_commands_bill_one_actual_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bill_one_entry(world)
    remove_the_fence(monkeypatch)
    race_two_commands(world)
    assert any("on 2 invoice line details" in fault for fault in world.faults())


def test_without_the_fence_a_second_delivery_invoices_what_was_never_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_the_fence(monkeypatch)
    monkeypatch.setattr(invoicing, "_ended", lambda *_: NothingToDo("Nothing is ready."))
    deliver_again_after_more_became_ready(world)
    assert world.invoiced("C1")[0] == 2


class Unconditional:
    """A client that forgets which version it read, as UpdateMultiple does."""

    def __init__(self, client: DataverseClient) -> None:
        self._client = client

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        return self._client.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        return self._client.commit([replace(one, changes=tuple(map(_anyway, one.changes))) for one in change_sets])


def _anyway(change: Change) -> Change:
    return replace(change, etag="*") if isinstance(change, Update) else change


def test_marking_without_the_version_read_offers_an_invoiced_row_again(world: World) -> None:
    world.client = Unconditional(world.client)  # type: ignore[assignment]
    invoice_between_selection_and_marking(world)
    assert any("but on 1 invoice line details" in fault for fault in world.faults())
