"""Who reads everything now: replicas that met, what was tried before, and whoever reconciles."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from connector.envelope import Envelope
from connector.settlement import Complete
from handlers.fixed_point import FixedPoint, Settled
from handlers.reconcile import Survey
from handlers.seldom_changed import SeldomChanged
from mappings.comparison import Kind
from mappings.tables import Ref
from tests.handlers.envelopes import envelope
from tests.handlers.keeping_world import KeepingWorld
from tests.handlers.price_world import figures
from tests.handlers.service import Service, event
from tests.handlers.world import LINE


@pytest.fixture
def world() -> KeepingWorld:
    """A company whose service keeps what it read."""
    return KeepingWorld()


def replica(world: KeepingWorld) -> FixedPoint:
    """Another process of the service, which keeps what it read itself."""
    return FixedPoint(world.dataverse, seldom_changed=SeldomChanged(lambda: world.dataverse.rows.now))


def test_what_a_colleague_wrote_by_a_newer_set_up_is_not_completed_by_the_older_one(world: KeepingWorld) -> None:
    """The line became fixed price after the approval; by the set-up kept here, the sales side would be missing."""
    other, entry = world.approved(), world.approved()
    world.work_on(other)
    world.dataverse.put(LINE, msdyn_billingmethod=192350001)
    world.work_on(entry, through=replica(world))
    cost_only = figures(world, entry)
    assert len(cost_only) == 1

    (end,) = world.work_on(entry)

    assert isinstance(end, Settled)
    assert end.commits == 0
    assert figures(world, entry) == cost_only


def test_a_line_opened_within_the_minute_before_a_look_is_found_by_reconcile_and_billed_by_its_look(
    world: KeepingWorld,
) -> None:
    """Until then the sales side counts as not owed, as if the line had been opened a minute later."""
    world.dataverse.put(LINE, msdyn_includetime=False)
    entry = world.approved()
    world.work_on(entry)
    assert len(figures(world, entry)) == 1
    world.dataverse.put(LINE, msdyn_includetime=True)
    (end,) = world.work_on(entry)
    assert isinstance(end, Settled)
    assert (end.commits, len(figures(world, entry))) == (0, 1)

    survey = Survey(world.handler, world.dataverse, world.dataverse.rows.now)
    (drift,) = survey.drifts([{entry: None}])
    assert ([one.kind for one in drift.findings], drift.repairable) == ([Kind.MISSING], True)
    world.work_on(entry, through=world.service.afresh())
    assert len(figures(world, entry)) == 2


def test_two_replicas_of_which_one_keeps_an_older_set_up_write_one_entry_once(world: KeepingWorld) -> None:
    """Both have gathered before either commits: the one that is refused reads everything anew."""
    other, entry = world.approved(), world.approved()
    world.work_on(other)
    world.dataverse.put(LINE, msdyn_billingmethod=192350001)

    def colleague() -> None:
        world.work_on(entry, through=replica(world))

    world.dataverse.before_commit.append(colleague)

    (end,) = world.work_on(entry)

    assert isinstance(end, Settled)
    assert [kind for kind, *_ in figures(world, entry)] == [192350000]


@pytest.mark.parametrize(
    ("message", "price"),
    [
        (lambda entry: event(entry), "210.00"),
        (lambda entry: event(entry, attempt=1), "230.00"),
        (lambda entry: event(entry, delivery_count=1), "230.00"),
        (lambda entry: envelope({"kind": "look-at-entry", "table": entry.table, "id": str(entry.id)}), "230.00"),
    ],
)
def test_a_message_that_was_tried_before_or_sent_by_reconcile_is_worked_on_by_what_is_read_now(
    world: KeepingWorld, message: Callable[[Ref], Envelope], price: str
) -> None:
    pipeline = Service(world).events
    pipeline.fixed_point = world.service
    first, second = world.unpriced(), world.unpriced()
    pipeline.process([event(first)])
    world.dataverse.put(world.sales_price, msdyn_price=Decimal(230))

    (end,) = pipeline.process([message(second)])

    assert isinstance(end, Complete)
    assert world.sales_price_of(second) == price


def test_whoever_replays_or_reconciles_reads_everything_afresh(world: KeepingWorld) -> None:
    first, second, third = (world.unpriced() for _ in range(3))
    world.work_on(first)
    world.dataverse.put(world.sales_price, msdyn_price=Decimal(230))

    world.work_on(second, through=world.service.afresh())
    facts = world.handler.gather([third], world.dataverse)

    assert world.sales_price_of(second) == "230.00"
    assert {price.price for price in facts[third].set_up.prices.role_prices} == {Decimal(110), Decimal(230)}  # type: ignore[union-attr]
