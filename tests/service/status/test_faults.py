"""Every fault that `status` names, produced once in a sandbox and recognised, with what to type; gone once mended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from connector.errors import Misconfigured
from handlers import watermarks
from handlers.watermarks import Kept
from mappings.tables import Ref
from mappings.watermark import Watermark
from service import pausing, reconciling
from service.app import App
from service.not_configured import NotConfigured
from service.pausing import Paused
from service.reconciling import MARK
from service.status import recorded
from service.status.part import State
from tests.flow.due_world import FAILED, NOT_RUN, SCHEDULES, DueWorld
from tests.service.status.conftest import parts

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OK, ATTENTION = State.OK, State.ATTENTION
GLOBAL = 8


def approved(world: DueWorld, count: int = 1) -> list[UUID]:
    """Entries of the demo company that were just approved; nobody has heard of it."""
    entries = [one for one in world.company.entries.values() if one.table == "msdyn_timeentry" and one.project][:count]
    world.approve(*entries)
    return [one.id for one in entries]


def record(world: DueWorld, kind: str, state: str, **more: Any) -> UUID:
    id = uuid4()
    row = {"psac_commandid": str(id), "psac_name": kind, "psac_kind": kind, "psac_state": state}
    world.http("POST", "psac_commands", row | more)
    return id


def test_a_registered_environment_at_rest_needs_nobody(app: App) -> None:
    found = parts(app)
    assert {key: part.state for key, part in found.items() if part.state is not OK} == {}
    assert set(found) == {
        *("dataverse", "reconcile", "rights", "pause", "last-success", "approved-without-actuals"),
        *("approvals-unseen", "steps", "system-jobs"),
        *("approval-sets", "zero-price", "without-customer", "ready-not-invoiced", "schedules-overdue"),
        *("in-doubt", "broken-off"),
    }


def test_settings_that_do_not_suit_the_environment_hide_neither_themselves_nor_the_rest(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check() -> None:
        raise NotConfigured(["profile.columns: psac_x is not there."])

    monkeypatch.setattr(app, "check", check)
    found = parts(app)
    assert (found["dataverse"].state, found["dataverse"].next) == (ATTENTION, "psa-connector check")
    assert "psac_x is not there" in found["dataverse"].sentence
    assert found["approved-without-actuals"].state is found["schedules-overdue"].state is State.NOT_SEEN
    assert found["in-doubt"].state is OK


def test_sales_at_no_price_and_without_a_customer_are_told_and_invoiced_or_reversed_ones_are_not(
    world: DueWorld, app: App
) -> None:
    day = world.now().date()
    free = world.ready(0, day)
    world.http("PATCH", f"msdyn_actuals({world.ready(0, day)})", {"msdyn_adjustmentstatus": 192350001})
    world.http("PATCH", f"msdyn_actuals({world.ready(0, day)})", {"msdyn_billingstatus": 192350002})
    nobodys = world.ready(100, day)
    world.http("DELETE", f"msdyn_actuals({nobodys})/msdyn_AccountCustomer/$ref")
    cost = world.ready(0, day)
    world.http("PATCH", f"msdyn_actuals({cost})", {"msdyn_transactiontypecode": 192350000})
    found = parts(app)
    assert (found["zero-price"].state, found["zero-price"].count) == (ATTENTION, 1)
    assert found["zero-price"].figures == {"costs": 1}
    assert [(one.row, one.name) for one in found["zero-price"].rows] == [(Ref("msdyn_actual", free), "Project T")]
    assert [one.row.id for one in found["without-customer"].rows] == [nobodys]


def test_what_is_ready_for_longer_than_a_month_is_told(world: DueWorld, app: App) -> None:
    world.ready(100, world.now().date())
    ahead = world.milestone("far ahead", 500, world.now().date() + 90 * DAY)
    found = parts(app)["ready-not-invoiced"]
    assert (found.state, found.count, found.figures["late"]) == (OK, 2, 0)
    world.wait(36)
    found = parts(app)["ready-not-invoiced"]
    assert (found.state, found.figures["late"]) == (ATTENTION, 1)
    assert found.next == "psa-connector backlog list time-and-material --status ready"
    assert ahead not in {one.row.id for one in found.rows}


def test_what_is_ready_and_touched_every_month_is_told_after_two(world: DueWorld, app: App) -> None:
    actual = world.ready(4000, world.now().date())
    for days, state in ((34, OK), (27, OK), (2, ATTENTION)):
        world.wait(days)
        assert parts(app)["ready-not-invoiced"].state is state
        world.http("PATCH", f"msdyn_actuals({actual})", {"msdyn_description": f"touched after {days} days"})


def test_a_run_that_was_due_with_something_ready_is_told_and_one_with_nothing_is_not(world: DueWorld, app: App) -> None:
    day = world.now().astimezone(world.zone).date()
    world.scheduled(world.time_line, day)
    assert parts(app)["schedules-overdue"].state is OK
    world.wait(1)
    assert parts(app)["schedules-overdue"].state is OK
    world.ready(200, day - DAY)
    found = parts(app)["schedules-overdue"]
    assert (found.state, found.count) == (ATTENTION, 1)
    assert (found.rows[0].row.id, found.rows[0].name) == (world.contract, f"ORD-K, due {day}")
    assert "create --due" in found.next


def test_where_somebody_else_invoices_what_is_due_their_silence_and_their_failures_are_told(
    world: DueWorld, app: App
) -> None:
    world.lose_the_action()
    day = world.now().date() - 2 * DAY
    row = world.scheduled(world.time_line, day)
    found = parts(app)["schedules-overdue"]
    assert (found.state, found.count) == (OK, 0)
    assert "This service invoices nothing that is due here" in found.sentence
    world.http("PATCH", f"{SCHEDULES}({row})", {"msdyn_invoicerunstatus": FAILED})
    found = parts(app)["schedules-overdue"]
    assert (found.state, found.count, [one.row.id for one in found.rows]) == (ATTENTION, 1, [row])
    world.ready(7000, day - DAY)
    found = parts(app)["schedules-overdue"]
    assert (found.state, found.count, [one.row.id for one in found.rows]) == (ATTENTION, 1, [world.contract])
    world.http("PATCH", f"{SCHEDULES}({row})", {"msdyn_invoicerunstatus": NOT_RUN})
    found = parts(app)["schedules-overdue"]
    assert (found.state, found.count, "is the product's job at work" in found.next) == (ATTENTION, 1, True)


def test_a_row_that_cannot_be_invoiced_is_told_where_work_waits_for_it(world: DueWorld, app: App) -> None:
    world.scheduled(world.time_line, world.now().date() - 2 * DAY)
    with world.building() as building:
        building.work.update("salesorder", world.contract, {"msdyn_ordertype": 192350000})
    found = parts(app)["schedules-overdue"]
    assert (found.state, found.figures["left_out"]) == (OK, 1)
    world.ready(9000, world.now().date() - 3 * DAY)
    found = parts(app)["schedules-overdue"]
    assert (found.state, found.count, len(found.rows)) == (ATTENTION, 1, 1)
    assert "no project contract" in found.rows[0].why


def test_calls_in_doubt_and_calls_nobody_looked_up_are_told_by_contract(world: DueWorld, app: App) -> None:
    contract = str(world.contract)
    doubt = record(world, "attempt", "in-doubt", psac_subject=contract)
    record(world, "attempt", "calling", psac_subject=contract)
    assert parts(app)["in-doubt"].figures == {"in_doubt": 1, "not_looked_up": 0}
    world.wait(61 / 1440)
    found = parts(app)["in-doubt"]
    assert (found.state, found.figures) == (ATTENTION, {"in_doubt": 1, "not_looked_up": 1})
    assert f"invoice resolve {doubt}" in found.next
    assert {(one.row, one.name) for one in found.rows} == {(Ref("salesorder", world.contract), "ORD-K Adatum")}


def test_a_doubt_is_told_whoever_may_not_read_contracts_and_whatever_somebody_wrote_beside_it(
    world: DueWorld, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise Misconfigured("missing-privilege", "Not you.")

    monkeypatch.setattr(recorded, "contracts_of", refused)
    by_hand = record(world, "attempt", "in-doubt", psac_subject="nonsense")
    record(world, "attempt", "in-doubt", psac_subject=str(world.contract))
    found = parts(app)["in-doubt"]
    assert (found.state, found.count) == (ATTENTION, 2)
    assert {one.row for one in found.rows} == {Ref("psac_command", by_hand), Ref("salesorder", world.contract)}


def test_what_was_begun_and_has_no_end_is_told_with_the_command_that_goes_on(world: DueWorld, app: App) -> None:
    run = uuid4()
    record(world, "run", "resolved", psac_subject=str(run), psac_requestedby="Anna")
    marking = record(world, "command", "resolved", psac_subject="mark-ready products")
    record(world, "sweep", "resolved", psac_subject="all")
    assert parts(app)["broken-off"].state is OK
    world.wait(3 / 24)
    found = parts(app)["broken-off"]
    assert (found.state, found.count) == (ATTENTION, 2)
    assert {one.why for one in found.rows} == {
        f"psa-connector invoice create --resume {run}",
        f"psa-connector backlog resume {marking}",
    }
    assert "run of Anna" in {one.name for one in found.rows}
    world.wait(40)
    assert parts(app)["broken-off"].count == 2


def test_a_pause_without_an_end_is_told_with_who_asked_and_one_that_ends_soon_is_not_an_alarm(
    world: DueWorld, app: App
) -> None:
    administrator, now = world.signed_in("administrator"), world.now()
    pausing.write(Paused("Anna", now, now + HOUR, "An upgrade."), "Anna", administrator)
    found = parts(app)["pause"]
    assert (found.state, "An upgrade." in found.sentence, "Anna" in found.sentence) == (OK, True, True)
    pausing.write(Paused("Anna", now, None, "Who knows."), "Anna", administrator)
    found = parts(app)["pause"]
    assert (found.state, found.next) == (ATTENTION, "psa-connector resume")
    pausing.write(None, "Anna", administrator)
    assert parts(app)["pause"].state is OK


def test_what_reconcile_left_open_is_told(world: DueWorld, app: App) -> None:
    entry = Ref("msdyn_timeentry", uuid4())
    mark = Watermark(world.now(), {}, (entry,))
    watermarks.move(MARK, Kept(None, None), mark, "test", world.signed_in("administrator"))
    found = parts(app)["reconcile"]
    assert (found.state, found.count, [one.row for one in found.rows]) == (ATTENTION, 1, [entry])


def test_a_reconcile_that_left_more_open_than_it_keeps_looks_at_the_same_again_and_is_told(
    world: DueWorld, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(world, 3)
    world.wait(1)
    app.check()
    for module in (reconciling, recorded):
        monkeypatch.setattr(module, "MOST_OPEN", 2)
    settings = app.settings
    overlap, in_flight = (timedelta(minutes=one) for one in (settings.reconcile.overlap, settings.reconcile.in_flight))
    zone, start = settings.business_time_zone, settings.actuals.start_from

    def onward(days: int) -> reconciling.Report:
        world.wait(days)
        one = reconciling.Reconciler(app.dataverse, app.mission.entries, zone, start, overlap, in_flight, "a test")
        return one.onward(app.now())

    first, second = onward(0), onward(1)
    assert len(first.drifts) == len(second.drifts) == 3
    assert first.window == second.window
    assert first.unmarked is not None
    found = parts(app)["reconcile"]
    assert (found.state, found.count, found.is_more) == (ATTENTION, 2, True)
    assert "It left 2 or more entries open" in found.sentence
    monkeypatch.undo()
    assert onward(1).unmarked is None
    assert (parts(app)["reconcile"].count, parts(app)["reconcile"].is_more) == (3, False)


def test_the_running_service_looks_at_the_same_by_its_settings(
    world: DueWorld, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    silence = app.silence()
    assert (silence.every, silence.after) == (timedelta(minutes=5), timedelta(minutes=15))
    approved(world)
    world.wait(1)
    found = {part.key: part.state for part in silence.look().parts}
    assert found["approved-without-actuals"] is ATTENTION
    assert "schedules-overdue" in found
    assert "1 entry has been approved for more than 15 minutes without the actuals they call for" in caplog.text
    assert "schedules-overdue" not in {part.key for part in silence.look().parts}
