"""Known mistakes in the rules themselves: prices, splits, edits, other units, other writers. Each must be seen.

Like the saboteurs of races, each swaps one rule for the mistake people make, and the independent checker must object.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from handlers import entry_facts
from handlers.actuals import ActualsHandler
from mappings import entry_to_actuals, pricing, rates, substance
from mappings.entry import Approval, Entry
from mappings.ledger import Actual, Ledger
from mappings.price_lists import Context, PriceList, Unpriced, the_one_covering
from mappings.released import released
from sandbox.company.company import LoadedEntry
from tests.flow.acceptance import Acceptance
from tests.flow.interleaving import Interleaving
from tests.flow.test_between_units import offshore
from tests.flow.world import World

__all__ = ["offshore"]


def two_lists_overlap(world: World) -> LoadedEntry:
    """Eight hours that only the lists could price, on a day that two of them cover."""
    scenario = Acceptance(world, priced_by_lists=True)
    dollar, entry = scenario.dollar, scenario.time()
    with scenario.building() as builder:
        builder.price_list("Overlap", dollar, entry.day, entry.day)
        builder.contract_price_list("C1", "Overlap")
    scenario.approve(entry)
    world.work_on(entry)
    return entry


def test_between_two_overlapping_lists_nothing_is_written(world: World) -> None:
    two_lists_overlap(world)
    assert world.faults() == []
    assert world.books()["msdyn_actuals"] == []


def test_taking_the_first_of_two_overlapping_lists_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    careful = the_one_covering

    def careless(lists: Collection[PriceList], context: Context, *rest: Any) -> PriceList | Unpriced:
        found = careful(lists, context, *rest)
        first = [one for one in lists if one.context == context and one.name != "Overlap"]
        return first[0] if isinstance(found, Unpriced) and first else found

    monkeypatch.setattr(pricing, "the_one_covering", careless)
    two_lists_overlap(world)
    assert any("must be held" in fault for fault in world.faults())


def edit_after_approval(world: World) -> LoadedEntry:
    """An entry is moved to another project after it was approved, before the service saw it."""
    entry = world.time("P1", "Ada")
    world.sandbox.switches.entries_locked = False
    Interleaving(world, entry).act_all(["approve", "edit project", "look"])
    return entry


def test_letting_the_later_edit_win_by_the_clock_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_the_clock(entry: Entry, approval: Approval) -> Entry:
        assert entry.row is not None
        assert approval.row is not None
        later = entry.row.written and approval.row.written and entry.row.written > approval.row.written
        return entry if later else released(entry, approval)

    monkeypatch.setattr(entry_facts, "released", by_the_clock)
    monkeypatch.setattr(ActualsHandler, "edited", lambda *_: ())
    edit_after_approval(world)
    assert any("lost cost" in fault for fault in world.faults())


def test_completing_the_sales_beside_somebody_elses_cost_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The product writes an entry's rows one after the other; the service comes in between."""
    monkeypatch.setattr(Ledger, "live", property(lambda ledger: tuple(a for a in ledger.actuals if a.is_live)))
    monkeypatch.setattr(Ledger, "foreign", ())
    monkeypatch.setattr(substance, "agree", lambda *_: True)
    _come_in_between(world)
    assert any("doubled or wrong sales" in fault for fault in world.faults())


def _come_in_between(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.write_foreign_cost(entry)
    world.work_on(entry)
    world.write_foreign_sales(entry, "C1")


def test_coming_in_between_the_products_rows_adds_none(world: World) -> None:
    _come_in_between(world)
    assert not any("doubled" in fault or "lost" in fault for fault in world.faults())
    assert len(world.books()["msdyn_actuals"]) == 2


def test_losing_the_rest_of_hours_that_were_cut_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = entry_to_actuals._split
    monkeypatch.setattr(entry_to_actuals, "_split", lambda *asked: whole(*asked)[:1])
    entry = world.time("P1", "Ada")
    world.release(entry, msdyn_salesquantity=6)
    world.approve(entry)
    world.work_on(entry)
    assert any("lost sales" in fault for fault in world.faults())


def test_a_transfer_price_of_the_sales_list_is_seen(
    offshore: tuple[World, LoadedEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, entry = offshore
    monkeypatch.setattr(rates, "transfer_rate", rates.sales_rate)
    world.approve(entry)
    world.work_on(entry)
    assert any("lost transfer" in fault for fault in world.faults())


def test_a_reversal_of_costs_alone_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    live = Ledger.__dict__["live"].func

    def costs(ledger: Ledger) -> tuple[Actual, ...]:
        return tuple(actual for actual in live(ledger) if actual.type == 192350000)

    monkeypatch.setattr(Ledger, "live", property(costs))
    world.cancel(entry)
    world.work_on(entry)
    assert any("doubled or wrong sales" in fault for fault in world.faults())
