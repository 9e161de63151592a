"""What no event told is found, named, and repaired down the path every event takes."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from typer.testing import CliRunner

from connector.dataverse.client import DataverseClient
from connector.outbox import send
from handlers.suspects import changed_between
from mappings.comparison import Kind
from sandbox.company.company import LoadedEntry
from sandbox.dataverse.http import changes as tracked
from sandbox.dataverse.product import Creation
from sandbox.world import EVENTS
from service.cli.main import app
from service.reconciling import Reconciler, Report
from tests.flow.queue_world import listen, run_until_drained
from tests.flow.test_actuals import ONCE
from tests.flow.world import ZONE, World, ref
from tests.service.processes import pointing_at

IN_FLIGHT = timedelta(minutes=15)
A_WHILE = timedelta(minutes=20)


def reconciler(world: World, dataverse: DataverseClient | None = None) -> Reconciler:
    return Reconciler(
        dataverse or world.client,
        world.mission.entries,
        ZONE,
        date(2026, 1, 1),
        overlap=timedelta(hours=1),
        in_flight=IN_FLIGHT,
        requested_by="tests",
    )


def look(world: World) -> Report:
    return reconciler(world).onward(world.now())


def kinds(report: Report) -> dict[object, list[str]]:
    return {drift.entry: sorted(finding.kind.value for finding in drift.findings) for drift in report.drifts}


def repair(world: World, report: Report) -> None:
    """The messages go to the queue, and the composed service takes them from there."""
    asyncio.run(send(world.sandbox.servicebus, EVENTS, *report.looks()))
    run_until_drained(world)


def forgotten(world: World, *entries: LoadedEntry) -> None:
    """Approved a while ago, and no event was ever posted."""
    world.approve(*entries)
    world.sandbox.clock.advance(A_WHILE)


def test_what_no_event_told_is_found_counted_and_repaired_through_the_queue(world: World) -> None:
    first, second = world.time("P1", "Ada"), world.time("P1", "Ada", 1)
    forgotten(world, first, second)
    report = look(world)
    assert kinds(report) == {ref(first): ["missing", "missing"], ref(second): ["missing", "missing"]}
    assert [drift.repairable for drift in report.drifts] == [True, True]
    assert {one.code: amount for one, amount in report.moves.items()} == {"USD": Decimal("4800.00")}
    repair(world, report)
    assert (world.live(first), world.live(second)) == (ONCE, ONCE)
    assert world.faults() == []
    world.sandbox.clock.advance(A_WHILE)
    assert look(world).drifts == ()


def test_a_withdrawal_no_event_told_of_is_reversed(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.cancel(entry)
    world.sandbox.clock.advance(A_WHILE)
    report = look(world)
    assert kinds(report) == {ref(entry): ["not-withdrawn", "not-withdrawn"]}
    repair(world, report)
    assert world.live(entry) == []
    assert world.faults() == []


def test_other_figures_than_what_stands_are_repaired(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.cancel(entry)
    world.release(entry, msdyn_salesquantity=6)
    world.approve(entry)
    world.sandbox.clock.advance(A_WHILE)
    report = look(world)
    assert kinds(report) == {ref(entry): ["differing", "missing"]}
    repair(world, report)
    assert world.faults() == []


def test_doubled_work_is_named_and_nothing_is_sent_for_it(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.sandbox.clock.advance(A_WHILE)
    assert look(world).drifts == ()
    # Long after anybody looked at the entry somebody else writes: only the actual is new.
    world.sandbox.clock.advance(timedelta(days=2))
    world.write_foreign_cost(entry)
    world.sandbox.clock.advance(A_WHILE)
    (drift,) = look(world).drifts
    assert [finding.kind for finding in drift.findings] == [Kind.DOUBLED]
    assert drift.findings[0].amount == Decimal("800.00")
    assert not drift.repairable


def test_rows_of_somebody_else_alone_are_reported_and_left_alone(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.write_foreign_cost(entry)
    forgotten(world, entry)
    (drift,) = look(world).drifts
    assert Kind.FOREIGN in {finding.kind for finding in drift.findings}
    assert not drift.repairable


def test_what_changed_a_moment_ago_is_in_flight_and_looked_at_again_next_time(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    early = look(world)
    assert (early.drifts, early.in_flight) == ((), 1)
    again = look(world)
    assert (again.drifts, again.in_flight) == ((), 1)
    # Beyond the overlap of the windows, it is remembered by name.
    world.sandbox.clock.advance(timedelta(hours=5))
    assert kinds(look(world)) == {ref(entry): ["missing", "missing"]}


def test_what_is_left_is_told_again_by_every_run_until_it_is_mended(world: World) -> None:
    entry = world.time("P1", "Ada")
    forgotten(world, entry)
    for _ in range(2):
        world.sandbox.clock.advance(timedelta(days=1))
        assert list(kinds(look(world))) == [ref(entry)]
    world.work_on(entry)
    world.sandbox.clock.advance(A_WHILE)
    assert look(world).drifts == ()


def test_a_month_is_reported_by_the_day_of_the_work_and_leaves_the_mark_alone(world: World) -> None:
    january, february = _of_month(world, 1), _of_month(world, 2)
    forgotten(world, january, february)
    report = reconciler(world).month(date(2026, 2, 1), date(2026, 2, 28), world.now())
    assert [drift.entry for drift in report.drifts] == [ref(february)]
    assert report.drifts[0].day == february.day
    assert {drift.entry for drift in look(world).drifts} == {ref(january), ref(february)}


def _of_month(world: World, month: int) -> LoadedEntry:
    entries = (world.time("P1", "Ada", number) for number in range(11))
    return next(entry for entry in entries if entry.day.month == month)


def test_two_runs_at_once_do_not_lose_each_others_mark(world: World) -> None:
    look(world)
    slow = reconciler(world)
    meanwhile = []

    def another_run(*arguments: object) -> object:
        meanwhile.append(look(world))
        return changed_between(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("service.reconciling.changed_between", _once(another_run))
        report = slow.onward(world.now())
    assert meanwhile[0].unmarked is None
    assert report.unmarked == "Another run moved the mark meanwhile; its mark stays."


def _once(first: object) -> object:
    calls: list[object] = [first]
    return lambda *arguments: (calls.pop() if calls else changed_between)(*arguments)  # type: ignore[operator]


def test_an_entry_that_went_is_told_by_change_tracking(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.sandbox.clock.advance(A_WHILE)
    assert look(world).drifts == ()
    world.sandbox.clock.advance(timedelta(days=1))
    # The product keeps what was submitted; a bulk deletion by an administrator in life does not ask it.
    world.sandbox.web.organisation.before_delete.clear()
    with world.sandbox.web.transaction() as work:
        work.delete("msdyn_projectapproval", entry.approval)
        work.delete(entry.table, entry.id)
    (drift,) = look(world).drifts
    assert drift.entry == ref(entry)
    assert not drift.repairable


def test_a_token_that_is_too_old_costs_no_finding(world: World) -> None:
    look(world)
    world.sandbox.clock.advance(tracked.KEPT + timedelta(days=1))
    forgotten(world, world.time("P1", "Ada"))
    assert len(look(world).drifts) == 1
    assert look(world).unmarked is None


def test_a_year_is_looked_through_slice_by_slice(world: World) -> None:
    slices = list(changed_between(datetime(2025, 1, 1, tzinfo=UTC), world.now(), world.client))
    assert len(slices) > 50
    assert len(slices[-1]) > 50
    assert not any(slices[:40])


@pytest.fixture
def configured(world: World, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    sandbox = world.sandbox
    for name, value in pointing_at(sandbox.dataverse, sandbox.token, sandbox.servicebus).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("service.cli.session.compose", partial(_composed, now=world.now))
    return monkeypatch


def _composed(settings: object, **more: object) -> object:
    from service.app import compose

    return compose(settings, **more)  # type: ignore[arg-type]


def test_the_command_repairs_within_the_ceilings_and_says_what_is_left(
    world: World, configured: pytest.MonkeyPatch
) -> None:
    entry = world.time("P1", "Ada")
    forgotten(world, entry)
    listen(world)
    run = CliRunner()
    nothing_sent = run.invoke(app, ["reconcile"])
    assert nothing_sent.exit_code == 4, nothing_sent.output
    assert "missing" in nothing_sent.stdout
    assert f"main.aspx?pagetype=entityrecord&etn=msdyn_timeentry&id={entry.id}\n" in nothing_sent.stdout
    configured.setenv("PSA_CONNECTOR_CEILING__AMOUNT", "1000")
    refused = run.invoke(app, ["reconcile", "--repair"])
    assert refused.exit_code == 4
    assert "2,400.00 USD is more than the ceiling of 1,000" in refused.stderr
    assert world.sandbox.bus.counts(EVENTS).active == 0
    sent = run.invoke(app, ["reconcile", "--repair", "--yes", "--output", "csv"])
    assert sent.exit_code == 0, sent.output
    assert "Repair: 1 entry, moving 2,400.00 USD." in sent.stderr
    assert sent.stdout.splitlines()[0] == "table,id,day,finding,what,amount,currency,repairable,link"
    run_until_drained(world)
    assert world.live(entry) == ONCE
    world.sandbox.clock.advance(A_WHILE)
    done = run.invoke(app, ["reconcile", "--output", "json"])
    assert done.exit_code == 0, done.output
    assert '"entries": []' in done.stdout


def test_doubled_work_leaves_the_command_with_work_left(world: World, configured: pytest.MonkeyPatch) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.write_foreign_cost(entry)
    world.sandbox.clock.advance(A_WHILE)
    result = CliRunner().invoke(app, ["reconcile", "--repair"])
    assert result.exit_code == 4, result.output
    assert "doubled" in result.stdout


def test_where_the_product_creates_a_month_is_compared_and_nothing_can_be_repaired(
    world: World, configured: pytest.MonkeyPatch
) -> None:
    world.sandbox.switches.actuals = Creation.AT_ONCE
    agrees, differs = world.time("P1", "Ada"), world.time("P1", "Ada", 1)
    world.approve(agrees, differs)
    world.write_foreign_cost(differs)
    world.sandbox.clock.advance(A_WHILE)
    configured.setenv("PSA_CONNECTOR_ACTUALS__CREATOR", "product")
    configured.setenv("PSA_CONNECTOR_ACTUALS__GRACE", "1")
    run = CliRunner()
    month = f"{differs.day:%Y-%m}"
    result = run.invoke(app, ["reconcile", "--month", month, "--output", "csv"])
    assert result.exit_code == 4, result.output
    _, *lines = result.stdout.splitlines()
    assert lines
    assert all(str(differs.id) in line and ",doubled," in line and ",no," in line for line in lines)
    refused = run.invoke(app, ["reconcile", "--repair"])
    assert refused.exit_code == 2
    assert "nothing is written" in " ".join(refused.stderr.split())
