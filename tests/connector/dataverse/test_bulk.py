"""New rows of several change sets in one bulk message per table: all of them or none, and then each by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest
import requests
import responses
from requests import PreparedRequest

from connector.dataverse.batch import Request
from connector.dataverse.changes import ChangeSet, Committed, Create, Reference, Update
from connector.dataverse.client import DataverseClient
from connector.dataverse.prepared import Prepared, groups
from connector.errors import Conflict, Rejected, Throttled, Transient, UnknownOutcome
from tests.connector.dataverse.environment import API, Time, batch_answer, change_set, error, mocked, part

BATCH, FILTERS = f"{API}$batch", re.compile(re.escape(API) + "sdkmessagefilters")
REFUSED = part(400, error("0x80040265", "Not on a Sunday."))
OUT_OF_TIME = part(500, error("0x80044151", "SQL timeout expired."))
BUSY = part(429, error("0x80072322", "Number of requests exceeded."), {"Retry-After": "7"})


@dataclass
class FarSide:
    """Answers batches: change sets of bulk messages as told, others well, but for those with a ``bad`` name."""

    time: Time
    bulk: str = ""
    bad: str = "bad"
    refusal: str = REFUSED
    alone: float = 1
    takes: tuple[str, ...] = ("account", "contact")
    bodies: list[str] = field(default_factory=list)

    def __call__(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
        self.bodies.append(body)
        answers = []
        for text in re.split(r"\r\nContent-Type: multipart/mixed", body)[1:]:
            self.time.sleep(0.1 if "CreateMultiple" in text else self.alone)
            if "CreateMultiple" in text and self.bulk:
                answers.append(self.bulk)
            elif f'"{self.bad}"' in text:
                answers.append(self.refusal)
            else:
                answers.append(change_set(*[part(204)] * text.count("HTTP/1.1")))
        answer = batch_answer(*answers)
        return 200, {"Content-Type": answer["content_type"]}, answer["body"]

    def said(self, _: PreparedRequest) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps({"value": [{"primaryobjecttypecode": table} for table in self.takes]})

    @property
    def bulk_messages(self) -> list[list[str]]:
        """The rows' names of each bulk message that was sent."""
        sent = (re.findall(r'\{"Targets":.*\}', body) for body in self.bodies)
        return [
            [row.get("name") or row["fullname"] for row in json.loads(one)["Targets"]] for some in sent for one in some
        ]


@pytest.fixture
def far() -> Iterator[tuple[DataverseClient, FarSide, responses.RequestsMock]]:
    with mocked("account", "contact", tag="me", bulk_messages=True) as (client, http, time):
        side = FarSide(time)
        http.add_callback("POST", BATCH, side, content_type=None)
        http.add_callback("GET", FILTERS, side.said)
        client._transport._timer = lambda: time.now().timestamp()
        yield client, side, http


def new(*names: str) -> list[ChangeSet]:
    """An account and a contact each."""
    return [
        ChangeSet(
            (
                Create(Reference("account", _id(name)), {"name": name}),
                Create(Reference("contact", _id(name)), {"fullname": name}),
            )
        )
        for name in names
    ]


def _id(name: str) -> UUID:
    return UUID(bytes=name.ljust(16).encode()[:16], version=4)


TEN = [f"row {number}" for number in range(10)]


def test_the_second_batch_goes_by_a_message_for_each_table_and_says_so_in_these_words(
    far: tuple[DataverseClient, FarSide, responses.RequestsMock],
) -> None:
    client, side, _ = far
    client.commit(new(*TEN))
    assert side.bulk_messages == []

    outcomes = client.commit(new("a", "b"))

    assert outcomes == [Committed((None, None))] * 2
    assert side.bulk_messages == [["a", "b"], ["a", "b"]]
    assert (
        "POST /api/data/v9.2/contacts/Microsoft.Dynamics.CRM.CreateMultiple?tag=me HTTP/1.1\r\n"
        "Content-Type: application/json\r\n\r\n"
        '{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.contact",'
        f'"fullname":"a","contactid":"{_id("a")}"}},'
    ) in side.bodies[-1]


@pytest.mark.parametrize(("seconds", "largest"), [(1, 5), (5, 2), (8, 0)])
def test_no_more_go_together_than_are_written_in_good_time(
    far: tuple[DataverseClient, FarSide, responses.RequestsMock], seconds: float, largest: int
) -> None:
    client, side, http = far
    http.assert_all_requests_are_fired = False
    side.alone = seconds
    client.commit(new(*TEN[:5]))

    client.commit(new(*TEN[:5]))

    assert max(map(len, side.bulk_messages), default=0) == largest


@pytest.mark.parametrize(
    ("refusal", "failure"), [(REFUSED, Rejected), (OUT_OF_TIME, Transient)], ids=["refused", "out of time"]
)
def test_where_a_group_fell_each_is_tried_by_itself_and_only_the_bad_one_fails(
    far: tuple[DataverseClient, FarSide, responses.RequestsMock], refusal: str, failure: type[Exception]
) -> None:
    client, side, _ = far
    client.commit(new(*TEN))
    side.bulk = side.refusal = refusal

    good, bad, other = client.commit(new("good", "bad", "other"))

    assert good == other == Committed((None, None))
    assert type(bad) is failure
    assert len(side.bodies) == 3
    assert "CreateMultiple" not in side.bodies[-1]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (BUSY, Throttled),
        (part(503), UnknownOutcome),
        (change_set(part(200)), UnknownOutcome),
    ],
    ids=["busy", "broken off", "half an answer"],
)
def test_where_trying_again_at_once_is_wrong_all_of_the_group_share_its_failure(
    far: tuple[DataverseClient, FarSide, responses.RequestsMock], answer: str, failure: type[Exception]
) -> None:
    client, side, _ = far
    client.commit(new(*TEN))
    side.bulk = answer

    outcomes = client.commit(new("a", "b"))

    assert [type(one) for one in outcomes] == [failure] * 2
    assert len(side.bodies) == 2


def test_a_lost_answer_leaves_everything_in_the_batch_in_doubt(
    far: tuple[DataverseClient, FarSide, responses.RequestsMock],
) -> None:
    client, _, http = far
    client.commit(new(*TEN))
    http.replace("POST", BATCH, body=requests.ConnectionError("gone"))

    outcomes = client.commit(new("a", "b"))

    assert [type(one) for one in outcomes] == [UnknownOutcome] * 2


def test_an_environment_that_refuses_the_whole_batch_for_it_is_soon_left_alone_with_it(
    far: tuple[DataverseClient, FarSide, responses.RequestsMock],
) -> None:
    client, side, http = far
    answer = FarSide.__call__

    def refusing(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        told = answer(side, request)
        refused = 400, {"Content-Type": "application/json"}, json.dumps(error("0x80060888", "Not in a change set."))
        return refused if "CreateMultiple" in side.bodies[-1] else told

    http.remove("POST", BATCH)
    http.add_callback("POST", BATCH, refusing, content_type=None)
    for _ in range(100):
        assert client.commit(new(*TEN)) == [Committed((None, None))] * len(TEN)

    assert len(side.bodies) < 112


@pytest.mark.parametrize(
    "answer", [(500, {}, "<html>Oops</html>"), requests.ConnectionError("reset")], ids=["500", "reset"]
)
def test_where_whole_batches_are_lost_to_bulk_messages_the_next_look_goes_without(
    far: tuple[DataverseClient, FarSide, responses.RequestsMock], answer: tuple[int, dict[str, str], str] | Exception
) -> None:
    client, side, http = far
    client.commit(new(*TEN))

    def losing(request: PreparedRequest) -> tuple[int, dict[str, str], str] | Exception:
        told = side(request)
        return answer if "CreateMultiple" in side.bodies[-1] else told

    http.remove("POST", BATCH)
    http.add_callback("POST", BATCH, losing, content_type=None)
    in_vain = 0
    for _ in range(40):
        outcomes = client.commit(new(*TEN))
        in_vain += not isinstance(outcomes[0], Committed)

    assert 1 <= in_vain <= 6


def test_an_existing_row_is_a_conflict_of_its_own_change_set_only(
    far: tuple[DataverseClient, FarSide, responses.RequestsMock],
) -> None:
    client, side, _ = far
    client.commit(new(*TEN))
    side.bulk = side.refusal = part(412, error("0x80040237", "A record with matching key values already exists."))

    good, bad = client.commit(new("good", "bad"))

    assert good == Committed((None, None))
    assert isinstance(bad, Conflict)


def test_tables_that_do_not_take_the_message_are_asked_about_once_and_left_alone(
    far: tuple[DataverseClient, FarSide, responses.RequestsMock],
) -> None:
    client, side, http = far
    side.takes = ("account",)
    for _ in range(3):
        assert client.commit(new(*TEN)) == [Committed((None, None))] * len(TEN)

    assert side.bulk_messages == []
    assert sum("sdkmessagefilters" in str(call.request.url) for call in http.calls) == 1


def test_who_may_not_ask_which_tables_take_it_writes_without_and_who_got_no_answer_asks_again() -> None:
    for status, asked in ((403, 1), (400, 1)):
        with mocked("account", "contact", bulk_messages=True) as (client, http, time):
            side = FarSide(time)
            http.add_callback("POST", BATCH, side, content_type=None)
            http.get(FILTERS, status=status, json=error("0x80040220", "lacks prvReadSdkMessageFilter"))
            client._transport._timer = lambda time=time: time.now().timestamp()  # type: ignore[misc]
            for _ in range(3):
                assert client.commit(new(*TEN)) == [Committed((None, None))] * len(TEN)
            assert sum("sdkmessagefilters" in str(call.request.url) for call in http.calls) == asked


def ready(*kinds: str) -> list[Prepared]:
    nothing = (Request("POST", "/"),)
    return [Prepared(index, ChangeSet((), partition=kind), nothing) for index, kind in enumerate(kinds)]


def test_what_does_not_fit_keeps_its_place_and_the_rest_is_divided_evenly() -> None:
    chunk = ready("f", "f", "-", *"fffffff")

    found = groups(chunk, 3, lambda one: one.change_set.partition == "f")

    assert [[one.index for one in group] for group in found] == [[0, 1], [2], [3, 4], [5, 6], [7, 8, 9]]
    assert len(list(groups(chunk, 1, lambda _: True))) == len(chunk)


def test_changes_calls_single_rows_and_what_is_done_in_somebodys_name_go_by_themselves(
    far: tuple[DataverseClient, FarSide, responses.RequestsMock],
) -> None:
    client, side, http = far
    http.assert_all_requests_are_fired = False
    client.commit(new(*TEN))
    (pair,) = new("pair")
    update = Update(Reference("account", _id("u")), {"name": "u"}, 'W/"1"')

    client.commit(
        [
            ChangeSet((*pair.changes, update)),
            ChangeSet(pair.changes[:1]),
            ChangeSet(pair.changes[:1]),
        ]
    )
    client.commit([ChangeSet(pair.changes, caller=_id("p")), ChangeSet(pair.changes, caller=_id("p"))])

    assert side.bulk_messages == []
