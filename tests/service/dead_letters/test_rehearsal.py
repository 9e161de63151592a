"""What sending again would come to is what the handlers themselves decide, and nothing is written by asking."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from connector.dead_letter_queue import PutAside
from connector.envelope import Envelope
from connector.errors import Rejected
from connector.recoverability import Policy
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint
from handlers.invoice_runs import InvoiceRuns
from handlers.invoicing import InvoicingHandler
from handlers.parsing import parse_command, parse_event
from handlers.pipeline import Pipeline
from handlers.readiness import ReadinessHandler
from handlers.replies import Replies
from mappings.backlog import Backlog
from mappings.ceiling import Ceiling
from mappings.messages import CreateInvoices, CreateManyInvoices, MarkReady
from mappings.tables import Ref
from service.dead_letters.letters import Letter, letter_of
from service.dead_letters.rehearsal import Rehearsal, Rehearsed, Would
from service.dead_letters.subjects import Subjects
from tests.handlers.envelopes import ORGANIZATION, OWN_TAG, context
from tests.handlers.test_due_invoices import COMMAND as DUE
from tests.handlers.test_due_invoices import TODAY, Due
from tests.handlers.test_readiness import sales
from tests.handlers.world import CONTRACT, GO_LIVE, READY, ZONE, World

EVENTS, COMMANDS = "approvals", "commands"
NAMES = iter(range(1, 1000))


@pytest.fixture
def world() -> World:
    return World()


def letter(queue: str, body: Any, **more: Any) -> Letter:
    parse = parse_command if queue == COMMANDS else partial(parse_event, organization=ORGANIZATION, own_tag=OWN_TAG)
    envelope = Envelope("m", json.dumps(body, default=str).encode(), "application/json", queue=queue, **more)
    return letter_of(PutAside(next(NAMES), "x", "y", envelope), queue, parse)


def event(entry: Ref) -> Letter:
    return letter(EVENTS, context(entry.table, entry.id))


def rehearsed(world: World, *letters: Letter, ceiling: Ceiling | None = None) -> list[Rehearsed]:
    now = lambda: world.dataverse.rows.now  # noqa: E731
    invoicing = InvoicingHandler(now, ZONE, world.acting)
    mission = Mission(ActualsHandler(GO_LIVE, ZONE), ReadinessHandler(ZONE, world.acting, ceiling), invoicing)
    point = FixedPoint(world.dataverse)
    events = Pipeline(world.dataverse, mission, parse_event, Policy(), now, point)  # type: ignore[arg-type]
    commands = Pipeline(world.dataverse, mission, parse_command, Policy(), now, point)
    commands.replies = Replies(lambda queue, messages: None, now)
    before = dict(world.dataverse.rows.versions)
    abouts = Subjects(world.dataverse, ZONE, lambda table: None).of(letters)
    told = Rehearsal({EVENTS: events, COMMANDS: commands}, world.dataverse).of(letters, abouts)
    assert world.dataverse.rows.versions == before
    return [told[one.name] for one in letters]


def test_an_approved_entry_would_be_written_a_settled_one_is_done_and_a_gone_one_leads_nowhere(world: World) -> None:
    approved, settled, gone = world.approved(), world.approved(), Ref("msdyn_timeentry", uuid4())
    world.settled(settled)
    would, done, nothing = rehearsed(world, event(approved), event(settled), event(gone))
    assert would.would is Would.WRITE
    assert sum("create msdyn_actual(" in change for change in would.changes) == 2
    assert (done.would, done.changes) == (Would.DONE, ())
    assert (nothing.would, nothing.because) == (
        Would.DONE,
        "The entry no longer exists and has no live actuals of ours.",
    )


def test_what_is_not_mended_yet_would_be_refused_with_the_same_sentence(world: World) -> None:
    entry = world.approved()
    world.dataverse.rows.put(world.approval_of(entry), {"msdyn_approvedon": None})
    (told,) = rehearsed(world, event(entry))
    assert told.would is Would.REFUSED
    assert "(approval-undated)" in told.because


def test_an_approval_is_about_its_entry_and_a_gone_one_about_nothing(world: World) -> None:
    entry = world.approved()
    approval = world.approval_of(entry)
    by_approval = letter(EVENTS, context(approval.table, approval.id))
    gone = letter(EVENTS, context("msdyn_projectapproval", uuid4()))
    would, nothing = rehearsed(world, by_approval, gone)
    assert (would.would, nothing.would) == (Would.WRITE, Would.DONE)
    assert "leads to no entry" in nothing.because


def test_entries_that_can_not_be_read_say_nothing_about_those_beside_them(world: World) -> None:
    good, bad = world.approved(), world.approved()
    query = world.dataverse.query

    def refusing(questions: Any) -> Any:
        asked = repr(questions)
        if "msdyn_entrystatus" in asked and str(bad.id) in asked.replace("UUID('", ""):
            raise Rejected("refused", "Not this one.")
        return query(questions)

    world.dataverse.query = refusing  # type: ignore[method-assign]
    would, unknown = rehearsed(world, event(good), event(bad))
    assert (would.would, unknown.would) == (Would.WRITE, Would.UNKNOWN)
    assert "Not this one." in unknown.because


def test_a_letter_on_which_the_rehearsal_fails_hides_none_of_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = (
        MarkReady(command=uuid4(), requested_by="Rita", backlog=Backlog.TIME_AND_MATERIAL, rows=(sales(world),))
        for _ in range(2)
    )
    gather = ReadinessHandler.gather

    def failing(self: ReadinessHandler, commands: Any, dataverse: Any) -> Any:
        if bad in commands:
            raise OverflowError("date value out of range")
        return gather(self, commands, dataverse)

    monkeypatch.setattr(ReadinessHandler, "gather", failing)
    told = rehearsed(world, *(letter(COMMANDS, one.model_dump(mode="json")) for one in (bad, good)))
    assert [one.would for one in told] == [Would.UNKNOWN, Would.WRITE]
    assert "OverflowError" in told[0].because


def test_marking_tells_how_many_rows_and_what_is_above_a_ceiling(world: World) -> None:
    rows = (sales(world), sales(world), uuid4())
    command = MarkReady(command=uuid4(), requested_by="Rita", backlog="time-and-material", rows=rows)  # type: ignore[arg-type]
    (told,) = rehearsed(world, letter(COMMANDS, command.model_dump(mode="json")))
    assert told == Rehearsed(Would.WRITE, "2 rows would be marked ready; 0 are so already, 1 would be refused.")
    (above,) = rehearsed(world, letter(COMMANDS, command.model_dump(mode="json")), ceiling=Ceiling(1, ()))
    assert above.would is Would.REFUSED
    assert "over-ceiling" in above.because
    world.command(command)
    (done,) = rehearsed(world, letter(COMMANDS, command.model_dump(mode="json")))
    assert (done.would, done.because) == (Would.DONE, "The command has been carried out.")
    (dry,) = rehearsed(world, letter(COMMANDS, command.model_dump(mode="json") | {"dry_run": True}))
    assert (dry.would, dry.changes) == (Would.DONE, ())


def test_an_invoice_tells_what_it_would_be_made_of_and_is_made_once(world: World) -> None:
    sales(world, msdyn_billingstatus=READY)
    command = CreateInvoices(command=uuid4(), requested_by="Rita", contract=CONTRACT.id)
    (told,) = rehearsed(world, letter(COMMANDS, command.model_dump(mode="json")))
    assert told.would is Would.WRITE
    assert "1 ready rows are invoiced" in told.because
    world.command(command)
    (done,) = rehearsed(world, letter(COMMANDS, command.model_dump(mode="json")))
    assert done.would is Would.DONE
    (unknown,) = rehearsed(world, letter(COMMANDS, command.model_dump(mode="json") | {"contract": str(UUID(int=1))}))
    assert unknown.would is Would.REFUSED


def test_a_run_is_written_down_and_carried_on_if_it_stands(world: World) -> None:
    command = CreateManyInvoices(command=uuid4(), requested_by="Rita", contracts=(CONTRACT.id,))
    body = command.model_dump(mode="json")
    (told,) = rehearsed(world, letter(COMMANDS, body))
    assert (told.would, told.because) == (Would.WRITE, "A run over 1 contracts is written down.")
    FixedPoint(world.dataverse).settle(InvoiceRuns(InvoicingHandler(lambda: world.dataverse.rows.now, ZONE)), [command])
    (recorded,) = rehearsed(world, letter(COMMANDS, body))
    assert recorded.would is Would.WRITE
    assert "commanded once more" in recorded.because


def test_what_is_due_is_counted_and_done_once(world: World) -> None:
    due = Due(world)
    body = DUE.model_dump(mode="json")
    (nothing,) = rehearsed(world, letter(COMMANDS, body))
    assert (nothing.would, nothing.because) == (Would.DONE, "Nothing is due.")
    due.contract(1, TODAY)
    (told,) = rehearsed(world, letter(COMMANDS, body))
    assert (told.would, due.called) == (Would.WRITE, [])
    assert told.because == "Due are 1 runs; 0 of an earlier call are not finished."
    (above,) = rehearsed(world, letter(COMMANDS, body), ceiling=Ceiling(0, ()))
    assert above.would is Would.REFUSED
    due.sweep()
    (done,) = rehearsed(world, letter(COMMANDS, body))
    assert (done.would, done.because) == (Would.DONE, "The command has been carried out.")
    (early,) = rehearsed(world, letter(COMMANDS, body | {"command": str(uuid4()), "due": "2030-01-01"}))
    assert early.would is Would.REFUSED
    assert "not-due-yet" in early.because


def test_a_command_that_can_not_be_answered_would_be_refused(world: World) -> None:
    command = CreateInvoices(command=uuid4(), requested_by="Rita", contract=CONTRACT.id)
    (told,) = rehearsed(world, letter(COMMANDS, command.model_dump(mode="json"), reply_to="elsewhere"))
    assert told.would is Would.REFUSED
    assert "unknown-reply-queue" in told.because


def test_the_end_of_a_run_can_not_be_told_and_what_is_nobodys_is_let_go(world: World) -> None:
    run = letter(COMMANDS, {"kind": "look-at-run", "run": uuid4()})
    foreign = letter(EVENTS, context("msdyn_timeentry", uuid4(), OrganizationId=str(uuid4())))
    told = [one.would for one in rehearsed(world, run, foreign, letter(EVENTS, {"x": 1}))]
    assert told == [Would.UNKNOWN, Would.LET_GO, Would.REFUSED]


def test_what_several_letters_call_for_is_foretold_once_over_all_pages(world: World) -> None:
    entry = world.approved()
    approval = world.approval_of(entry)
    command = CreateInvoices(command=uuid4(), requested_by="Rita", contract=CONTRACT.id)
    sales(world, msdyn_billingstatus=READY)
    letters = [
        event(entry),
        letter(COMMANDS, command.model_dump(mode="json")),
        letter(EVENTS, context(approval.table, approval.id)),
        letter(COMMANDS, command.model_dump(mode="json")),
    ]
    first, invoice, second, again = rehearsed(world, *letters)
    assert (first.would, invoice.would) == (Would.WRITE, Would.WRITE)
    assert (second.would, second.changes, again.would) == (Would.SAME, (), Would.SAME)
    assert letters[0].name in second.because
    assert letters[1].name in again.because
    world.dataverse.rows.put(approval, {"msdyn_approvedon": None})
    assert [one.would for one in rehearsed(world, letters[0], letters[2])] == [Would.REFUSED, Would.REFUSED]
