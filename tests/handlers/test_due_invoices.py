"""Contracts that are due are invoiced several at a time, the days of one in order, and what fails is told apart."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.changes import Call, ChangeSet, Reference
from connector.errors import ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from handlers.due_facts import ACTION
from handlers.due_invoices import DueInvoices
from handlers.fixed_point import FixedPoint, Outcome, Settled, Unsettled
from handlers.invoicing import InvoicingHandler
from handlers.recorded import InvoiceCalls, Mode
from mappings.announcements import of_outcome
from mappings.messages import CreateDueInvoices
from tests.handlers.fake_dataverse import Rows
from tests.handlers.invoice_drawn_up import draw_up
from tests.handlers.world import CUSTOMER, PROJECT, READY, UNBILLED, USD, ZONE, World, new

TODAY = date(2026, 2, 16)
FAILED = 192350002
SCHEDULE = "msdyn_contractlineinvoiceschedule"
COMMAND = CreateDueInvoices(command=UUID(int=1, version=4), requested_by="clerk")


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


class Due:
    """A company whose contracts are invoiced by schedule; it is a line to Dataverse that many threads may use.

    ``trouble``: what a call for a contract ends with instead. ``called``: each call's contract and schedule rows.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.trouble: dict[Reference, ConnectorError] = {}
        self.called: list[tuple[Reference, tuple[UUID, ...]]] = []
        self.before_call: Callable[[Reference], object] = lambda contract: None
        self.before_failed: list[Callable[[], None]] = []
        self.told: list[Any] = []
        self._lock = threading.Lock()
        world.dataverse.put(new("sdkmessage", 1), name=ACTION)
        world.dataverse.actions[ACTION] = self._invoice

    def contract(self, number: int, *days: date) -> Reference:
        """A contract with a run on each of these days, and something that is ready for it."""
        put, fresh = self.world.dataverse.put, self.world.fresh
        contract, line = new("salesorder", 100 + number), new("salesorderdetail", 200 + number)
        put(contract, name=f"C{number}", ordernumber=f"ORD-{number}", msdyn_ordertype=192350001, customerid=CUSTOMER)
        put(line, **World.line_of(PROJECT, contract))
        for day in days:
            put(
                fresh(SCHEDULE),
                msdyn_contractlineid=line,
                msdyn_invoicerundate=midnight(day),
                msdyn_invoicerunstatus=192350000,
            )
            put(
                fresh("msdyn_actual"),
                msdyn_transactiontypecode=UNBILLED,
                msdyn_billingtype=192350001,
                msdyn_billingstatus=READY,
                msdyn_quantity=Decimal(1),
                msdyn_price=Decimal(100),
                msdyn_amount=Decimal(100),
                msdyn_startdatetime=midnight(day - timedelta(days=1)),
                msdyn_accountcustomer=CUSTOMER,
                msdyn_salescontract=contract,
                msdyn_salescontractlineid=line,
                transactioncurrencyid=USD,
            )
        return contract

    def _invoice(self, rows: Rows, contract: Reference) -> None:
        """What is ready for the oldest day."""
        mine = {row: c for row, c in rows.of("msdyn_actual").items() if c["msdyn_salescontract"] == contract}
        left = {row: c["msdyn_startdatetime"] for row, c in mine.items() if c["msdyn_billingstatus"] == READY}
        invoice = self.world.fresh("invoice")
        rows.put(invoice, {"salesorderid": contract, "invoicenumber": f"INV-{len(rows.of('invoice'))}"})
        draw_up(
            rows, invoice, contract, [row for row, on in left.items() if on == min(left.values())], self.world.fresh
        )

    def query(self, questions: Sequence[Any]) -> list[Any]:
        with self._lock:
            return self.world.dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Any]:
        if len(change_sets) > 1:
            return [outcome for one in change_sets for outcome in self.commit([one])]
        (change_set,) = change_sets
        call = change_set.changes[-1]
        if isinstance(call, Call):
            given: Any = call.parameters["InvoiceSchedules"]
            self.called.append((call.bound_to, tuple(one.id for one in given)))
            self.before_call(call.bound_to)
            if call.bound_to in self.trouble:
                return [self.trouble[call.bound_to]]
        elif call.values.get("msdyn_invoicerunstatus") == FAILED and self.before_failed:
            self.before_failed.pop()()
        with self._lock:
            return self.world.dataverse.commit(change_sets)

    def sweep(
        self, at_once: int = 1, command: CreateDueInvoices = COMMAND, mode: Mode = Mode.FENCE, **more: Any
    ) -> Outcome:
        invoicing = InvoicingHandler(lambda: self.world.dataverse.rows.now, ZONE)
        due = replace(DueInvoices(invoicing, at_once=at_once, told=self.told.append), **more)
        return due.settle([command], FixedPoint(InvoiceCalls(self, lambda: mode, 16)))[command]


@pytest.fixture
def due(world: World) -> Due:
    return Due(world)


def runs(outcome: Outcome) -> list[Any]:
    assert isinstance(outcome, Settled), outcome
    told: Any = outcome.outcome["runs"]
    return list(told)


def words(outcome: Outcome) -> list[str]:
    return [run["outcome"] for run in runs(outcome)]


def test_so_many_contracts_are_called_for_at_a_time(due: Due) -> None:
    for number in range(4):
        due.contract(number, TODAY)
    # Two calls wait for each other, twice; one at a time would wait in vain.
    barrier = threading.Barrier(2, timeout=20)
    due.before_call = lambda contract: barrier.wait()
    assert words(due.sweep(at_once=2)) == ["created"] * 4
    assert len(due.told) == 4


def test_the_days_of_a_contract_are_invoiced_in_their_order_whatever_is_at_work_beside(due: Due) -> None:
    days = [TODAY - timedelta(days=back) for back in (14, 7, 0)]
    one, other = (due.contract(number, *days) for number in range(2))
    told = runs(due.sweep(at_once=4))
    for contract in (one, other):
        made = [run["day"] for run in told if run["contract"] == str(contract.id)]
        assert made == [day.isoformat() for day in days]
        rows = due.world.dataverse.rows.of(SCHEDULE)
        called = [rows[Reference(SCHEDULE, row)]["msdyn_invoicerundate"] for on, (row,) in due.called if on == contract]
        assert called == [midnight(day) for day in days]
    assert {run["outcome"] for run in told} == {"created"}


def test_a_call_that_may_be_under_way_keeps_no_other_contract_from_its_invoice(due: Due) -> None:
    slow, other = (due.contract(number, TODAY) for number in range(2))
    due.trouble[slow] = UnknownOutcome("timed-out", "No answer.")
    due.world.dataverse.put(slow, name="Slow")
    outcome = due.sweep()
    assert isinstance(outcome, Unsettled)
    assert other in [contract for contract, _ in due.called]
    assert {run["contract"]: run["outcome"] for run in due.told}[str(other.id)] == "created"
    # The same command goes on with what it left, and tells of all.
    due.trouble.clear()
    assert words(due.sweep()) == ["created", "created"]
    assert [run["contract"] for run in due.told[2:]] == [str(slow.id)]


def test_what_a_command_did_is_told_though_the_rest_has_become_forbidden(due: Due) -> None:
    for number in range(2):
        due.contract(number, TODAY)
    due.trouble[new("salesorder", 101)] = Transient("unreachable", "No route.")
    assert isinstance(due.sweep(), Unsettled)
    due.trouble.clear()
    due.world.dataverse.put(new("msdyn_batchjob", 1), msdyn_name="Create invoices", msdyn_isactive=True, statecode=0)
    created, refused = runs(due.sweep())
    assert (created["outcome"], refused["outcome"]) == ("created", "refused")
    assert "product-invoices-itself" in refused["because"]
    assert len(due.called) == 2


def test_what_was_called_for_before_is_looked_up_and_told_though_nothing_new_may_be(due: Due) -> None:
    contract, _ = (due.contract(number, TODAY) for number in range(2))
    due.trouble[contract] = UnknownOutcome("timed-out", "No answer.")
    stopping = iter((False, True))
    assert isinstance(due.sweep(mode=Mode.RECORDED, stopping=lambda: next(stopping)), Unsettled)
    due.told.clear()
    due.world.dataverse.put(new("msdyn_batchjob", 1), msdyn_name="Create invoices", msdyn_isactive=True, statecode=0)
    due.world.dataverse.later(minutes=31)
    other = COMMAND.model_copy(update={"command": UUID(int=2, version=4)})
    # A message would be put aside, and nobody would hear of it.
    assert isinstance(due.sweep(command=other, mode=Mode.RECORDED, told=None), Unsettled)
    assert due.told == []
    refused = due.sweep(command=other, mode=Mode.RECORDED)
    assert isinstance(refused, Unsettled)
    assert refused.failure.code == "product-invoices-itself"
    assert [(run["contract"], run["outcome"]) for run in due.told] == [(str(contract.id), "in-doubt")]
    assert len(due.called) == 1


def test_a_right_that_one_contract_lacks_is_told_of_that_one(due: Due) -> None:
    lacking, _ = (due.contract(number, TODAY) for number in range(2))
    due.trouble[lacking] = Misconfigured("missing-privilege", "prvCreateInvoice")
    assert words(due.sweep()) == ["failed", "created"]


def test_a_product_that_finds_nothing_leaves_the_row_as_it_is_for_the_next_time(due: Due) -> None:
    contract = due.contract(0, TODAY)
    due.trouble[contract] = Rejected("0x80040265", "There are no past dated transactions to invoice.")
    assert words(due.sweep()) == ["nothing-to-invoice"]
    (row,) = due.world.dataverse.rows.of(SCHEDULE).values()
    assert row["msdyn_invoicerunstatus"] == 192350000
    due.trouble.clear()
    assert words(due.sweep(command=COMMAND.model_copy(update={"command": UUID(int=2, version=4)}))) == ["created"]


@pytest.mark.parametrize(
    ("failure", "calls"),
    [
        (Misconfigured("missing-privilege", "prvCreateInvoice"), 3),
        (Transient("sql-timeout", "Rolled back."), 6),
        (Throttled("busy", "Wait.", timedelta(seconds=5)), 1),
    ],
)
def test_what_is_everybodys_fault_ends_the_sweep_and_nothing_is_recorded_as_done(
    due: Due, failure: ConnectorError, calls: int
) -> None:
    for number in range(6):
        due.trouble[due.contract(number, TODAY)] = failure
    outcome = due.sweep()
    assert isinstance(outcome, Unsettled)
    assert outcome.failure is failure
    assert len(due.called) == calls
    due.trouble.clear()
    assert words(due.sweep()) == ["created"] * 6


def test_who_was_refused_can_not_say_that_the_run_failed_once_somebody_else_calls_for_it(due: Due) -> None:
    contract = due.contract(0, TODAY)
    (row,) = due.world.dataverse.rows.of(SCHEDULE)
    due.trouble[contract] = Rejected("0x80040265", "Time-out expired.")
    other = COMMAND.model_copy(update={"command": UUID(int=2, version=4)})

    def meanwhile() -> None:
        """A second sweep calls, and its worker dies with the call under way."""
        due.trouble[contract] = UnknownOutcome("timed-out", "No answer.")
        assert isinstance(due.sweep(command=other, mode=Mode.RECORDED), Unsettled)

    due.before_failed.append(meanwhile)
    outcome = due.sweep(mode=Mode.RECORDED)
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == "not-yet"
    assert due.world.dataverse.get(row)["msdyn_invoicerunstatus"] == 192350000


def test_asked_to_stop_it_begins_no_other_contract_and_says_how_many_are_left(due: Due) -> None:
    for number in range(3):
        due.contract(number, TODAY)
    outcome = due.sweep(stopping=lambda: bool(due.called))
    assert words(outcome) == ["created"]
    assert isinstance(outcome, Settled)
    assert outcome.outcome["left"] == 2
    again = COMMAND.model_copy(update={"command": UUID(int=2, version=4)})
    assert words(due.sweep(command=again)) == ["created", "created"]


def test_rows_are_always_the_ids_of_schedule_rows_and_every_outcome_can_be_announced(due: Due) -> None:
    due.contract(0, TODAY)
    failing = due.contract(1, TODAY)
    due.trouble[failing] = Misconfigured("missing-privilege", "prvCreateInvoice")
    outcome = due.sweep()
    created, failed = runs(outcome)
    assert (created["ready"], created["outcome"], failed["outcome"]) == (1, "created", "failed")
    assert [[UUID(id).version for id in run["rows"]] for run in (created, failed)] == [[4], [4]]
    assert isinstance(outcome, Settled)
    events = list(of_outcome(COMMAND, json.loads(json.dumps(outcome.outcome)), due.world.dataverse.rows.now))
    assert [event.type for event in events] == ["psa-connector.invoice.created", "psa-connector.invoice.failed"]


def test_more_runs_than_one_command_takes_are_left_and_an_outcome_too_long_is_recorded_in_short(
    due: Due, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.due_look.MOST_RUNS", 2)
    monkeypatch.setattr("handlers.due_record.MOST_TEXT", 500)
    for number in range(3):
        due.contract(number, TODAY)
    outcome = due.sweep()
    assert isinstance(outcome, Settled)
    assert (words(outcome), outcome.outcome["left"]) == (["created"] * 2, 1)
    again = due.sweep()
    assert isinstance(again, Settled)
    assert (words(again), again.outcome["counts"]) == (["created"] * 2, {"runs": {"created": 2}, "unfit": 0})
