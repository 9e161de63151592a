"""Workers die, and answers get lost, around the call for what is due: one invoice all the same, and it is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from connector.dataverse.changes import ChangeSet
from connector.settlement import Complete, RedeliverAt
from handlers.fixed_point import Outcome, Settled, Unsettled
from handlers.recorded import Mode
from mappings.messages import CreateDueInvoices
from service.registration import register_command_table
from service.resolving import resolve
from service.sweep import Sweep
from tests.flow.calls import PATIENCE_IS_OVER, Dies, Killed, Office, calls, records
from tests.flow.due_world import FAILED, NOT_RUN, SUCCESSFUL, DueWorld, still

DAY = date(2020, 10, 5)
BEFORE = DAY - timedelta(days=1)
MODES = list(Mode)


@pytest.fixture
def world() -> Iterator[DueWorld]:
    with still(DAY) as sandbox:
        world = DueWorld(sandbox)
        register_command_table(world.signed_in("administrator"))
        yield world


def words(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Settled), outcome
    told: Any = outcome.outcome["runs"]
    return [run["outcome"] for run in told]


def code(outcome: Outcome) -> str:
    assert isinstance(outcome, Unsettled), outcome
    return outcome.failure.code


def kill(world: DueWorld, office: Office, fits: Callable[[ChangeSet], bool], *, after: bool, **more: Any) -> None:
    with pytest.raises(Killed):
        world.sweep(dataverse=office.calling(Dies(world.client, fits, after=after)), **more)


def attempts(world: DueWorld) -> list[str]:
    found = world.http("GET", "psac_commands?$filter=psac_kind eq 'attempt'&$orderby=createdon").json()["value"]
    return [row["psac_state"] for row in found]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_dies_before_its_record_or_after_its_call_leaves_one_invoice_that_the_next_sweep_tells(
    world: DueWorld, mode: Mode, after: bool
) -> None:
    row, office = world.scheduled(world.time_line, DAY), Office(world, mode)
    world.ready(200, BEFORE)
    kill(world, office, calls if after else records, after=after)
    assert words(world.sweep(dataverse=office.calling())) == ["created"]
    assert words(world.sweep(dataverse=office.calling())) == []
    assert (world.invoices(), world.row(row)) == ([(Decimal(200), 1)], (SUCCESSFUL, True))
    assert attempts(world) == ["done"]


@pytest.mark.parametrize("mode", MODES)
def test_a_lost_answer_to_the_call_is_looked_up(world: DueWorld, mode: Mode) -> None:
    row, office = world.scheduled(world.time_line, DAY), Office(world, mode)
    world.ready(200, BEFORE)
    world.sandbox.faults.lose_reply(path=r"\$batch", containing="msdyn_createinvoicefrominvoiceschedule")
    assert words(world.sweep(dataverse=office.calling())) == ["created"]
    assert (world.invoices(), world.row(row)) == ([(Decimal(200), 1)], (SUCCESSFUL, True))


@pytest.mark.parametrize("mode", MODES)
def test_a_call_that_outlives_its_time_out_is_waited_for_and_told(world: DueWorld, mode: Mode) -> None:
    row, office = world.scheduled(world.time_line, DAY), Office(world, mode)
    world.ready(200, BEFORE)
    world.make_the_action_racy()
    held = world.sandbox.faults.hold(path=r"\$batch", containing="msdyn_createinvoicefrominvoiceschedule")
    first = world.sweep(dataverse=office.calling(office.impatient()))
    assert held.reached.wait(20)
    if mode is Mode.RECORDED:
        # It stands recorded: nothing is called for beside it.
        assert [code(first), code(world.sweep(dataverse=office.calling()))] == ["not-yet", "not-yet"]
        held.release()
        world.until(lambda: bool(world.invoices()))
        assert words(world.sweep(dataverse=office.calling())) == ["created"]
    else:
        # In the fence it may be sent again: of the two, one collides with what the other wrote.
        assert words(first) == ["created"]
        held.release()
        assert words(world.sweep(dataverse=office.calling())) == []
    assert (world.invoices(), world.row(row)) == ([(Decimal(200), 1)], (SUCCESSFUL, True))


@pytest.mark.parametrize("mode", MODES)
def test_a_message_that_comes_again_tells_of_every_run_it_was_recorded_with(world: DueWorld, mode: Mode) -> None:
    office, command = Office(world, mode), CreateDueInvoices(command=uuid4(), requested_by="clerk")
    for back, amount in ((7, 100), (0, 200)):
        world.scheduled(world.time_line, DAY - timedelta(days=back))
        world.ready(amount, DAY - timedelta(days=back + 1))
    seen: list[ChangeSet] = []

    def second_call(change_set: ChangeSet) -> bool:
        seen.extend([change_set] if calls(change_set) else [])
        return calls(change_set) and len(seen) == 2

    kill(world, office, second_call, after=True, command=command.command)
    assert isinstance(world.message(command, office.calling()), Complete)
    # Its record has the answer, however often it comes.
    world.wait(1)
    again = world.sweep(command=command.command)
    assert words(again) == ["created", "created"]
    assert [total for total, _ in world.invoices()] == [Decimal(100), Decimal(200)]


def test_a_run_that_failed_earlier_is_not_failed_while_its_next_call_may_be_under_way(world: DueWorld) -> None:
    row, office = world.scheduled(world.time_line, DAY), Office(world, Mode.RECORDED)
    world.ready(200, BEFORE)
    world.sandbox.switches.failing[world.contract] = "Time-out expired."
    assert words(world.sweep(dataverse=office.calling())) == ["refused"]
    world.sandbox.switches.failing.clear()
    kill(world, office, calls, after=False)
    for _ in range(2):
        assert code(world.sweep(dataverse=office.calling())) == "not-yet"
    assert (attempts(world), world.row(row)) == (["done", "calling"], (NOT_RUN, False))
    world.sandbox.clock.advance(PATIENCE_IS_OVER)
    assert words(world.sweep(dataverse=office.calling())) == ["in-doubt"]
    assert world.invoices() == []


def test_that_the_product_reports_a_failed_run_counts_once_patience_is_over(world: DueWorld) -> None:
    row, office = world.scheduled(world.time_line, DAY), Office(world, Mode.RECORDED)
    world.ready(200, BEFORE)
    kill(world, office, calls, after=False)
    world.http("PATCH", f"msdyn_contractlineinvoiceschedules({row})", {"msdyn_invoicerunstatus": FAILED})
    assert code(world.sweep(dataverse=office.calling())) == "not-yet"
    world.sandbox.clock.advance(PATIENCE_IS_OVER)
    assert words(world.sweep(dataverse=office.calling())) == ["failed"]
    assert words(world.sweep(dataverse=office.calling())) == ["created"]
    assert world.invoices() == [(Decimal(200), 1)]


def test_a_run_in_doubt_that_a_person_resolves_names_the_invoice_and_is_not_due_again(world: DueWorld) -> None:
    row, office = world.scheduled(world.time_line, DAY), Office(world, Mode.RECORDED)
    world.ready(200, BEFORE)
    kill(world, office, calls, after=False)
    world.sandbox.clock.advance(PATIENCE_IS_OVER)
    assert words(world.sweep(dataverse=office.calling())) == ["in-doubt"]
    world.http("POST", f"salesorders({world.contract})/Microsoft.Dynamics.CRM.msdyn_NewInvoiceContract", {})
    (invoice,) = world.http("GET", "invoices?$select=invoiceid").json()["value"]
    (attempt,) = world.http("GET", "psac_commands?$filter=psac_kind eq 'attempt'").json()["value"]
    resolve(world.client, world.mission.invoicing, UUID(attempt["psac_commandid"]), UUID(invoice["invoiceid"]), "clerk")
    assert (world.row(row), words(world.sweep(dataverse=office.calling()))) == ((SUCCESSFUL, True), [])


def test_rows_added_meanwhile_do_not_make_another_attempt_of_one_that_may_be_under_way(world: DueWorld) -> None:
    office, command = Office(world, Mode.RECORDED), CreateDueInvoices(command=uuid4(), requested_by="clerk")
    world.scheduled(world.time_line, DAY)
    world.ready(200, BEFORE)
    kill(world, office, calls, after=False, command=command.command)
    late = world.scheduled(world.expenses, DAY)
    world.ready(50, BEFORE, world.expenses)
    assert isinstance(world.message(command, office.calling()), RedeliverAt)
    assert code(world.sweep(dataverse=office.calling())) == "not-yet"
    assert (attempts(world), world.invoices()) == (["calling"], [])
    world.sandbox.clock.advance(PATIENCE_IS_OVER)
    assert isinstance(world.message(command, office.calling()), Complete)
    assert words(world.sweep(command=command.command)) == ["in-doubt"]
    assert words(world.sweep(dataverse=office.calling())) == ["in-doubt", "waiting"]
    assert (world.invoices(), world.row(late)) == ([], (NOT_RUN, False))


def test_a_daily_sweep_that_stopping_gives_up_leaves_its_call_on_record_for_the_next_one(world: DueWorld) -> None:
    """It ends within the time to drain, whatever its call waits for; the process, of which no thread is left that
    would be waited for, is gone before there is an answer."""
    row, office = world.scheduled(world.time_line, DAY), Office(world, Mode.RECORDED)
    world.ready(200, BEFORE)
    held = world.sandbox.faults.hold(path=r"\$batch", containing="msdyn_createinvoicefrominvoiceschedule")

    def carry_out(command: CreateDueInvoices, stopping: Callable[[], bool]) -> Outcome:
        mortal = Dies(world.client, calls, after=True)
        return world.sweep(dataverse=office.calling(mortal), command=command.command, due=command.due)

    before = set(threading.enumerate())  # other tests' threads may still be ending

    async def stopped_at_work() -> bool:
        stop = asyncio.Event()
        daily = Sweep(time(6), world.zone, world.now, carry_out, drain=0.05)
        running = asyncio.ensure_future(daily.run(stop))
        assert await asyncio.to_thread(held.reached.wait, 20)
        stop.set()
        return await asyncio.wait_for(running, 20)

    assert asyncio.run(stopped_at_work()) is False
    assert all(thread.daemon for thread in set(threading.enumerate()) - before)
    assert (attempts(world), world.invoices()) == (["calling"], [])
    held.release()
    world.until(lambda: bool(world.invoices()))
    assert words(world.sweep(dataverse=office.calling())) == ["created"]
    assert (world.invoices(), world.row(row)) == ([(Decimal(200), 1)], (SUCCESSFUL, True))
    assert attempts(world) == ["done"]
