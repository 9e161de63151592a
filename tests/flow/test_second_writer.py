"""The product as second writer: early, late, cancelling, crediting, and every event delivered again.

Below the grace nothing is doubled. Above it every double is found, named, and kept out of ready marking.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.inbox import Outgoing
from connector.outbox import send
from connector.settlement import DeadLetter, RedeliverAt
from mappings.messages import LookAtEntry
from sandbox.company.company import LoadedEntry
from sandbox.dataverse.product import Creation
from sandbox.world import EVENTS
from tests.flow.queue_world import dead_letters, listen, run_until_drained
from tests.flow.second_writer import EARLY, GRACE, LATE, VERY_LATE, Shop, ends
from tests.flow.test_actuals import ONCE
from tests.flow.test_invoices import create, mark_ready
from tests.flow.world import World, ref


def test_what_the_product_makes_at_once_is_never_made_again(world: World) -> None:
    shop, entry = Shop(world, Creation.AT_ONCE), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    for _ in range(3):
        assert ends(shop.deliver()) == ["Complete"]
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_below_the_grace_the_product_is_waited_for_and_nothing_is_doubled(world: World) -> None:
    shop, entry = Shop(world, Creation.LATER, EARLY), world.time("P1", "Ada")
    shop.approve(entry)
    (waits,) = shop.deliver()
    assert isinstance(waits, RedeliverAt)
    assert world.live(entry) == []
    shop.passes(GRACE)
    for _ in range(3):
        assert ends(shop.deliver()) == ["Complete"]
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_above_the_grace_the_late_look_finds_the_double_and_it_is_kept_from_being_marked_ready(world: World) -> None:
    shop, entry = Shop(world, Creation.LATER, LATE), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    (comes_back,) = shop.deliver()
    assert isinstance(comes_back, RedeliverAt)
    assert world.live(entry) == ONCE
    shop.passes(GRACE)
    (found,) = shop.deliver()
    assert isinstance(found, DeadLetter)
    assert found.code == "doubled"
    assert len(world.live(entry)) == 4
    assert all(str(actual["msdyn_actualid"]) in found.sentence for actual in _costs(world, entry))
    assert shop.found() == {ref(entry): ["doubled", "doubled"]}
    outcome = shop.ready()
    assert outcome["marked"] == []
    assert len(outcome["refused"]) == 2


def _costs(world: World, entry: LoadedEntry) -> list[dict[str, object]]:
    return [one for one in world.books().live(str(entry.id)) if one["msdyn_transactiontypecode"] == 192350000]


def test_what_the_product_makes_after_everybody_looked_is_found_by_reconcile(world: World) -> None:
    shop, entry = Shop(world, Creation.LATER, VERY_LATE), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["Complete"]
    assert shop.found() == {}
    shop.passes(VERY_LATE)
    assert shop.found() == {ref(entry): ["doubled", "doubled"]}
    assert shop.ready()["marked"] == []
    assert ends(shop.deliver()) == ["doubled"]


@pytest.mark.parametrize("creation", [Creation.AT_ONCE, Creation.LATER])
def test_the_products_own_cancel_and_every_event_again_leave_the_last_state(world: World, creation: Creation) -> None:
    shop, entry = Shop(world, creation), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    shop.cancel(entry)
    shop.passes(GRACE)
    assert set(ends(shop.deliver())) == {"Complete"}
    assert world.live(entry) == []
    shop.approve(entry)
    shop.passes(GRACE)
    assert set(ends(shop.deliver())) == {"Complete"}
    assert world.live(entry) == ONCE
    assert world.faults() == []
    assert shop.found() == {}


def test_rows_of_ours_that_the_product_cancels_are_not_cancelled_twice(world: World) -> None:
    shop, entry = Shop(world, Creation.NEVER), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    world.sandbox.switches.actuals = Creation.LATER
    world.sandbox.switches.actuals_after = VERY_LATE
    shop.cancel(entry)
    shop.passes(GRACE)
    assert set(ends(shop.deliver())) == {"Complete"}
    assert world.live(entry) == []
    assert world.faults() == []


@pytest.mark.parametrize("verifies", [True, False])
def test_a_credit_after_invoicing_and_every_event_again_add_nothing(world: World, verifies: bool) -> None:
    creation = Creation.AT_ONCE if verifies else Creation.NEVER
    shop, entry = Shop(world, creation, verifies=verifies), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    shop.ready()
    world.command(create(world))
    (invoice,) = world.books()["invoices"]
    _act(world, str(invoice["invoiceid"]), "msdyn_PostInvoice")
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["Complete"]
    corrective = _act(world, str(invoice["invoiceid"]), "msdyn_CorrectInvoice")["invoiceid"]
    _act(world, corrective, "msdyn_PostInvoice")
    before = len(world.books()["msdyn_actuals"])
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["Complete"]
    assert len(world.books()["msdyn_actuals"]) == before
    open_again = [
        Decimal(str(one["msdyn_quantity"]))
        for one in world.books().live(str(entry.id))
        if one["msdyn_transactiontypecode"] == 192350005 and one.get("msdyn_billingstatus") is None
    ]
    assert open_again == [Decimal(8)]
    if verifies:
        assert shop.found() == {}


def _act(world: World, invoice: str, action: str) -> Any:
    answer = world.http("POST", f"invoices({invoice})/Microsoft.Dynamics.CRM.{action}", {}, user="clerk")
    return answer.json() if answer.content else None


def test_over_the_queue_an_event_comes_back_once_after_its_write_and_finds_the_double(world: World) -> None:
    listen(world)
    entry, alone = world.time("P1", "Ada"), world.time("P1", "Ada", 1)
    world.approve(entry)
    run_until_drained(world)
    assert world.live(entry) == ONCE
    assert world.sandbox.bus.counts(EVENTS).scheduled > 0
    # Nobody knew that the product creates as well; it does so now.
    world.sandbox.switches.actuals = Creation.LATER
    world.sandbox.clock.advance(LATE)
    world.sandbox.background.run_due()
    world.sandbox.switches.actuals = Creation.NEVER
    run_until_drained(world)
    counts = world.sandbox.bus.counts(EVENTS)
    assert (counts.scheduled, counts.dead_letter > 0) == (0, True)
    # What nobody else touches comes back once too, and then no more.
    world.approve(alone)
    run_until_drained(world)
    world.sandbox.clock.advance(LATE)
    run_until_drained(world)
    assert world.live(alone) == ONCE
    assert world.sandbox.bus.counts(EVENTS).scheduled == 0
    assert world.sandbox.bus.counts(EVENTS).dead_letter == counts.dead_letter


def product_creates_after(world: World, time: timedelta) -> None:
    """Whoever approves makes the product create actuals, and nobody told this service."""
    world.sandbox.switches.actuals = Creation.LATER
    world.sandbox.switches.actuals_after = time


def over_the_queue(world: World) -> None:
    """The service, which gives others a quarter of an hour, takes what is due; then the product does what is."""
    run_until_drained(world, grace=15)
    world.sandbox.background.run_due()


def test_over_the_queue_nothing_is_doubled_below_the_grace(world: World) -> None:
    listen(world)
    product_creates_after(world, EARLY)
    entry, withdrawn = world.time("P1", "Ada"), world.time("P1", "Ada", 1)
    world.approve(entry)
    world.approve(withdrawn)
    over_the_queue(world)
    assert world.live(entry) == []
    assert world.sandbox.bus.counts(EVENTS).scheduled > 0
    world.sandbox.clock.advance(EARLY)
    over_the_queue(world)
    world.sandbox.clock.advance(GRACE)
    over_the_queue(world)
    assert world.live(entry) == world.live(withdrawn) == ONCE
    world.cancel(withdrawn)
    over_the_queue(world)
    world.sandbox.clock.advance(GRACE)
    over_the_queue(world)
    world.sandbox.clock.advance(VERY_LATE)
    over_the_queue(world)
    counts = world.sandbox.bus.counts(EVENTS)
    assert (counts.active, counts.scheduled, counts.dead_letter) == (0, 0, 0)
    assert world.live(entry) == ONCE
    assert world.live(withdrawn) == []
    assert world.faults() == []


def test_an_earlier_message_about_the_entry_does_not_shorten_the_grace_of_its_approval(world: World) -> None:
    """It is old enough to be acted on when the entry has just been approved."""
    listen(world)
    product_creates_after(world, EARLY)
    entry = world.time("P1", "Ada")
    earlier = LookAtEntry.model_validate({"table": entry.table, "id": entry.id})
    asyncio.run(send(world.sandbox.servicebus, EVENTS, Outgoing(earlier.model_dump_json().encode(), "earlier")))
    world.sandbox.clock.advance(GRACE - timedelta(minutes=1))
    world.approve(entry)
    world.sandbox.clock.advance(timedelta(minutes=1))
    over_the_queue(world)
    assert world.live(entry) == []
    world.sandbox.clock.advance(GRACE)
    world.sandbox.background.run_due()
    over_the_queue(world)
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_over_the_queue_every_double_above_the_grace_is_found_named_and_kept_from_being_marked_ready(
    world: World,
) -> None:
    listen(world)
    product_creates_after(world, LATE)
    entries = [world.time("P1", "Ada"), world.time("P1", "Ada", 1)]
    for entry in entries:
        world.approve(entry)
    over_the_queue(world)
    world.sandbox.clock.advance(GRACE)
    over_the_queue(world)
    assert [world.live(entry) for entry in entries] == [ONCE, ONCE]
    world.sandbox.clock.advance(GRACE)
    world.sandbox.background.run_due()
    over_the_queue(world)
    assert [len(world.live(entry)) for entry in entries] == [4, 4]
    counts = world.sandbox.bus.counts(EVENTS)
    assert (counts.active, counts.scheduled) == (0, 0)
    assert {code for code, _ in dead_letters(world)} == {"doubled"}
    said = " ".join(sentence for _, sentence in dead_letters(world))
    assert all(str(cost["msdyn_actualid"]) in said for entry in entries for cost in _costs(world, entry))
    command = mark_ready(world)
    world.command(command)
    outcome = world.record(command)
    assert outcome["marked"] == []
    assert len(outcome["refused"]) == 4
