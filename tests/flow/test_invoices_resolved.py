"""A person says what came of a call in doubt; what they say is checked, written down, and frees the contract."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from connector.settlement import Complete, DeadLetter, RedeliverAt
from handlers.invoicing import ACTION
from handlers.recorded import Mode
from mappings import keys
from mappings.messages import CreateInvoices
from service.resolving import NotResolved, resolve
from tests.flow.calls import PATIENCE_IS_OVER, Dies, Killed, Office, calls
from tests.flow.test_invoices import EIGHT_HOURS_OF_ADA, bill_one_entry, create
from tests.flow.world import World


@pytest.fixture
def office(world: World) -> Office:
    bill_one_entry(world)
    return Office(world, Mode.RECORDED)


def unanswered(office: Office) -> CreateInvoices:
    """A command whose worker was killed between its record and its call."""
    command = create(office.world)
    with pytest.raises(Killed):
        office.give(command, Dies(office.world.client, calls))
    return command


def in_doubt(office: Office) -> CreateInvoices:
    command = unanswered(office)
    office.world.sandbox.clock.advance(PATIENCE_IS_OVER)
    office.give(command)
    return command


def say(office: Office, named: UUID, invoice: UUID | None = None) -> str:
    outcome = resolve(office.world.client, office.world.mission.invoicing, named, invoice, "clerk")
    assert outcome["resolved_by"] == "clerk"
    return str(outcome["outcome"])


def invoice_by_hand(office: Office, contract: str) -> UUID:
    path = f"salesorders({office.world.company.contracts[contract]})/Microsoft.Dynamics.CRM.{ACTION}"
    office.world.http("POST", path, {})
    (row,) = office.world.http("GET", "invoices?$select=invoiceid").json()["value"]
    return UUID(row["invoiceid"])


def test_nothing_frees_the_contract_for_a_new_command(office: Office) -> None:
    command = in_doubt(office)
    assert say(office, command.command) == "failed"
    ended = office.give(command)  # obeyed, once and for all
    assert isinstance(ended, DeadLetter)
    assert ended.code == "resolved-as-nothing"
    assert office.world.invoiced("C1")[0] == 0
    assert isinstance(office.give(create(office.world)), Complete)
    assert office.world.invoiced("C1") == (1, EIGHT_HOURS_OF_ADA)


def test_an_invoice_is_compared_with_what_was_expected_and_written_down(office: Office) -> None:
    command = in_doubt(office)
    made = invoice_by_hand(office, "C1")
    attempt = keys.attempt_id(command.contract, command.command)
    assert say(office, attempt, made) == "created"
    assert office.world.attempt(command)["invoices"][0]["id"] == str(made)
    assert isinstance(office.give(command), Complete)
    assert office.world.faults() == []


def test_what_may_still_come_is_not_resolved_yet(office: Office) -> None:
    command = unanswered(office)
    assert isinstance(office.give(command), RedeliverAt)
    with pytest.raises(NotResolved, match="may still come"):
        say(office, command.command)
    office.world.sandbox.clock.advance(timedelta(hours=1))
    assert say(office, command.command) == "failed"


def test_an_invoice_of_another_contract_or_none_at_all_is_not_believed(office: Office) -> None:
    command = in_doubt(office)
    with pytest.raises(NotResolved, match="There is no invoice"):
        say(office, command.command, uuid4())


def test_an_invoice_from_before_the_call_is_not_believed(world: World) -> None:
    bill_one_entry(world)
    office = Office(world, Mode.RECORDED)
    old = invoice_by_hand(office, "C1")
    world.sandbox.clock.advance(timedelta(minutes=1))
    bill_one_entry(world, number=1)
    command = in_doubt(office)
    with pytest.raises(NotResolved, match="there before"):
        say(office, command.command, old)


@pytest.mark.parametrize("is_reported", [True, False])
def test_an_invoice_that_came_of_another_call_is_not_believed(office: Office, is_reported: bool) -> None:
    """The rows of the call in doubt were taken back; what became ready since is another command's."""
    doubtful = in_doubt(office)
    for row in office.world.http("GET", "msdyn_actuals?$filter=msdyn_billingstatus eq 192350004").json()["value"]:
        office.world.http("PATCH", f"msdyn_actuals({row['msdyn_actualid']})", {"msdyn_billingstatus": 192350003})
    bill_one_entry(office.world, number=1)
    other = create(office.world)
    if is_reported:
        office.give(other)
    else:
        with pytest.raises(Killed):
            office.give(other, Dies(office.world.client, calls, after=True))
    (row,) = office.world.http("GET", "invoices?$select=invoiceid").json()["value"]
    with pytest.raises(NotResolved, match=str(keys.attempt_id(other.contract, other.command))):
        say(office, doubtful.command, UUID(row["invoiceid"]))


def test_what_has_an_end_is_not_resolved_again(office: Office) -> None:
    command = create(office.world)
    office.give(command)
    for named in (command.command, uuid4()):
        with pytest.raises(NotResolved, match="without an end"):
            say(office, named)
