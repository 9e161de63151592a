"""What seldom changes is told from the last minute: not for longer, not to everybody, never two versions at once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connector.envelope import Envelope
from connector.settlement import Complete
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint, Outcome, Settled
from handlers.rows import reference
from handlers.seldom_changed import MOST, Lately, Reading, SeldomChanged
from handlers.set_up import Basis, SetUps
from mappings.tables import Ref
from tests.handlers.envelopes import envelope
from tests.handlers.judging import refused
from tests.handlers.price_world import PricedWorld, figures
from tests.handlers.service import Service, event
from tests.handlers.world import GO_LIVE, INTERNAL, LINE, PROJECT, RESOURCE, UNBILLED, USD, ZONE, new

SET_UP = {"msdyn_project", "salesorderdetail", "salesorder", "msdyn_organizationalunit", "transactioncurrency"}
PRICES = {"pricelevel", "msdyn_resourcecategorypricelevel", "msdyn_projectparameter", "uom", "msdyn_orderpricelist"}
NEVER_KEPT = {"msdyn_timeentry", "msdyn_projectapproval", "msdyn_transactionorigin", "msdyn_actual"}


class KeepingWorld(PricedWorld):
    """Fabrikam with its price lists, and a service that keeps what it read for a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.seldom_changed = SeldomChanged(lambda: self.dataverse.rows.now)
        self.service = FixedPoint(self.dataverse, seldom_changed=self.seldom_changed)
        self.handler = ActualsHandler(GO_LIVE, ZONE)

    def approve(self, entry: Ref, **changes: Any) -> None:
        """Approve; the event takes two seconds."""
        super().approve(entry, **changes)
        self.dataverse.later(seconds=2)

    def work_on(self, *entries: Ref, through: FixedPoint | None = None) -> list[Outcome]:
        """The service handles the entries; ``asked`` is what it asked for meanwhile."""
        self.dataverse.requests.clear()
        outcomes = (through or self.service).settle(self.handler, list(entries))
        return [outcomes[entry] for entry in entries]

    def asked(self, tables: set[str]) -> int:
        """How often the service asked about one of these in its last piece of work."""
        return sum(bool({query.table for query in request} & tables) for request in self.dataverse.requests)

    def sales_price_of(self, entry: Ref) -> str:
        """At what price an entry was billed."""
        ((*_, price, _amount),) = (row for row in figures(self, entry) if row[0] == UNBILLED)
        return price


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
    # Entries, set-up twice, prices twice, ledger; of the second round only entries and ledger.
    first, again = (4, 2) if priced else (6, 2)
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

    # The approvals, the entries, their set-up in two steps, their ledgers.
    assert counts == [5, 5, 5]


def test_the_second_look_of_a_piece_of_work_reads_set_up_and_prices_from_the_first(world: KeepingWorld) -> None:
    entry = world.unpriced()

    world.work_on(entry)

    assert world.asked(SET_UP) == 2
    assert world.asked(PRICES) == 2
    assert world.asked({"msdyn_actual"}) >= 2
    assert world.sales_price_of(entry) == "210.00"


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


def test_a_decision_that_needs_prices_takes_no_set_up_of_another_time_with_them(world: KeepingWorld) -> None:
    """The contract's line moved to non-chargeable work meanwhile: prices of now go with the line of now."""
    priced, unpriced = world.approved(), world.unpriced()
    world.work_on(priced)
    world.dataverse.later(seconds=10)
    world.dataverse.put(LINE, msdyn_billingmethod=192350001)

    world.work_on(unpriced)

    assert world.asked(SET_UP) == 2
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


def test_what_changes_any_time_is_asked_every_time(world: KeepingWorld) -> None:
    first, second = world.unpriced(), world.unpriced()
    world.work_on(first)
    world.work_on(second)

    asked = {query.table for request in world.dataverse.requests for query in request}
    assert asked >= NEVER_KEPT
    assert not asked & (SET_UP | PRICES)


def test_another_persons_entry_is_another_reading(world: KeepingWorld) -> None:
    first, second = world.unpriced(), world.unpriced(msdyn_bookableresource=new("bookableresource", 77))
    assert new("bookableresource", 77) != RESOURCE
    world.work_on(first)
    world.work_on(second)

    assert world.asked(SET_UP) == 2


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
