"""How often the service asks: as often for two hundred entries as for one, and seldom for what seldom changes."""

from __future__ import annotations

from typing import Any

import pytest

from connector.settlement import Complete
from handlers.seldom_changed import Lately, SeldomChanged
from mappings.tables import Ref
from tests.handlers.keeping_world import NEVER_KEPT, PRICES, SET_UP, KeepingWorld
from tests.handlers.service import Service, event
from tests.handlers.world import INTERNAL, PROJECT, new


@pytest.fixture
def world() -> KeepingWorld:
    """A company whose service keeps what it read."""
    return KeepingWorld()


@pytest.mark.parametrize("priced", [True, False])
@pytest.mark.parametrize("lately", [False, True])
def test_the_number_of_requests_and_questions_is_the_same_for_one_entry_and_for_two_hundred(
    world: KeepingWorld, priced: bool, lately: bool
) -> None:
    """Entries of several projects, and people; each is read for the first time, and once more."""
    entries = []
    for number in range(200):
        on: dict[str, Any] = {
            "msdyn_project": (PROJECT, INTERNAL)[number % 2],
            "msdyn_bookableresource": new("bookableresource", number),
        }
        entries.append(world.approved(**on) if priced else world.unpriced(**on))
    counts = set()
    for some in (entries[:1], entries[:20], entries):
        seldom_changed = SeldomChanged(lambda: world.dataverse.rows.now)
        through = Lately(world.dataverse, seldom_changed) if lately else world.dataverse
        world.dataverse.requests.clear()
        facts = [world.handler.gather(some, through) for _ in range(2)]
        assert len(facts[0]) == len(facts[1]) == len(some)
        counts.add((len(world.dataverse.requests), sum(map(len, world.dataverse.requests))))

    ((requests, _),) = counts
    # Entries, set-up twice, prices twice, ledger; the second round asks for all of it at once.
    first, again = (4, 1) if priced else (6, 1)
    assert requests == first + (again if lately else first)


def test_a_batch_of_messages_asks_as_often_for_two_hundred_as_for_one(world: KeepingWorld) -> None:
    """Messages about approvals, which lead to entries first."""
    pipeline = Service(world).events
    pipeline.fixed_point = world.service
    entries = [world.submit() for _ in range(200)]
    counts = []
    for some in (entries[:1], entries[:20], entries):
        world.dataverse.requests.clear()
        world.dataverse.later(minutes=2)
        approvals = [world.approval_of(entry) for entry in some]
        ends = pipeline.process([event(Ref(approval.table, approval.id)) for approval in approvals])
        assert [type(end) for end in ends] == [Complete] * len(some)
        counts.append(len(world.dataverse.requests))

    # The approvals, the entries, their set-up in two steps, their ledgers; of a project met before all that is behind
    # the entries at once.
    assert counts == [5, 3, 3]


def test_the_second_look_of_a_piece_of_work_reads_set_up_and_prices_from_the_first(world: KeepingWorld) -> None:
    entry = world.unpriced()

    world.work_on(entry)

    assert world.asked(SET_UP) == 2
    assert world.asked(PRICES) == 2
    assert world.asked({"msdyn_actual"}) >= 2
    assert world.sales_price_of(entry) == "210.00"


def test_what_changes_any_time_is_asked_every_time(world: KeepingWorld) -> None:
    first, second = world.unpriced(), world.unpriced()
    world.work_on(first)
    world.work_on(second)

    asked = {query.table for request in world.dataverse.requests for query in request}
    assert asked >= NEVER_KEPT
    assert not asked & (SET_UP | PRICES)
