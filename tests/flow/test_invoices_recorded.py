"""Every fault around the call for an invoice, in the fence and recorded first: one invoice, or a person is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from connector.dataverse.changes import ChangeSet
from connector.settlement import Complete, DeadLetter, RedeliverAt
from handlers.invoicing import ACTION
from handlers.recorded import Mode
from mappings import keys
from mappings.messages import CreateInvoices
from tests.flow.barriers import BeforeCommit, Together, in_background
from tests.flow.calls import PATIENCE_IS_OVER, Dies, Killed, Office, calls, records
from tests.flow.test_invoices import EIGHT_HOURS_OF_ADA, bill_one_entry, create
from tests.flow.world import World


@pytest.fixture(params=[Mode.FENCE, Mode.RECORDED])
def office(world: World, request: pytest.FixtureRequest) -> Office:
    office = Office(world, request.param)
    bill_one_entry(world)
    return office


@pytest.fixture
def recording(world: World) -> Office:
    office = Office(world, Mode.RECORDED)
    bill_one_entry(world)
    return office


def one_invoice(office: Office) -> None:
    assert office.world.invoiced("C1") == (1, EIGHT_HOURS_OF_ADA)
    assert office.world.faults() == []


def no_invoice(office: Office) -> None:
    assert office.world.invoiced("C1")[0] == 0
    assert office.world.faults() == []


def attempt(office: Office, command: CreateInvoices) -> Any:
    return office.world.http("GET", f"psac_commands({keys.attempt_id(command.contract, command.command)})").json()


def test_every_message_delivered_three_times_makes_one_invoice(office: Office) -> None:
    command = create(office.world)
    ends = [office.give(command) for _ in range(3)]
    assert [type(end) for end in ends] == [Complete] * 3
    assert office.world.attempt(command)["outcome"] == "created"
    one_invoice(office)


def test_a_lost_answer_is_looked_up(office: Office) -> None:
    command = create(office.world)
    office.lose_the_answer_to_the_call()
    assert isinstance(office.give(command), RedeliverAt)
    assert office.world.lost_answers == 1
    assert isinstance(office.give(command), Complete)
    assert office.world.attempt(command)["outcome"] == "created"
    one_invoice(office)


def test_an_action_that_outlives_the_clients_patience_is_found_later(office: Office) -> None:
    command = create(office.world)
    slow = office.world.sandbox.faults.finish_late(path=r"\$batch", containing=ACTION)
    assert isinstance(office.give(command, office.impatient()), RedeliverAt)
    assert slow.struck == 1
    office.world.until(lambda: office.world.invoiced("C1")[0] == 1)
    assert isinstance(office.give(command), Complete)
    one_invoice(office)


@pytest.mark.parametrize("fits", [records, calls], ids=["the record", "the call"])
def test_a_worker_killed_after_it_wrote_is_taken_over(office: Office, fits: Callable[[ChangeSet], bool]) -> None:
    command = create(office.world)
    with pytest.raises(Killed):
        office.give(command, Dies(office.world.client, fits, after=True))
    end = office.give(command)
    if fits is records and office.mode is Mode.RECORDED:  # killed between its record and its call: nobody knows that
        assert isinstance(end, RedeliverAt)
        no_invoice(office)
        return
    assert isinstance(end, Complete)
    one_invoice(office)


def test_a_worker_killed_before_it_wrote_anything_leaves_all_to_the_next(office: Office) -> None:
    command = create(office.world)
    with pytest.raises(Killed):
        office.give(command, Dies(office.world.client, records))
    assert isinstance(office.give(command), Complete)
    one_invoice(office)


def test_a_worker_killed_while_the_product_is_at_work_is_taken_over_when_that_is_done(office: Office) -> None:
    command = create(office.world)
    held = office.world.sandbox.faults.hold(path=r"\$batch", containing=ACTION)
    killed = in_background(partial(office.give, command))
    assert held.reached.wait(30)
    if office.mode is Mode.RECORDED:
        assert isinstance(office.give(command), RedeliverAt)  # it may still come
        no_invoice(office)
    held.release()
    killed.join(30)
    assert isinstance(office.give(command), Complete)
    one_invoice(office)


def test_two_commands_at_once_make_one_invoice_on_a_racy_product(office: Office) -> None:
    office.world.make_the_action_racy()
    together = Together(office.world.client, 2, commits=2)  # the lease, and what comes before the call or holds it
    workers = [in_background(partial(office.give, create(office.world), side)) for side in together.sides]
    for worker in workers:
        worker.join(30)
        assert not worker.is_alive()
    one_invoice(office)


def test_a_colleague_who_invoices_in_our_window_is_not_invoiced_after(office: Office) -> None:
    contract = office.world.company.contracts["C1"]
    path = f"salesorders({contract})/Microsoft.Dynamics.CRM.{ACTION}"

    def colleague() -> None:
        office.world.http("POST", path, {})

    command = create(office.world)
    through = BeforeCommit(office.world.client, colleague, commit=2 if office.mode is Mode.FENCE else 3)
    assert isinstance(office.give(command, through), Complete)
    assert office.world.attempt(command)["outcome"] == "nothing-to-invoice"
    one_invoice(office)


def test_a_colleague_who_invoices_while_our_call_is_lost_is_named(recording: Office) -> None:
    office = recording
    command = create(office.world)
    with pytest.raises(Killed):
        office.give(command, Dies(office.world.client, calls))
    contract = office.world.company.contracts["C1"]
    office.world.http("POST", f"salesorders({contract})/Microsoft.Dynamics.CRM.{ACTION}", {})
    assert isinstance(office.give(command), RedeliverAt)
    office.world.sandbox.clock.advance(PATIENCE_IS_OVER)
    assert isinstance(office.give(command), Complete)
    outcome = office.world.attempt(command)
    assert outcome["outcome"] == "nothing-to-invoice"
    assert "is on invoice" in outcome["because"]
    one_invoice(office)


def test_a_second_command_is_told_that_one_is_running(recording: Office) -> None:
    office = recording
    held = office.world.sandbox.faults.hold(path=r"\$batch", containing=ACTION)
    first, second = create(office.world), create(office.world)
    worker = in_background(partial(office.give, first))
    assert held.reached.wait(30)
    another = office.world.signed_in("service")  # one process has one commit at a time under way on a contract
    assert isinstance(office.give(second, another), Complete)
    assert office.world.attempt(second)["outcome"] == "already-running"
    held.release()
    worker.join(30)
    assert office.world.attempt(first)["outcome"] == "created"
    one_invoice(office)


def test_a_call_under_way_keeps_others_waiting_though_what_it_was_for_was_taken_back(recording: Office) -> None:
    """The product takes what is ready when it gets to it: on a racy one, two calls at once would bill the later row."""
    office, world = recording, recording.world
    bill_one_entry(world, number=1)
    first, later = (
        f"msdyn_actuals({row['msdyn_actualid']})"
        for row in world.http("GET", "msdyn_actuals?$filter=msdyn_billingstatus eq 192350004").json()["value"]
    )
    world.http("PATCH", later, {"msdyn_billingstatus": 192350000})
    world.make_the_action_racy()
    held = world.sandbox.faults.hold(path=r"\$batch", containing=ACTION)
    worker = in_background(partial(office.give, create(world)))
    assert held.reached.wait(30)
    world.http("PATCH", first, {"msdyn_billingstatus": 192350000})
    world.http("PATCH", later, {"msdyn_billingstatus": 192350004})
    second = create(world)
    assert isinstance(office.give(second, world.signed_in("service")), Complete)
    assert world.attempt(second)["outcome"] == "already-running"
    held.release()
    worker.join(30)
    assert world.invoiced("C1")[0] == 1
    assert world.faults() == []


def test_a_throttled_call_was_certainly_not_made_and_is_made_when_told(office: Office) -> None:
    command = create(office.world)
    busy = office.world.sandbox.faults.refuse(path=ACTION, status=429, headers={"Retry-After": "1"})
    assert isinstance(office.give(command), RedeliverAt)
    assert busy.struck == 1
    if office.mode is Mode.RECORDED:
        assert attempt(office, command)["psac_state"] == "withdrawn"
    assert isinstance(office.give(command), Complete)
    one_invoice(office)


def test_a_refused_call_is_written_down_and_a_new_command_may_try(office: Office) -> None:
    world = office.world
    world.sandbox.switches.failing[world.company.contracts["C1"]] = "Not before the audit."
    command = create(world)
    for _ in range(2):
        end = office.give(command)
        assert isinstance(end, DeadLetter)
        assert "Not before the audit." in end.sentence
    assert world.attempt(command)["outcome"] == "refused"
    world.sandbox.switches.failing.clear()
    assert isinstance(office.give(create(world)), Complete)
    one_invoice(office)


def test_a_record_whose_answer_is_lost_is_known_for_our_own(recording: Office) -> None:
    office = recording
    lost = office.world.sandbox.faults.lose_reply(path=r"\$batch", containing='"psac_state":"calling"')
    assert isinstance(office.give(create(office.world)), Complete)
    assert lost.struck == 1
    one_invoice(office)


def test_a_call_that_nobody_answered_is_in_doubt_and_never_made_again(recording: Office) -> None:
    office, command = recording, create(recording.world)
    with pytest.raises(Killed):
        office.give(command, Dies(office.world.client, calls))
    assert isinstance(office.give(command), RedeliverAt)
    office.world.sandbox.clock.advance(PATIENCE_IS_OVER)
    for _ in range(2):
        end = office.give(command)
        assert isinstance(end, DeadLetter)
        assert end.code == "in-doubt"
        assert "invoice resolve" in end.sentence
    assert attempt(office, command)["psac_state"] == "in-doubt"
    end = office.give(create(office.world))
    assert isinstance(end, DeadLetter)
    assert end.code == "earlier-in-doubt"
    no_invoice(office)


def test_an_invoice_that_is_seen_after_all_ends_the_doubt(recording: Office) -> None:
    office, command = recording, create(recording.world)
    slow = office.world.sandbox.faults.hold(path=r"\$batch", containing=ACTION)
    worker = in_background(partial(office.give, command))
    assert slow.reached.wait(30)
    office.world.sandbox.clock.advance(PATIENCE_IS_OVER)
    end = office.give(command)
    assert isinstance(end, DeadLetter)
    assert end.code == "in-doubt"
    slow.release()
    worker.join(30)
    assert isinstance(office.give(command), Complete)
    assert office.world.attempt(command)["outcome"] == "created"
    one_invoice(office)
