"""Whoever listens hears of every invoice that was due, also where the command that found it due is never through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from connector.errors import Conflict, ConnectorError, Transient, UnknownOutcome
from connector.inbox import Outgoing
from connector.settlement import Complete, DeadLetter, RedeliverAt, Settlement
from handlers.announcing import Announcing
from handlers.due_course import Course
from handlers.due_facts import DueFacts
from handlers.due_look import Piece, Sweep
from handlers.fixed_point import FixedPoint, Settled
from handlers.invoicing import InvoicingHandler
from handlers.pipeline import Pipeline
from handlers.recorded import InvoiceCalls, Mode
from handlers.replies import Ended
from mappings.announcements import of_outcome
from mappings.messages import CreateInvoices
from mappings.schedule import DueRun
from tests.handlers.envelopes import NOW, envelope
from tests.handlers.service import Service
from tests.handlers.test_due_invoices import COMMAND, SCHEDULE, TODAY, Due, runs
from tests.handlers.world import READY, ZONE, World

FAULT = Transient("server-error", "An unexpected error occurred.")


class Listener:
    """Delivers the command to a service that announces, and hears what it says; ``deaf``: so often it does not."""

    def __init__(self, due: Due) -> None:
        through = InvoiceCalls(due, lambda: Mode.FENCE, 4)
        self.deaf, self.heard = 0, list[tuple[str, str]]()
        self.pipeline: Pipeline = Service(due.world).commands
        self.pipeline.dataverse, self.pipeline.fixed_point = through, FixedPoint(through)
        self.pipeline.tellers = (Announcing(self._send, lambda: NOW, "invoices"),)

    def _send(self, where: str, messages: Sequence[Outgoing]) -> None:
        if self.deaf:
            self.deaf -= 1
            raise Transient("bus-no-answer", "Service Bus did not answer.")
        for one in messages:
            event: Any = json.loads(one.body)
            self.heard.append((event["type"].rpartition(".")[2], event["id"]))

    def deliver(self, attempt: int = 0) -> Settlement:
        (end,) = self.pipeline.process([envelope(json.loads(COMMAND.model_dump_json()), attempt=attempt)])
        return end

    def words(self) -> list[str]:
        words = [word for word, _ in self.heard]
        self.heard.clear()
        return words


@pytest.fixture
def due(world: World) -> Due:
    return Due(world)


@pytest.fixture
def listener(due: Due) -> Listener:
    contracts = [due.contract(number, TODAY) for number in range(3)]
    due.trouble[contracts[1]] = FAULT
    return Listener(due)


def test_what_a_command_brought_is_told_at_once_though_one_of_its_contracts_is_stuck(listener: Listener) -> None:
    assert isinstance(listener.deliver(), RedeliverAt)
    assert listener.words() == ["created", "created"]
    # What was told is not told again each time.
    assert isinstance(listener.deliver(attempt=1), RedeliverAt)
    assert listener.words() == []


def test_with_the_message_put_aside_all_is_told_and_that_the_stuck_one_failed(due: Due, listener: Listener) -> None:
    listener.deaf = 1
    listener.deliver()
    assert listener.words() == []
    assert isinstance(listener.deliver(attempt=20), DeadLetter)
    assert listener.words() == ["created", "failed", "created"]


@pytest.mark.parametrize(("most", "names_them"), [(1200, True), (100, False)])
def test_an_outcome_that_was_too_long_to_be_written_down_is_told_when_the_message_comes_again(
    due: Due, most: int, names_them: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        due.contract(number, TODAY)
    monkeypatch.setattr("handlers.due_record.MOST_TEXT", most)
    listener = Listener(due)
    listener.deaf = 1
    assert isinstance(listener.deliver(), RedeliverAt)
    assert isinstance(listener.deliver(attempt=1), Complete)
    assert listener.words() == ["created"] * 3
    again = due.sweep()
    assert isinstance(again, Settled)
    assert again.outcome["shortened"]
    assert [bool(run.get("invoices")) for run in runs(again)] == [names_them] * 3


def test_a_run_that_had_ended_is_told_as_it_ended_though_an_earlier_one_may_not_be_called_for_any_more(
    due: Due,
) -> None:
    contract = UUID(int=7, version=4)
    first, second = (
        Piece(DueRun(contract, TODAY - timedelta(days=days), ()), UUID(int=days + 1, version=4), called, outcome)
        for days, called, outcome in (
            (7, False, {"outcome": "refused", "code": "above-ceiling", "because": "Too much."}),
            (0, True, {"outcome": "created", "invoices": [{"id": "INV-1"}]}),
        )
    )
    invoicing = InvoicingHandler(lambda: NOW, ZONE)
    course = Course(COMMAND, Sweep(TODAY, DueFacts(), (first, second), {}), FixedPoint(due), invoicing)
    course.run()
    told: Any = course.outcome()["runs"]
    assert [run["outcome"] for run in told] == ["refused", "created"]
    assert course.news() == ()


def test_in_the_end_each_is_told_under_the_id_it_was_told_under_at_once(due: Due, listener: Listener) -> None:
    listener.deliver()
    before = set(listener.heard)
    due.trouble.clear()
    assert isinstance(listener.deliver(attempt=1), Complete)
    told = set(listener.heard)
    assert before < told
    assert len(told) == 3


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        (UnknownOutcome("timed-out", "No answer."), ["in-doubt"]),
        (Conflict("row-changed", "Somebody else writes."), []),
        (Transient("not-yet", "It is not there yet."), []),
    ],
)
def test_a_stuck_contract_is_told_to_have_failed_only_if_it_did(
    due: Due, failure: ConnectorError, word: list[str]
) -> None:
    due.trouble[due.contract(0, TODAY)] = failure
    listener = Listener(due)
    assert isinstance(listener.deliver(attempt=20), DeadLetter)
    assert listener.words() == word


@pytest.mark.parametrize(
    ("code", "word"), [("not-yet", "in-doubt"), ("in-doubt", "in-doubt"), ("sql-timeout", "failed")]
)
def test_a_command_put_aside_before_its_invoice_came_is_in_doubt(due: Due, code: str, word: str) -> None:
    listener = Listener(due)
    command = CreateInvoices(command=UUID(int=3, version=4), requested_by="clerk", contract=UUID(int=4, version=4))
    (teller,) = listener.pipeline.tellers
    teller.answer([Ended(envelope({}), command, DeadLetter(code, "Why."), {})])
    assert listener.words() == [word]


def test_a_second_invoice_of_the_same_rows_has_an_event_of_its_own(due: Due) -> None:
    due.contract(0, TODAY)
    first = due.sweep()
    dataverse = due.world.dataverse
    for table in ("invoice", "invoicedetail", "msdyn_invoicelinetransaction", "msdyn_transactionconnection"):
        for row in list(dataverse.rows.of(table)):
            del dataverse.rows.cells[row]
    for row in dataverse.rows.of("msdyn_actual"):
        dataverse.put(row, msdyn_billingstatus=READY)
    for row in dataverse.rows.of(SCHEDULE):
        dataverse.put(row, msdyn_invoicerunstatus=192350000, msdyn_invoice=None)
    dataverse.later(days=1)
    second = due.sweep(command=COMMAND.model_copy(update={"command": UUID(int=2, version=4)}))
    assert [run["outcome"] for end in (first, second) for run in runs(end)] == ["created", "created"]
    ids = [
        event.id
        for end in (first, second)
        if isinstance(end, Settled)
        for event in of_outcome(COMMAND, end.outcome, NOW)
    ]
    assert len(set(ids)) == 2
