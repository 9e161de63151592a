from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import requests
from urllib3.exceptions import NewConnectionError

from connector.dataverse.batch_pace import BatchPace
from connector.dataverse.changes import Call, ChangeSet, Committed, Create, Reference, Update
from connector.errors import Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from tests.connector.dataverse.environment import (
    API,
    ONE,
    THREE,
    TWO,
    batch_answer,
    change_set,
    definitions_url,
    error,
    mocked,
    part,
)

BATCH = f"{API}$batch"
DONE = change_set(part(204))
NEW = Create(Reference("account", ONE), {"name": "x", "revenue": Decimal("10.50")})
CHANGED = Update(Reference("account", TWO), {"primarycontactid": Reference("contact", THREE)}, 'W/"42"')
CALLED = Call("DoThis", Reference("account", TWO), {"Amount": Decimal("1.10")})


def sets(*changes: Any) -> list[ChangeSet]:
    return [ChangeSet((change,)) for change in changes]


@pytest.mark.parametrize(
    "trouble",
    [
        requests.ReadTimeout("read timed out"),
        requests.ConnectionError("Connection aborted", ConnectionResetError(104, "reset")),
        requests.exceptions.ChunkedEncodingError("cut"),
    ],
)
def test_a_write_without_an_answer_has_an_unknown_outcome_and_is_not_sent_again(trouble: Exception) -> None:
    with mocked("account", "contact") as (client, http, _):
        sent = http.post(BATCH, body=trouble)

        outcomes = client.commit(sets(NEW, CHANGED))

        assert [type(outcome) for outcome in outcomes] == [UnknownOutcome, UnknownOutcome]
        assert sent.call_count == 1


def test_a_write_that_never_left_is_transient() -> None:
    refused = requests.ConnectionError(NewConnectionError(None, "refused"))  # type: ignore[arg-type]
    with mocked("account") as (client, http, _):
        http.post(BATCH, body=refused)

        [outcome] = client.commit(sets(NEW))

        assert isinstance(outcome, Transient)
        assert outcome.code == "unreachable"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_batch_broken_off_by_the_server_has_an_unknown_outcome(status: int) -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, status=status, json=error("0x80040216", "An unexpected error occurred."))

        [outcome] = client.commit(sets(NEW))

        assert isinstance(outcome, UnknownOutcome)


def test_a_change_set_that_failed_with_a_server_error_inside_the_batch_was_rolled_back_and_is_transient() -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(part(500, error("0x80044150", "Sql error: 1205"))))

        [outcome] = client.commit(sets(NEW))

        assert type(outcome) is Transient


def test_a_throttled_batch_leaves_every_change_set_throttled_and_later_batches_unsent() -> None:
    changes = tuple(Create(Reference("account", UUID(int=number)), {}) for number in range(600))
    with mocked("account") as (client, http, _):
        limit = http.post(BATCH, status=429, headers={"Retry-After": "12"}, json=error("0x80072322", "limit"))

        outcomes = client.commit([ChangeSet(changes), ChangeSet(changes)])

        assert [type(outcome) for outcome in outcomes] == [Throttled, Throttled]
        assert limit.call_count == 1


def test_a_gateway_that_gives_up_on_a_write_is_obeyed_and_the_write_remains_in_doubt() -> None:
    with mocked("account", patience=timedelta(seconds=5)) as (client, http, _):
        sent = http.post(BATCH, status=504, headers={"Retry-After": "30"})

        [first] = client.commit(sets(NEW))
        [second] = client.commit(sets(NEW))

        assert isinstance(first, UnknownOutcome)
        assert first.retry_after == timedelta(seconds=30)
        assert isinstance(second, Throttled)
        assert (second.retry_after, sent.call_count) == (timedelta(seconds=30), 1)


def test_later_batches_are_not_sent_when_an_earlier_one_got_no_answer() -> None:
    changes = tuple(Create(Reference("account", UUID(int=number)), {}) for number in range(600))
    with mocked("account") as (client, http, _):
        sent = http.post(BATCH, body=requests.ReadTimeout())

        first, second = client.commit([ChangeSet(changes), ChangeSet(changes)])

        assert isinstance(first, UnknownOutcome)
        assert isinstance(second, Transient)
        assert sent.call_count == 1


def test_a_change_set_whose_answer_is_missing_from_a_cut_off_batch_has_an_unknown_outcome() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE, close=True))

        first, second = client.commit(sets(NEW, CHANGED))

        assert first == Committed((None,))
        assert isinstance(second, UnknownOutcome)


def test_a_change_set_behind_the_error_a_batch_stopped_at_was_not_carried_out() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, status=400, **batch_answer(part(400, error("0x80040203", "bad"))))

        first, second = client.commit(sets(NEW, CHANGED))

        assert isinstance(first, Rejected)
        assert isinstance(second, Transient)


def test_an_answer_with_the_wrong_number_of_parts_is_no_success() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE))

        [outcome] = client.commit([ChangeSet((NEW, CHANGED))])

        assert isinstance(outcome, UnknownOutcome)


@pytest.mark.parametrize("answer", [{"body": b"hello"}, {"body": b"x", "content_type": "multipart/mixed; boundary=b"}])
def test_an_answer_that_cannot_be_read_is_no_success(answer: dict[str, Any]) -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, **answer)

        [outcome] = client.commit(sets(NEW))

        assert isinstance(outcome, UnknownOutcome)


def test_a_batch_refused_as_a_whole_is_halved_until_the_one_at_fault_is_found() -> None:
    bad = Create(Reference("account", THREE), {"name": "poison"})

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        body = request.body if isinstance(request.body, bytes) else b""
        if b"poison" in body:
            return 400, {"Content-Type": "application/json"}, json.dumps(error("0x0", "malformed"))
        count = body.count(b"PATCH ")
        told = batch_answer(*[DONE] * count)
        return 200, {"Content-Type": told["content_type"]}, told["body"].decode()

    with mocked("account") as (client, http, _):
        http.add_callback("POST", BATCH, callback=answer, content_type=None)

        outcomes = client.commit(sets(NEW, NEW, bad, NEW))

        assert [type(outcome) for outcome in outcomes] == [Committed, Committed, Rejected, Committed]


def test_one_change_set_that_is_refused_as_a_whole_batch_keeps_no_other_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BatchPace, "operations", 1)
    with mocked("account") as (client, http, _):
        http.post(BATCH, status=413, body="")
        http.post(BATCH, **batch_answer(DONE))

        first, second = client.commit(sets(NEW, NEW))

    assert isinstance(first, Rejected)
    assert isinstance(second, Committed)


def test_a_table_the_environment_does_not_have_is_the_outcome_and_not_an_exception() -> None:
    with mocked() as (client, http, _):
        http.get(definitions_url("account"), json={"value": []})

        [outcome] = client.commit(sets(NEW))

        assert isinstance(outcome, Misconfigured)
        assert "no table account" in outcome.sentence
