"""What handlers write for a person, and what for the service."""

from __future__ import annotations

from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from connector.errors import Rejected
from handlers.fixed_point import Settled, Unsettled
from handlers.people import questions
from mappings.acting import AS_SIGNED_IN, Acting, Mode
from mappings.backlog import Backlog
from mappings.messages import CreateInvoices, MarkReady
from tests.handlers.fake_dataverse import calls_an_action
from tests.handlers.test_invoicing import command as invoice
from tests.handlers.test_invoicing import ready
from tests.handlers.test_readiness import command as mark
from tests.handlers.test_readiness import sales
from tests.handlers.world import CONTRACT, World

ADA = UUID("aaaaaaaa-0000-4000-8000-000000000001")


@pytest.fixture
def by_user(world: World) -> World:
    """The world with Ada among its users, and a service that acts for whoever asks."""
    world.acting = Acting(Mode.USER)
    world.dataverse.put(
        Reference("systemuser", UUID(int=1)),
        azureactivedirectoryobjectid=ADA,
        domainname="ada@fabrikam.com",
        isdisabled=False,
    )
    return world


def test_rows_are_marked_for_who_asks_and_the_record_is_the_services(by_user: World) -> None:
    (outcome,) = by_user.command(mark(sales(by_user), sales(by_user)))
    assert isinstance(outcome, Settled)
    callers = [(one.changes[0].row.table, one.caller) for one in by_user.dataverse.committed]  # type: ignore[union-attr]
    assert callers == [("psac_command", None), ("msdyn_actual", ADA), ("msdyn_actual", ADA), ("psac_command", None)]


def test_the_fence_is_the_persons_and_lease_and_outcome_are_the_services(by_user: World) -> None:
    ready(by_user)
    (outcome,) = by_user.command(invoice())
    assert isinstance(outcome, Settled)
    assert [(calls_an_action(one), one.caller) for one in by_user.dataverse.committed] == [
        (False, None),
        (True, ADA),
        (False, None),
    ]


def test_a_command_of_nobody_writes_nothing_and_one_already_obeyed_keeps_its_answer(by_user: World) -> None:
    ready(by_user)
    before = len(by_user.dataverse.committed)
    stranger = invoice().model_copy(update={"requested_by": "eve@fabrikam.com"})
    rows = (sales(by_user),)
    unknown = MarkReady(
        command=UUID(int=7), requested_by="eve@fabrikam.com", backlog=Backlog.TIME_AND_MATERIAL, rows=rows
    )
    for outcome in (*by_user.command(stranger), *by_user.command(unknown)):
        assert isinstance(outcome, Unsettled)
        assert outcome.failure.code == "unknown-person"
    assert len(by_user.dataverse.committed) == before
    (first,) = by_user.command(invoice())
    by_user.dataverse.put(Reference("systemuser", UUID(int=1)), isdisabled=True)
    (again,) = by_user.command(invoice())
    assert isinstance(first, Settled)
    assert isinstance(again, Settled)
    assert again.outcome == first.outcome


def test_what_a_person_is_refused_says_for_whom_and_why(by_user: World) -> None:
    ready(by_user)
    by_user.dataverse.fail(Rejected("person-refused", "Missing prvCreateInvoice."), calls_an_action)
    (outcome,) = by_user.command(
        CreateInvoices(command=UUID(int=4), requested_by="ada@fabrikam.com", contract=CONTRACT.id)
    )
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == "person-refused"
    assert "ada@fabrikam.com" in outcome.failure.sentence
    assert "prvCreateInvoice" in outcome.failure.sentence


def test_a_row_refused_to_one_and_marked_by_another_meanwhile_is_no_success_of_the_first(by_user: World) -> None:
    row = sales(by_user)

    def refuse_and_mark(change_set: object) -> bool:
        return "msdyn_actual" in str(change_set)

    by_user.dataverse.fail(Rejected("person-refused", "Missing prvWritemsdyn_actual."), refuse_and_mark)
    (outcome,) = by_user.command(mark(row))
    assert isinstance(outcome, Settled)
    assert outcome.outcome["marked"] == []
    assert outcome.outcome["refused"] == {str(row): "Missing prvWritemsdyn_actual."}


def test_who_people_are_is_asked_in_one_question_per_kind_of_name_and_not_at_all_where_it_does_not_matter() -> None:
    names = ["ada@fabrikam.com", "ada@fabrikam.com ", "ben", str(ADA)]
    assert [question.where.values for question in questions(Acting(Mode.USER), names)] == [  # type: ignore[union-attr]
        (ADA,),
        ("ada@fabrikam.com", "ben"),
        ("ada@fabrikam.com", "ben"),
    ]
    assert questions(AS_SIGNED_IN, names) == ()
    assert questions(Acting(Mode.USER), []) == ()
