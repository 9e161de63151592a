"""How few requests an entry takes once its project is known; and whatever changed since, a guess decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from connector.dataverse.changes import Record, Reference
from connector.dataverse.query import Query
from handlers.rows import reference
from handlers.seldom_changed import Lately, SeldomChanged
from handlers.set_up import Basis, SetUp
from handlers.whereabouts import MOST_ENTRIES, OfEntry, Whereabouts
from mappings import keys
from mappings.choices import BillingType
from mappings.tables import Ref
from tests.handlers.judging import EIGHT_HOURS
from tests.handlers.keeping_world import KeepingWorld
from tests.handlers.test_ledger_found import by_journal_line, connect, journal_line, own, untie
from tests.handlers.world import (
    CONTRACT,
    COST,
    INDIA,
    INTERNAL,
    LINE,
    OTHER_CUSTOMER,
    PROJECT,
    RESOURCE,
    UNBILLED,
    USD,
    new,
)


@pytest.fixture
def world() -> KeepingWorld:
    """A company whose service keeps what it read."""
    return KeepingWorld()


def test_an_entry_of_a_known_project_is_read_in_two_requests_and_read_again_in_one(world: KeepingWorld) -> None:
    first, second = world.approved(), world.approved()
    world.work_on(first)
    assert len(world.dataverse.requests) == 5
    world.dataverse.later(minutes=2)

    world.work_on(second)

    assert len(world.dataverse.requests) == 3
    assert world.live(second) == EIGHT_HOURS


def test_a_look_that_finds_all_as_it_was_takes_one_request(world: KeepingWorld) -> None:
    entry = world.approved()
    journal_line(world, entry)
    world.work_on(entry)
    world.dataverse.later(minutes=2)

    world.work_on(entry)

    (request,) = world.dataverse.requests
    # They are looked for in a text that no index covers, those of the entry and of its journal line at one go.
    assert [query.table for query in request].count("msdyn_transactionorigin") == 1


def test_a_reading_counts_from_before_its_first_request(world: KeepingWorld) -> None:
    """What was asked along with the entry is as old as the question for the entry."""
    entry = world.approved()
    world.work_on(entry)
    world.dataverse.later(minutes=2)
    began = world.dataverse.rows.now
    asked = world.dataverse.query

    def slowly(questions: Sequence[Query]) -> list[list[Record]]:
        answers = asked(questions)
        world.dataverse.later(seconds=5)
        return answers

    world.dataverse.query = slowly  # type: ignore[method-assign]
    world.work_on(entry)

    known = world.seldom_changed.whereabouts.entry(entry.id)
    assert known is not None
    assert world.seldom_changed.of(known.basis, began) is not None
    assert world.seldom_changed.of(known.basis, began + timedelta(seconds=1)) is None


def nothing(world: KeepingWorld, entry: Ref) -> None:
    pass


def another_customer(world: KeepingWorld, entry: Ref) -> None:
    """An untied row stands under the new one."""
    world.dataverse.put(CONTRACT, customerid=OTHER_CUSTOMER)
    role = keys.sales_role(BillingType.CHARGEABLE, OTHER_CUSTOMER.id)
    world.dataverse.put(Reference("msdyn_actual", keys.row_id(entry.id, 0, role)), msdyn_transactiontypecode=UNBILLED)


def another_project(world: KeepingWorld, entry: Ref) -> None:
    for row in (reference(entry), world.approval_of(entry)):
        world.dataverse.put(row, msdyn_project=INTERNAL)


def another_contract(world: KeepingWorld, entry: Ref) -> None:
    contract = world.fresh("salesorder")
    world.dataverse.put(contract, customerid=OTHER_CUSTOMER, transactioncurrencyid=USD)
    world.dataverse.put(world.fresh("salesorderdetail"), **world.line_of(PROJECT, contract))


def another_unit(world: KeepingWorld, entry: Ref) -> None:
    world.dataverse.put(INDIA, msdyn_currency=USD)
    world.dataverse.put(PROJECT, msdyn_contractorganizationalunitid=INDIA)


def another_unit_of_the_resource(world: KeepingWorld, entry: Ref) -> None:
    world.dataverse.put(INDIA, msdyn_currency=USD)
    world.dataverse.put(RESOURCE, msdyn_organizationalunit=INDIA)
    world.dataverse.put(reference(entry), msdyn_resourceorganizationalunitid=None)
    world.dataverse.put(
        Reference("msdyn_actual", keys.row_id(entry.id, 0, keys.RESOURCING_UNIT_COST)), msdyn_transactiontypecode=COST
    )


def no_line(world: KeepingWorld, entry: Ref) -> None:
    del world.dataverse.rows.cells[LINE]


def a_journal(world: KeepingWorld, entry: Ref) -> None:
    actual = world.fresh("msdyn_actual")
    world.dataverse.put(actual, msdyn_transactiontypecode=COST)
    by_journal_line(world, entry, actual)


def a_connection(world: KeepingWorld, entry: Ref) -> None:
    further, last = world.fresh("msdyn_actual"), world.fresh("msdyn_actual")
    for actual in (further, last):
        world.dataverse.put(actual, msdyn_transactiontypecode=COST)
    connect(world, further, "Replacing", own(entry, COST))
    connect(world, last, "Replacing", further)


def untied(world: KeepingWorld, entry: Ref) -> None:
    untie(world, own(entry, COST), own(entry, UNBILLED))


def gone(world: KeepingWorld, entry: Ref) -> None:
    del world.dataverse.rows.cells[reference(entry)]


@pytest.mark.parametrize("was_looked_at", [True, False])
@pytest.mark.parametrize(
    "changed",
    [
        nothing,
        another_customer,
        another_project,
        another_contract,
        another_unit,
        another_unit_of_the_resource,
        no_line,
        a_journal,
        a_connection,
        untied,
        gone,
    ],
)
def test_whatever_changed_the_facts_are_those_that_are_read_without_a_guess(
    world: KeepingWorld, changed: Callable[[KeepingWorld, Ref], None], was_looked_at: bool
) -> None:
    entry, other = world.approved(), world.approved()
    world.work_on(entry, other)
    if not was_looked_at:
        known, nobody = world.seldom_changed.whereabouts, SeldomChanged(lambda: world.dataverse.rows.now)
        found = known.entry(other.id)
        assert found is not None
        facts = world.handler.gather([other], world.dataverse)[other]
        nobody.whereabouts.found(other.id, found, facts.set_up)  # type: ignore[union-attr]
        world.seldom_changed = nobody
    world.dataverse.later(minutes=2)
    changed(world, entry)

    guessed = world.handler.gather([entry, other], Lately(world.dataverse, world.seldom_changed))

    assert guessed == world.handler.gather([entry, other], world.dataverse)


def test_the_entries_met_last_are_remembered_and_no_more_of_them() -> None:
    where = Whereabouts()
    nowhere = SetUp(None, (), {}, None, None, (), {})
    entries = [UUID(int=number) for number in range(MOST_ENTRIES + 2)]
    for entry in entries[:-1]:
        where.found(entry, OfEntry(Basis(), None, frozenset(), frozenset()), nowhere)
    where.tried(Ref("msdyn_timeentry", entries[1]), [])
    where.found(entries[-1], OfEntry(Basis(), None, frozenset(), frozenset()), nowhere)

    assert [entry for entry in entries if where.entry(entry) is None] == [entries[0], entries[2]]
    assert where.project(new("msdyn_project", 5).id).contracts == frozenset()
