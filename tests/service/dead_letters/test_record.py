"""What is done about dead letters is written down before it is done, and afterwards what came of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from connector.dataverse.changes import ChangeSet, Committed
from connector.errors import ConnectorError, Transient
from handlers.command_record import LONGEST, Kind
from handlers.parsing import Ignored, parse_command
from service.dead_letters.letters import Letter, letter_of
from service.dead_letters.lines import Came, Line, Receipt, line_of
from service.dead_letters.record import PART, ended, written
from service.dead_letters.subjects import NOTHING
from tests.handlers.fake_dataverse import FakeDataverse
from tests.service.dead_letters.fake_boxes import QUEUE, put_aside

DOWN = Transient("unreachable", "No route.")


class Failing(FakeDataverse):
    """Fails at the commits of these numbers."""

    def __init__(self, *fails: int) -> None:
        super().__init__()
        self._fails = fails
        self._count = 0

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        self._count += 1
        return [DOWN for _ in change_sets] if self._count in self._fails else super().commit(change_sets)


def lines(count: int, **changes: Any) -> list[Line]:
    first = line_of(Letter(QUEUE, put_aside(1), "msdyn_timeentry"), NOTHING)
    return [replace(first, name=f"{QUEUE}/{one}", sequence=one, **changes) for one in range(1, count + 1)]


def recorded(dataverse: FakeDataverse) -> list[dict[str, Any]]:
    cells = dataverse.rows.of("psac_command").values()
    return [{**one, "selection": json.loads(one["psac_selection"])} for one in cells]


def test_a_record_tells_who_why_and_which_and_then_what_came_of_them() -> None:
    dataverse, some = Failing(), lines(3)
    records = written(Kind.DISCARD, some, "Reversed by hand.", "Rita", dataverse)
    (begun,) = recorded(dataverse)
    assert (begun["psac_kind"], begun["psac_requestedby"], begun["psac_state"]) == ("discard", "Rita", "resolved")
    assert begun["selection"]["reason"] == "Reversed by hand."
    assert [one["code"] for one in begun["selection"]["letters"]] == ["price-missing"] * 3
    came = {one.name: Receipt(one, came) for one, came in zip(some, (Came.DISCARDED, Came.LOCKED), strict=False)}
    assert ended(records, came, dataverse) == ""
    (done,) = recorded(dataverse)
    outcome = json.loads(done["psac_outcome"])
    assert (done["psac_state"], outcome["outcome"]) == ("done", "left")
    assert outcome["left"] == {"approvals/2": "locked", "approvals/3": "not-told"}


def test_many_go_into_several_records_none_of_which_is_larger_than_a_record_may_be() -> None:
    dataverse = Failing()
    records = written(Kind.REPLAY, lines(PART + 1), "", "Rita", dataverse)
    assert [len(one.lines) for one in records] == [PART, 1]
    records = written(Kind.REPLAY, lines(PART, said='"' * 2000), "", "Rita", dataverse)
    assert sum(len(one.lines) for one in records) == PART
    assert len(records) > 1
    assert max(len(one["psac_selection"]) for one in recorded(dataverse)) < LONGEST


def test_nothing_is_done_where_not_all_of_it_can_be_written_down_and_the_rest_says_so() -> None:
    dataverse = Failing(2)
    with pytest.raises(Transient, match="unreachable"):
        written(Kind.REPLAY, lines(PART + 1), "", "Rita", dataverse)
    (left,) = recorded(dataverse)
    assert set(json.loads(left["psac_outcome"])["left"].values()) == {"not-begun"}


def test_what_came_of_it_that_can_not_be_written_down_is_said() -> None:
    dataverse = Failing(2)
    records = written(Kind.REPLAY, lines(1), "", "Rita", dataverse)
    assert ended(records, {}, dataverse) == "No route. (unreachable)"


def test_what_somebody_wrote_can_not_give_a_terminal_instructions() -> None:
    letter = Letter(QUEUE, put_aside(1, "\x1b[2Jcode"), "unreadable")
    assert letter.code == " [2Jcode"
    assert "\x1b" not in letter.sentence


def test_what_a_command_said_that_nobody_can_read_is_kept_with_its_id_and_who_asked() -> None:
    body = b'{"kind": "mark-redy", "command": "c-1", "requested_by": "Rita"}'
    letter = letter_of(put_aside(1, "unreadable-command", body), "commands", parse_command)
    assert (letter.kind, line_of(letter, NOTHING).said) == ("unreadable", body.decode())
    event = letter_of(put_aside(1, "x", body), QUEUE, lambda envelope: Ignored("Nobody's."))
    assert line_of(event, NOTHING).said == "Because of x."
