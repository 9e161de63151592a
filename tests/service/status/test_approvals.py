"""Approvals without the actuals they call for, in part or in all: told once late, and what nobody looked at."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from handlers import watermarks
from handlers.fixed_point import FixedPoint
from handlers.watermarks import Kept
from mappings.tables import Ref
from mappings.watermark import Watermark
from sandbox.dataverse.product.switches import Creation
from sandbox.world import Sandbox
from service.app import App, compose
from service.reconciling import MARK
from service.settings_sources import load
from service.status.part import State
from tests.flow.due_world import DueWorld
from tests.service.status.conftest import parts
from tests.service.status.test_faults import approved

DAY = timedelta(days=1)
OK, ATTENTION = State.OK, State.ATTENTION


def test_approved_entries_without_actuals_are_told_once_they_are_late(world: DueWorld, app: App) -> None:
    first, second = approved(world, 2)
    world.wait(14 / 1440)
    assert parts(app)["approved-without-actuals"].state is OK
    world.wait(2 / 1440)
    found = parts(app)["approved-without-actuals"]
    assert (found.state, found.count, found.is_more) == (ATTENTION, 2, False)
    assert {one.row.id for one in found.rows} == {first, second}
    assert "16 minutes" in found.sentence
    assert "reconcile --repair" in found.next
    world.mission.settle([Ref("msdyn_timeentry", id) for id in (first, second)], FixedPoint(world.client))
    assert parts(app)["approved-without-actuals"].count == 0


def test_approvals_are_looked_at_back_to_the_last_reconcile(world: DueWorld, app: App) -> None:
    approved(world)
    world.wait(10)
    assert parts(app)["approved-without-actuals"].count == 1
    mark = Watermark(world.now() - DAY, {}, ())
    assert watermarks.move(MARK, Kept(None, None), mark, "test", world.signed_in("administrator"))
    found = parts(app)["approved-without-actuals"]
    assert (found.count, "of the last 7 days" in found.sentence) == (0, True)


def test_an_entry_that_lacks_only_some_of_its_actuals_is_told_with_what_is_missing(world: DueWorld, app: App) -> None:
    (entry,) = approved(world)
    world.mission.settle([Ref("msdyn_timeentry", entry)], FixedPoint(world.client))
    rows = world.http("GET", "msdyn_actuals?$filter=msdyn_transactiontypecode eq 192350005").json()["value"]
    world.wait(1)
    assert parts(app)["approved-without-actuals"].state is OK
    with world.building() as building:
        for row in rows:
            building.work.delete("msdyn_actual", UUID(row["msdyn_actualid"]))
    found = parts(app)["approved-without-actuals"]
    assert (found.state, found.count, found.figures["repairable"]) == (ATTENTION, 1, 1)
    assert "unbilled sales" in found.rows[0].why


def test_approvals_that_neither_this_look_nor_reconcile_saw_are_told(world: DueWorld, app: App) -> None:
    approved(world)
    world.wait(31)
    found = parts(app)["approvals-unseen"]
    assert (found.state, "psa-connector reconcile" in found.next) == (ATTENTION, True)
    assert "looked at by nobody" in found.sentence
    mark = Watermark(world.now(), {}, ())
    assert watermarks.move(MARK, Kept(None, None), mark, "test", world.signed_in("administrator"))
    assert parts(app)["approvals-unseen"].state is OK


def test_more_approvals_than_are_looked_at_are_well_only_where_reconcile_saw_the_rest(
    world: DueWorld, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.status.approvals.MOST", 2)
    approved(world)
    world.wait(1 / 24)
    entries = [one for one in world.company.entries.values() if one.table == "msdyn_timeentry" and one.project][1:3]
    world.approve(*entries)
    world.mission.settle([Ref("msdyn_timeentry", one.id) for one in entries], FixedPoint(world.client))
    world.wait(1 / 24)
    found = parts(app)
    assert found["approved-without-actuals"].state is OK
    assert found["approvals-unseen"].state is ATTENTION
    mark = Watermark(world.now(), {}, ())
    assert watermarks.move(MARK, Kept(None, None), mark, "test", world.signed_in("administrator"))
    assert parts(app)["approvals-unseen"].state is OK


def test_work_approved_before_the_go_live_date_owes_no_actuals(
    world: DueWorld, nothing_set: pytest.MonkeyPatch
) -> None:
    nothing_set.setenv("PSA_CONNECTOR_ACTUALS__START_FROM", "2027-01-01")
    approved(world)
    world.wait(1)
    late = compose(load(None), now=world.now)
    try:
        found = parts(late)["approved-without-actuals"]
    finally:
        late.close()
    assert (found.count, found.figures["looked_at"]) == (0, 1)


def test_the_product_as_creator_is_given_its_grace(
    world: DueWorld, sandbox: Sandbox, nothing_set: pytest.MonkeyPatch
) -> None:
    nothing_set.setenv("PSA_CONNECTOR_ACTUALS__CREATOR", "product")
    nothing_set.setenv("PSA_CONNECTOR_ACTUALS__GRACE", "60")
    assert sandbox.switches.actuals is Creation.NEVER
    approved(world)
    world.wait(59 / 1440)
    verifying = compose(load(None), now=world.now)
    try:
        assert parts(verifying)["approved-without-actuals"].state is OK
        world.wait(2 / 1440)
        assert parts(verifying)["approved-without-actuals"].count == 1
    finally:
        verifying.close()
