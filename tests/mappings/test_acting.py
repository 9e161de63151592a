"""Who is meant by the one who asks, and for whom what they ask is written."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from mappings import tables
from mappings.acting import AS_SIGNED_IN, Acting, Mode, Person
from mappings.refusal import Refusal
from mappings.row import Row
from mappings.tables import Ref

ADA = UUID("aaaaaaaa-0000-4000-8000-000000000001")


def person(number: int = 1, **cells: Any) -> Person:
    """A user; unless said otherwise Ada, with an object id and enabled."""
    plain: dict[str, Any] = {
        "azureactivedirectoryobjectid": ADA,
        "domainname": "ada@fabrikam.com",
        "internalemailaddress": "Ada.Lovelace@fabrikam.com",
        "isdisabled": False,
        "applicationid": None,
    }
    return Person(Row(Ref(tables.USER, UUID(int=number)), 'W/"1"', plain | cells))


USER = Acting(Mode.USER)


def refusal(acting: Acting, name: str, *people: Person) -> Refusal:
    with pytest.raises(Refusal) as caught:
        acting.who(name, people)
    return caught.value


@pytest.mark.parametrize(
    "name", ["ada@fabrikam.com", "ADA@Fabrikam.com", " ada@fabrikam.com ", "ada.lovelace@fabrikam.com", str(ADA)]
)
def test_a_person_is_named_by_user_name_mail_or_object_id(name: str) -> None:
    assert USER.who(name, [person()]) == ADA
    assert Acting(Mode.SERVICE, (name,)).who("ada@fabrikam.com", [person()]) is None


@pytest.mark.parametrize("name", ["ada", "ada@fabrikam.co", "ádа@fabrikam.com", str(UUID(int=1)), "", "None"])
def test_nobody_else_is_meant_whatever_the_answer_of_dataverse_holds(name: str) -> None:
    no = refusal(USER, name, person(), person(2, domainname=None, internalemailaddress=None))
    assert no.code == "unknown-person"
    assert name in no.sentence


def test_a_name_that_two_enabled_people_share_names_neither_and_both_are_told() -> None:
    no = refusal(USER, "ada@fabrikam.com", person(1), person(2))
    assert no.code == "unknown-person"
    assert str(person(1).row.ref) in no.sentence
    assert str(person(2).row.ref) in no.sentence


def test_a_disabled_namesake_does_not_stand_in_the_way() -> None:
    gone = person(2, isdisabled=True, azureactivedirectoryobjectid=UUID(int=9))
    assert USER.who("ada@fabrikam.com", [gone, person()]) == ADA


def test_who_is_disabled_and_what_is_a_program_cannot_ask() -> None:
    assert refusal(USER, "ada@fabrikam.com", person(isdisabled=True)).code == "person-disabled"
    program = refusal(USER, "ada@fabrikam.com", person(applicationid=UUID(int=5)))
    assert (program.code, "application" in program.sentence) == ("unknown-person", True)
    assert USER.who("ada@fabrikam.com", [person(), person(2, applicationid=UUID(int=5))]) == ADA


def test_a_user_without_an_object_id_cannot_be_acted_for_but_may_ask_the_service() -> None:
    by_hand = person(azureactivedirectoryobjectid=None)
    assert refusal(USER, "ada@fabrikam.com", by_hand).code == "unknown-person"
    assert Acting(Mode.SERVICE, ("ada@fabrikam.com",)).who("ada@fabrikam.com", [by_hand]) is None


def test_the_list_restricts_who_may_ask_and_where_the_service_acts_nobody_else_may() -> None:
    ben = person(2, domainname="ben@fabrikam.com", internalemailaddress=None, azureactivedirectoryobjectid=UUID(int=8))
    for mode in (Mode.USER, Mode.SERVICE):
        no = refusal(Acting(mode, ("ada@fabrikam.com", str(ADA))), "ben@fabrikam.com", person(), ben)
        assert (no.code, "ben@fabrikam.com" in no.sentence) == ("not-allowed", True)
    assert refusal(Acting(Mode.SERVICE), "ada@fabrikam.com", person()).code == "not-allowed"
    assert USER.who("ben@fabrikam.com", [person(), ben]) == UUID(int=8)


def test_at_the_command_line_it_does_not_matter_what_is_written_down_as_who_asks() -> None:
    assert not AS_SIGNED_IN.asks_who
    assert AS_SIGNED_IN.who("whoever", []) is None
