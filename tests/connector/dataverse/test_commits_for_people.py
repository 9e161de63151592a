"""Change sets that are written for a person: which request names them, and whose fault a refusal is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import requests

from connector.dataverse.callers import PersonRefused
from connector.dataverse.changes import ChangeSet, Committed, Create, Reference
from connector.errors import Conflict, Misconfigured, Throttled, Transient, UnknownOutcome
from tests.connector.dataverse.environment import (
    API,
    batch_answer,
    change_set,
    error,
    last_body,
    mocked,
    part,
)

BATCH = f"{API}$batch"
DONE = change_set(part(204))
ANN, BEN = UUID(int=101), UUID(int=102)
WHO = {"UserId": str(UUID(int=7)), "OrganizationId": str(UUID(int=8))}
LACKS = part(403, error("0x80040220", "Principal user (Id=…) is missing prvWriteAccount privilege."))


def of(caller: UUID | None, number: int = 1, changes: int = 1, partition: str = "") -> ChangeSet:
    rows = tuple(Create(Reference("account", UUID(int=number * 1000 + each)), {}) for each in range(changes))
    return ChangeSet(rows, partition, caller)


def callers(http: Any) -> list[str | None]:
    return [call.request.headers.get("CallerObjectId") for call in http.calls if call.request.url == BATCH]


def test_a_batch_holds_change_sets_of_one_person_and_names_them_once() -> None:
    with mocked("account") as (client, http, _):
        for _ in range(3):
            http.post(BATCH, **batch_answer(*[DONE] * 2))

        sets = [of(None, 1), of(ANN, 2), of(BEN, 3), of(None, 4), of(ANN, 5), of(BEN, 6)]
        outcomes = client.commit(sets)

        assert outcomes == [Committed((None,))] * 6
        assert callers(http) == [None, str(ANN), str(BEN)]
        bodies = [call.request.body for call in list(http.calls)[1:] if isinstance(call.request.body, bytes)]
        assert [body.count(b"PATCH ") for body in bodies] == [2, 2, 2]
        assert not any(b"CallerObjectId" in body for body in bodies)
        assert all(f"accounts({UUID(int=at * 1000)})".encode() in bodies[1] for at in (2, 5))


def test_outcomes_come_back_in_the_order_of_what_was_given_whoever_it_was_for() -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE, part(412, error("0x80040237", "exists"))))
        http.post(BATCH, **batch_answer(LACKS))

        first, second, third = client.commit([of(ANN, 1), of(BEN, 2), of(ANN, 3)])

        assert first == Committed((None,))
        assert isinstance(second, PersonRefused)
        assert isinstance(third, Conflict)


def test_what_a_person_may_not_do_is_refused_in_dataverses_words_and_nothing_is_wrong_with_the_service() -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(LACKS, DONE))

        refused, done = client.commit([of(ANN, 1), of(ANN, 2)])

        assert isinstance(refused, PersonRefused)
        assert refused.code == "person-refused"
        assert "is missing prvWriteAccount" in refused.sentence
        assert done == Committed((None,))


def test_the_same_refusal_of_the_service_itself_is_the_services() -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(LACKS))

        [outcome] = client.commit([of(None)])

        assert isinstance(outcome, Misconfigured)


@pytest.mark.parametrize("whole", [True, False])
def test_who_may_not_act_for_others_is_the_service_not_the_person(whole: bool) -> None:
    said = error("0x80040220", "Principal user is missing prvActOnBehalfOfAnotherUser privilege.")
    with mocked("account") as (client, http, _):
        if whole:
            http.post(BATCH, status=403, json=said)
        else:
            http.post(BATCH, **batch_answer(part(403, said)))

        [outcome] = client.commit([of(ANN)])

        assert isinstance(outcome, Misconfigured)


@pytest.mark.parametrize(
    ("status", "code", "sent"), [(403, "0x80040225", 1), (403, "0x80072560", 1), (401, "0x80041d1f", 2)]
)
def test_a_person_who_is_not_let_in_keeps_nobody_else_out(status: int, code: str, sent: int) -> None:
    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        if request.headers.get("CallerObjectId") == str(ANN):
            return status, {}, f'{{"error": {{"code": "{code}", "message": "not found or is disabled"}}}}'
        told = batch_answer(DONE)
        return 200, {"Content-Type": told["content_type"]}, told["body"].decode()

    with mocked("account") as (client, http, _):
        http.add_callback("POST", BATCH, callback=answer, content_type=None)
        http.get(f"{API}WhoAmI", json=WHO)

        *refused, other, own = client.commit([*(of(ANN, number) for number in range(1, 9)), of(BEN, 9), of(None, 10)])

        assert {type(one) for one in refused} == {PersonRefused}
        assert [other, own] == [Committed((None,))] * 2
        assert callers(http).count(str(ANN)) == sent  # a token that ran out is looked for once; nothing is halved


def test_when_the_service_is_not_let_in_either_the_person_is_not_blamed() -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, status=401)
        http.get(f"{API}WhoAmI", status=401)

        first, other = client.commit([of(ANN, 1), of(BEN, 2)])

        assert isinstance(first, Misconfigured)
        assert isinstance(other, Misconfigured)
        assert set(callers(http)) == {str(ANN)}


def test_a_write_for_a_person_without_an_answer_is_unknown_and_what_comes_behind_is_not_sent() -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, body=requests.ReadTimeout())

        first, other = client.commit([of(ANN, 1), of(BEN, 2)])

        assert isinstance(first, UnknownOutcome)
        assert isinstance(other, Transient)
        assert callers(http) == [str(ANN)]


def test_being_told_to_wait_holds_everybody() -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, status=429, headers={"Retry-After": "9"}, json=error("0x80072322", "limit"))

        outcomes = client.commit([of(ANN, 1), of(BEN, 2)])

        assert [type(outcome) for outcome in outcomes] == [Throttled, Throttled]
        assert callers(http) == [str(ANN)]


def test_a_batch_refused_as_a_whole_is_halved_with_the_person_still_named() -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, status=400, json=error("0x0", "malformed"))
        http.post(BATCH, **batch_answer(DONE))
        http.post(BATCH, **batch_answer(DONE))

        assert client.commit([of(ANN, 1), of(ANN, 2)]) == [Committed((None,))] * 2
        assert callers(http) == [str(ANN)] * 3


def test_more_than_a_thousand_operations_of_one_person_go_in_several_batches() -> None:
    with mocked("account") as (client, http, _):
        for count in (600, 600, 1):
            http.post(BATCH, **batch_answer(change_set(*[part(204)] * count)))

        client.commit([of(ANN, 1, 600), of(None, 2), of(ANN, 3, 600)])

        assert callers(http) == [str(ANN), str(ANN), None]
        assert last_body(http).count(b"PATCH ") == 1
