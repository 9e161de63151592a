"""What seldom changes is told from the last minute: not for longer, and never two versions at once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from handlers.fixed_point import Settled
from handlers.rows import reference
from handlers.seldom_changed import MOST, Reading
from handlers.set_up import Basis, SetUps
from tests.handlers.judging import refused
from tests.handlers.keeping_world import PRICES, SET_UP, KeepingWorld
from tests.handlers.price_world import figures
from tests.handlers.world import LINE, RESOURCE, UNBILLED, USD, new


@pytest.fixture
def world() -> KeepingWorld:
    """A company whose service keeps what it read."""
    return KeepingWorld()


def test_a_price_list_that_changed_is_seen_after_a_minute_at_the_latest(world: KeepingWorld) -> None:
    entries = [world.unpriced() for _ in range(4)]
    prices = []
    for seconds, entry in zip((0, 30, 29, 2), entries, strict=True):
        world.dataverse.later(seconds=seconds)
        world.work_on(entry)
        prices.append(world.sales_price_of(entry))
        world.dataverse.put(world.sales_price, msdyn_price=Decimal(230))

    assert prices == ["210.00", "210.00", "210.00", "230.00"]


def test_what_was_put_in_order_before_an_approval_is_seen_with_it_at_once(world: KeepingWorld) -> None:
    before = world.unpriced()
    world.work_on(before)
    world.dataverse.later(seconds=5)
    world.dataverse.put(world.sales_price, msdyn_price=Decimal(230))
    world.dataverse.later(seconds=1)
    after = world.unpriced()

    world.work_on(after)

    assert world.sales_price_of(after) == "230.00"


def test_what_was_put_in_order_within_the_second_of_an_approval_is_seen_with_it_too(world: KeepingWorld) -> None:
    """When a row was written is told to the second only."""
    entry = world.submit()
    world.work_on(world.unpriced())
    began = world.dataverse.rows.now
    world.dataverse.put(world.sales_price, msdyn_price=Decimal(230))
    world.dataverse.put(world.approval_of(entry), msdyn_costprice=None, msdyn_salesprice=None)
    world.approve(entry)
    world.dataverse.put(world.approval_of(entry), modifiedon=began.replace(microsecond=0))

    world.work_on(entry)

    assert world.sales_price_of(entry) == "230.00"


def test_an_approval_that_does_not_say_when_it_was_written_was_written_just_now(world: KeepingWorld) -> None:
    first, second = world.unpriced(), world.unpriced()
    world.work_on(first)
    world.dataverse.put(world.approval_of(second), modifiedon=None)
    world.dataverse.put(world.sales_price, msdyn_price=Decimal(230))

    world.work_on(second)

    assert world.sales_price_of(second) == "230.00"


def test_nobody_is_refused_by_what_was_read_earlier(world: KeepingWorld) -> None:
    """The price was missing, an administrator has added it, and the message is replayed within the minute."""
    world.dataverse.put(world.sales_price, msdyn_price=None)
    other, entry = world.unpriced(), world.unpriced()
    assert refused(world.work_on(entry)[0])
    world.dataverse.later(seconds=5)
    world.dataverse.put(world.sales_price, msdyn_price=Decimal(220))

    ends = world.work_on(entry, other)

    assert [type(end) for end in ends] == [Settled, Settled]
    assert world.sales_price_of(entry) == world.sales_price_of(other) == "220.00"


def test_a_decision_that_needs_prices_takes_no_set_up_of_another_time_with_them(world: KeepingWorld) -> None:
    """The contract's line moved to non-chargeable work meanwhile: prices of now go with the line of now."""
    priced, unpriced = world.approved(), world.unpriced()
    world.work_on(priced)
    world.dataverse.later(seconds=10)
    world.dataverse.put(LINE, msdyn_billingmethod=192350001)

    world.work_on(unpriced)

    assert world.asked(SET_UP) == 1
    assert [kind for kind, *_ in figures(world, unpriced)] == [192350000]


def test_prices_of_submission_are_never_kept(world: KeepingWorld) -> None:
    lines = []
    entries = [world.unpriced() for _ in range(2)]
    for entry in entries:
        for kind in (192350000, UNBILLED):
            lines.append(world.fresh("msdyn_journalline"))
            price = {"msdyn_transactiontypecode": kind, "msdyn_price": Decimal(90), "transactioncurrencyid": USD}
            world.dataverse.put(lines[-1], **price)
            world.dataverse.put(
                world.fresh("msdyn_transactionorigin"),
                msdyn_origin=str(entry.id),
                msdyn_origintype=entry.table,
                msdyn_transaction=str(lines[-1].id),
                msdyn_transactiontype="msdyn_journalline",
            )
    world.work_on(entries[0])
    for line in lines:
        world.dataverse.put(line, msdyn_price=Decimal(95))

    world.work_on(entries[1])

    assert world.asked(SET_UP) == 0
    assert [world.sales_price_of(entry) for entry in entries] == ["90.00", "95.00"]


def test_an_entrys_own_values_of_dimensions_are_never_kept(world: KeepingWorld) -> None:
    for name, priority in (("new_band", 1), ("msdyn_resourcecategory", 2)):
        kind = {"msdyn_type": 192350000, "msdyn_applicabletocost": True, "msdyn_applicabletosales": True}
        order = {"msdyn_costpriority": priority, "msdyn_salespriority": priority}
        world.dataverse.put(world.fresh("msdyn_dimension"), msdyn_name=name, **kind, **order)
    senior = new("new_band", 71)
    world.role_price(world.sells, "260", new_band=senior)
    junior, other = world.unpriced(new_band=None), world.unpriced(new_band=None)
    world.work_on(junior)
    world.dataverse.put(reference(other), new_band=senior)

    world.work_on(other)

    assert world.asked(PRICES) == 0
    assert [world.sales_price_of(entry) for entry in (junior, other)] == ["210.00", "260.00"]


def test_another_persons_entry_is_another_reading(world: KeepingWorld) -> None:
    first, second = world.unpriced(), world.unpriced(msdyn_bookableresource=new("bookableresource", 77))
    assert new("bookableresource", 77) != RESOURCE
    world.work_on(first)
    world.work_on(second)

    assert world.asked(SET_UP) == 1


def test_no_more_than_so_many_readings_are_kept_and_none_of_the_future(world: KeepingWorld) -> None:
    kept = world.seldom_changed
    nothing = SetUps([], [], [], [], [], [], [], [], {}, {})
    bases = [Basis(project=new("msdyn_project", number).id) for number in range(MOST + 1)]
    for basis in bases:
        world.dataverse.later(seconds=1)
        kept.keep(Reading(kept.now(), frozenset({basis}), nothing))

    assert kept.of(bases[0], None) is None
    assert kept.of(bases[1], None) is not None
    world.dataverse.later(hours=-1)
    assert kept.of(bases[-1], None) is None
