"""Commands are carried out for the people who ask, with the rights Dataverse gives them and in their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from connector.dataverse.access import Dataverse
from connector.envelope import Envelope
from connector.recoverability import Policy
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt, Settlement
from handlers.fixed_point import FixedPoint
from handlers.parsing import parse_command
from handlers.pipeline import Pipeline
from mappings import keys
from mappings.acting import Acting, Mode
from mappings.backlog import Backlog
from mappings.messages import CreateInvoices, MarkReady
from sandbox.dataverse.security.privileges import ACT_FOR_OTHERS, assign, make_role
from sandbox.dataverse.seed import BUSINESS_UNIT, USERS
from sandbox.dataverse.unit_of_work import Link
from tests.flow.barriers import BeforeCommit
from tests.flow.world import World

ALL = 8
READS = {
    table: {"Read": ALL}
    for table in ("msdyn_actual", "salesorder", "salesorderdetail", "msdyn_contractlinescheduleofvalue")
}
MARKER = {table: {"Read": ALL, "Write": ALL} for table in READS}
BILLER = MARKER | {
    "invoice": {"Read": ALL, "Create": ALL, "Write": ALL, "Append": ALL, "AppendTo": ALL},
    "msdyn_invoicelinetransaction": {"Read": ALL, "Create": ALL, "Write": ALL, "Append": ALL, "AppendTo": ALL},
    "psac_command": {"Read": ALL, "Create": ALL, "Write": ALL},
}
BY_USER = Acting(Mode.USER)


class Office:
    """The world with people in it who have roles of their own, and a service that carries out what they ask."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people: dict[str, UUID] = {}

    def person(self, name: str, rights: Mapping[str, Mapping[str, int]]) -> str:
        """A user who may do just this; returns the user name."""
        with self.world.sandbox.web.transaction() as uow:
            unit = Link("businessunit", BUSINESS_UNIT)
            user = f"{name}@office.example"
            values: dict[str, Any] = {"fullname": name, "firstname": name, "lastname": "Office", "isdisabled": False}
            values |= {"domainname": user, "businessunitid": unit, "azureactivedirectoryobjectid": uuid4()}
            id = self.people[user] = uow.create("systemuser", values)
            assign(uow, id, make_role(uow, f"role of {name}", rights))
        return user

    def change(self, user: str, **values: Any) -> None:
        """Alter a user."""
        with self.world.sandbox.web.transaction() as uow:
            uow.update("systemuser", self.people[user], values)

    def give(
        self, command: MarkReady | CreateInvoices, acting: Acting = BY_USER, dataverse: Dataverse | None = None
    ) -> Settlement:
        """One delivery of a command to a service that carries it out so."""
        mission = self.world.mission
        self.world.mission = replace(
            mission,
            readiness=replace(mission.readiness, acting=acting),
            invoicing=replace(mission.invoicing, acting=acting),
        )
        body = command.model_dump_json().encode()
        through = dataverse or self.world.client
        pipeline = Pipeline(through, self.world.mission, parse_command, Policy(), self.world.now, FixedPoint(through))
        (end,) = pipeline.process([Envelope(str(uuid4()), body, "application/json", queue="commands")])
        return end

    def open_work(self, contract: str = "C1") -> str:
        """A day of Ada's work is approved and billable; returns the id of its sales."""
        entry = self.world.time("P1", "Ada")
        self.world.approve(entry)
        self.world.work_on(entry)
        live = self.world.books().live(str(entry.id))
        (sales,) = [row for row in live if row["msdyn_transactiontypecode"] == 192350005]
        return str(sales["msdyn_actualid"])

    def row(self, path: str) -> Any:
        """A row as the administrator sees it."""
        return self.world.http("GET", path).json()


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def mark(office: Office, who: str, backlog: Backlog = Backlog.TIME_AND_MATERIAL, contract: str = "C1") -> MarkReady:
    contracts = (office.world.company.contracts[contract],)
    return MarkReady(command=uuid4(), requested_by=who, backlog=backlog, contracts=contracts)


def invoice(office: Office, who: str) -> CreateInvoices:
    return CreateInvoices(command=uuid4(), requested_by=who, contract=office.world.company.contracts["C1"])


@pytest.mark.parametrize("backlog", list(Backlog))
def test_rows_are_marked_in_the_name_of_the_person_who_asked_and_recorded_in_the_services(
    office: Office, backlog: Backlog
) -> None:
    office.open_work()
    mia = office.person("Mia", MARKER)
    for contract in office.world.company.contracts:
        command = mark(office, mia, backlog, contract)
        assert isinstance(office.give(command), Complete)
        marked = office.world.record(command)["marked"]
        if marked:
            break
    sets = {"time-and-material": "msdyn_actuals", "products": "salesorderdetails"}
    row = office.row(f"{sets.get(backlog, 'msdyn_contractlinescheduleofvalues')}({marked[0]})")
    assert row["_modifiedby_value"] == str(office.people[mia])
    assert row["_modifiedonbehalfby_value"] == str(USERS["service"])
    record = office.row(f"psac_commands({keys.command_row_id(command.command)})")
    assert record["_createdby_value"] == record["_modifiedby_value"] == str(USERS["service"])
    assert record["psac_requestedby"] == mia


def test_two_people_ask_and_who_lacks_the_privilege_gets_dataverses_refusal_as_the_outcome_of_each_row(
    office: Office,
) -> None:
    sales = office.open_work()
    rita, mia = office.person("Rita", READS), office.person("Mia", MARKER)
    refused, done = mark(office, rita), mark(office, mia)
    assert isinstance(office.give(refused), Complete)
    outcome = office.world.record(refused)
    assert outcome["marked"] == []
    assert "prvWritemsdyn_actual" in outcome["refused"][sales]
    assert str(office.people[rita]) in outcome["refused"][sales]
    assert isinstance(office.give(done), Complete)
    assert office.world.record(done)["marked"] == [sales]
    assert office.row(f"msdyn_actuals({sales})")["_modifiedby_value"] == str(office.people[mia])


def test_two_peoples_commands_in_one_delivery_are_each_written_as_whoever_asked(office: Office) -> None:
    sales = office.open_work()
    rita, mia = office.person("Rita", READS), office.person("Mia", MARKER)
    through = office.world.client
    office.give(mark(office, mia, Backlog.PRODUCTS))
    commands = [mark(office, rita), mark(office, mia)]
    envelopes = [Envelope(str(uuid4()), one.model_dump_json().encode(), "application/json") for one in commands]
    pipeline = Pipeline(through, office.world.mission, parse_command, Policy(), office.world.now, FixedPoint(through))
    assert [type(end) for end in pipeline.process(envelopes)] == [Complete, Complete]
    theirs, hers = map(office.world.record, commands)
    assert (theirs["marked"], hers["marked"]) == ([], [sales])


def test_an_operator_invoices_in_her_own_name_with_her_own_privileges_only(office: Office) -> None:
    office.open_work()
    olga = office.person("Olga", BILLER)
    office.give(mark(office, olga))
    command = invoice(office, olga)
    assert isinstance(office.give(command), Complete), office.give(command)
    outcome = office.world.attempt(command)
    assert outcome["outcome"] == "created"
    (made,) = outcome["invoices"]
    row = office.row(f"invoices({made['id']})")
    assert row["_createdby_value"] == str(office.people[olga])
    assert row["_createdonbehalfby_value"] == str(USERS["service"])
    attempt = office.row(f"psac_commands({keys.attempt_id(command.contract, command.command)})")
    assert attempt["_createdby_value"] == str(office.people[olga])
    assert attempt["_modifiedby_value"] == str(USERS["service"])
    assert office.world.faults() == []


@pytest.mark.parametrize(
    ("without", "told"), [("invoice", "prvCreateInvoice"), ("psac_command", "prvCreatepsac_Command")]
)
def test_who_may_not_invoice_is_refused_in_dataverses_words_and_only_that_is_written(
    office: Office, without: str, told: str
) -> None:
    office.open_work()
    olga, ben = office.person("Olga", BILLER), office.person("Ben", {k: v for k, v in BILLER.items() if k != without})
    office.give(mark(office, olga))
    command = invoice(office, ben)
    end = office.give(command)
    assert isinstance(end, DeadLetter)
    assert end.code == "person-refused"
    assert told.lower() in end.sentence.lower()
    assert ben in end.sentence
    assert "new command" in end.sentence
    assert office.world.invoiced("C1")[0] == 0
    recorded = office.world.attempt(command)
    assert (recorded["outcome"], recorded["code"], recorded["invoices"]) == ("refused", "person-refused", [])
    again = office.give(command)
    assert isinstance(again, DeadLetter)
    assert again.sentence == end.sentence
    assert office.world.invoiced("C1")[0] == 0
    assert isinstance(office.give(invoice(office, olga)), Complete)
    assert office.world.invoiced("C1")[0] == 1


def test_who_was_disabled_is_refused_before_anything_is_recorded(office: Office) -> None:
    office.open_work()
    mia = office.person("Mia", MARKER)
    office.change(mia, isdisabled=True)
    end = office.give(mark(office, mia))
    assert isinstance(end, DeadLetter)
    assert end.code == "person-disabled"
    assert office.row("psac_commands")["value"] == []


def test_a_person_is_named_by_object_id_user_name_or_mail_in_any_case_and_nobody_else_is_meant(office: Office) -> None:
    mia, eve = office.person("Mia", MARKER), office.person("Eve", MARKER)
    office.change(mia, internalemailaddress="mia.o'brien@office.example")
    object_id = str(office.row(f"systemusers({office.people[mia]})")["azureactivedirectoryobjectid"])
    for name in (mia, mia.upper(), "Mia.O'Brien@office.example", object_id):
        assert isinstance(office.give(mark(office, name), Acting(Mode.USER, (mia,))), Complete), name
    end = office.give(mark(office, eve), Acting(Mode.USER, (mia,)))
    assert isinstance(end, DeadLetter)
    assert (end.code, eve in end.sentence) == ("not-allowed", True)
    for stranger in ("nobody@fabrikam.example", str(uuid4())):
        end = office.give(mark(office, stranger))
        assert isinstance(end, DeadLetter)
        assert (end.code, stranger in end.sentence) == ("unknown-person", True)


@pytest.mark.parametrize("second_asks", ["Eve", "Mia"])
def test_after_a_crash_a_row_that_another_persons_command_marked_is_no_success_of_the_first(
    office: Office, second_asks: str
) -> None:
    sales = office.open_work()
    for name in ("Mia", "Eve"):
        office.person(name, MARKER)
    first, second = mark(office, "Mia@office.example"), mark(office, f"{second_asks}@office.example")
    with pytest.raises(Killed):
        office.give(first, dataverse=BeforeCommit(office.world.client, _die, commit=2))  # selected, and not yet marked
    assert isinstance(office.give(second), Complete)
    assert office.world.record(second)["marked"] == [sales]
    assert isinstance(office.give(first), Complete)
    told = office.world.record(first)
    # Who asked twice can't be told from who asked once: nothing but the person stands on the row.
    mine = [sales] if second_asks == "Mia" else []
    assert (told["marked"], told["already"]) == (mine, [] if mine else [sales])


def test_after_a_crash_a_row_that_somebody_touched_since_we_marked_it_is_still_our_success(office: Office) -> None:
    sales = office.open_work()
    mia = office.person("Mia", MARKER)
    command = mark(office, mia)
    with pytest.raises(Killed):
        office.give(command, dataverse=BeforeCommit(office.world.client, _die, commit=3))  # marked, and not recorded
    office.world.http("PATCH", f"msdyn_actuals({sales})", {"msdyn_description": "looked at"})
    assert isinstance(office.give(command), Complete)
    assert office.world.record(command)["marked"] == [sales]


class Killed(BaseException):
    """The process is gone."""


def _die() -> None:
    raise Killed


def test_where_the_service_acts_itself_who_is_allowed_needs_no_privilege_and_is_recorded(office: Office) -> None:
    sales = office.open_work()
    rita = office.person("Rita", READS)
    command = mark(office, rita)
    assert isinstance(office.give(command, Acting(Mode.SERVICE, (rita,))), Complete)
    assert office.world.record(command)["marked"] == [sales]
    assert office.row(f"msdyn_actuals({sales})")["_modifiedby_value"] == str(USERS["service"])
    end = office.give(mark(office, office.person("Mia", MARKER)), Acting(Mode.SERVICE, (rita,)))
    assert isinstance(end, DeadLetter)
    assert end.code == "not-allowed"


def test_a_service_that_may_not_act_for_others_pauses_and_keeps_the_message(office: Office) -> None:
    office.open_work()
    mia = office.person("Mia", MARKER)
    with office.world.sandbox.web.transaction() as uow:
        assign(uow, USERS["service"], make_role(uow, "Short", BILLER | origins()))
    end = office.give(mark(office, mia))
    assert isinstance(end, RedeliverAt | Pause)
    assert ACT_FOR_OTHERS in str(end)
    with office.world.sandbox.web.transaction() as uow:
        role = make_role(uow, "Long", BILLER | origins(), [ACT_FOR_OTHERS])
        assign(uow, USERS["service"], role)
    assert isinstance(office.give(mark(office, mia)), Complete)


def origins() -> dict[str, dict[str, int]]:
    """What the service reads besides when it marks."""
    ties = ("msdyn_transactionorigin", "msdyn_transactionconnection", "msdyn_journalline")
    return {table: {"Read": ALL} for table in ("systemuser", *ties)}
