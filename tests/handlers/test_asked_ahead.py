"""What is asked along with something else answers a later question only where it holds all of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from connector.dataverse.changes import Record, Reference
from connector.dataverse.query import AnyOf, Query, any_of, equals
from connector.errors import Misconfigured
from handlers.asked_ahead import AskedAhead
from tests.handlers.fake_dataverse import FakeDataverse

TABLE, OWNER = "new_thing", "new_owner"
IDS = [UUID(int=number) for number in range(1, 5)]
OWNERS = [UUID(int=number) for number in range(11, 15)]
FIRST = Query("new_other", ("new_name",))
WIDE = Query(TABLE, ("new_name", OWNER), any_of(f"{TABLE}id", IDS))


@pytest.fixture
def dataverse() -> FakeDataverse:
    """Four things of four owners."""
    far = FakeDataverse()
    for number, (id, owner) in enumerate(zip(IDS, OWNERS, strict=True)):
        far.rows.put(Reference(TABLE, id), {"new_name": f"Thing {number}", OWNER: Reference("account", owner)})
    return far


def asked_ahead(dataverse: FakeDataverse, wide: Query) -> AskedAhead:
    reader = AskedAhead(dataverse)
    reader.expect(wide)
    reader.query([FIRST])
    return reader


def test_what_is_expected_goes_along_and_answers_a_narrower_question(dataverse: FakeDataverse) -> None:
    reader = asked_ahead(dataverse, WIDE)

    narrower = reader.query([Query(TABLE, ("new_name",), any_of(f"{TABLE}id", IDS[1:3]))])

    assert dataverse.requests == [[FIRST, WIDE]]
    assert [record.row.id for record in narrower[0]] == IDS[1:3]


def test_a_lookup_is_told_by_the_row_it_leads_to(dataverse: FakeDataverse) -> None:
    reader = asked_ahead(dataverse, replace(WIDE, where=any_of(OWNER, OWNERS)))

    (found,) = reader.query([replace(WIDE, where=any_of(OWNER, OWNERS[:1]))])

    assert [record.row.id for record in found] == IDS[:1]
    assert len(dataverse.requests) == 1


@pytest.mark.parametrize(
    "question",
    [
        replace(WIDE, where=any_of(f"{TABLE}id", [*IDS, UUID(int=9)])),
        replace(WIDE, where=any_of(OWNER, OWNERS)),
        replace(WIDE, where=equals(OWNER, OWNERS[0])),
        replace(WIDE, where=None),
        replace(WIDE, select=("new_name", "new_more")),
        replace(WIDE, order_by=("new_name",)),
        replace(WIDE, top=1),
        replace(WIDE, table="new_another"),
    ],
    ids=["another value", "another column", "another condition", "all", "more columns", "ordered", "a few", "table"],
)
def test_any_other_question_is_asked_as_it_stands(dataverse: FakeDataverse, question: Query) -> None:
    reader = asked_ahead(dataverse, WIDE)

    reader.query([question])

    assert dataverse.requests == [[FIRST, WIDE], [question]]


def test_text_is_told_as_dataverse_tells_it(dataverse: FakeDataverse) -> None:
    dataverse.rows.put(Reference(TABLE, IDS[0]), {"new_name": "THING 0"})
    wide = Query(TABLE, ("new_name",), any_of("new_name", ["thing 0", "THING 0", "thing 1"]))
    reader = asked_ahead(dataverse, wide)

    (found,) = reader.query([replace(wide, where=any_of("new_name", ["thing 0"]))])

    assert [record.row.id for record in found] == IDS[:1]
    assert len(dataverse.requests) == 1


def test_where_a_row_was_found_by_a_value_nobody_can_tell_the_question_is_asked(dataverse: FakeDataverse) -> None:
    """The far side found it equal by a rule of its own."""

    class Collating(FakeDataverse):
        def query(self, questions: Sequence[Query]) -> list[list[Record]]:
            answers = super().query([replace(one, where=None) for one in questions])
            self.requests[-1] = list(questions)
            return answers

    far = Collating()
    far.rows.put(Reference(TABLE, IDS[0]), {"new_name": "Resume"})
    wide = Query(TABLE, ("new_name",), any_of("new_name", ["Résumé", "other"]))
    reader = asked_ahead(far, wide)
    question = replace(wide, where=any_of("new_name", ["other"]))

    reader.query([question])

    assert far.requests == [[FIRST, wide], [question]]


def test_a_question_that_was_expected_is_not_asked_twice(dataverse: FakeDataverse) -> None:
    reader = AskedAhead(dataverse)
    reader.expect(WIDE)

    found, others = reader.query([replace(WIDE, where=any_of(f"{TABLE}id", IDS[:1])), FIRST])

    assert dataverse.requests == [[FIRST, WIDE]]
    assert [record.row.id for record in found] == IDS[:1]
    assert others == []


def test_no_answer_outlives_its_look(dataverse: FakeDataverse) -> None:
    reader = asked_ahead(dataverse, WIDE)
    reader.expect(FIRST)
    reader.begin()

    reader.query([WIDE])

    assert dataverse.requests == [[FIRST, WIDE], [WIDE]]


def test_whoever_expects_nothing_asks_every_time(dataverse: FakeDataverse) -> None:
    reader = AskedAhead(dataverse)
    reader.expect(replace(WIDE, where=AnyOf(f"{TABLE}id", ())))

    reader.query([WIDE])
    reader.query([WIDE])

    assert dataverse.requests == [[WIDE], [WIDE]]


def test_what_can_not_be_read_of_what_was_only_expected_fails_nobody(dataverse: FakeDataverse) -> None:
    unreadable = Misconfigured("unreadable-answer", "Dataverse answered new_other.new_name in an unknown shape.")

    class Unreadable(FakeDataverse):
        def query(self, questions: Sequence[Query]) -> list[list[Record]]:
            answers = super().query(questions)
            if FIRST in questions:
                raise unreadable
            return answers

    far = Unreadable()
    far.rows = dataverse.rows
    reader = AskedAhead(far)
    reader.expect(FIRST)

    (found,) = reader.query([WIDE])

    assert far.requests == [[WIDE, FIRST], [WIDE]]
    assert [record.row.id for record in found] == IDS
    with pytest.raises(Misconfigured):
        reader.query([FIRST])
