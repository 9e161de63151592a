"""Questions behind a commit, in its own batch: asked after the writes, and never at their expense."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests

from connector.dataverse import along
from connector.dataverse.along import LookPace
from connector.dataverse.batch import MAX_OPERATIONS
from connector.dataverse.budget import Budget
from connector.dataverse.changes import ChangeSet, Committed, Create, Record, Reference
from connector.dataverse.query import Query, any_of, equals
from connector.errors import Conflict, Rejected, UnknownOutcome
from tests.connector.dataverse.environment import (
    API,
    ONE,
    THREE,
    TWO,
    batch_answer,
    change_set,
    error,
    last_body,
    mocked,
    part,
    teach,
)

BATCH = f"{API}$batch"
DONE = change_set(part(204))
SETS = [ChangeSet((Create(Reference("account", ONE), {"name": "x"}),))]
TWO_SETS = [*SETS, ChangeSet((Create(Reference("account", TWO), {"name": "y"}),))]
QUESTIONS = [Query("contact", ["fullname"]), Query("account", ["name"], equals("name", "x"))]
ANN = part(200, {"value": [{"contactid": str(THREE), "fullname": "Ann"}]})
NOBODY = part(200, {"value": []})
ROOM = "Number of requests exceeded the limit of 6000, measured over time window of 300 seconds."


def test_questions_go_behind_the_writes_in_their_batch_and_are_answered_in_order() -> None:
    with mocked("account", "contact", tag="me") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE, change_set(part(204)), ANN, NOBODY))

        outcomes, answers = client.commit_and_look(TWO_SETS, QUESTIONS)

        assert outcomes == [Committed((None,)), Committed((None,))]
        assert answers == [[Record(Reference("contact", THREE), "", {"fullname": "Ann"})], []]
        sent = last_body(http).decode()
        order = [sent.index(word) for word in ("PATCH /api/data", f"accounts({TWO})", "GET /api/data/v9.2/contacts")]
        assert order == sorted(order)
        assert sent.index("GET /api/data/v9.2/contacts") < sent.index("GET /api/data/v9.2/accounts?")
        assert sent.count("\r\nIf-None-Match: null\r\n") == sent.count("odata.maxpagesize=5000") == 2
        assert len(http.calls) == 2, "one learns the tables"


def test_what_is_asked_in_parts_comes_back_whole() -> None:
    names = [f"{number:04} {'long' * 60}" for number in range(300)]
    with mocked("account") as (client, http, _):
        paths = len(client._paths(Query("account", ["name"], any_of("name", names))))
        assert paths > 1
        found = part(200, {"value": [{"accountid": str(ONE), "name": names[0]}]})
        http.post(BATCH, **batch_answer(DONE, found, *[NOBODY] * (paths - 1)))

        _, answers = client.commit_and_look(SETS, [Query("account", ["name"], any_of("name", names))])

        assert answers is not None
        assert [[record.row.id for record in records] for records in answers] == [[ONE]]


@pytest.mark.parametrize(
    "told",
    [
        (),
        (ANN,),
        (ANN, part(400, error("0x80060888", "No such column."))),
        (ANN, part(429, error("0x80072322", ROOM), {"Retry-After": "7"})),
        (ANN, part(200, {"value": [], "@odata.nextLink": f"{API}accounts?page=2"})),
        (ANN, part(200, {"nothing": 1})),
        (ANN, part(200, {"value": ["no row"]})),
        (ANN, part(200)),
        (ANN, change_set(part(204))),
        (ANN, NOBODY, NOBODY),
    ],
)
def test_where_any_question_is_not_answered_whole_the_writes_count_all_the_same(told: tuple[str, ...]) -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE, *told))

        assert client.commit_and_look(SETS, QUESTIONS) == ([Committed((None,))], None)


def test_what_is_read_behind_a_refused_write_is_read_all_the_same() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(part(412, error("0x80040237", "There is one already.")), ANN, NOBODY))

        (outcome,), answers = client.commit_and_look(SETS, QUESTIONS)

        assert isinstance(outcome, Conflict)
        assert answers is not None
        assert len(answers[0]) == 1


def test_an_answer_that_is_lost_is_an_unknown_outcome_and_no_reading() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, body=requests.ConnectionError("Connection aborted", ConnectionResetError(104, "reset")))

        (outcome,), answers = client.commit_and_look(SETS, QUESTIONS)

        assert isinstance(outcome, UnknownOutcome)
        assert answers is None


def test_a_batch_that_is_refused_as_a_whole_is_sent_again_without_the_questions() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, status=400, json=error("0x80048d19", "A part can't be read."))
        http.post(BATCH, **batch_answer(DONE))

        assert client.commit_and_look(SETS, QUESTIONS) == ([Committed((None,))], None)
        assert b"GET /" not in last_body(http)


def test_a_write_that_is_refused_by_itself_stays_refused() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, status=400, json=error("0x80048d19", "A part can't be read."))

        (outcome,), answers = client.commit_and_look(SETS, QUESTIONS)

        assert isinstance(outcome, Rejected)
        assert (answers, len(http.calls)) == (None, 3)


def alone(client: Any, http: Any, change_sets: list[ChangeSet], questions: list[Query], batches: int = 1) -> None:
    """No question goes along with these."""
    before = len(http.calls)
    outcomes, answers = client.commit_and_look(change_sets, questions)
    assert (set(map(type, outcomes)), answers) == ({Committed}, None)
    sent = [call.request.body for call in list(http.calls)[before:] if call.request.url == BATCH]
    assert len(sent) == batches
    assert not any(b"GET /" in body for body in sent)


def test_nothing_goes_along_with_a_commit_of_several_batches() -> None:
    with mocked("account", "contact") as (client, http, _):
        client._commits._pace._operations = 1
        http.post(BATCH, **batch_answer(DONE))
        alone(client, http, TWO_SETS, QUESTIONS, batches=2)


def test_nothing_goes_along_where_a_partition_has_to_wait() -> None:
    parted = [ChangeSet(one.changes, partition=f"p{number}") for number, one in enumerate(TWO_SETS)]
    with mocked("account", "contact") as (client, http, _):
        client._commits._partitions._wanting = 1
        http.post(BATCH, **batch_answer(DONE))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("connector.dataverse.partitions.FEW", 1)
            alone(client, http, parted, QUESTIONS, batches=2)


def test_nothing_is_read_in_somebody_elses_name() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE))
        alone(client, http, [ChangeSet(SETS[0].changes, caller=THREE)], QUESTIONS)


def test_more_than_a_batch_holds_or_is_useful_does_not_go_along() -> None:
    many = [ChangeSet(tuple(Create(Reference("account", ONE), {"name": "x"}) for _ in range(MAX_OPERATIONS - 1)))]
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(change_set(*[part(204)] * (MAX_OPERATIONS - 1))))
        alone(client, http, many, QUESTIONS)
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE))
        alone(client, http, SETS, QUESTIONS * along.MOST)


def test_a_question_about_an_unknown_column_keeps_no_write_back() -> None:
    with mocked("account", "contact") as (client, http, _):
        teach(http, "account")
        http.post(BATCH, **batch_answer(DONE))
        alone(client, http, SETS, [Query("account", ["nonsense"])])


def test_the_time_it_takes_to_read_does_not_count_as_time_to_write() -> None:
    seconds = iter((0.0, 100.0, 100.0, 200.0))
    with mocked("account", "contact", timer=lambda: next(seconds)) as (client, http, _):
        client._commits._pace._operations = 10
        http.post(BATCH, **batch_answer(*[DONE] * 10, ANN, NOBODY))

        client.commit_and_look(SETS * 10, QUESTIONS)

        assert client._commits._pace.operations == 10


def test_what_was_read_before_a_group_was_tried_again_one_by_one_is_not_told() -> None:
    pair = [ChangeSet((*one.changes, *one.changes)) for one in TWO_SETS]
    both = change_set(part(204), part(204))
    with mocked("account", "contact", bulk_messages=True) as (client, http, _):
        bulk = client._commits._bulk
        assert bulk is not None
        bulk._takes, bulk.pace._alone_each = {"account": True}, timedelta(hours=1)
        http.post(BATCH, **batch_answer(part(400, error("0x80040265", "Not on a Sunday.")), ANN, NOBODY))
        http.post(BATCH, **batch_answer(both, both))

        assert client.commit_and_look(pair, QUESTIONS) == ([Committed((None, None))] * 2, None)
        sent = [str(call.request.body) for call in http.calls if call.request.url == BATCH]
        assert ["CreateMultiple" in body for body in sent] == [True, False]


def test_a_wait_that_a_question_is_told_holds_for_everybody() -> None:
    budget = Budget()
    with mocked("account", "contact", budget=budget) as (client, http, time):
        http.post(BATCH, **batch_answer(DONE, ANN, part(429, error("0x80072322", ROOM), {"Retry-After": "37"})))

        client.commit_and_look(SETS, QUESTIONS)

        assert budget.held(time.now()) == timedelta(seconds=37)


def test_what_can_not_be_read_takes_no_outcome_with_it() -> None:
    nonsense = part(200, {"value": [{"accountid": str(ONE), "founded": "some day"}]})
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE, nonsense))

        assert client.commit_and_look(SETS, [Query("account", ["founded"])]) == ([Committed((None,))], None)


def test_an_unreadable_part_behind_the_writes_leaves_their_outcomes_alone() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE, "Content-Type: text/plain\r\n\r\nOops\r\n", NOBODY))

        assert client.commit_and_look(SETS, QUESTIONS) == ([Committed((None,))], None)


@pytest.mark.parametrize("told", [(ANN, NOBODY), (part(204), ANN, NOBODY)])
def test_the_answer_to_a_question_is_never_taken_for_that_to_a_write(told: tuple[str, ...]) -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(*told))

        (outcome,), _ = client.commit_and_look(SETS, QUESTIONS)

        assert isinstance(outcome, UnknownOutcome)


def test_questions_that_are_not_answered_are_left_out_longer_and_longer() -> None:
    with mocked("account", "contact") as (client, http, _):
        went = []
        for _ in range(12):
            http.post(BATCH, **batch_answer(DONE, ANN))
            client.commit_and_look(SETS, QUESTIONS)
            went.append(b"GET /" in last_body(http))
        assert [number for number, one in enumerate(went) if one] == [0, 2, 5, 10]


def test_questions_go_along_again_once_they_were_answered() -> None:
    pace = LookPace()
    pace.took(answered=False)
    assert [pace.may_go(), pace.may_go()] == [False, True]
    pace.took(answered=False)
    assert [pace.may_go() for _ in range(3)] == [False, False, True]
    pace.took(answered=True)
    pace.took(answered=False)
    assert [pace.may_go(), pace.may_go()] == [False, True]


def test_a_batch_that_was_lost_with_questions_in_it_says_nothing_about_how_many_writes_it_takes() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, body=requests.ConnectionError("Connection aborted", ConnectionResetError(104, "reset")))
        client._commits._pace._operations = 10

        client.commit_and_look(SETS * 10, QUESTIONS)

        assert client._commits._pace.operations == 10


def test_nothing_is_read_while_somebody_waits_for_the_same_partition() -> None:
    parted = [ChangeSet(SETS[0].changes, partition="p")]
    with mocked("account", "contact") as (client, http, _):
        client._commits._partitions._awaited["p"] = 1
        http.post(BATCH, **batch_answer(DONE))
        alone(client, http, parted, QUESTIONS)
        client._commits._partitions._awaited["p"] = 0
        http.replace("POST", BATCH, **batch_answer(DONE, ANN, NOBODY))
        assert client.commit_and_look(parted, QUESTIONS)[1] is not None
